"""One analysis from the command line: read, analyse, write."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..base.errors import ComputeError
from ..base.options import Options, Progress, no_progress
from ..base.process_memory import give_back_freed_memory
from ..base.report import Report
from ..base.study import Study
from ..writing import FORMATS, SCENE_FILE, check_folder, write_results
from ..writing.dicom.results import read_sources, require_highdicom, writers_of
from .progress import part
from .scene_process import SceneProcess

if TYPE_CHECKING:
    from ..writing.dicom.sources import Sources


class Analyses(Protocol):
    """Runs an analysis."""

    def analyse(self, study: Study, options: Options = ..., progress: Progress = ...) -> Report:
        """Find, name and grade every structure of a study."""
        ...


@dataclass(frozen=True)
class Request:
    """A user's request.

    :param paths: folders, archives or files of one study.
    :param output: folder for the results.
    :param t2: UID of the series to use as sagittal T2; empty to let the program choose.
    :param t1: the same for sagittal T1.
    :param overwrite: replace files that this product did not write.
    :param dicom: also write the DICOM files, which name the patient.
    """

    paths: tuple[Path, ...]
    output: Path
    t2: str = ""
    t1: str = ""
    options: Options = Options()
    overwrite: bool = False
    dicom: bool = False


@dataclass(frozen=True)
class Outcome:
    """The outcome of a request.

    :param files: file name to path.
    :param seconds: time from the start of reading to the last file.
    :param remarks: sentences about the run itself, which are not part of the report.
    """

    report: Report
    files: dict[str, Path]
    seconds: float
    remarks: tuple[str, ...] = ()


def run_analysis(request: Request, progress: Progress = no_progress, analyser: Analyses | None = None) -> Outcome:
    """Read a study, analyse it and write the results.

    :param analyser: runs the analysis; None for the product's own.
    :raises SpinalDiseaseAIError: if reading, analysing or writing fails; nothing is written then.
    """
    start = time.perf_counter()
    check_folder(request.output, overwrite=request.overwrite)
    if request.dicom:
        require_highdicom()
    with SceneProcess() as scene:
        study, sources = _read(request, progress)
        if analyser is None:
            progress("load", 0.1, "Loading the models")
            analyser = _analyser()
        report = analyser.analyse(study, request.options, part(progress, 0.1, 0.9))
        progress("write", 0.9, "Writing the results")
        give_back_freed_memory()  # the networks' memory: the scene's process now needs some
        formats = {**FORMATS, SCENE_FILE: scene.write, **(writers_of(report, sources) if sources else {})}
        files = write_results(report, study, request.output, formats=formats, overwrite=request.overwrite)
    return Outcome(report, files, time.perf_counter() - start, (scene.remark,) if scene.remark else ())


def _read(request: Request, progress: Progress) -> tuple[Study, Sources | None]:
    """The study, and the headers for DICOM files if requested: files from an archive are gone after reading."""
    from ..reading import opened_study

    progress("read", 0.0, "Reading the images")
    with opened_study(request.paths, t2=request.t2, t1=request.t1) as (study, files):
        return study, read_sources(study, files) if request.dicom else None


def _analyser() -> Analyses:
    try:
        # Imported only now, because it loads torch.
        from ..pipelines.analyser import Analyser
    except ModuleNotFoundError as error:
        raise ComputeError(
            f"The package {error.name} is not installed.",
            remedy=f"Install it: pip install {error.name}.",
            code="missing-package",
        ) from error
    return Analyser()
