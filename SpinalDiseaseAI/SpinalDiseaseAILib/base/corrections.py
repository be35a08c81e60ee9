"""What a reader changed in a report after the analysis: what, who and when."""

from __future__ import annotations

from dataclasses import dataclass

READER = "reader"
"""Who corrects in the panel. No person is named: the report leaves the hospital."""

MOVED, ADDED, REMOVED, RENUMBERED = KINDS = ("moved", "added", "removed", "renumbered")
"""A point that was put elsewhere, placed anew or taken away; names that moved by whole levels."""


@dataclass(frozen=True)
class Correction:
    """One change to a report.

    :param kind: one of :data:`KINDS`.
    :param structure: name of the structure in the report's present numbering; empty where the whole numbering was moved.
    :param author: who made it, such as :data:`READER`.
    :param created: ISO 8601 time in UTC.
    :param shift: levels that every name was moved down; 0 where a point was changed.
    """

    kind: str
    structure: str
    author: str
    created: str
    shift: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"a correction is one of {', '.join(KINDS)}, not {self.kind!r}")
