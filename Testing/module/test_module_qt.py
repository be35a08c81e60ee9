"""Whether the tests of this folder can run at all."""

import pytest


def test_qt_is_available_for_the_tests_of_the_module(qt_missing):
    if qt_missing:
        pytest.skip(f"the module and its panel are not tested here: {qt_missing}")
