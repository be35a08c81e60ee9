"""Files that are not listed are not packaged, and listed files must exist."""

from __future__ import annotations

import shutil
from pathlib import Path

import package_lists
import pytest


@pytest.mark.parametrize("name", package_lists.LISTS)
def test_every_file_of_the_tree_is_listed_and_every_listed_file_exists(name: str) -> None:
    listed, present = package_lists.files_of_lists()[name], package_lists.files_of_tree()[name]
    add, remove = sorted(set(present) - set(listed)), sorted(set(listed) - set(present))
    advice = "\n".join(
        [f"{package_lists.LISTS[name]}, set({name}: `make package-lists` writes it anew."]
        + [f"add the line     {file}" for file in add]
        + [f"remove the line  {file}" for file in remove]
    )
    assert not add and not remove, advice
    assert len(listed) == len(set(listed)), f"{name} lists a file twice"


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    for name in {*package_lists.LISTS.values()}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(package_lists.ROOT / name, tmp_path / name)
    for name in (
        "SpinalDiseaseAI/SpinalDiseaseAI.py",
        "SpinalDiseaseAI/Resources/UI/a.ui",
        "Resources/Models/b/model.safetensors",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    package_lists.write_lists(tmp_path)
    return tmp_path


def test_the_lists_are_written_from_the_tree(small_tree: Path) -> None:
    assert package_lists.files_of_lists(small_tree) == {
        "MODULE_PYTHON_SCRIPTS": ["SpinalDiseaseAI.py"],
        "MODULE_PYTHON_RESOURCES": ["Resources/UI/a.ui"],
        "EXTENSION_RESOURCE_FILES": ["Models/b/model.safetensors"],
    }


def test_a_new_file_shows_as_not_listed(small_tree: Path) -> None:
    (small_tree / "SpinalDiseaseAI/SpinalDiseaseAILib").mkdir()
    (small_tree / "SpinalDiseaseAI/SpinalDiseaseAILib/new.py").write_text("")
    assert package_lists.files_of_lists(small_tree) != package_lists.files_of_tree(small_tree)


def test_caches_and_hidden_files_are_not_packaged(small_tree: Path) -> None:
    for name in ("Resources/Models/__pycache__/x.pyc", "Resources/Models/.DS_Store"):
        (small_tree / name).parent.mkdir(parents=True, exist_ok=True)
        (small_tree / name).write_text("")
    assert package_lists.files_of_lists(small_tree) == package_lists.files_of_tree(small_tree)


def test_a_cmake_file_without_the_list_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no list set\(MODULE_PYTHON_SCRIPTS"):
        package_lists.split_at_list("project(X)\n", "MODULE_PYTHON_SCRIPTS")
