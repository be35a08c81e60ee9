"""Figures published by others, for comparison. They are on other patients, so small differences mean nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .tables import Table

_CHALLENGE, _OPEN = "published: Spinal Disease 2020 system", "published: open code of the challenge"
_SPINENET = "published, other data: SpineNet"

PUBLISHED: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "tianchi2020": {
        "points within 6 mm (or 1/6 spacing)": {_OPEN: 0.96},
        "mean error, px at 512": {f"{_CHALLENGE}, heat map": 18.6, f"{_CHALLENGE}, box detector": 4.3},
        "Disc disease: most probable class holds": {_CHALLENGE: 0.50},
        "Disc disease: macro F1": {_CHALLENGE: 0.23},
        "Vertebra disease: accuracy": {_CHALLENGE: 0.81},
        "Vertebra disease: macro F1": {_CHALLENGE: 0.64},
    },
    "spider": {
        "Pfirrmann grade: balanced accuracy": {_SPINENET: 0.78},
        "Pfirrmann grade: kappa": {_SPINENET: 0.68},
        "Modic type: balanced accuracy": {_SPINENET: 0.86},
        "Modic type: kappa": {_SPINENET: 0.74},
    },
}
"""Values by data set, figure and source."""


def with_published(table: Table, dataset: str) -> Table:
    """The same table with any published values as further columns."""
    known = PUBLISHED.get(dataset, {})
    return replace(table, rows=[replace(row, further={**row.further, **known.get(row.name, {})}) for row in table.rows])
