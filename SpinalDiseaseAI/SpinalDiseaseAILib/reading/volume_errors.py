"""Errors about files that are not DICOM."""

from __future__ import annotations

from pathlib import Path

from ..base.errors import InputError


def unreadable(path: Path) -> InputError:
    """The error for a file that is truncated or damaged, or is not what its name says."""
    return InputError(
        f"The file {path.name} cannot be read: it is truncated, damaged, or not of the format that its name says.",
        remedy="Copy or export it again.",
        code="truncated-file",
    )


def unopened(path: Path, error: OSError) -> InputError:
    """The error for a file that the reading library cannot open."""
    return InputError(
        f"The file {path.name} cannot be opened: {error.strerror or type(error).__name__}.",
        remedy="Copy it to a folder whose full path has only English letters, and open it there.",
        code="closed-path",
    )


def skewed_axes(path: Path) -> InputError:
    """The error for a file whose voxel axes are not perpendicular."""
    return InputError(
        f"The voxel axes that the file {path.name} states are not at right angles to one another.",
        "A volume on a rectangular grid is needed.",
        "Resample the volume to a grid without shear, or export the image again.",
        code="skewed-axes",
    )


def zero_spacing(path: Path) -> InputError:
    """The error for a file that states a voxel spacing of zero."""
    return InputError(
        f"The file {path.name} states a voxel spacing of zero.",
        "Every voxel axis needs a length in millimetres.",
        "Export the image again.",
        code="zero-spacing",
    )
