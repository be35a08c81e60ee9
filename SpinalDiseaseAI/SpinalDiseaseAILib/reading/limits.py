"""Sizes above which a file is no lumbar MR image, but could fill the computer: a few bytes of a header can state any size."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from ..base.errors import InputError

MAXIMUM_VOXELS = 2**28
"""Of one image, 1024 × 1024 × 256: a sagittal study has a tenth of it."""

MAXIMUM_FRAMES = 2**14
"""Of one DICOM object."""

MAXIMUM_INFLATED_BYTES = 2**30
"""Of one compressed file."""


def check_size(name: str, lengths: Iterable[int]) -> None:
    """Refuse an image that has more voxels than any that can be analysed, before they are in memory.

    :param name: of the file.
    :param lengths: along each axis; values a voxel are one more.
    :raises InputError: if so.
    """
    stated = [int(length) for length in lengths]
    if prod(stated) > MAXIMUM_VOXELS:
        raise InputError(
            f"The image {name} is too large: it states {' × '.join(map(str, stated))} values.",
            f"At most {MAXIMUM_VOXELS // 10**6} million are read.",
            "Crop it to the lumbar spine, or export the series again.",
            code="image-too-large",
        )
