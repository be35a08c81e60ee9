"""A truncated NIfTI file, which its reader would fill up with zeros."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.reading.nifti import check_nifti


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("missing", [1, 400])
def test_a_file_without_its_last_voxels_is_refused_whatever_their_type(folder: Path, kind: type, missing: int) -> None:
    path = folder / "a.nii"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray((np.arange(5400) % 100 + 1).reshape(9, 20, 30).astype(kind)), str(path))
    check_nifti(path)
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(InputError):
        check_nifti(path)
