"""Sizes of files and words in them, over the whole tree."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import package_lists
import pytest

ROOT = package_lists.ROOT
LARGEST_FILE = 8 * 1024**2
LARGEST_TREE = 40 * 1024**2  # a clone with its history must stay below 100 MB
LONGEST_LIBRARY_FILE = 300

# Folders of a developer's computer, written in two parts so that this file does not contain them.
FOREIGN_PATH = re.compile(r"(?<![\w.:/-])(/wo" + r"rk/|/ho" + r"me/\w|/ro" + r"ot/|sha" + r"red/(guide|data|contract))")


def tracked_files() -> list[Path]:
    """Files tracked by git; without git, every file in the packages."""
    result = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if result.returncode == 0 and result.stdout:
        return [path for name in result.stdout.decode("utf-8").split("\0") if name and (path := ROOT / name).is_file()]
    return [
        ROOT / folder / name for folder in ("SpinalDiseaseAI", "Resources") for name in package_lists.files_below(ROOT / folder)
    ]


def foreign_paths(text: str) -> list[str]:
    """Paths in a text that exist only on a developer's computer."""
    return [match.group() for match in FOREIGN_PATH.finditer(text)]


def test_no_file_of_the_tree_is_larger_than_8_megabytes_and_the_tree_stays_small() -> None:
    sizes = {str(path.relative_to(ROOT)): path.stat().st_size for path in tracked_files()}
    assert {name: size for name, size in sizes.items() if size > LARGEST_FILE} == {}
    assert sum(sizes.values()) < LARGEST_TREE


def test_every_library_file_is_shorter_than_300_lines() -> None:
    library = ROOT / "SpinalDiseaseAI/SpinalDiseaseAILib"
    lengths = {
        str(path.relative_to(library)): len(path.read_text(encoding="utf-8").splitlines()) for path in library.rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length >= LONGEST_LIBRARY_FILE} == {}


def test_no_file_names_a_folder_of_a_developers_computer() -> None:
    found = {}
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if names := foreign_paths(text):
            found[str(path.relative_to(ROOT))] = names
    assert found == {}


@pytest.mark.parametrize("text", ["see /wo" + "rk/main", "open('/ho" + "me/anna/x')", "in sha" + "red/data/"])
def test_such_a_folder_is_detected(text: str) -> None:
    assert len(foreign_paths(text)) == 1


@pytest.mark.parametrize("text", ["https://example.org/wo" + "rk/", "a frame/wo" + "rk/of art", "the patient's /path/to/study"])
def test_an_address_or_an_example_is_not_mistaken_for_one(text: str) -> None:
    assert foreign_paths(text) == []


def test_text_files_have_unix_line_endings() -> None:
    suffixes = {".py", ".md", ".txt", ".toml", ".cmake", ".json", ".ui", ".html", ".css"}
    wrong = [path for path in tracked_files() if path.suffix in suffixes and b"\r" in path.read_bytes()]
    assert wrong == []
