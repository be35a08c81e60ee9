"""The wheel contains the library, the models and the sample."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import package_lists
import pytest


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=package_lists.ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_every_file_of_the_library_the_models_and_the_sample(wheel: Path) -> None:
    tree = package_lists.files_of_tree()
    library = {
        name
        for name in (*tree["MODULE_PYTHON_SCRIPTS"], *tree["MODULE_PYTHON_RESOURCES"])
        if name.startswith("SpinalDiseaseAILib/")
    }
    resources = {f"SpinalDiseaseAILib/Resources/{name}" for name in tree["EXTENSION_RESOURCE_FILES"]}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == library | resources


def test_an_installed_wheel_finds_its_models_and_its_sample(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "from SpinalDiseaseAILib.base import locations as l; print(l.models_folder()); print(l.sample_folder())"
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    resources = tmp_path.resolve() / "SpinalDiseaseAILib/Resources"
    assert result.stdout.splitlines() == [str(resources / "Models"), str(resources / "SampleData")]
