from __future__ import annotations

import pytest

from SpinalDiseaseAILib.base import errors


def test_an_error_says_what_was_found_what_was_expected_and_what_to_do() -> None:
    error = errors.InputError("The folder is empty.", "A DICOM study is needed.", "Choose another folder.", code="empty")
    assert str(error) == "The folder is empty. A DICOM study is needed. Choose another folder."
    assert (error.found, error.expected, error.remedy) == tuple(f"{part}." for part in str(error).rstrip(".").split(". "))
    assert error.code == "empty"


def test_parts_that_are_left_out_leave_no_gap() -> None:
    assert str(errors.InputError("The folder is empty.", remedy="Choose another.")) == "The folder is empty. Choose another."


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (errors.InputError, 3, "input"),
        (errors.SchemaError, 3, "schema"),
        (errors.ModelError, 4, "model"),
        (errors.ComputeError, 5, "compute"),
    ],
)
def test_each_kind_of_error_has_its_exit_status_and_short_name(
    kind: type[errors.SpinalDiseaseAIError], status: int, code: str
) -> None:
    assert (kind.exit_status, kind("Something was found.").code) == (status, code)


def test_a_cancelled_analysis_exits_like_an_interrupted_program() -> None:
    error = errors.Cancelled()
    assert (error.exit_status, error.code, str(error)) == (130, "cancelled", "The analysis was cancelled.")
    assert isinstance(error, errors.SpinalDiseaseAIError)
