"""A batch: while the worker analyses one study, the next is read and the one before is written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from ..base.errors import Cancelled, ComputeError, InputError, ModelError, OutputError, SpinalDiseaseAIError
from ..base.folders_in_use import claimed
from ..base.options import Options, Progress
from ..base.report import Report
from ..base.study import Study
from ..reading import opened_study
from ..reading.studies import FoundStudy
from ..reading.values import silent_pydicom
from ..worker.failures import UNEXPECTED, error_of_exception
from ..writing import FORMATS, SCENE_FILE, Results, remove_results, write_results
from ..writing.dicom.results import read_sources, require_highdicom, writers_of
from .manifest import Entry, ManifestFile, Status, read_manifest
from .planning import BatchRequest, Plan
from .settings import write_settings
from .summary import write_summary

ABORTING = (ModelError, OutputError, Cancelled)
"""Errors that every other study would meet as well."""

_PASSING = ("missing-path", "closed-path", "empty-folder", "study-gone", "unpacking")
"""Codes of input errors that say nothing about the images: the search found the files, so a network drive may have been lost."""


class Analyses(Protocol):
    """Runs analyses one after another, such as a :class:`~..worker.client.WorkerClient`."""

    def analyse_and_wait(self, study: Study, options: Options = ..., on_progress: Progress | None = ...) -> Report:
        """Find, name and grade every structure of a study."""
        ...


class SceneWriter(Protocol):
    """Writes the scene of one study."""

    def write(self, results: Results, path: Path) -> None:
        """Write a scene file."""
        ...


Scenes = Callable[[], AbstractContextManager[SceneWriter]]


class Watcher:
    """Is told what a batch does; does nothing by itself."""

    def started(self, number: int, study: FoundStudy) -> None:
        """The analysis of a study starts; ``number`` counts from 0."""

    def progressed(self, stage: str, fraction: float, message: str) -> None:
        """The analysis of that study goes on. May raise :class:`errors.Cancelled`."""

    def finished(self, entry: Entry) -> None:
        """A study is finished and its row written."""


@dataclass(frozen=True)
class _Opened:
    """A study that was read, or why it could not be; with writers of DICOM files, which need its report."""

    study: Study | None = None
    writers: Callable[[Report], dict[str, Callable[[Results, Path], None]]] = lambda report: {}
    error: SpinalDiseaseAIError | None = None


def run_batch(
    request: BatchRequest, plan: Plan, analyser: Analyses, watcher: Watcher | None = None, scenes: Scenes | None = None
) -> list[Entry]:
    """Analyse the studies of a plan, and write their results, the manifest, the tables of all studies and an overview.

    A study that cannot be analysed gets a row that says why, and the batch goes on.

    :param scenes: makes what writes a scene; used if the request asks for scenes.
    :returns: the rows of all studies of the batch, those of earlier runs first.
    :raises OutputError: if results cannot be written, or another batch is running in the folder.
    :raises ModelError: if a model cannot be loaded.
    :raises Cancelled: if the watcher raises it. What was finished until then is kept in any case.
    """
    if request.dicom:
        require_highdicom()
    entries = dict(plan.kept)
    watcher = watcher or Watcher()
    with _folder(request.output), silent_pydicom():
        if read_manifest(request.output) != plan.earlier:
            raise OutputError(
                f"Another batch has written into {request.output} since this one was planned.",
                remedy="Start this one again.",
                code="batch-running",
            )
        write_settings(request.output, plan.settings)
        with ManifestFile(request.output, entries.values()) as manifest:

            def record(entry: Entry) -> None:
                manifest.add(entry)
                entries[entry.study] = entry
                watcher.finished(entry)

            try:
                _run(request, plan.todo, analyser, watcher, scenes, record)
            finally:
                write_summary(request.output, list(entries.values()))
    return list(entries.values())


@contextmanager
def _folder(output: Path) -> Iterator[None]:
    """The output folder, made if it is absent and held against other batches."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        with claimed(output) as free:
            if not free:
                raise OutputError(
                    f"Another batch is running in {output}.",
                    remedy="Wait until it is finished, or choose another folder.",
                    code="batch-running",
                )
            yield
    except OSError as error:
        raise OutputError(
            f"The results cannot be written to {output}: {error.strerror or type(error).__name__}.",
            remedy="Choose a folder that can be written and has space left; the batch goes on where it stopped.",
            code="output-unwritable",
        ) from error


