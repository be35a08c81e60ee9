"""Converts Spinal Disease 2020 (Tianchi) as published to the plain folder that :mod:`.tianchi` reads.

The original: folders ``<set>/studyN/`` of DICOM files, and ``<set>_annotation.json`` for each set. Files are found by their UIDs
(0008,0018), (0020,000E) and (0020,000D), not by their names. Sets without annotations (``*_series_map.json``) are ignored.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..base.errors import InputError
from ..reading.headers import read_headers
from ..reading.slices import Slice
from .dicom_plane import upright_plane
from .plain_folder import Conversion, PlainFolder, eight_bits
from .tianchi_annotation import AnnotatedInstance, Unusable, annotated_instance, check_codes, read_annotations, recoded

SMALLEST_FILE = 1000
"""Files of the data set with fewer bytes hold no image."""

Uids = tuple[str, str, str]


def convert_tianchi(source: Path, data: Path, codes: Mapping[str, str] | None = None) -> Conversion:
    """Write ``<data>/tianchi2020``; an earlier conversion is replaced.

    :param source: folder with the annotation files and, at any depth, the DICOM files.
    :param data: folder with one subfolder per data set.
    :param codes: meaning of disc codes in files that do not use the challenge's own coding: code to one of v1 … v5. Other codes
        are kept.
    :raises InputError: if the source is not that data set, or a code does not map to a class.
    :raises OutputError: if the files cannot be written there.
    """
    check_codes(codes or {})
    annotations = {path: read_annotations(path) for path in sorted(source.rglob("*_annotation.json"))}
    if not annotations:
        raise InputError(
            f"There is no annotation file in {source}.",
            "A file such as lumbar_train150_annotation.json is needed beside the folder of the studies.",
            code="dataset",
        )
    folder = PlainFolder(data / "tianchi2020", source, "tianchi2020")
    skipped: list[str] = []
    warnings: list[str] = []
    slices = _slices(source, skipped)
    studies: dict[str, str] = {}
    records = []
    for path, items in annotations.items():
        later: Counter[str] = Counter()
        for number, item in enumerate(tqdm(items, desc=path.name, unit="study", disable=not sys.stderr.isatty()), start=1):
            where = f"{path.name}, study {number}"
            try:
                instance = recoded(annotated_instance(item), codes or {})
                file = _slice_of(instance.uids, slices)
                name = _name_of(file.path, source, instance.uids[2], studies)
                where += f" ({name})"
                records.append(_record(folder, name, instance, file))
                studies[name] = instance.uids[2]
            except Unusable as error:
                skipped.append(f"{where}: {error}")
                continue
            if instance.others:
                warnings.append(f"{where}: the first of {instance.others + 1} annotations is taken")
            if not instance.reliable:
                warnings.append(
                    f"{where}: a disc has the tag of a vertebra or the other way round; its points are used, not its classes"
                )
            later.update(key for point in instance.points for key in point.later_classes)
        if later:
            classes = ", ".join(f"{key} ({later[key]} times)" for key in sorted(later))
            warnings.append(
                f"{path.name}: classes {classes} belong to a later coding, v1 … v8, in which v1 … v5 may mean something else; "
                "they are kept in the file and not used, unless --code says what they stand for"
            )
    folder.write_json("annotation.json", sorted(records, key=lambda record: str(record["study"])))
    return folder.finish(len(records), skipped, warnings)


def _slices(source: Path, skipped: list[str]) -> dict[Uids, Slice]:
    """The DICOM images of the data set by their UIDs."""
    files = sorted(path for path in source.rglob("*") if path.suffix.lower() == ".dcm" and path.is_file())
    for path in [item for item in files if item.stat().st_size < SMALLEST_FILE]:
        skipped.append(f"{path.relative_to(source)}: {path.stat().st_size} bytes are no image")
        files.remove(path)
    headers = read_headers(tqdm(files, desc="headers", unit="file", disable=not sys.stderr.isatty()))
    skipped += [f"{path.relative_to(source)}: damaged, or not to be opened" for path in headers.unreadable]
    # The first file in sorted order wins, so that the result does not depend on the order on disk.
    return {(item.sop_uid, item.series_uid, item.study_uid): item for item in reversed(headers.slices)}


def _slice_of(uids: Uids, slices: dict[Uids, Slice]) -> Slice:
    if uids in slices:
        return slices[uids]
    if any(key[0] == uids[0] for key in slices):
        raise Unusable("the annotated instance is there, but in another series or study than the annotation says")
    raise Unusable("no file holds the annotated instance")


def _name_of(path: Path, source: Path, study: str, studies: dict[str, str]) -> str:
    """``study007`` for a file in a folder ``study7``: the name that determines the split of a study."""
    numbers = [match[1] for part in path.relative_to(source).parts[:-1] if (match := re.fullmatch(r"study(\d+)", part))]
    if not numbers:
        raise Unusable(f"{path.name} is not in a folder studyN, from which the study has its name")
    name = f"study{int(numbers[-1]):03d}"
    if name in studies:
        raise Unusable("it was annotated before" if studies[name] == study else f"another study has the name {name}")
    return name


def _record(folder: PlainFolder, name: str, instance: AnnotatedInstance, file: Slice) -> dict[str, Any]:
    """Write the plane of a study, and return its item of ``annotation.json``."""
    try:
        pixels, place, spacing = upright_plane(file)
    except InputError as error:
        raise Unusable(error.found) from error
    rows, columns = pixels.shape
    points = []
    for point in instance.points:
        column, row = place(point.coord)
        if not (-0.5 <= column <= columns - 0.5 and -0.5 <= row <= rows - 0.5):
            raise Unusable(f"{point.name} lies outside of the image")
        points.append({"identification": point.name, "coord": [round(column, 3), round(row, 3)], "tag": point.tag})
    folder.write_grey(f"images/{name}.png", eight_bits(pixels, pixels))
    record = {"study": name, "width": columns, "height": rows, "reliable": instance.reliable, "points": points}
    return record | ({"pixel_spacing": [round(value, 6) for value in spacing]} if spacing else {})
