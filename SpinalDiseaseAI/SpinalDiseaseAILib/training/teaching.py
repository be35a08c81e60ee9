"""Masks for planes that have none: a trained network segments a T2, and a T1 of the same field of view gets the same masks.

Masks exist only for T2-SPACE. A network trained on them segments ordinary T2 well, but knows T1, where fluid is dark, only from
painted examples. The masks of a patient's T2 are therefore used for the T1 as well (pseudo-labels, Lee, 2013).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file

from ..base.errors import InputError
from ..base.planes import SagittalVolume, image_of_plane
from ..datasets.collection import read_dataset
from ..datasets.records import Record
from ..datasets.space_stacks import SpaceStack
from ..models.loading import channels_last
from ..models.segmentation_network import TISSUES, SegmentationNetwork
from ..steps.spine_curve import SpineCurve
from ..steps.tissues import Labels, TissueSegmenter, View

_SAME = 1.0  # largest distance in pixels between the points of a T1 and a T2 that show the same plane


def teacher_of(config: dict[str, Any]) -> TissueSegmenter:
    """The network of a configuration's ``teacher``.

    :raises InputError: if its weights are missing.
    """
    path = Path(config["teacher"])
    if not path.is_file():
        raise InputError(f"There are no weights {path} of the teacher.", remedy="Train them first.", code="initial")
    network = SegmentationNetwork(config["widths"])
    network.load_state_dict(load_file(path))
    return TissueSegmenter(channels_last(network.eval()), torch.device("cpu"), config["spacing"])


def taught_stacks(
    teacher: TissueSegmenter, dataset: str, data: Path, splits: tuple[str, ...]
) -> Iterator[tuple[str, SpaceStack]]:
    """Contrast and segmented plane of every T2 with key points, and of every T1 that shows the same plane.

    :returns: stacks of one slice, cropped to the part that the teacher saw.
    """
    records = [record for record in read_dataset(dataset, data, splits) if record.points and record.spacing]
    t1 = {record.patient: record for record in records if record.contrast == "T1"}
    for record in records:
        if record.contrast != "T2" or record.series.endswith("SPACE"):
            continue
        plane = _outlined(teacher, record)
        if plane is None:
            continue
        stack, window = plane
        yield "T2", stack
        other = t1.get(record.patient)
        if other is not None and _shows_the_same(record, other):
            yield "T1", SpaceStack(other.patient, other.pixels()[None][window], stack.tissues, stack.spacing)


def _outlined(teacher: TissueSegmenter, record: Record) -> tuple[SpaceStack, tuple[slice, slice, slice]] | None:
    assert record.spacing is not None
    pixels = record.pixels()
    volume = SagittalVolume.of(image_of_plane(pixels, record.spacing))
    curve = SpineCurve.of(volume, {name: volume.to_ras((0, column, row)) for name, (column, row) in record.points.items()})
    view = View.of(volume, curve, teacher.spacing, teacher.network.multiple)
    tissues = teacher.label(volume, curve, (0.0, 0.0)).transpose(0, 2, 1)
    tissues = np.where(_plausible(tissues[0], curve, record.spacing)[None], tissues, 0).astype(np.uint8)
    (left, top), (columns, rows) = view.corner, view.size
    window = (slice(None), slice(top, top + rows), slice(left, left + columns))
    if not tissues.any():
        return None
    return SpaceStack(record.patient, pixels[None][window], np.ascontiguousarray(tissues[window]), record.spacing), window


def _plausible(tissues: Labels, curve: SpineCurve, spacing: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """Where the tissues of a plane are plausible: no canal in front of the bodies, no disc behind it, no bodies below L5-S1.

    :param tissues: shape (rows, columns).
    """
    rows, columns = np.nonzero(tissues)
    along, behind = curve.coordinates(np.stack([columns, rows], 1).astype(np.float64) * np.array(spacing))
    behind = behind / curve.level_length
    lowest = float(np.flatnonzero(curve.known)[-1])
    found = tissues[rows, columns]
    good = np.where(found == TISSUES.index("canal"), behind > 0.2, behind < 0.9)
    good |= (found == TISSUES.index("vertebra")) & (behind > 0.5)
    good &= (found == TISSUES.index("canal")) | (along < lowest + 0.6) | (behind > 0.6)
    result = np.zeros(tissues.shape, dtype=np.bool_)
    result[rows, columns] = good
    return result


def _shows_the_same(one: Record, other: Record) -> bool:
    names = set(one.points) & set(other.points)
    if one.spacing != other.spacing or one.pixels().shape != other.pixels().shape or not names:
        return False
    distances = [np.subtract(one.points[name], other.points[name]) for name in names]
    return float(np.abs(distances).max()) < _SAME
