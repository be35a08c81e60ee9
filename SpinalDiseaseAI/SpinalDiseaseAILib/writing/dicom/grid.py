"""Matches DICOM frames to the planes of a volume, with the directions of their rows and columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from ...base.geometry import LPS_FROM_RAS, Array, FloatArray, Image

GROUPS = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")
"""Functional groups that tell where a frame of a multi-frame image lies."""

_OFF_PIXEL = 0.1  # pixels by which a row or column may drift from the volume's over its whole length
_OFF_STEP = 0.25  # share of the distance between planes: series readers accept slices that are a fifth of it off
_SHIFTED = 1.0  # millimetres in the plane, for the same reason
_EXACT = 0.1  # millimetres; of a series that was read as a volume some slices lie on it exactly, whatever the others do


@dataclass(frozen=True, eq=False)
class Frame:
    """A slice of an instance. Lengths are in millimetres, directions and positions in LPS.

    :param instance: number of the instance in its series, from 0.
    :param number: number of the frame in the instance, from 0; None for a single-slice instance.
    :param position: centre of the first pixel.
    :param orientation: direction along which columns are counted, then that of rows: six cosines.
    :param spacing: from row to row, from column to column (PS3.3 10.7.1.3).
    :param thickness: of the slice; 0 if not stated.
    :param shape: columns, rows.
    :param order: sort key for frames at the same position: acquisition, instance number, UID.
    """

    instance: int
    number: int | None
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    thickness: float
    shape: tuple[int, int]
    order: tuple[int, int, str, int]

    @property
    def affine(self) -> FloatArray:
        """4×3 matrix from (column, row, 1) to LPS millimetres."""
        affine = np.zeros((4, 3))
        affine[3, 2] = 1
        along = np.array(self.orientation).reshape(2, 3)
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
        affine[:3, 0], affine[:3, 1] = along[0] * self.spacing[1], along[1] * self.spacing[0]
        affine[:3, 2] = self.position
        return affine


@dataclass(frozen=True, eq=False)
class Plane:
    """A frame on a plane of a volume.

    :param axis: axis of the volume perpendicular to the planes.
    :param index: number of the plane.
    :param columns: axis of the volume along which columns are counted.
    :param reversed_columns: True if columns run against this axis.
    :param reversed_rows: the same for rows.
    :param off: millimetres between the frame's first pixel and the voxel that stands for it.
    """

    frame: Frame
    axis: int
    index: int
    columns: int
    reversed_columns: bool
    reversed_rows: bool
    off: float

    def pixels(self, voxels: Array) -> Array:
        """The plane of a volume as stored in the frame, shape (rows, columns)."""
        plane = np.take(voxels, self.index, axis=self.axis)
        if self.columns < min({0, 1, 2} - {self.axis, self.columns}):
            plane = plane.T  # the remaining axes are (columns, rows)
        pixels: Array = plane[:: -1 if self.reversed_rows else 1, :: -1 if self.reversed_columns else 1]
        return pixels


def frames_of(instances: Sequence[Dataset], analysed: Mapping[str, Collection[int]] | None = None) -> list[Frame]:
    """The frames with a position in a series of single-slice or multi-frame images, from their headers.

    :param analysed: SOPInstanceUID to the numbers of the only frames that count, from 0; all count of instances that it lacks.
    """
    frames: list[Frame] = []
    for number, instance in enumerate(instances):
        if "PerFrameFunctionalGroupsSequence" in instance:
            shared = _item(instance, "SharedFunctionalGroupsSequence")
            count = len(instance.PerFrameFunctionalGroupsSequence)
            for index in sorted((analysed or {}).get(instance.SOPInstanceUID, range(count))):
                own = instance.PerFrameFunctionalGroupsSequence[index]
                groups = [_item(own, key) or _item(shared, key) for key in GROUPS]
                frames += _frame(instance, number, index, *groups)
        else:
            frames += _frame(instance, number, None, instance, instance, instance)
    return frames


def _item(dataset: Dataset, keyword: str) -> Dataset:
    sequence = dataset.get(keyword)
    return sequence[0] if sequence else Dataset()


def _frame(
    instance: Dataset, number: int, index: int | None, position: Dataset, orientation: Dataset, measures: Dataset
) -> Iterator[Frame]:
    """The frame, if its header states a position."""
    keywords = (position, "ImagePositionPatient"), (orientation, "ImageOrientationPatient"), (measures, "PixelSpacing")
    place, cosines, spacing = (tuple(map(float, np.ravel(group.get(keyword) or ()))) for group, keyword in keywords)
    if (len(place), len(cosines), len(spacing)) != (3, 6, 2):
        return
    order = (
        int(instance.get("AcquisitionNumber") or 0),
        int(instance.get("InstanceNumber") or 0),
        str(instance.SOPInstanceUID),
        index or 0,
    )
    shape = (int(instance.Columns), int(instance.Rows))
    yield Frame(number, index, place, cosines, spacing, float(measures.get("SliceThickness") or 0), shape, order)


def planes_of(frames: Sequence[Frame], image: Image) -> dict[int, Plane]:
    """The frames that lie on a volume's voxels, by the number of their plane; if several lie on one, the first acquired.

    If all frames lie off the volume, it was moved, and there are none.

    :param image: the volume, RAS, in any axis order.
    """
    found: dict[int, Plane] = {}
    for plane in _planes(frames, image):
        found.setdefault(plane.index, plane)
    return found if any(plane.off <= _EXACT for plane in found.values()) else {}


def several_at_a_place(frames: Sequence[Frame], image: Image) -> bool:
    """True if more than one frame lies on a plane of a volume, as in a series of several echoes."""
    indices = [plane.index for plane in _planes(frames, image)]
    return len(set(indices)) < len(indices)


def _planes(frames: Sequence[Frame], image: Image) -> Iterator[Plane]:
    """The frames that lie on a volume's voxels, in the order of their acquisition."""
    to_voxels = np.linalg.inv(image.affine) @ LPS_FROM_RAS
    for frame in sorted(frames, key=lambda frame: frame.order):
        plane = _plane(frame, to_voxels, image)
        if plane is not None:
            yield plane


