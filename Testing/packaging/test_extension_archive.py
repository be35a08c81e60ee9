"""The archives that Slicer installs from a file: complete, in the folders where Slicer looks, and working from there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import extension_archive
import package_lists
import pytest
import slicer
from extension_archive import PLATFORMS, SLICER_REVISIONS, PackagingError, Source

SOURCE = Source("git", "abc1234", 1_790_000_000)
OTHER_REVISION = "34712"
WINDOWS_EXTENSIONS = (
    r"C:\Users\firstname.familyname\AppData\Local\slicer.org\3D Slicer 5.12.4\slicer.org\Extensions-34645\SpinalDiseaseAI"
)
WINDOWS_LONGEST_PATH = 259


def names_of(archive: Path) -> list[str]:
    """Names in an archive in their order, read with the class that Slicer itself uses."""
    names: list[str] = []
    assert slicer.vtkArchive.ListArchive(str(archive), names)
    return names


def unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
    else:
        with tarfile.open(archive) as file:
            file.extractall(folder, filter="data")


def install_as_slicer_does(archive: Path, extensions: Path, system: str, revision: str) -> Path:
    """Follow the steps of ``qSlicerExtensionsManagerModel``, and return the folder of the installed extension.

    :raises LookupError: if Slicer would find no extension description in the archive, or could not copy its folder.
    """
    names = names_of(archive)
    description = next((name for name in names if name.endswith(".s4ext")), None)
    if description is None:
        raise LookupError("No extension description found in archive")
    unpacked = extensions / "unpacked"
    unpack(archive, unpacked)
    top = unpacked / Path(names[0]).parts[0]
    extension = Path(description).stem
    source = top / "Slicer.app/Contents" / f"Extensions-{revision}" / extension if system == "macosx" else top
    if not source.is_dir():
        raise LookupError("Failed to copy directory")
    shutil.copytree(source, extensions / extension)
    shutil.rmtree(unpacked)
    return extensions / extension


def read_description(path: Path) -> dict[str, str]:
    """Keys and values of a ``.s4ext``, split at the first blank of each line like Slicer does."""
    lines = [line.split(" ", 1) for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return {line[0]: line[1] if len(line) > 1 else "" for line in lines}


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """The tree's CMake files, with small files in place of those they list, so that archives are written quickly."""
    root = tmp_path / "tree"
    for name in ("CMakeLists.txt", "SpinalDiseaseAI.json", "LICENSE.txt", *set(package_lists.LISTS.values())):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(package_lists.ROOT / name, root / name)
    for name, files in package_lists.files_of_lists(root).items():
        for file in files:
            path = (root / package_lists.LISTS[name]).parent / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"# {file}\n")
    (root / "SpinalDiseaseAI/SpinalDiseaseAILib/__init__.py").write_text('__version__ = "1.2.3"\n')
    return root


@pytest.mark.parametrize("version", SLICER_REVISIONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_slicer_finds_the_module_and_its_description_where_it_looks(
    small_tree: Path, tmp_path: Path, version: str, platform: str
) -> None:
    system = platform.split("-")[0]
    revision = SLICER_REVISIONS[version] or OTHER_REVISION
    archive = extension_archive.write_archive(tmp_path, version, platform, revision, SOURCE, small_tree)
    installed = install_as_slicer_does(archive, tmp_path / "Extensions", system, revision)
    modules = installed / f"lib/Slicer-{version}/qt-scripted-modules"
    assert installed.name == "SpinalDiseaseAI"
    assert set(package_lists.files_below(modules)) == set(extension_archive.packaged_files(small_tree))
    assert (modules / "SpinalDiseaseAI.py").is_file()
    assert (modules / "Resources/UI/SpinalDiseaseAI.ui").is_file()
    assert (modules / "Resources/Icons/SpinalDiseaseAI.png").is_file()
    assert (modules / "SpinalDiseaseAILib/LICENSE.txt").is_file()
    assert read_description(installed / f"share/Slicer-{version}/SpinalDiseaseAI.s4ext")["scmrevision"] == "abc1234"
    assert {path.name for path in installed.iterdir()} == {"lib", "share"}


@pytest.mark.parametrize(
    ("platform", "name"),
    [
        ("linux-amd64", "34645-linux-amd64-SpinalDiseaseAI-gitabc1234-2026-09-21.tar.gz"),
        ("linux-arm64", "34645-linux-arm64-SpinalDiseaseAI-gitabc1234-2026-09-21.tar.gz"),
        ("win-amd64", "34645-win-amd64-SpinalDiseaseAI-gitabc1234-2026-09-21.zip"),
        ("macosx-amd64", "34645-macosx-amd64-SpinalDiseaseAI-gitabc1234-2026-09-21.tar.gz"),
        ("macosx-arm64", "34645-macosx-arm64-SpinalDiseaseAI-gitabc1234-2026-09-21.tar.gz"),
    ],
)
def test_an_archive_is_named_as_cpack_names_it(small_tree: Path, tmp_path: Path, platform: str, name: str) -> None:
    path = extension_archive.write_archive(tmp_path, "5.12", platform, "34645", SOURCE, small_tree)
    assert path == tmp_path / "Slicer-5.12" / name


def test_a_tree_without_git_names_the_version_of_the_library(small_tree: Path) -> None:
    source = extension_archive.source_of(small_tree)
    assert (source.scm, source.revision, source.name) == ("local", "1.2.3", "local1.2.3")


def test_a_stated_source_date_is_the_date_of_the_archive(small_tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    assert extension_archive.source_of(small_tree).name == "local1.2.3-2026-09-21"


def test_a_file_that_differs_from_the_commit_shows_in_the_name(small_tree: Path) -> None:
    identity = {
        f"GIT_{role}_{key}": f"a{at}" for role in ("AUTHOR", "COMMITTER") for key, at in (("NAME", ""), ("EMAIL", "@b.c"))
    }
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *command], cwd=small_tree, check=True, env=os.environ | identity)
    clean = extension_archive.source_of(small_tree)
    (small_tree / "SpinalDiseaseAI/SpinalDiseaseAI.py").write_text("# changed\n")
    assert re.fullmatch("git[0-9a-f]{7}-20..-..-..", clean.name)
    assert extension_archive.source_of(small_tree).revision == clean.revision + "-dirty"


