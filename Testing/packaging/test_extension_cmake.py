"""The extension configures, builds and installs against a stand-in for Slicer, and its installed package works."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cmake
import package_lists
import pytest

ROOT = package_lists.ROOT
STANDIN = Path(__file__).parent / "slicer-standin"
CMAKE = str(Path(cmake.CMAKE_BIN_DIR) / "cmake")
MODULES = "lib/Slicer-5.12/qt-scripted-modules"


def configure(source: Path, build: Path) -> subprocess.CompletedProcess[str]:
    command = [CMAKE, "-S", source, "-B", build, "-G", "Unix Makefiles", "-Wno-deprecated", "--warn-uninitialized"]
    command += [f"-DSlicer_DIR={STANDIN}", f"-DCMAKE_TOOLCHAIN_FILE={STANDIN / 'no-compiler.cmake'}"]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)


def own_warnings(stderr: str) -> list[str]:
    """Warnings about the extension's CMake files, without those about unset variables in CMake's own modules."""
    return re.findall(r"CMake Warning[^\n]* (?:at|in) \S*CMakeLists\.txt:[^\n]*\n[^\n]*", stderr)


@pytest.fixture(scope="module")
def build_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("build")
    result = configure(ROOT, build)
    assert result.returncode == 0, result.stderr
    assert own_warnings(result.stderr) == []
    subprocess.run([CMAKE, "--build", str(build)], check=True, capture_output=True)
    return build


@pytest.fixture(scope="module")
def install_tree(build_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("install path with spaces é")
    subprocess.run([CMAKE, "--install", str(build_tree), "--prefix", str(prefix)], check=True, capture_output=True)
    return prefix


def packaged_files() -> set[str]:
    """Every file of the package, relative to Slicer's folder of scripted modules."""
    tree = package_lists.files_of_tree()
    resources = {f"SpinalDiseaseAILib/Resources/{name}" for name in tree["EXTENSION_RESOURCE_FILES"]}
    return {*tree["MODULE_PYTHON_SCRIPTS"], *tree["MODULE_PYTHON_RESOURCES"], *resources}


def test_the_build_tree_has_exactly_the_packaged_files(build_tree: Path) -> None:
    assert set(package_lists.files_below(build_tree / MODULES)) == packaged_files()


def test_the_package_has_exactly_the_packaged_files(install_tree: Path) -> None:
    expected = {*packaged_files(), "SpinalDiseaseAILib/LICENSE.txt"}
    assert set(package_lists.files_below(install_tree)) == {f"{MODULES}/{name}" for name in expected}


@pytest.mark.parametrize("tree", ["build_tree", "install_tree"])
def test_the_library_finds_its_models_and_its_sample_in_both_trees(tree: str, request: pytest.FixtureRequest) -> None:
    modules = request.getfixturevalue(tree) / MODULES
    code = "from SpinalDiseaseAILib.base import locations as l; print(l.models_folder()); print(l.sample_folder())"
    environment = {key: value for key, value in os.environ.items() if key != "SPINAL_DISEASE_AI_MODELS"}
    result = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code],
        env=environment | {"PYTHONPATH": str(modules), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=modules,
        capture_output=True,
        check=True,
    )
    expected = [str((modules / "SpinalDiseaseAILib/Resources" / name).resolve()) for name in ("Models", "SampleData")]
    assert result.stdout.decode("utf-8").splitlines() == expected


def test_the_module_and_its_tests_are_registered(build_tree: Path) -> None:
    recorded = build_tree / "recorded"
    assert (recorded / "module.txt").read_text() == "SpinalDiseaseAI generic-tests=TRUE\n"
    assert (recorded / "unittests.txt").read_text().startswith("SpinalDiseaseAI --additional-module-path")
    assert (recorded / "cpack.txt").read_text() == "SpinalDiseaseAI\n"


def test_the_meta_information_is_complete_and_agrees_with_the_index_entry(build_tree: Path) -> None:
    lines = (build_tree / "recorded/extension.txt").read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines)
    entry = json.loads((ROOT / "SpinalDiseaseAI.json").read_text(encoding="utf-8"))
    assert values["DEPENDS"].split() == entry["build_dependencies"] == ["PyTorch"]
    assert entry["scm_url"] == values["HOMEPAGE"] + ".git"
    raw = values["HOMEPAGE"].replace("https://github.com/", "https://raw.githubusercontent.com/") + f"/{entry['scm_revision']}/"
    for url in (values["ICONURL"], *values["SCREENSHOTURLS"].split(" ")):
        assert url.startswith(raw), url
        assert (ROOT / url.removeprefix(raw)).is_file(), f"{url} is not in the tree"


@pytest.fixture
def changed_extension(tmp_path: Path) -> Path:
    """A copy of the CMake files, with empty files in place of those they list."""
    source = tmp_path / "source"
    for name in ("CMakeLists.txt", "SpinalDiseaseAI/CMakeLists.txt", "Resources/CMakeLists.txt", "Testing/CMakeLists.txt"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    for name, files in package_lists.files_of_lists().items():
        for file in files:
            path = (source / package_lists.LISTS[name]).parent / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    (source / "LICENSE.txt").touch()
    return source


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("SpinalDiseaseAI/CMakeLists.txt", "WITH_GENERIC_TESTS", "GENERIC_TESTS", "nonexistent"),
        ("SpinalDiseaseAI/CMakeLists.txt", "slicerMacroBuildScriptedModule(", "slicerMacroBuildModule(", "Unknown CMake command"),
        ("SpinalDiseaseAI/CMakeLists.txt", "  SpinalDiseaseAILib/__init__.py", "  SpinalDiseaseAILib/gone.py", "nonexistent"),
        (
            "Resources/CMakeLists.txt",
            "set(EXTENSION_RESOURCE_FILES",
            "set(EXTENSION_RESOURCE_FILES Models/gone",
            "nonexistent file",
        ),
        ("Testing/CMakeLists.txt", "SpinalDiseaseAI.py", "Gone.py", "nonexistent script"),
        ("CMakeLists.txt", 'set(EXTENSION_DEPENDS "PyTorch")', "", "EXTENSION_DEPENDS is either not defined or empty"),
        ("CMakeLists.txt", "set(EXTENSION_HOMEPAGE", "set(EXTENSION_HOMPAGE", "EXTENSION_HOMEPAGE is either not defined"),
    ],
)
def test_a_mistake_in_a_cmake_file_fails(changed_extension: Path, file: str, old: str, new: str, complaint: str) -> None:
    path = changed_extension / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    result = configure(changed_extension, changed_extension.parent / "build")
    assert result.returncode != 0
    assert complaint in " ".join(result.stderr.split()), result.stderr


def test_the_unchanged_copy_configures(changed_extension: Path) -> None:
    result = configure(changed_extension, changed_extension.parent / "build")
    assert result.returncode == 0, result.stderr
    assert own_warnings(result.stderr) == []


def test_a_misspelt_variable_is_detected(changed_extension: Path) -> None:
    path = changed_extension / "Resources/CMakeLists.txt"
    path.write_text(path.read_text(encoding="utf-8").replace("/${_folder}", "/${_foldr}"), encoding="utf-8")
    (warning,) = set(own_warnings(configure(changed_extension, changed_extension.parent / "build").stderr))
    assert "uninitialized variable '_foldr'" in warning
