"""Masks in a folder whose name has letters that SimpleITK cannot open on Windows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK

from SpinalDiseaseAILib.base import plain_paths
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.masks import LABELS, Masks, masks_of
from SpinalDiseaseAILib.writing.masks import write_nifti, write_nrrd

Write = Callable[[Masks, Path], None]


@pytest.mark.parametrize(("write_masks", "name"), [(write_nrrd, "masks.seg.nrrd"), (write_nifti, "masks.nii.gz")])
def test_masks_are_written_to_a_folder_with_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_masks: Write, name: str
) -> None:
    write = SimpleITK.WriteImage

    def write_ascii(image: Any, path: str, **options: Any) -> None:
        if not path.isascii():
            raise RuntimeError(f"The file {path} cannot be made.")
        write(image, path, **options)

    monkeypatch.setattr(SimpleITK, "WriteImage", write_ascii)
    monkeypatch.setattr(plain_paths, "_code_page", lambda: 1252)
    monkeypatch.setattr(plain_paths, "_short_name", lambda path: path)
    masks = masks_of(Image(np.full((3, 4, 5), LABELS["L3"], dtype=np.uint8), np.eye(4)))
    folders = tmp_path / "plain", tmp_path / "Müller 腰椎"
    for folder in folders:
        folder.mkdir()
        write_masks(masks, folder / name)
    plain, other = (SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder / name))) for folder in folders)
    assert (plain == other).all() and plain.any()
