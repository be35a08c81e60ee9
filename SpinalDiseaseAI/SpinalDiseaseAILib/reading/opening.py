"""From folders, ZIP archives and files to a study: the public functions of this package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import InputError
from ..base.report import Note
from ..base.study import Role, Series, Study
from .choosing import Choice, choose
from .gathering import Gathered, gathered, is_archive
from .listing import SeriesEntry, SeriesListing
from .slices import StudyKey

if TYPE_CHECKING:
    from .headers import Headers
    from .volumes import Volume

_NEEDED = "A sagittal T2 MR series of the lumbar spine is needed, as DICOM, NIfTI, NRRD or MetaImage, or a picture of one slice."


def open_study(paths: Sequence[Path], *, t2: str = "", t1: str = "") -> Study:
    """Open the lumbar MR study among files.

    :param paths: files, folders and ZIP archives; they may contain other files too.
    :param t2: what to use as sagittal T2: a SeriesInstanceUID, or the name of a file that is not DICOM; empty to choose by
        geometry, timing and coverage.
    :param t1: the same for sagittal T1.
    :returns: a study whose images are in the product's sagittal frame (axis codes ``LPI``, RAS millimetres), with rescaled
        voxels as int16, uint16 or float32. Its notes say what was chosen and what was noticed.
    :raises InputError: if nothing can be used; it says what was found, what is needed and what to do.
    """
    with opened_study(paths, t2=t2, t1=t1) as (study, _):
        return study


@contextmanager
def opened_study(
    paths: Sequence[Path], *, t2: str = "", t1: str = "", key: StudyKey | None = None
) -> Iterator[tuple[Study, dict[Path, tuple[int, ...]]]]:
    """The study of :func:`open_study` with the DICOM files of its series; those from an archive exist until the block ends.

    :param key: the only DICOM study that may be used; None to choose among all.
    :returns: the study, and the files whose slices were read into it, series by series, with the numbers of the frames that were
        read, from 0; no numbers for a file of a single slice, and no files if it is not DICOM.
    :raises InputError: as :func:`open_study`.
    """
    with gathered(paths) as files:
        dicom, volumes, notes = _survey(files)
        if dicom.slices:
            slices = [item for item in dicom.slices if key is None or key == StudyKey(item.patient, item.study_uid)]
            if not slices:
                raise InputError(
                    "The files no longer contain the study that was found in them.",
                    remedy="Start again, so that the input is searched again.",
                    code="study-gone",
                )
            choice, _, problem = choose(slices, t2=t2, t1=t1)
            if choice is None:
                raise problem or InputError("No series can be used.", _NEEDED, code="no-series")
            study = _study_of_series(choice, notes, wanted_t1=bool(t1))
            roles = {series.role for series in study.series}
            stacks = [item.stack for role, item in choice.used.items() if role in roles]
            read: dict[Path, tuple[int, ...]] = {}
            for item in (item for stack in stacks for item in stack.present):
                read[item.path] = (*read.get(item.path, ()), *(() if item.frame is None else (item.frame,)))
            yield study, read
        else:
            yield _study_of_volumes(_choose_volumes(volumes, t2=t2, t1=t1), notes), {}


def list_series(paths: Sequence[Path], *, t2: str = "", t1: str = "") -> SeriesListing:
    """The series among files, which of them :func:`open_study` would use, and why. Pixels of DICOM files are not read.

    :raises InputError: if there is no image at all.
    """
    with gathered(paths) as files:
        dicom, volumes, notes = _survey(files, named=True)
        if dicom.slices:
            choice, entries, problem = choose(dicom.slices, t2=t2, t1=t1)
            return SeriesListing(entries, (*notes, *(choice.notes if choice else ())), problem)
        try:
            chosen = _choose_volumes(volumes, t2=t2, t1=t1)
        except InputError as problem:
            return SeriesListing((), tuple(notes), problem)
        return SeriesListing(tuple(_entry(volume, role) for role, volume in chosen.items()), tuple(notes))


def _survey(files: Gathered, *, named: bool = False) -> tuple[Headers, list[Path], list[Note]]:
    """Headers of the DICOM images, other volumes, and notes about the rest.

    :param named: name files in the notes; not for a study, whose notes go into its report: archives name files after patients.
    :raises InputError: if there is no image at all.
    """
    from .headers import read_headers
    from .volumes import is_picture, is_volume

    volumes = [path for path in files.files if is_volume(path)]
    pictures = [path for path in files.files if is_picture(path)]
    dicom = read_headers(path for path in files.files if not is_volume(path) and not is_picture(path))
    notes = []
    unreadable = (*dicom.unreadable, *files.closed)
    if unreadable:
        names = ", ".join(path.name for path in unreadable[:3]) + (" …" if len(unreadable) > 3 else "")
        text = "Files and folders left out because they are truncated, damaged or not readable: "
        text += f"{len(unreadable)} ({names})." if named else f"{len(unreadable)}."
        notes.append(Note("unreadable-files", text, "warning"))
    if files.links:
        text = f"Links to other folders, or broken links, which are not followed: {len(files.links)}."
        notes.append(Note("links-left-out", text, "warning"))
    if dicom.slices:
        others = dicom.other + len(volumes) + len(pictures)
        if others:
            notes.append(Note("other-files", f"Files left out because they are not DICOM images: {others}."))
    elif dicom.unreadable:
        raise InputError(
            f"No DICOM file can be read. Files that are truncated, damaged or not readable: {len(dicom.unreadable)}.",
            "Every file must be complete.",
            "Copy or export the study again.",
            code="truncated-file",
        )
    elif not volumes and not pictures:
        found = f"The input contains no images. Files examined: {len(files.files)}."
        archives = any(is_archive(path) for path in files.files)
        remedy = (
            "A ZIP archive inside a folder or another archive is not opened: unpack it, or give its own path." if archives else ""
        )
        raise InputError(found, _NEEDED, remedy, code="no-images")
    return dicom, volumes or pictures, notes


def _study_of_series(choice: Choice, notes: list[Note], *, wanted_t1: bool) -> Study:
    from .pixels import read_image

    series: list[Series] = []
    found = [*notes, *choice.notes]
    for role, item in choice.used.items():
        try:
            image, image_notes = read_image(item.stack)
        except InputError as error:
            if role is Role.SAGITTAL_T2 or wanted_t1 or not series:
                raise
            found.append(Note("t1-unreadable", f"The T1 series is left out. {error}", "warning"))
            continue
        first = item.stack.first
        description = first.description or f"series {first.series_number}"
        series.append(Series(role, image, first.series_uid, description, first.frame_of_reference_uid, item.stack.spacing_known))
        found.extend(image_notes)
    study_uid = next(iter(choice.used.values())).stack.first.study_uid
    return Study(tuple(series), study_uid, tuple(dict.fromkeys(found)))


def _choose_volumes(paths: list[Path], *, t2: str, t1: str) -> dict[Role, Volume]:
    """At most one file of each role: those that the user named, else the only file whose name fits."""
    from .volumes import read_volume, role_of_name

    chosen: dict[Role, Path] = {}
    for role, name in ((Role.SAGITTAL_T2, t2), (Role.SAGITTAL_T1, t1)):
        named = [path for path in paths if path.name == name] if name else []
        if name and len(named) != 1:
            raise InputError(
                f"There is no series or file {name} in the input.",
                remedy="Choose one of: " + ", ".join(path.name for path in paths[:5]) + ".",
                code="series-not-found",
            )
        fitting = named or ([path for path in paths if role_of_name(path) is role] if not (t2 or t1) else [])
        if len(fitting) > 1:
            raise InputError(
                f"There are {len(fitting)} files that could be the {role.value} image: "
                + ", ".join(path.name for path in fitting[:5])
                + (" …" if len(fitting) > 5 else "."),
                "Files that are not DICOM do not say which patient they belong to.",
                "Give the one file to be analyzed.",
                code="several-volumes",
            )
        if fitting:
            chosen[role] = fitting[0]
    return {role: read_volume(path) for role, path in chosen.items()}


def _study_of_volumes(volumes: dict[Role, Volume], notes: list[Note]) -> Study:
    # The description is not the name of the file, which is often the patient's and would get into a scene file.
    series = tuple(Series(role, volume.image, spacing_known=volume.spacing_known) for role, volume in volumes.items())
    found = [note for volume in volumes.values() for note in volume.notes]
    if Role.SAGITTAL_T2 not in volumes:
        found.append(Note("no-t2", "There is no sagittal T2 image; the sagittal T1 is analyzed alone.", "warning"))
    return Study(series, "", (*notes, *dict.fromkeys(found)))


def _entry(volume: Volume, role: Role) -> SeriesEntry:
    slices, columns, rows = volume.image.voxels.shape
    slice_step, column_step, row_step = (round(float(value), 4) for value in volume.image.spacing)
    return SeriesEntry(
        uid=volume.path.name,
        description=volume.path.name,
        modality="",
        orientation="sagittal",
        size=(columns, rows, slices),
        spacing=(column_step, row_step, slice_step) if volume.spacing_known else None,
        repetition_time=None,
        echo_time=None,
        weighting="T1" if role is Role.SAGITTAL_T1 else "T2",
        role=role,
        reason=f"Used as {role.value}: the name of the file says T1." if role is Role.SAGITTAL_T1 else f"Used as {role.value}.",
        code="used",
    )
