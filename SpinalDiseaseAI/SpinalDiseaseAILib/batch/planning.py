"""What a batch has to do: the studies that were found, less those that an earlier run finished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import OutputError
from ..base.options import Options
from ..reading.studies import FoundStudies, FoundStudy, find_studies
from ..writing import REPORT_FILE, is_result
from .manifest import MANIFEST_FILE, Entry, Status, read_manifest
from .settings import Settings, read_settings, settings_of
from .summary import SUMMARY_FILES


@dataclass(frozen=True)
class BatchRequest:
    """A user's request.

    :param paths: folders, archives and files that hold the studies.
    :param output: folder for the results; it may hold those of an earlier run, which is then continued.
    :param dicom: also write the DICOM files, which name the patient.
    :param scene: also write a scene file for each study, which contains its images.
    """

    paths: tuple[Path, ...]
    output: Path
    options: Options = Options()
    dicom: bool = False
    scene: bool = False


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    :param settings: those of the whole batch.
    :param found: every study of the input.
    :param todo: those that must be analysed.
    :param earlier: rows of earlier runs, by study; also of studies that are not in this input.
    """

    settings: Settings
    found: FoundStudies
    todo: tuple[FoundStudy, ...]
    earlier: dict[str, Entry]

    @property
    def kept(self) -> dict[str, Entry]:
        """The rows of earlier runs that stay."""
        again = {study.name for study in self.todo}
        return {name: entry for name, entry in self.earlier.items() if name not in again}


def plan_batch(request: BatchRequest, on_file: Callable[[int], None] = lambda count: None) -> Plan:
    """Search the input, and compare it with what was done before. Nothing is written.

    :param on_file: called with the number of files examined so far.
    :raises InputError: if a path does not exist, or there is no image.
    :raises ModelError: if a model is missing.
    :raises OutputError: if the folder cannot be used, or holds a batch with other settings.
    """
    settings = settings_of(request.options, dicom=request.dicom, scene=request.scene)
    _check_output(request.output, settings)
    earlier = read_manifest(request.output)
    results = request.output.absolute()
    found = find_studies(
        request.paths, leave_out=lambda path: results in path.absolute().parents or is_result(path), on_file=on_file
    )
    todo = tuple(study for study in found.studies if not _finished(study, earlier.get(study.name), request.output))
    return Plan(settings, found, todo, earlier)


def _finished(study: FoundStudy, entry: Entry | None, output: Path) -> bool:
    if entry is None or entry.fingerprint != study.fingerprint:
        return False
    if entry.status is Status.ANALYZED:
        return (output / study.name / REPORT_FILE).is_file()
    return entry.status is Status.REFUSED


def _check_output(folder: Path, settings: Settings) -> None:
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file.", "The results need a folder.", "Choose another folder.", code="output-is-a-file")
    earlier = read_settings(folder)
    foreign = [name for name in (MANIFEST_FILE, *SUMMARY_FILES) if (folder / name).exists()]
    if earlier is None and foreign:
        raise OutputError(
            f"{folder} already holds {', '.join(foreign)}, but no batch.",
            "These files would be overwritten.",
            "Choose another folder, or one that does not exist.",
            code="output-exists",
        )
    if earlier is not None and (differences := settings.differences(earlier)):
        raise OutputError(
            f"{folder} holds a batch with other settings ({'; '.join(differences)}).",
            "All studies of a batch are analyzed in the same way.",
            "Choose another folder, or the same settings as before.",
            code="batch-settings",
        )
