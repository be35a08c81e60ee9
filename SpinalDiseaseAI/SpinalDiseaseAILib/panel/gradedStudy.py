"""The images on which corrected levels are graded: exactly those that were analysed."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ..base.errors import InputError
from ..base.report import Report
from ..base.study import Role, Study
from ..scene.frame import hasAnalysedVoxels
from ..scene.results import inputsOf, studyOfResult


def studyToGrade(reportNode: Any, report: Report) -> Study:
    """The study of a result, with its images where they were analysed.

    :raises InputError: if the volumes are gone or cannot be used, or their voxels differ from those named in the report.
    """
    volumes = inputsOf(reportNode)
    # Points located on the T2 are not graded on the T1 alone, because the level would be graded with less than the others.
    onT2 = any(item.role == Role.SAGITTAL_T2.value for item in report.series)
    if not any(volumes) or (onT2 and volumes[0] is None):
        raise InputError(
            _("The T2 volume of this result is no longer in the scene.")
            if any(volumes)
            else _("The volumes of this result are no longer in the scene."),
            remedy=_("Load them and analyze them again, or restore what was computed."),
            code="no-volume",
        )
    study = studyOfResult(reportNode)
    if not hasAnalysedVoxels(reportNode, report, study):
        raise InputError(
            _("The volume of this result was changed: its voxels are not those that were analyzed."),
            remedy=_("Analyze it again."),
            code="other-voxels",
        )
    return study