@pytest.mark.parametrize("platform", ["linux-amd64", "win-amd64"])
def test_the_same_tree_gives_the_same_bytes(small_tree: Path, tmp_path: Path, platform: str) -> None:
    first = extension_archive.write_archive(tmp_path / "1", "5.12", platform, "34645", SOURCE, small_tree).read_bytes()
    for path in small_tree.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o755)
    assert extension_archive.write_archive(tmp_path / "2", "5.12", platform, "34645", SOURCE, small_tree).read_bytes() == first


def test_the_first_entry_is_a_file_in_the_one_top_folder(small_tree: Path, tmp_path: Path) -> None:
    names = names_of(extension_archive.write_archive(tmp_path, "5.12", "linux-amd64", "34645", SOURCE, small_tree))
    assert {name.split("/")[0] for name in names} == {"SDAI"}
    assert all("/" in name and not name.endswith("/") for name in names), "Slicer takes the top folder from the first entry"


def test_no_path_is_too_long_for_windows(small_tree: Path, tmp_path: Path) -> None:
    names = names_of(extension_archive.write_archive(tmp_path, "5.12", "win-amd64", "34645", SOURCE, small_tree))
    longest = max((f"{WINDOWS_EXTENSIONS}\\{name}" for name in names), key=len)
    assert len(longest) <= WINDOWS_LONGEST_PATH, longest


def test_the_description_states_what_the_extensions_index_states(small_tree: Path, tmp_path: Path) -> None:
    path = tmp_path / "SpinalDiseaseAI.s4ext"
    path.write_text(extension_archive.description(SOURCE, small_tree), encoding="utf-8")
    values = read_description(path)
    entry = json.loads((small_tree / "SpinalDiseaseAI.json").read_text())
    assert (values["scm"], values["scmurl"], values["scmrevision"]) == ("git", entry["scm_url"], "abc1234")
    assert values["depends"].split() == entry["build_dependencies"]
    assert values["category"] == entry["category"]
    assert values["description"].startswith("Finds and names every lumbar vertebra")
    assert values["enabled"] == "1"
    assert values["status"] == ""
    assert all(url.startswith("https://") for key in ("homepage", "iconurl", "screenshoturls") for url in values[key].split())


def test_an_archive_for_another_revision_of_slicer_is_not_found_on_macos(small_tree: Path, tmp_path: Path) -> None:
    archive = extension_archive.write_archive(tmp_path, "5.12", "macosx-arm64", "34645", SOURCE, small_tree)
    with pytest.raises(LookupError, match="Failed to copy"):
        install_as_slicer_does(archive, tmp_path / "Extensions", "macosx", OTHER_REVISION)


def test_an_archive_for_macos_without_a_revision_is_refused(small_tree: Path, tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match=r"that of 5\.13 is not known.*REVISION=<number>"):
        extension_archive.write_archive(tmp_path, "5.13", "macosx-arm64", "", SOURCE, small_tree)
    assert list(tmp_path.glob("Slicer-*")) == []


@pytest.mark.parametrize(
    ("missing", "complaint"),
    [
        (
            "SpinalDiseaseAI/Resources/UI/SpinalDiseaseAI.ui",
            "SpinalDiseaseAI/CMakeLists.txt lists Resources/UI/SpinalDiseaseAI.ui",
        ),
        ("SpinalDiseaseAI/SpinalDiseaseAILib/worker/__main__.py", "SpinalDiseaseAI/CMakeLists.txt lists .*worker/__main__.py"),
        (
            "Resources/Models/lumbar-mr-localizer/models/model.safetensors",
            "Resources/CMakeLists.txt lists Models/lumbar-mr-localizer",
        ),
        ("Resources/SampleData/lumbar-mr/slice11.dcm", "Resources/CMakeLists.txt lists SampleData/lumbar-mr/slice11.dcm"),
        ("LICENSE.txt", "There is no LICENSE.txt"),
    ],
)
def test_a_missing_file_is_detected(small_tree: Path, tmp_path: Path, missing: str, complaint: str) -> None:
    (small_tree / missing).unlink()
    with pytest.raises(PackagingError, match=complaint):
        extension_archive.write_archive(tmp_path, "5.12", "linux-amd64", "34645", SOURCE, small_tree)
    assert list(tmp_path.glob("Slicer-*")) == []


