"""Transfer of masks from worker to client: voxels as a raw file in the client's temporary folder, the rest in the message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..base.errors import ComputeError, InputError, SchemaError
from ..base.geometry import Image
from ..base.masks import Masks

_FILE = "masks.npy"


def write_masks(masks: Masks, folder: Path) -> dict[str, Any]:
    """Write the voxels of masks into a folder.

    :returns: JSON values for :func:`read_masks`.
    :raises ComputeError: if the folder cannot be written or is full.
    """
    try:
        np.save(folder / _FILE, masks.image.voxels, allow_pickle=False)
    except OSError as error:
        raise ComputeError(
            f"The masks cannot be written to the temporary folder: {error.strerror or type(error).__name__}.",
            remedy="Free space there, or set TMPDIR to another folder.",
            code="temporary-folder",
        ) from error
    return {
        "file": _FILE,
        "affine": masks.image.affine.tolist(),
        "names": {str(label): name for label, name in masks.names.items()},
        "model": masks.model,
    }


def read_masks(values: Any, folder: Path) -> Masks:
    """The masks written by :func:`write_masks`, with their voxels read into memory.

    :raises SchemaError: if the values or the file are missing or wrong.
    """
    try:
        # Only the last part of the path is used: a message cannot point outside the folder.
        with (folder / Path(values["file"]).name).open("rb") as file:
            voxels = np.lib.format.read_array(file, allow_pickle=False)
        names = {int(label): str(name) for label, name in values["names"].items()}
        return Masks(Image(voxels, np.array(values["affine"])), names, str(values["model"]))
    except (OSError, KeyError, TypeError, ValueError, AttributeError, InputError) as error:
        raise SchemaError(
            f"The masks of the analysis cannot be read: {error!r}.", "Masks written by this product are needed."
        ) from error
