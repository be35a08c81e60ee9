"""The pictures of the documents exist, are small, are used, and are made by the command."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import package_lists
import pytest

ROOT = package_lists.ROOT
FOLDER = ROOT / "docs/images"
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
LARGEST_BYTES = 300_000


def shown_in(document: Path) -> set[Path]:
    """Pictures in a document, as Markdown or HTML."""
    text = document.read_text(encoding="utf-8")
    return {(document.parent / name).resolve() for name in re.findall(r'(?:!\[[^\]]*\]\(|<img src=")([^)"]+)', text)}


def made() -> set[str]:
    """Names of the pictures made by the command."""
    tree = ast.parse((ROOT / "Testing/screenshots/screenshots.py").read_text(encoding="utf-8"))
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "pictures")
    return {node.value.elts[0].value for node in ast.walk(function) if isinstance(node, ast.Yield)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_picture_of_a_document_exists_and_has_an_alternative_text(document: Path) -> None:
    assert {path for path in shown_in(document) if not path.is_file()} == set()
    assert re.findall(r"!\[\]|<img (?![^>]*alt=\"\w)", document.read_text(encoding="utf-8")) == []


def test_every_picture_is_shown_in_a_document() -> None:
    shown = set().union(*map(shown_in, DOCUMENTS))
    assert {path.name for path in FOLDER.glob("*.png") if path.resolve() not in shown} == set()


def test_the_command_makes_every_picture_of_the_folder_and_no_other() -> None:
    assert made() == {path.name for path in FOLDER.glob("*.png")}


def test_no_picture_is_larger_than_documents_should_carry() -> None:
    assert {path.name: path.stat().st_size for path in FOLDER.glob("*.png") if path.stat().st_size > LARGEST_BYTES} == {}