def _run(
    request: BatchRequest,
    todo: Sequence[FoundStudy],
    analyser: Analyses,
    watcher: Watcher,
    scenes: Scenes | None,
    record: Callable[[Entry], None],
) -> None:
    with ExitStack() as stack:
        reader = stack.enter_context(ThreadPoolExecutor(1, "reading"))
        writer = stack.enter_context(ThreadPoolExecutor(1, "writing"))
        written: Future[Entry] | None = None
        ahead = reader.submit(_open, todo[0], request.dicom) if todo else None
        try:
            for number, study in enumerate(todo):
                assert ahead is not None
                watcher.started(number, study)
                opened = ahead.result()
                if number + 1 < len(todo):
                    ahead = reader.submit(_open, todo[number + 1], request.dicom)
                outcome = _analyse(opened, analyser, request.options, watcher)
                before, written = written, None
                if before is not None:
                    record(before.result())
                written = writer.submit(_write, request, study, opened, outcome, scenes)
        finally:
            reader.shutdown(wait=False, cancel_futures=True)
            if written is not None:
                record(written.result())


def _open(found: FoundStudy, dicom: bool) -> _Opened:
    try:
        with opened_study([Path(path) for path in found.paths], key=found.key) as (study, files):
            if not dicom:
                return _Opened(study)
            sources = read_sources(study, files)
            return _Opened(study, lambda report: writers_of(report, sources))
    except Exception as error:  # whatever a file provokes, the other studies are analysed
        return _Opened(error=error_of_exception(error))


def _analyse(opened: _Opened, analyser: Analyses, options: Options, watcher: Watcher) -> Report | SpinalDiseaseAIError:
    if opened.study is None:
        assert opened.error is not None
        return opened.error
    try:
        return analyser.analyse_and_wait(opened.study, options, watcher.progressed)
    except ABORTING:
        raise
    except SpinalDiseaseAIError as error:
        return error


def _write(
    request: BatchRequest, found: FoundStudy, opened: _Opened, outcome: Report | SpinalDiseaseAIError, scenes: Scenes | None
) -> Entry:
    """Write the results of a study, or remove those of an earlier run if it has none now; returns its row."""
    folder = request.output / found.name
    if isinstance(outcome, Report):
        assert opened.study is not None
        try:
            with ExitStack() as stack:
                formats = {**FORMATS, **opened.writers(outcome)}
                if request.scene and scenes is not None:
                    formats[SCENE_FILE] = stack.enter_context(scenes()).write
                write_results(outcome, opened.study, folder, formats=formats)
            return _entry_of_report(found, outcome)
        except OutputError:
            raise
        except Exception as error:
            outcome = error_of_exception(error)
    remove_results(folder)
    return _entry_of_error(found, outcome)


def _entry_of_report(found: FoundStudy, report: Report) -> Entry:
    first = min(report.series, key=lambda item: item.sha256 != report.image_sha256)
    return Entry(
        found.name,
        Status.ANALYZED,
        found.source,
        found.files,
        found.fingerprint,
        _now(),
        warnings=",".join(dict.fromkeys(note.code for note in report.notes if note.severity == "warning")),
        study_uid=report.study_uid,
        series_uid=first.uid,
        image_sha256=report.image_sha256,
        numbering=f"{report.numberings[0].probability:.4f}" if report.numberings else "",
        seconds=f"{report.seconds['total']:.2f}" if "total" in report.seconds else "",
        device=report.device,
    )


def _entry_of_error(found: FoundStudy, error: SpinalDiseaseAIError) -> Entry:
    refused = isinstance(error, InputError) and error.code not in _PASSING
    status = Status.REFUSED if refused else Status.FAILED
    if error.code == UNEXPECTED:  # its remedy speaks of a log, which a batch does not have
        remedy = "Analyze this study alone with the command analyze to see where it happens, and please report it."
        error = ComputeError(error.found, remedy=remedy, code=UNEXPECTED)
    uid = found.key.uid if found.key else ""
    return Entry(found.name, status, found.source, found.files, found.fingerprint, _now(), error.code, str(error), study_uid=uid)


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")
