"""All files of a report in one folder: completely or not at all."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..base import json_io
from ..base.documents import read_json
from ..base.errors import InputError, OutputError
from ..base.files import is_open_elsewhere, move, work_folder
from ..base.masks import Masks
from ..base.report import Report
from ..base.study import Study
from .html_report import html_of
from .markups import markups_of
from .masks import JSON_FILE, NIFTI_FILE, NRRD_FILE, TABLE_FILE, label_document, label_table, write_nifti, write_nrrd
from .measurement_overlay import draw_measurements
from .measurement_table import measurement_table
from .overlay import draw_overlay
from .table import table_of

REPORT_FILE = "report.json"
SCENE_FILE = "scene.mrb"
STRUCTURED_REPORT_FILE = "report.sr.dcm"
SEGMENTATION_FILE = "masks.seg.dcm"
DICOM_FILES = (STRUCTURED_REPORT_FILE, SEGMENTATION_FILE)
"""Files that name the patient, as every DICOM object does; :mod:`.dicom.results` has their writers."""


@dataclass(frozen=True, eq=False)
class Results:
    """A report, its study, and what several files share."""

    report: Report
    study: Study
    _drawing: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def overlay(self) -> bytes:
        """The picture of the spine with its findings, as a PNG file; drawn once."""
        with self._drawing:
            return self._overlay

    @cached_property
    def _overlay(self) -> bytes:
        stream = io.BytesIO()
        draw_overlay(self.report, self.study).save(stream, "PNG", compress_level=4)
        return stream.getvalue()


Writer = Callable[[Results, Path], None]
"""Writes one file of the results to the given path; may be called on any thread."""


def _write_text(text: Callable[[Results], str]) -> Writer:
    def write(results: Results, path: Path) -> None:
        path.write_text(text(results), encoding="utf-8", newline="\n")

    return write


def _write_overlay(results: Results, path: Path) -> None:
    path.write_bytes(results.overlay)


def _write_measurement_table(results: Results, path: Path) -> None:
    if results.report.measured:
        path.write_text(measurement_table(results.report), encoding="utf-8", newline="\n")


def _write_measurement_overlay(results: Results, path: Path) -> None:
    if results.report.measured:
        draw_measurements(results.report, results.study).save(path, "PNG", compress_level=4)


def _write_masks(write: Callable[[Masks, Path], None]) -> Writer:
    def write_if_there(results: Results, path: Path) -> None:
        if results.report.masks is not None:
            write(results.report.masks, path)

    return write_if_there


def _write_text_of_masks(text: Callable[..., str]) -> Writer:
    def write_if_there(results: Results, path: Path) -> None:
        if results.report.masks is not None:
            written = text(results.report.masks, spacing_known=results.study.primary.spacing_known)
            path.write_text(written, encoding="utf-8", newline="\n")

    return write_if_there


FORMATS: Mapping[str, Writer] = {
    REPORT_FILE: _write_text(lambda results: json_io.report_to_json(results.report)),
    "report.tsv": _write_text(lambda results: table_of(results.report)),
    "points.mrk.json": _write_text(lambda results: markups_of(results.report)),
    "overlay.png": _write_overlay,
    "report.html": _write_text(lambda results: html_of(results.report, results.study, results.overlay)),
    "measurements.tsv": _write_measurement_table,
    "measurements.png": _write_measurement_overlay,
    NRRD_FILE: _write_masks(write_nrrd),
    NIFTI_FILE: _write_masks(write_nifti),
    TABLE_FILE: _write_text_of_masks(label_table),
    JSON_FILE: _write_text_of_masks(label_document),
}
"""File name to writer; those for masks and measurements write nothing if the report has none.

