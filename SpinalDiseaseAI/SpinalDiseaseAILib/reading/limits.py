"""Limits above which a file is not a lumbar MR image but could exhaust the memory: a few bytes of a header can state any size."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from ..base.errors import InputError

MAXIMUM_VOXELS = 2**28
"""Voxels of one image, 1024 × 1024 × 256; a sagittal study has a tenth of that."""

MAXIMUM_FRAMES = 2**14
"""Frames of one DICOM object."""

MAXIMUM_INFLATED_BYTES = 2**30
"""Inflated size of one compressed file."""


def check_size(name: str, lengths: Iterable[int]) -> None:
    """Refuse an image with more than :data:`MAXIMUM_VOXELS` values, before it is read.

    :param name: of the file.
    :param lengths: number of voxels along each axis, and number of values per voxel.
    :raises InputError: if it is too large.
    """
    stated = [int(length) for length in lengths]
    if prod(stated) > MAXIMUM_VOXELS:
        raise InputError(
            f"The image {name} is too large: it states {' × '.join(map(str, stated))} values.",
            f"At most {MAXIMUM_VOXELS // 10**6} million are read.",
            "Crop it to the lumbar spine, or export the series again.",
            code="image-too-large",
        )
