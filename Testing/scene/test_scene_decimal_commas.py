"""Masks, volumes and scenes in a program with decimal commas, such as one with a German locale."""

from __future__ import annotations

import locale
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.masks import LABELS, masks_of
from SpinalDiseaseAILib.base.report import Report, StructureResult
from SpinalDiseaseAILib.base.study import Role, Series, Study
from SpinalDiseaseAILib.reading import open_study
from SpinalDiseaseAILib.scene.mrb import read_scene, write_scene
from SpinalDiseaseAILib.writing.masks import write_nifti, write_nrrd

SPACING = (4.25, 0.75, 0.6)


@pytest.fixture
def commas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The German locale, created here if the computer does not have it."""
    before = locale.setlocale(locale.LC_NUMERIC)
    name = "de_DE.UTF-8"
    try:
        locale.setlocale(locale.LC_NUMERIC, name)
    except locale.Error:
        made = shutil.which("localedef") and subprocess.run(
            ["localedef", "-i", "de_DE", "-f", "UTF-8", str(tmp_path / name)], capture_output=True, check=False
        )
        if not made or not (tmp_path / name).is_dir():
            pytest.skip("There is no locale with decimal commas.")
        monkeypatch.setitem(os.environ, "LOCPATH", str(tmp_path))
        locale.setlocale(locale.LC_NUMERIC, name)
    assert locale.localeconv()["decimal_point"] == ","
    yield
    locale.setlocale(locale.LC_NUMERIC, before)


def image() -> Image:
    affine = np.diag([-SPACING[0], -SPACING[1], -SPACING[2], 1.0])
    affine[:3, 3] = 12.5, -7.25, 100.125
    return Image(np.random.default_rng(0).integers(1, 99, (5, 200, 300)).astype(np.int16), affine)


@pytest.mark.usefixtures("commas")
@pytest.mark.parametrize(("write", "name"), [(write_nrrd, "masks.seg.nrrd"), (write_nifti, "masks.nii.gz")])
def test_masks_are_where_they_belong(tmp_path: Path, write, name: str) -> None:  # type: ignore[no-untyped-def]
    write(masks_of(Image(np.full((3, 4, 5), LABELS["L3"], dtype=np.uint8), image().affine)), tmp_path / name)
    locale.setlocale(locale.LC_NUMERIC, "C")
    found = SimpleITK.ReadImage(str(tmp_path / name))
    assert found.GetSpacing() == pytest.approx(SPACING) and found.GetOrigin() == pytest.approx((-12.5, 7.25, 100.125))


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii.gz"])
def test_volumes_are_read_with_their_spacing(tmp_path: Path, suffix: str, request: pytest.FixtureRequest) -> None:
    itk = SimpleITK.GetImageFromArray(image().voxels.T)
    lps = np.diag([-1, -1, 1, 1]) @ image().affine
    itk.SetSpacing(SPACING)
    itk.SetDirection((lps[:3, :3] / SPACING).ravel().tolist())
    SimpleITK.WriteImage(itk, str(tmp_path / f"volume{suffix}"))
    request.getfixturevalue("commas")
    study = open_study([tmp_path / f"volume{suffix}"])
    assert tuple(study.primary.image.spacing) == pytest.approx(SPACING)
    assert locale.localeconv()["decimal_point"] == ","


@pytest.mark.usefixtures("commas")
def test_a_scene_keeps_spacing_and_points(tmp_path: Path) -> None:
    study = Study((Series(Role.SAGITTAL_T2, image(), "1.2.3", "sagittal T2"),), "1.2")
    point = StructureResult("L3", (-1.25, 20.5, 30.75), 0.9)
    report = Report("lumbar-mr", (point,), (), (), tuple(item.identity() for item in study.series), study.uid)
    scene = read_scene(write_scene(report, study, tmp_path / "scene.mrb"))
    assert scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode").GetSpacing() == pytest.approx(SPACING)
    place = [0.0, 0.0, 0.0]
    scene.GetFirstNodeByClass("vtkMRMLMarkupsFiducialNode").GetNthControlPointPositionWorld(0, place)
    assert place == pytest.approx([-1.25, 20.5, 30.75])
