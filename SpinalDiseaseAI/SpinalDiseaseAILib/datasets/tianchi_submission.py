"""A submission to Spinal Disease 2020 (Tianchi): the results for a test set, in the schema of the annotations."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..base.anatomy import structure
from ..base.documents import read_json
from ..base.errors import InputError, OutputError, SpinalDiseaseAIError
from ..base.report import Report
from ..base.study import Study
from ..reading.headers import read_headers
from ..reading.opening import open_study
from ..reading.slices import Slice
from ..reading.stacks import stacks_of
from .convert_tianchi import SMALLEST_FILE
from .tianchi import FINDING_OF_KIND


@dataclass(frozen=True)
class Submission:
    """The contents of a submission.

    :param studies: number of studies with points.
    :param skipped: series without points, each with the reason.
    """

    path: Path
    studies: int
    skipped: tuple[str, ...]


def write_submission(source: Path, series_map: Path, output: Path, analyse: Callable[[Study], Report]) -> Submission:
    """Analyse the series of a test set and write the results.

    :param source: folder with the DICOM files, at any depth.
    :param series_map: a ``*_series_map.json``: ``[{studyUid, seriesUid}]``.
    :param analyse: returns the report of a study, with the findings of the challenge.
    :raises InputError: if the map cannot be read.
    :raises OutputError: if the file cannot be written.
    """
    wanted = _read_map(series_map)
    _check_writable(output)
    files = sorted(path for path in source.rglob("*.dcm") if path.is_file() and path.stat().st_size >= SMALLEST_FILE)
    series: dict[tuple[str, str], list[Slice]] = defaultdict(list)
    for item in read_headers(files).slices:
        series[item.study_uid, item.series_uid].append(item)
    result, skipped = [], []
    for number, key in enumerate(wanted, start=1):
        where = f"{series_map.name}, series {number}"
        if key not in series:
            skipped.append(f"{where}: no file of it is there")
            continue
        try:
            study = open_study(sorted({item.path for item in series[key]}), t2=key[1])
            result.append(submitted(analyse(study), series[key]))
        except SpinalDiseaseAIError as error:
            skipped.append(f"{where}: {error.found}")
    try:
        output.write_text(json.dumps(result, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise _unwritable(output, error.strerror or str(error)) from error
    return Submission(output, len(result), tuple(skipped))


def submitted(report: Report, slices: Iterable[Slice]) -> dict[str, Any]:
    """One study of a submission: all points on the instance nearest to them, in its stored columns and rows.

    :param slices: slices of the analysed series.
    :raises InputError: if the series is not a single stack with a position in the patient.
    """
    stacks = [stack for stack in stacks_of(slices) if stack.problem is None and stack.affine is not None]
    if len(stacks) != 1 or stacks[0].affine is None:
        raise InputError(f"The series has {len(stacks)} stacks that lie in the patient.", "It should have one.", code="dataset")
    stack = stacks[0]
    to_voxel = np.linalg.inv(stacks[0].affine)
    places = {item.name: to_voxel[:3, :3] @ item.position + to_voxel[:3, 3] for item in report.structures}
    middle = float(np.median([place[2] for place in places.values()]))
    index = min((n for n, item in enumerate(stack.slices) if item is not None), key=lambda n: abs(n - middle))
    instance = stack.slices[index]
    assert instance is not None
    points = []
    for item in report.structures:
        kind = structure(item.name).kind
        found = item.finding(FINDING_OF_KIND[kind])
        tag = {"identification": item.name, kind.value: ",".join(found.predicted) if found else ""}
        points.append({"coord": [round(float(value)) for value in places[item.name][:2]], "tag": tag, "zIndex": index})
    annotated = {
        "seriesUid": instance.series_uid,
        "instanceUid": instance.sop_uid,
        "annotation": [{"data": {"point": points}}],
    }
    return {"studyUid": instance.study_uid, "data": [annotated]}


def _check_writable(output: Path) -> None:
    """Refuse an unwritable file before hours of work."""
    if output.is_dir():
        raise _unwritable(output, "it is a folder")
    if not output.parent.is_dir():
        raise _unwritable(output, f"there is no folder {output.parent}")
    place = output if output.exists() else output.parent
    if not os.access(place, os.W_OK):
        raise _unwritable(output, f"{place} may not be written")


def _unwritable(output: Path, reason: str) -> OutputError:
    return OutputError(
        f"{output} cannot be written: {reason}.",
        remedy="Choose another file with --output.",
        code="output-unwritable",
    )


def _read_map(path: Path) -> list[tuple[str, str]]:
    try:
        document = read_json(path)
        return [(str(item["studyUid"]), str(item["seriesUid"])) for item in document]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no map of series.",
            "A list of studyUid and seriesUid is needed, as lumbar_testA50_series_map.json has it.",
            "Get the data set again.",
            code="dataset",
        ) from error
