"""UIDs that are shown and written consist of digits and dots, whatever the file contains."""

from __future__ import annotations

import pytest

from SpinalDiseaseAILib.base.uids import plain_uid


@pytest.mark.parametrize("uid", ["", "1.2.840.10008.1.2", "2.25.340282366920938463463374607431768211455"])
def test_a_uid_stays_as_it_is(uid: str) -> None:
    assert plain_uid(uid) == uid


@pytest.mark.parametrize("text", ["Doe^Jane", "1.2.DOE", "=cmd|' /C calc'!A0", "\x1b[31m", "1" * 65, "<img>", "1.2\n", "१.२"])
def test_anything_else_becomes_a_uid_that_reveals_nothing_about_it(text: str) -> None:
    found = plain_uid(text)
    assert found.startswith("2.25.") and len(found) <= 64 and plain_uid(found) == found
    assert found == plain_uid(text) != plain_uid(text + "2")
