"""The page on packaging agrees with the packaging."""

from __future__ import annotations

import json
import re

import package_lists
import pytest
from extension_archive import PLATFORMS, SLICER_REVISIONS

ROOT = package_lists.ROOT
GUIDE = (ROOT / "docs/developer/packaging.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("version", "revision"), SLICER_REVISIONS.items())
def test_the_table_has_a_row_for_every_version_with_its_revision(version: str, revision: str) -> None:
    row = re.search(rf"^\| {re.escape(version)} \| ([^|]+) \|", GUIDE, re.MULTILINE)
    assert row is not None
    assert row[1] == (revision or "another one every day")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_table_has_every_platform(platform: str) -> None:
    assert platform in GUIDE


def test_every_file_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`((?:Testing|SpinalDiseaseAI|docs|Resources)[\w/.]*\.\w+|LICENSE\.txt|CMakeLists\.txt)`", GUIDE))
    linked = {f"docs/developer/{target}" for target in re.findall(r"\]\(([\w./-]+\.md)\)", GUIDE)}
    assert named >= {"SpinalDiseaseAI.json", "SpinalDiseaseAI.png", "LICENSE.txt", "Testing/packaging/test_extension_archive.py"}
    assert {name for name in named | linked if not (ROOT / name).is_file()} == set()


def test_the_repository_has_the_name_that_the_page_gives() -> None:
    entry = json.loads((ROOT / "SpinalDiseaseAI.json").read_text(encoding="utf-8"))
    (name,) = set(re.findall(r"`(Slicer\w+AI)`", GUIDE))
    assert entry["scm_url"].endswith(f"/{name}.git")


def test_the_commands_of_the_page_are_commands_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {name for name in re.findall(r"make ([a-z][a-z-]+)", GUIDE) if f"\n{name}:" not in makefile} == set()


def test_the_icon_has_the_stated_size() -> None:
    header = (ROOT / "SpinalDiseaseAI.png").read_bytes()[16:24]
    assert (int.from_bytes(header[:4]), int.from_bytes(header[4:])) == (128, 128)
