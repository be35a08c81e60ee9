"""Documents generated from the library's tables are up to date, and links between documents are not broken."""

from __future__ import annotations

import re
from pathlib import Path

import generated_documents
import pytest

ROOT = generated_documents.ROOT
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "Resources").rglob("*.md")])


@pytest.mark.parametrize("name", generated_documents.DOCUMENTS)
def test_a_generated_document_is_up_to_date(name: str) -> None:
    written = (ROOT / name).read_text(encoding="utf-8")
    assert written == generated_documents.DOCUMENTS[name](), f"{name} is out of date: `make package-lists` writes it anew"


def broken_links(text: str, folder: Path) -> list[str]:
    """Broken relative links and pictures in a Markdown text."""
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    local = [target.split("#")[0] for target in targets if not re.match(r"\w+:|#", target)]
    return [target for target in local if not (folder / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_link_of_a_page_is_broken(page: Path) -> None:
    assert broken_links(page.read_text(encoding="utf-8"), page.parent) == []


def test_a_broken_link_is_detected(tmp_path: Path) -> None:
    assert broken_links("[a](gone.md) ![b](https://example.org/x.png) [c](#there)", tmp_path) == ["gone.md"]