def _plane(frame: Frame, to_voxels: FloatArray, image: Image) -> Plane | None:
    steps = (to_voxels @ frame.affine)[:3]  # voxel steps between columns and between rows, index of the first pixel
    columns, rows = (int(np.argmax(np.abs(steps[:, index]))) for index in (0, 1))
    axis = 3 - columns - rows
    if columns == rows or (image.voxels.shape[columns], image.voxels.shape[rows]) != frame.shape:
        return None
    expected = np.zeros((3, 2))
    expected[columns, 0], expected[rows, 1] = np.sign(steps[columns, 0]), np.sign(steps[rows, 1])
    drift = np.abs(steps[:, :2] - expected) * (np.array(frame.shape) - 1)
    if drift.max() > _OFF_PIXEL:
        return None
    backwards = expected[columns, 0] < 0, expected[rows, 1] < 0
    index = round(float(steps[axis, 2]))
    corner = np.zeros(3)
    corner[axis] = index
    corner[columns] = frame.shape[0] - 1 if backwards[0] else 0
    corner[rows] = frame.shape[1] - 1 if backwards[1] else 0
    off = np.abs(steps[:, 2] - corner)
    shifted = np.hypot(off[columns] * image.spacing[columns], off[rows] * image.spacing[rows])
    if not 0 <= index < image.voxels.shape[axis] or off[axis] > _OFF_STEP or shifted > _SHIFTED:
        return None
    distance = float(np.linalg.norm(off * image.spacing))
    return Plane(frame, axis, index, columns, bool(backwards[0]), bool(backwards[1]), distance)
