"""The error that says why no series of an input can be used, with a sentence for each reason."""

from __future__ import annotations

from collections.abc import Sequence

from ..base.errors import InputError
from .assessing import Assessment

_EXPECTED = "A sagittal T2 or T1 MR series of the lumbar spine is needed."
_CHOOSE = "If it should be analyzed nevertheless, choose it yourself by its UID."
_EXPORT = "Export the series again from the archive."

_REMEDIES = {
    "not-mr": "Open an MR study of the lumbar spine.",
    "colour": "Open the original images, not screen captures.",
    "secondary-capture": "Open the original images, not screen captures.",
    "localizer": "Add the diagnostic series of the study to the input.",
    "derived": "Add the original series of the study to the input.",
    "no-sagittal-series": "Add the sagittal series of the study to the input.",
    "cervical-study": _CHOOSE,
    "brain-study": _CHOOSE,
    "other-region": _CHOOSE,
    "field-of-view": _CHOOSE,
    "wrong-weighting": _CHOOSE,
    "contrast-agent": _CHOOSE,
}


def refusal(assessments: Sequence[Assessment]) -> InputError:
    """The error if no series can be used; it is about the one that passed the most checks.

    :param assessments: one or more, each with a problem.
    """
    nearest = max(assessments, key=lambda item: (item.stage, len(item.stack.present), item.uid))
    problem = nearest.problem
    if problem is None:
        raise ValueError("A series without a problem cannot be refused.")
    code, found = problem.code, f"The series {nearest.name} cannot be used: {problem.because}."
    if code == "not-mr":
        modalities = ", ".join(sorted({item.stack.first.modality or "unknown" for item in assessments}))
        found = f"The input contains no MR images; the modality of its images is {modalities}."
        code = "ct-study" if modalities == "CT" else code
    elif code == "not-sagittal":
        code = "no-sagittal-series"
        planes = ", ".join(sorted({item.stack.orientation for item in assessments}))
        found = f"The input contains no sagittal series: {_count(len(assessments))}, {planes}."
    elif code in ("cervical-study", "brain-study", "other-region"):
        found = f"This is not a study of the lumbar spine. Series {nearest.name}: {problem.because}."
    elif len(assessments) > 1:
        found = f"None of the {len(assessments)} series can be used. The closest match is {nearest.name}, but {problem.because}."
    return InputError(found, _EXPECTED, _REMEDIES.get(problem.code if code == "ct-study" else code, _EXPORT), code=code)


def _count(number: int) -> str:
    return f"{number} series" if number > 1 else "one series"
