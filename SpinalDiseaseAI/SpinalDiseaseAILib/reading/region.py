"""The body part that a series shows, judged by its header and field of view."""

from __future__ import annotations

import re
from dataclasses import dataclass

MINIMUM_HEIGHT = 150.0
"""Smallest height in millimetres of a field of view that can contain L1 to S1 of an adult."""

_HEAD_COVERAGE = 140.0  # millimetres from side to side, the width of a head; sagittal lumbar stacks cover 50 to 110
_HEAD_HEIGHT = 280.0

_LUMBAR = r"(?:thorac\w* ?|dorso ?|th?)?lumb\w*|l ?spine|ls ?spine|tl ?spine|lws|lwk|l s spine|lsp"
_REGIONS = (  # code, words of tags and descriptions, name for a reader
    ("cervical-study", r"cerv\w*|c ?spine|hws|cwk|neck", "the cervical spine"),
    ("brain-study", r"brain|head|skull|cereb\w*|cran\w*|orbit\w*|pituitary|sella|iac|schaedel|hersenen", "the head"),
    (
        "other-region",
        r"knee|shoulder|hip|ankle|foot|wrist|hand|elbow|breast|heart|cardiac|prostate|liver|thigh|leg|arm|femur|chest|thorax",
        "another part of the body",
    ),
)
# Used only for descriptions: scanners set BodyPartExamined to TSPINE for lumbar studies too.
_THORACIC = ("other-region", r"thorac\w*|th? ?spine|dorsal spine|rachis dorsal|columna dorsal|bws|bwk", "the thoracic spine")


@dataclass(frozen=True)
class WrongRegion:
    """A series that does not show the lumbar spine.

    :param code: short, stable name: ``"cervical-study"``, ``"brain-study"``, ``"other-region"`` or ``"field-of-view"``.
    :param because: clause for a reader.
    """

    code: str
    because: str


def wrong_region(body_part: str, texts: tuple[str, ...], *, height: float, coverage: float) -> WrongRegion | None:
    """Why a sagittal series does not show the lumbar spine; None if it may show it.

    A description outweighs BodyPartExamined, which scanners derive from the protocol's folder.

    :param body_part: BodyPartExamined.
    :param texts: descriptions, the most specific first: of the series, then of the study.
    :param height: field of view from head to foot, millimetres.
    :param coverage: from the first to the last slice, millimetres.
    """
    if height < MINIMUM_HEIGHT:
        return WrongRegion(
            "field-of-view",
            f"its field of view is {height:.0f} mm high, too small for the lumbar spine ({MINIMUM_HEIGHT:.0f} mm)",
        )
    described = ((text, "its description", (*_REGIONS, _THORACIC)) for text in texts)
    for text, name, regions in (*described, (body_part, "BodyPartExamined", _REGIONS)):
        if _says(text, _LUMBAR):
            return None
        for code, words, region in regions:
            if _says(text, words):
                return WrongRegion(code, f"{name} says that it shows {region}")
    if coverage > _HEAD_COVERAGE and height < _HEAD_HEIGHT:
        return WrongRegion(
            "brain-study", f"it covers {coverage:.0f} mm from side to side in a field {height:.0f} mm high, like a head"
        )
    return None


def _says(text: str, words: str) -> bool:
    plain = re.sub(r"[^a-z0-9]+", " ", text.lower())
    return re.search(rf"(?:^|[^a-z])(?:{words})(?![a-z])", plain) is not None