A scene needs a floor that this one must not import, so callers add its writer as ``SCENE_FILE``. DICOM files are added on
request.
"""

_NAMES = (*FORMATS, SCENE_FILE, *DICOM_FILES)
"""Every file of results: an analysis replaces all those of an earlier one."""


def check_folder(folder: Path, *, overwrite: bool = False) -> None:
    """Check that results can be written to a folder, before the work that produces them.

    :param folder: folder for the results; it need not exist.
    :param overwrite: allow replacing files with the same names that this product did not write.
    :raises OutputError: if it is a file, cannot be opened, has an impossible name, or holds files with the names of results but
        no report of this product.
    """
    try:
        folder.stat()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _unwritable(folder, error) from error
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file.", "The results need a folder.", "Choose another folder.", code="output-is-a-file")
    foreign = [name for name in _NAMES if (folder / name).exists()]
    if foreign and not overwrite and not _is_ours(folder / REPORT_FILE):
        raise OutputError(
            f"{folder} already holds {', '.join(foreign)}, which SpinalDiseaseAI did not write.",
            remedy="Choose another folder, or allow overwriting (--overwrite on the command line).",
            code="output-exists",
        )


def is_result(path: Path) -> bool:
    """True for a file that an analysis wrote, going by its name and the report beside it."""
    return path.name in _NAMES and _is_ours(path.parent / REPORT_FILE)


def remove_results(folder: Path) -> None:
    """Remove the results in a folder, and the folder if nothing else is in it; nothing happens if it has none.

    :raises OutputError: if that is not possible.
    """
    if not _is_ours(folder / REPORT_FILE):
        return
    try:
        # The report goes last: as long as it is there, the other files are known to be results.
        for name in sorted(_NAMES, key=lambda name: name == REPORT_FILE):
            (folder / name).unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise _unwritable(folder, error) from error


def write_results(
    report: Report, study: Study, folder: Path, *, formats: Mapping[str, Writer] = FORMATS, overwrite: bool = False
) -> dict[str, Path]:
    """Write the files of a report into a folder.

    They are written to a work folder inside it and moved into place at the end, so that a failure changes nothing. All results of
    an earlier analysis are replaced; other files in the folder stay.

    :param folder: created if absent, with its parents.
    :param formats: file names and writers, which run in parallel.
    :param overwrite: see :func:`check_folder`.
    :returns: file name to path.
    :raises OutputError: if the folder cannot be used or written.
    """
    check_folder(folder, overwrite=overwrite)
    results = Results(report, study)
    existed = folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Inside the target: on the same file system, and writable even if the parent is not.
        with work_folder(folder, ".unfinished-") as work:
            new, old = work / "new", work / "old"
            new.mkdir()
            old.mkdir()
            with ThreadPoolExecutor(len(formats)) as writers:  # drawing and compressing use several cores
                for done in [writers.submit(write, results, new / name) for name, write in formats.items()]:
                    done.result()
            _swap(new, folder, old)
    except BaseException as error:
        if not existed and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        if not isinstance(error, OSError):
            raise
        raise _unwritable(folder, error) from error
    return {name: folder / name for name in formats if (folder / name).exists()}


def _swap(new: Path, folder: Path, old: Path) -> None:
    """Move files with the names of results from ``folder`` to ``old``, then all of ``new`` to ``folder``; undone on failure."""
    moves = [(folder / name, old / name) for name in _NAMES if (folder / name).exists()]
    moves += [(path, folder / path.name) for path in sorted(new.iterdir())]
    try:
        for source, target in moves:
            move(source, target)
    except BaseException:  # also Ctrl-C, which can come between two moves
        for source, target in reversed(moves):
            if target.exists() and not source.exists():
                move(target, source)
        raise


def _unwritable(folder: Path, error: OSError) -> OutputError:
    if is_open_elsewhere(error):
        return OutputError(
            f"The results cannot be written to {folder}: another program has {Path(str(error.filename)).name} open.",
            remedy="Close it there, or choose another folder.",
            code="output-open",
        )
    return OutputError(
        f"The results cannot be written to {folder}: {error.strerror or error}.",
        remedy="Choose a folder that can be written and has space left.",
        code="output-unwritable",
    )


def _is_ours(path: Path) -> bool:
    try:
        document = read_json(path)
    except (OSError, ValueError, InputError):
        return False
    return isinstance(document, dict) and document.get("schema") == json_io.REPORT_SCHEMA
