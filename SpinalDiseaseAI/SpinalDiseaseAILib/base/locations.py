"""Locations of the model bundles and the sample study, for each way of installing the product.

In the source tree, the folder ``Resources`` is in the root. In a wheel, and in Slicer's build and install trees, it is copied
into the library's folder, so it moves with the library.
"""

from __future__ import annotations

import os
from pathlib import Path

from .errors import InputError, ModelError

MODELS_VARIABLE = "SPINAL_DISEASE_AI_MODELS"
"""Environment variable that names another folder of model bundles."""

_LIBRARY = Path(__file__).resolve().parents[1]


def models_folder() -> Path:
    """Folder with one subfolder per model bundle.

    :raises ModelError: if the installation has none, or the environment variable names a folder that does not exist.
    """
    chosen = os.environ.get(MODELS_VARIABLE, "")
    if chosen:
        folder = Path(chosen)
        if not folder.is_dir():
            raise ModelError(
                f"The environment variable {MODELS_VARIABLE} names {chosen}, which is not a folder.",
                "It should name a folder with one subfolder per model bundle.",
                "Correct it, or unset it to use the installed models.",
                code="no-models",
            )
        return folder
    found = _resources("Models")
    if found is None:
        raise ModelError(
            "The installation has no folder of models.",
            remedy=f"Install SpinalDiseaseAI again, or name a folder of model bundles in {MODELS_VARIABLE}.",
            code="no-models",
        )
    return found


def sample_folder() -> Path:
    """Folder of the sample study.

    :raises InputError: if the installation has none.
    """
    found = _resources("SampleData")
    if found is None:
        raise InputError("The installation has no sample study.", remedy="Install SpinalDiseaseAI again.", code="no-sample")
    return found


def _resources(name: str) -> Path | None:
    for parent in (_LIBRARY, _LIBRARY.parents[1]):
        folder = parent / "Resources" / name
        if folder.is_dir():
            return folder
    return None
