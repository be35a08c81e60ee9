"""The annotation schema of Spinal Disease 2020 (Tianchi): one record per annotated instance, whatever its classes.

``[{studyUid, data: [{seriesUid, instanceUid, annotation: [{annotator?, data: {point: [{coord: [column, row],
tag: {identification, vertebra | disc}, zIndex}]}}]}]}]``
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..base.anatomy import KEY_POINTS, Kind, finding, structure
from ..base.documents import read_json
from ..base.errors import InputError
from .tianchi import parse_classes

LATER_CLASSES = ("v6", "v7", "v8")
"""Disc classes of a later service of the same vendor, whose v1 … v5 may also have other meanings."""

_TAG_OF_KIND = {Kind.DISC: "disc", Kind.VERTEBRA: "vertebra"}


class Unusable(ValueError):
    """A study that is left out; the text is the reason."""


@dataclass(frozen=True)
class Point:
    """An annotated structure.

    :param coord: (column, row) in the stored pixels of the instance.
    :param tag: comma-separated classes; None if the annotation has none.
    """

    name: str
    coord: tuple[float, float]
    tag: str | None

    @property
    def later_classes(self) -> tuple[str, ...]:
        """The point's classes that exist only in the later coding."""
        return tuple(item for item in parse_classes(self.tag) if item in LATER_CLASSES)


@dataclass(frozen=True)
class AnnotatedInstance:
    """The 11 points of one instance.

    :param uids: SOP instance, series and study UID.
    :param points: the points from cranial to caudal.
    :param reliable: False if a vertebra has the tag of a disc, or vice versa.
    :param others: number of further annotations of the same study, which are not used.
    """

    uids: tuple[str, str, str]
    points: tuple[Point, ...]
    reliable: bool
    others: int


def read_annotations(path: Path) -> list[dict[str, Any]]:
    """The studies of an annotation file.

    :raises InputError: if it is not such a file, or is too long.
    """
    try:
        document = read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON.", remedy="Get the data set again.", code="dataset") from error
    if not isinstance(document, list) or not all(isinstance(item, dict) and "studyUid" in item for item in document):
        raise InputError(
            f"{path} is not a list of annotated studies.",
            'Each item should have "studyUid".',
            "Get the data set again.",
            code="dataset",
        )
    return document


def annotated_instance(study: dict[str, Any]) -> AnnotatedInstance:
    """The first annotated instance of a study.

    :raises Unusable: if the study does not follow the schema, or does not have each of the 11 points exactly once.
    """
    try:
        annotated = [(item, part) for item in study["data"] for part in item["annotation"]]
        if not annotated:
            raise Unusable("nothing is annotated")
        instance, annotation = annotated[0]
        uids = (str(instance["instanceUid"]), str(instance["seriesUid"]), str(study["studyUid"]))
        found = [(_point(item), _reliable(item["tag"])) for item in annotation["data"]["point"]]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        if isinstance(error, Unusable):
            raise
        raise Unusable(f"the annotation is not as expected ({error!r})") from error
    counts = Counter(point.name for point, _ in found)
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        raise Unusable(f"{', '.join(repeated)} is annotated more than once")
    missing = [name for name in KEY_POINTS if name not in counts]
    if missing:
        raise Unusable(f"{', '.join(missing)} is not annotated: {len(KEY_POINTS) - len(missing)} of {len(KEY_POINTS)} points")
    points = {point.name: point for point, _ in found}
    return AnnotatedInstance(
        uids, tuple(points[name] for name in KEY_POINTS), all(reliable for _, reliable in found), len(annotated) - 1
    )


def check_codes(codes: Mapping[str, str]) -> None:
    """Refuse disc codes that do not map to a class.

    :raises InputError: if there is one.
    """
    classes = finding("disc_disease").class_names
    known = (*classes, *LATER_CLASSES)
    for code, meaning in codes.items():
        if code not in known or meaning not in classes:
            raise InputError(
                f"The code {code} cannot stand for {meaning}.",
                f"Codes are {', '.join(known)}; they stand for one of {', '.join(classes)}.",
                "Write it as --code v6=v2.",
                code="dataset",
            )


def recoded(instance: AnnotatedInstance, codes: Mapping[str, str]) -> AnnotatedInstance:
    """The same annotation with the codes of its discs replaced by their meanings, without duplicates."""

    def renamed(point: Point) -> Point:
        if point.tag is None or structure(point.name).kind is not Kind.DISC:
            return point
        return replace(point, tag=",".join(dict.fromkeys(codes.get(code, code) for code in parse_classes(point.tag))))

    return replace(instance, points=tuple(map(renamed, instance.points)))


def _point(item: dict[str, Any]) -> Point:
    tag = item["tag"]
    name = str(tag["identification"]).strip()
    if name not in KEY_POINTS:
        raise Unusable(f"{name!r} is not one of the {len(KEY_POINTS)} points")
    column, row = item["coord"]
    classes = tag.get(_TAG_OF_KIND[structure(name).kind])
    if classes is None:
        return Point(name, (float(column), float(row)), None)
    return Point(name, (float(column), float(row)), ",".join(parse_classes(str(classes))))


def _reliable(tag: dict[str, Any]) -> bool:
    """False if the tag has classes of the other kind of structure, or merely their key."""
    own = _TAG_OF_KIND[structure(str(tag["identification"]).strip()).kind]
    others = [key for key in _TAG_OF_KIND.values() if key != own]
    return not any(tag.get(key) or (key in tag and own not in tag) for key in others)
