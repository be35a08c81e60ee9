"""Grouping the slices of a series into stacks, and placing a stack in space: sorting, dropping duplicates, counting gaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..base.geometry import LPS_FROM_RAS, FloatArray
from ..base.report import Note
from .slices import Slice

_OBLIQUE = 0.8  # cosine of about 37 degrees from the nearest main direction
_SAME_DIRECTION = 0.01  # of each direction cosine
_SAME_SPACING = 0.001  # millimetres
_SAME_TIME = 1.0  # milliseconds
_SAME_POSITION = 0.05  # millimetres; above the rounding of positions in files, and below any slice distance
_IRREGULAR = 0.2  # of a slice step
_SHIFTED = 1.0  # millimetres within the plane
_MISSING_SHARE = 0.25
_DEFAULT_STEP = 1.0
_ENOUGH_OF_ACQUISITION = 3  # slices; some scanners give every slice its own acquisition number

_KINDS = frozenset(
    ("M", "P", "PHASE MAP", "W", "WATER", "F", "FAT", "IP", "IN_PHASE", "OP", "OPP_PHASE", "OUT_PHASE", "ADC", "MIP", "MAX_IP")
)
"""Values of ImageType that distinguish images computed from the same signal at the same position."""


@dataclass(frozen=True)
class Problem:
    """Why a stack cannot be used.

    :param code: short, stable name for programs.
    :param because: clause for a reader.
    """

    code: str
    because: str


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices of one orientation and matrix, ordered along their normal, and their geometry.

    :param slices: one per position; None where one is missing.
    :param affine: 4×4 from (column, row, slice) to RAS millimetres; None if the headers do not place the slices.
    :param problem: why it cannot be used; None if it can.
    :param spacing_known: False if the header states no pixel spacing, or a spacing of zero.
    """

    slices: tuple[Slice | None, ...]
    affine: FloatArray | None
    notes: tuple[Note, ...] = ()
    problem: Problem | None = None
    spacing_known: bool = True

    @property
    def present(self) -> tuple[Slice, ...]:
        """The slices that are not missing."""
        return tuple(item for item in self.slices if item is not None)

    @property
    def first(self) -> Slice:
        """The first slice; its values for series and acquisition hold for all."""
        return self.present[0]

    @property
    def extent(self) -> tuple[float, float, float]:
        """Extent of the voxels in millimetres from side to side, back to front and foot to head; 0 if not placed."""
        if self.affine is None:
            return (0.0, 0.0, 0.0)
        size = np.array([self.first.columns, self.first.rows, len(self.slices)])
        sides = (np.abs(self.affine[:3, :3]) * size).max(axis=1)
        return (float(sides[0]), float(sides[1]), float(sides[2]))

    @property
    def orientation(self) -> str:
        """``"sagittal"``, ``"axial"``, ``"coronal"``, ``"oblique"``, or ``"unknown"`` if the headers do not state it."""
        return orientation_of(self.first)


def orientation_of(item: Slice) -> str:
    """The orientation of a slice, as for :attr:`Stack.orientation`."""
    if item.row_direction is None or item.column_direction is None:
        return "unknown"
    normal = np.cross(item.row_direction, item.column_direction)
    axis = int(np.argmax(np.abs(normal)))
    return ("sagittal", "coronal", "axial")[axis] if abs(normal[axis]) >= _OBLIQUE else "oblique"


def stacks_of(slices: Iterable[Slice]) -> list[Stack]:
    """The stacks of a series, the largest first: one per orientation, matrix, pixel spacing, echo and kind of image.

    Acquisitions that do not share a grid get separate stacks.
    """
    groups: list[list[Slice]] = []
    for item in sorted(slices, key=_storage_order):
        for group in groups:
            if _alike(item, group[0]):
                group.append(item)
                break
        else:
            groups.append([item])
    stacks = [stack for group in groups for stack in _stacks_of_group(group)]
    return sorted(stacks, key=lambda stack: (-len(stack.present), stack.first.instance_number, stack.first.sop_uid))


def _stacks_of_group(group: list[Slice]) -> list[Stack]:
    whole = _stack(group)
    if whole.problem is None or whole.problem.code not in ("irregular-slices", "missing-slices"):
        return [whole]
    acquisitions: dict[int, list[Slice]] = {}
    for item in group:
        acquisitions.setdefault(item.acquisition_number, []).append(item)
    if min(len(items) for items in acquisitions.values()) < _ENOUGH_OF_ACQUISITION:
        return [whole]
    return [_stack(items) for items in acquisitions.values()]


def _alike(one: Slice, other: Slice) -> bool:
    """True if two slices can be in the same stack."""
    if (one.rows, one.columns, one.samples) != (other.rows, other.columns, other.samples):
        return False
    mine, its = one.acquisition, other.acquisition
    if abs((mine.echo_time or 0) - (its.echo_time or 0)) > _SAME_TIME:
        return False
    if abs((mine.inversion_time or 0) - (its.inversion_time or 0)) > _SAME_TIME:
        return False
    if (mine.contrast, mine.fat_suppressed, mine.contrast_agent) != (its.contrast, its.fat_suppressed, its.contrast_agent):
        return False
    if set(mine.image_type) & _KINDS != set(its.image_type) & _KINDS:
        return False
    pairs = (
        (one.row_direction, other.row_direction, _SAME_DIRECTION),
        (one.column_direction, other.column_direction, _SAME_DIRECTION),
        (one.pixel_spacing, other.pixel_spacing, _SAME_SPACING),
    )
    return all(
        a is b is None or (a is not None and b is not None and np.allclose(a, b, rtol=0, atol=tolerance))
        for a, b, tolerance in pairs
    )


