"""``models``: the installed model bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from ..models.bundle import Bundle


def models_document(bundles: list[Bundle]) -> list[dict[str, Any]]:
    """Bundles as JSON values, sizes in bytes."""
    return [
        {
            "name": bundle.name,
            "version": bundle.version,
            "task": bundle.task,
            "title": bundle.title,
            "description": bundle.description,
            "licence": bundle.licence,
            "research_only": bundle.research_only,
            "bytes": bundle.weights.stat().st_size,
            "sha256": bundle.sha256,
        }
        for bundle in bundles
    ]


def print_models(screen: Console, bundles: list[Bundle]) -> None:
    """Print four lines per bundle: name, what it does, licence, file."""
    for item in models_document(bundles):
        mark = ("  research only", "yellow") if item["research_only"] else ""
        screen.print(Text.assemble((item["name"], "bold"), f" {item['version']}  {item['task']}", mark))
        screen.print(Text(f"    {item['title']}"))
        screen.print(Text(f"    licence {item['licence']}"))
        screen.print(Text(f"    {item['bytes'] / 1e6:.1f} MB, SHA-256 {item['sha256']}", style="dim"))
