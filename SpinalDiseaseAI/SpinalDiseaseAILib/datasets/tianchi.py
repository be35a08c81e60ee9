"""Spinal Disease 2020 (Tianchi) as a plain folder: one mid-sagittal T2 plane per study, with 11 points and their classes.

The competition's terms allow research use only, and every bundle trained on it must say so.
"""

from __future__ import annotations

from pathlib import Path

from ..base.anatomy import Kind, finding, structure
from ..base.documents import read_json
from .records import Imported, Record

FINDING_OF_KIND = {Kind.DISC: "disc_disease", Kind.VERTEBRA: "vertebra_disease"}


def read_tianchi(folder: Path) -> Imported:
    """Every study in ``annotation.json``; unknown classes are left out and listed in ``skipped``.

    A study may state ``pixel_spacing``, millimetres (between rows, between columns) in DICOM's order.
    """
    records = []
    skipped: list[str] = []
    for item in read_json(folder / "annotation.json"):
        points = {}
        findings = {}
        if not item["reliable"]:
            skipped.append(f"{item['study']}: classes of discs and vertebrae alternate wrongly, points kept")
        for point in item["points"]:
            name = point["identification"]
            points[name] = (float(point["coord"][0]), float(point["coord"][1]))
            kind = FINDING_OF_KIND[structure(name).kind]
            classes = parse_classes(point["tag"])
            if not item["reliable"]:
                continue
            if not classes or not set(classes) <= set(finding(kind).class_names):
                skipped.append(f"{item['study']} {name}: class {point['tag']!r} is not one of {finding(kind).class_names}")
                continue
            findings[name] = {kind: classes}
        path = folder / "images" / f"{item['study']}.png"
        stated = item.get("pixel_spacing")
        spacing = (float(stated[1]), float(stated[0])) if stated else None
        records.append(Record("tianchi2020", item["study"], item["study"], "T2", path, spacing, points, findings))
    return Imported(tuple(records), tuple(skipped))


def parse_classes(tag: str | None) -> tuple[str, ...]:
    """Classes of a tag such as ``"v2,v5"``; an empty text means v1, None means that the class is unknown."""
    if tag is None:
        return ()
    return tuple(part.strip() for part in tag.split(",")) if tag.strip() else ("v1",)
