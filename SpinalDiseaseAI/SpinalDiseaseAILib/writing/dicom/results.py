"""Results as DICOM objects for an archive: a structured report and a segmentation of the analysed series.

Both contain the patient's name and ID, copied from the images, because archives file them by these; no other result does.
Importing this file loads neither pydicom nor highdicom.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ...base.errors import ComputeError, InputError
from ...base.report import Report
from ...base.study import Role, Study
from ..outputs import DICOM_FILES, SEGMENTATION_FILE, STRUCTURED_REPORT_FILE, Results, Writer

if TYPE_CHECKING:
    from .sources import Sources

__all__ = [
    "DICOM_FILES",
    "SEGMENTATION_FILE",
    "STRUCTURED_REPORT_FILE",
    "dicom_formats",
    "read_sources",
    "require_highdicom",
    "writers_of",
]


def dicom_formats(report: Report, files: Iterable[Path], names: Collection[str] = DICOM_FILES) -> dict[str, Writer]:
    """Writers of the DICOM files of a report, to pass to :func:`..outputs.write_results` together with ``FORMATS``.

    :param files: DICOM files, including those of the analysed series; others are ignored. Only headers are read.
    :param names: which of :data:`DICOM_FILES`.
    :raises InputError: code ``"not-dicom"`` if the report's study is not DICOM, ``"missing-source"`` if the instances of the
        analysed series are not among the files, ``"no-frame-of-reference"`` if they do not state what positions refer to,
        ``"grid-mismatch"`` if the masks do not lie on their pixels.
    :raises ComputeError: code ``"missing-package"`` if highdicom is not installed.
    """
    sources = _sources(report.study_uid, [(item.role, item.uid) for item in report.series], dict.fromkeys(files, ()))
    return writers_of(report, sources, names)


def read_sources(study: Study, files: Mapping[Path, Collection[int]]) -> Sources:
    """Headers of a study's series, for :func:`writers_of` when the files no longer exist.

    :param files: DICOM files, with the numbers of the frames that were analysed, from 0; without numbers, all of them were.
    :raises InputError: see :func:`dicom_formats`.
    :raises ComputeError: if highdicom is not installed.
    """
    return _sources(study.uid, [(item.role.value, item.uid) for item in study.series], files)


def writers_of(report: Report, sources: Sources, names: Collection[str] = DICOM_FILES) -> dict[str, Writer]:
    """Writers of the DICOM files of a report, from headers that were read before.

    :param names: which of :data:`DICOM_FILES`; the segmentation is left out if the report has no masks.
    :raises InputError: code ``"grid-mismatch"`` or ``"missing-source"`` if the masks do not lie on the pixels of the instances.
    """
    from .segmentation import planes_of_masks, write_segmentation
    from .structured_report import write_structured_report

    writers: dict[str, Writer] = {}
    if STRUCTURED_REPORT_FILE in names:

        def write_report(results: Results, path: Path) -> None:
            write_structured_report(results.report, sources, path)

        writers[STRUCTURED_REPORT_FILE] = write_report
    if SEGMENTATION_FILE in names and report.masks is not None:
        planes = planes_of_masks(report, sources)  # now, so that a mismatch is reported before anything is written

        def write_masks(results: Results, path: Path) -> None:
            write_segmentation(results.report, sources, planes, path)

        writers[SEGMENTATION_FILE] = write_masks
    return writers


def require_highdicom() -> None:
    """Check that DICOM results can be made.

    :raises ComputeError: code ``"missing-package"`` if highdicom is not installed.
    """
    if find_spec("highdicom") is None:
        raise ComputeError(
            "DICOM results need the package highdicom, which is not installed.",
            remedy="Install it: pip install highdicom.",
            code="missing-package",
        )


def _sources(study_uid: str, series: Sequence[tuple[str, str]], files: Mapping[Path, Collection[int]]) -> Sources:
    """Headers of series given as role and UID, starting with the one on which levels were located."""
    require_highdicom()
    if not study_uid or not all(uid for _, uid in series):
        raise InputError(
            "The analyzed images are not DICOM.",
            "A DICOM structured report or segmentation refers to DICOM images of the same study.",
            "Analyze the study's DICOM files, or leave out the DICOM results.",
            code="not-dicom",
        )
    from .sources import read_sources

    return read_sources(files, [uid for _, uid in sorted(series, key=lambda item: item[0] != Role.SAGITTAL_T2.value)])
