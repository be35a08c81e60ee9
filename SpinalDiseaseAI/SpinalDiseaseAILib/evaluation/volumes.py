"""Figures of localization in three dimensions, on T2-SPACE stacks whose masks give the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from ..base.anatomy import KEY_POINTS
from ..base.errors import InputError
from ..base.geometry import Image
from ..base.planes import SagittalVolume
from ..datasets.records import Record, read_grey
from ..datasets.space_stacks import SLICE_STEP
from ..datasets.spider import CANAL_MASK
from ..steps.localization import Localizer
from .intervals import Figure, patient_bootstrap
from .metrics import mean

_HALF_BAND = 8.0  # millimetres above and below a level over which the canal's midline is measured


@dataclass(frozen=True)
class VolumeErrors:
    """Errors of one stack, by key point.

    :param in_plane: millimetres to the mask's key point within the slice of the prediction; infinite if it was not found.
    :param lateral: millimetres across the slices to the middle of the canal's mask, if the canal lies entirely in the stack.
    """

    patient: str
    in_plane: dict[str, float]
    lateral: dict[str, float]


def stacks(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Planes of each T2-SPACE series, in the order of their numbers; series with gaps or fewer than five planes are left out."""

    def number(record: Record) -> int:
        return int(record.series.rsplit("_slice", 1)[1])

    result = {}
    ordered = sorted(records, key=lambda record: (record.patient, number(record)))
    for patient, group in groupby(ordered, key=lambda record: record.patient):
        planes = list(group)
        if len(planes) > 4 and number(planes[-1]) - number(planes[0]) == len(planes) - 1:
            result[patient] = planes
    return result


def stack_volume(planes: Sequence[Record]) -> tuple[SagittalVolume, npt.NDArray[np.uint8]]:
    """A stack of neighbouring planes and its masks (slices, rows, columns)."""
    first = planes[0]
    assert first.spacing is not None and first.mask is not None
    voxels = np.stack([plane.pixels().T for plane in planes])
    masks = np.stack([read_grey(plane.mask) for plane in planes if plane.mask is not None])
    image = Image(voxels, np.diag([-SLICE_STEP, -first.spacing[0], -first.spacing[1], 1.0]))
    return SagittalVolume.of(image), masks


def errors_of(planes: Sequence[Record], localizer: Localizer) -> VolumeErrors:
    """Errors of a localizer on a stack."""
    volume, masks = stack_volume(planes)
    in_plane = dict.fromkeys(KEY_POINTS, float("inf"))
    lateral: dict[str, float] = {}
    try:
        found = localizer.locate(volume)
    except InputError:
        return VolumeErrors(planes[0].patient, in_plane, lateral)
    places = volume.to_pixel(found.positions)
    spacing = volume.pixel_spacing
    for name, place in zip(found.names, places, strict=True):
        truth = planes[int(np.clip(np.rint(place[0]), 0, len(planes) - 1))].points[name]
        in_plane[name] = float(np.hypot(*((place[1:] - truth) * spacing)))
        true_slice = canal_middle(masks, place[2], float(spacing[1]))
        if true_slice is not None:
            lateral[name] = float(abs(place[0] - true_slice) * volume.slice_spacing)
    return VolumeErrors(planes[0].patient, in_plane, lateral)


def canal_middle(masks: npt.NDArray[np.uint8], row: float, row_step: float) -> float | None:
    """The slice through the middle of the canal's mask near a row; None if much of the mask lies in the first or last slice."""
    band = _HALF_BAND / row_step
    rows = slice(max(0, int(row - band)), int(row + band) + 1)
    area = (masks[:, rows] == CANAL_MASK).sum((1, 2)).astype(float)
    if area.max() == 0 or max(area[0], area[-1]) > 0.35 * area.max():
        return None
    return float((area * np.arange(len(area))).sum() / area.sum())


def summary(errors: Sequence[VolumeErrors]) -> dict[str, Figure]:
    """The figures over stacks, with intervals over patients."""
    patients = [item.patient for item in errors for _ in item.in_plane]
    plane = np.array([value for item in errors for value in item.in_plane.values()])
    result = {
        "points within 6 mm in their slice": patient_bootstrap(patients, lambda i: float((plane < 6)[i].mean())),
        "mean error in the slice, mm": patient_bootstrap(patients, lambda i: mean(plane[i])),
    }
    beside = [(item.patient, value) for item in errors for value in item.lateral.values()]
    if beside:
        side = np.array([value for _, value in beside])
        names = [patient for patient, _ in beside]
        result["mean error across the slices, mm"] = patient_bootstrap(names, lambda i: float(side[i].mean()))
        result["95th percentile across the slices, mm"] = patient_bootstrap(names, lambda i: float(np.percentile(side[i], 95)))
    return result
