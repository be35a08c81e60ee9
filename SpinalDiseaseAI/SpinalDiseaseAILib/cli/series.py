"""``series``: the series of an input, which of them would be used, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from .failures import error_document

if TYPE_CHECKING:
    from ..reading.listing import SeriesEntry, SeriesListing


def listing_of(paths: Sequence[Path]) -> SeriesListing:
    """The series of an input."""
    from ..reading import list_series

    return list_series(paths)


def listing_document(listing: SeriesListing) -> dict[str, Any]:
    """A listing as JSON values; ``role`` is null for a series that is left out, ``problem`` is null for a usable input."""
    series = [{**asdict(entry), "role": entry.role.value if entry.role else None} for entry in listing.entries]
    problem = error_document(listing.problem) if listing.problem else None
    return {"series": series, "notes": [asdict(note) for note in listing.notes], "problem": problem}


def print_listing(screen: Console, listing: SeriesListing) -> None:
    """Print three lines per series: what it would be used as, what it is, and why."""
    for entry in listing.entries:
        role = entry.role.value if entry.role else "left out"
        name = f'  "{entry.description}"' if entry.description else ""
        screen.print(Text.assemble((role[0].upper() + role[1:], "bold green" if entry.role else "dim"), name))
        screen.print(Text(f"    {_facts(entry)}"))
        screen.print(Text(f"    {entry.reason}"))
        screen.print(Text(f"    UID {entry.uid}", style="dim"))
    said = tuple(entry.reason for entry in listing.entries)
    for note in listing.notes:
        if note.text.endswith(said):
            continue
        screen.print(Text(f"{'Warning' if note.severity == 'warning' else 'Note'}: {note.text}"))


def _facts(entry: SeriesEntry) -> str:
    columns, rows, slices = entry.size
    facts = [
        " ".join(part for part in (entry.modality, entry.orientation, entry.weighting) if part and part != "unknown"),
        f"{slices} slice{'' if slices == 1 else 's'} of {columns} x {rows}",
    ]
    if entry.spacing:
        facts.append(" x ".join(f"{value:.2f}" for value in entry.spacing) + " mm")
    if entry.repetition_time is not None:
        facts.append(f"TR {entry.repetition_time:.0f} ms")
    if entry.echo_time is not None:
        facts.append(f"TE {entry.echo_time:.0f} ms")
    return ", ".join(fact for fact in facts if fact)