def _stack(group: list[Slice]) -> Stack:
    unique = list({(item.sop_uid or str(item.path), item.frame): item for item in reversed(group)}.values())[::-1]
    notes = []
    if len(unique) < len(group):
        count = len(group) - len(unique)
        notes.append(
            Note("duplicate-instances", f"Files with a slice that another file also contains: {count}. Each slice is used once.")
        )
    frames = Counter(item.frame_of_reference_uid for item in unique)
    if len(frames) > 1:
        because = f"its slices lie in {len(frames)} frames of reference, so their positions cannot be compared"
        return Stack(tuple(unique), None, tuple(notes), Problem("mixed-frames", because))
    spacing = unique[0].pixel_spacing
    if not all(item.placed for item in unique):
        if len(unique) == 1:
            return Stack(tuple(unique), None, tuple(notes), None, spacing is not None and min(spacing) > 0)
        return Stack(tuple(unique), None, tuple(notes), Problem("no-geometry", "its headers do not say where the slices lie"))
    if spacing is None or min(spacing) <= 0:
        stated = "none" if spacing is None else " × ".join(f"{value:g}" for value in spacing) + " mm"
        return Stack(
            tuple(unique), None, tuple(notes), Problem("zero-spacing", f"the pixel spacing that its headers state is {stated}")
        )
    return _placed_stack(unique, spacing, notes)


def _placed_stack(unique: list[Slice], pixel_spacing: tuple[float, float], notes: list[Note]) -> Stack:
    """Sort by position along the normal, drop repeated positions, and find the step and the missing slices."""
    first = unique[0]
    normal = np.cross(first.row_direction or (), first.column_direction or ())
    normal *= np.sign(normal[np.argmax(np.abs(normal))])  # towards left, posterior or superior, whatever the order of rows
    distance = {id(item): round(float(np.dot(normal, item.position or ())), 3) for item in unique}
    ordered: list[Slice] = []
    for item in sorted(unique, key=lambda item: (distance[id(item)], item.acquisition_number, _storage_order(item))):
        if not ordered or distance[id(item)] - distance[id(ordered[-1])] > _SAME_POSITION:
            ordered.append(item)
    repeated = len(unique) - len(ordered)
    if len(ordered) == 1 and repeated > 1:
        because = f"its {len(unique)} slices all state the same position"
        return Stack(tuple(unique), None, tuple(notes), Problem("zero-spacing", because))
    if repeated:
        text = f"Extra slices at positions that already have one: {repeated}. The slice acquired first is used."
        notes.append(Note("duplicate-slices", text, "warning"))
    positions = np.array([item.position for item in ordered])
    places, problem = _places(positions, normal)
    if problem is not None:
        return Stack(tuple(ordered), None, tuple(notes), problem)
    slices: list[Slice | None] = [None] * (places[-1] + 1)
    for place, item in zip(places, ordered, strict=True):
        slices[place] = item
    missing = len(slices) - len(ordered)
    if missing:
        numbers = ", ".join(str(index + 1) for index, item in enumerate(slices) if item is None)
        text = f"Slices missing: {missing} of {len(slices)} (number {numbers}, counted from the patient's right); "
        notes.append(Note("missing-slices", text + "interpolated from their neighbours.", "warning"))
    if len(slices) == 1:
        step = normal * (first.spacing_between or first.thickness or _DEFAULT_STEP)
    else:
        step = (positions[-1] - positions[0]) / places[-1]
    return Stack(tuple(slices), _affine(first, positions[0], pixel_spacing, step), tuple(notes))


def _places(positions: FloatArray, normal: FloatArray) -> tuple[list[int], Problem | None]:
    """Number of steps from the first slice to each of the positions (N, 3), or the problem with them."""
    if len(positions) == 1:
        return [0], None
    along = (positions - positions[0]) @ normal
    step = float(np.median(np.diff(along)))
    # Rounded step by step, so that a slightly wrong step does not accumulate over many slices.
    places = np.concatenate([[0], np.cumsum(np.maximum(1, np.rint(np.diff(along) / step)))]).astype(int)
    fitted = np.outer(places / places[-1], positions[-1] - positions[0]) + positions[0]
    error = positions - fitted
    off_step = float(np.abs(error @ normal).max())
    shifted = float(np.linalg.norm(error - np.outer(error @ normal, normal), axis=1).max())
    missing = int(places[-1]) + 1 - len(places)
    if off_step > _IRREGULAR * step or shifted > _SHIFTED:
        return [], Problem("irregular-slices", f"its slices are not evenly spaced (up to {max(off_step, shifted):.1f} mm off)")
    if missing > _MISSING_SHARE * (places[-1] + 1):
        return [], Problem("missing-slices", f"{missing} of its {places[-1] + 1} slices are missing")
    return [int(place) for place in places], None


def _affine(first: Slice, origin: FloatArray, pixel_spacing: tuple[float, float], step: FloatArray) -> FloatArray:
    """4×4 from (column, row, slice) to RAS; PixelSpacing is (from row to row, from column to column), PS3.3 10.7.1.3."""
    lps = np.eye(4)
    lps[:3, 0] = np.array(first.row_direction) * pixel_spacing[1]
    lps[:3, 1] = np.array(first.column_direction) * pixel_spacing[0]
    lps[:3, 2] = step
    lps[:3, 3] = origin
    affine: FloatArray = LPS_FROM_RAS @ lps
    return affine


def _storage_order(item: Slice) -> tuple[int, str, int, str]:
    return (item.instance_number, item.sop_uid, item.frame or 0, str(item.path))