def test_a_file_that_is_not_listed_is_detected(small_tree: Path, tmp_path: Path) -> None:
    (small_tree / "SpinalDiseaseAI/SpinalDiseaseAILib/new.py").touch()
    with pytest.raises(PackagingError, match="does not list SpinalDiseaseAILib/new.py"):
        extension_archive.write_archive(tmp_path, "5.12", "linux-amd64", "34645", SOURCE, small_tree)


def test_a_description_without_its_address_is_refused(small_tree: Path) -> None:
    cmake = small_tree / "CMakeLists.txt"
    cmake.write_text(cmake.read_text(encoding="utf-8").replace("EXTENSION_HOMEPAGE", "EXTENSION_HOMPAGE"), encoding="utf-8")
    with pytest.raises(PackagingError, match="does not state 'HOMEPAGE'"):
        extension_archive.description(SOURCE, small_tree)


def test_a_name_that_is_not_portable_is_refused(small_tree: Path, tmp_path: Path) -> None:
    (small_tree / "SpinalDiseaseAI/SpinalDiseaseAILib/Größe.py").touch()
    package_lists.write_lists(small_tree)
    with pytest.raises(PackagingError, match="Größe.py has a name that not every computer can write"):
        extension_archive.write_archive(tmp_path, "5.12", "linux-amd64", "34645", SOURCE, small_tree)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--revision", "34712"], "A revision belongs to one version of Slicer"),
        (["--platform", "linux"], "linux is no platform of Slicer"),
        (["--slicer", "5.13", "--platform", "macosx-arm64"], "that of 5.13 is not known"),
    ],
)
def test_the_program_explains_what_is_wrong_with_its_arguments(
    arguments: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status: object = extension_archive.main([str(tmp_path), *arguments])
    except SystemExit as exit_:
        status = exit_.code
    assert status == 2
    assert complaint in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension in an otherwise empty folder, as Slicer 5.12 installs it from the program's archive."""
    folder = tmp_path_factory.mktemp("archives")
    assert extension_archive.main([str(folder), "--slicer", "5.12", "--platform", "linux-amd64"]) == 0
    (archive,) = folder.rglob("*.tar.gz")
    return install_as_slicer_does(archive, tmp_path_factory.mktemp("Extensions é"), "linux", SLICER_REVISIONS["5.12"])


def test_the_installed_extension_analyses_the_packaged_sample(installed: Path, tmp_path: Path) -> None:
    modules = installed / "lib/Slicer-5.12/qt-scripted-modules"
    code = (
        "import sys, SpinalDiseaseAILib\n"
        "from SpinalDiseaseAILib.base.locations import models_folder, sample_folder\n"
        "print(SpinalDiseaseAILib.__file__, models_folder(), sample_folder(), sep='\\n')\n"
        "sys.argv[1:] = ['demo', '--output', 'results', '--quiet', '--device', 'cpu']\n"
        "from SpinalDiseaseAILib.cli.main import main\n"
        "main()"
    )
    unset = ("SPINAL_DISEASE_AI_MODELS", "PYTHONHOME")
    environment = {key: value for key, value in os.environ.items() if key not in unset}
    environment |= {"PYTHONPATH": str(modules), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, check=False, encoding="utf-8"
    )
    assert result.returncode == 0, result.stderr
    assert [Path(line).is_relative_to(modules.resolve()) for line in result.stdout.splitlines()] == [True] * 3, result.stdout
    report = json.loads((tmp_path / "results/report.json").read_text(encoding="utf-8"))
    graded = {structure["name"] for structure in report["structures"] if structure["findings"]}
    assert graded >= {"T12-L1", "L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"}
    assert {path.name for path in (tmp_path / "results").iterdir()} >= {"report.html", "report.tsv", "overlay.png"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results"]


def test_an_extension_without_a_model_does_not_pass_that_check(installed: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(
        installed / "lib/Slicer-5.12/qt-scripted-modules/SpinalDiseaseAILib", tmp_path / "SpinalDiseaseAILib"
    )
    (broken / "Resources/Models/lumbar-mr-localizer/models/model.safetensors").unlink()
    command = [sys.executable, "-m", "SpinalDiseaseAILib", "demo", "--output", "results", "--quiet", "--device", "cpu"]
    environment = {key: value for key, value in os.environ.items() if key != "SPINAL_DISEASE_AI_MODELS"}
    result = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=False, encoding="utf-8")
    assert result.returncode == 4
    assert "model.safetensors" in result.stderr
