"""Changes that a reader made to a report after the analysis: what, who and when."""

from __future__ import annotations

from dataclasses import dataclass

READER = "reader"
"""Author of corrections made in the panel. No person is named, because the report may leave the hospital."""

MOVED, ADDED, REMOVED, RENUMBERED = KINDS = ("moved", "added", "removed", "renumbered")
"""A point that was moved, added or removed; names that were shifted by whole levels."""


@dataclass(frozen=True)
class Correction:
    """One change to a report.

    :param kind: one of :data:`KINDS`.
    :param structure: name of the structure in the report's current numbering; empty if the whole numbering was shifted.
    :param author: who made it, such as :data:`READER`.
    :param created: ISO 8601 time in UTC.
    :param shift: levels by which every name was moved down; 0 if a point was changed.
    """

    kind: str
    structure: str
    author: str
    created: str
    shift: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"a correction is one of {', '.join(KINDS)}, not {self.kind!r}")
