"""RSNA 2024 lumbar as a plain folder: sagittal planes with points at discs and the severities of each level.

Source: RSNA 2024 Lumbar Spine Degenerative Classification, Kaggle; its terms allow non-commercial and academic use.
"""

from __future__ import annotations

from pathlib import Path

from ..base.documents import read_json
from .records import Imported, Record


def read_rsna2024(folder: Path) -> Imported:
    """Every plane in ``annotation.json``; planes without points or severities are left out and listed in ``skipped``.

    T2 planes are in the middle, T1 planes on the side whose foramina they show. Severities belong to the levels of the study,
    regardless of the series on which they were read.
    """
    records = []
    skipped = []
    for item in read_json(folder / "annotation.json"):
        points = {name: (float(place[0]), float(place[1])) for name, place in item["points"].items()}
        findings = {
            name: {key: tuple(classes) for key, classes in known.items()} for name, known in item["findings"].items() if known
        }
        if not points or not findings:
            skipped.append(f"{item['series']}: no {'severity' if points else 'point'} is known")
            continue
        stated = item.get("pixel_spacing")
        spacing = (float(stated[1]), float(stated[0])) if stated else None
        path = folder / "images" / f"{item['series']}.png"
        records.append(Record("rsna2024", str(item["study"]), item["series"], item["contrast"], path, spacing, points, findings))
    return Imported(tuple(records), tuple(skipped))
