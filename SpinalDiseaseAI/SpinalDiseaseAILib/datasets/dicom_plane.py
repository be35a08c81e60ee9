"""One slice of a DICOM series as an upright sagittal plane, with a mapping from stored pixels to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..base.errors import InputError
from ..base.geometry import Array
from ..reading.pixels import read_image
from ..reading.slices import Slice
from ..reading.stacks import orientation_of, stacks_of

Place = Callable[[tuple[float, float]], tuple[float, float]]


def upright_plane(file: Slice) -> tuple[Array, Place, tuple[float, float] | None]:
    """A slice with anterior to the left and the head up.

    :returns: pixels of shape (rows, columns), brighter for more signal; a function from stored (column, row) to (column, row)
        in them; and millimetres (between rows, between columns), None if the file does not state them.
    :raises InputError: if the slice is not sagittal, or cannot be read.
    """
    if orientation_of(file) not in ("sagittal", "unknown"):
        raise InputError(f"the annotated instance is {orientation_of(file)}", code="dataset")
    known = file.pixel_spacing is not None and min(file.pixel_spacing) > 0
    # Only directions matter here, so a pixel size of 1 will do for a slice of unknown spacing.
    (stack,) = stacks_of([file if known else replace(file, pixel_spacing=(1.0, 1.0))])
    if stack.problem is not None:
        raise InputError(stack.problem.because, code="dataset")
    image, _ = read_image(stack)
    affine = stack.affine

    def place(coord: tuple[float, float]) -> tuple[float, float]:
        if affine is None:
            return coord
        _, column, row = image.to_ijk(affine[:3, :3] @ (*coord, 0.0) + affine[:3, 3])
        return float(column), float(row)

    spacing = (float(image.spacing[2]), float(image.spacing[1])) if known else None
    return image.voxels[0].T, place, spacing
