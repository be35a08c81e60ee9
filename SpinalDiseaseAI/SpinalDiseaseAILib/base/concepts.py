"""Codes of what is found and measured: the names of findings and quantities as coded concepts.

Codes of structures and of the classes that a finding takes are in :mod:`anatomy`. DICOM has no code for these names, so they are
of the private scheme; a value has at most 16 characters (PS3.5, SH).
"""

from __future__ import annotations

from .anatomy import PRIVATE_SCHEME, Code, Kind, finding
from .quantities import quantity


def _own(value: str, meaning: str) -> Code:
    return Code(value, PRIVATE_SCHEME, meaning)


KIND_CODES: dict[Kind, Code] = {
    Kind.VERTEBRA: Code("51282000", "SCT", "Vertebra"),
    Kind.DISC: Code("360499006", "SCT", "Intervertebral disc"),
    Kind.CANAL: Code("61853006", "SCT", "Vertebral canal"),
}
"""What a structure is, whatever its level."""

_FINDING_VALUES = {
    "pfirrmann": "PFIRRMANN",
    "degeneration": "DEGENERATION",
    "narrowing": "NARROWING",
    "bulging": "BULGING",
    "herniation": "HERNIATION",
    "modic": "MODIC",
    "upper_endplate": "ENDPLATE-UPPER",
    "lower_endplate": "ENDPLATE-LOWER",
    "spondylolisthesis": "SPONDYLOLISTH",
    "vertebra_disease": "VERTEBRA-DISEASE",
    "canal_stenosis": "STENOSIS-CANAL",
    "left_foraminal_narrowing": "FORAMEN-LEFT",
    "right_foraminal_narrowing": "FORAMEN-RIGHT",
    "left_subarticular_stenosis": "SUBARTIC-LEFT",
    "right_subarticular_stenosis": "SUBARTIC-RIGHT",
}

FINDING_CODES: dict[str, Code] = {name: _own(value, finding(name).display) for name, value in _FINDING_VALUES.items()}
"""Finding name to the concept that its class is the value of, of findings of which exactly one class holds."""

CLASS_CONCEPTS: dict[tuple[str, str], Code] = {
    ("disc_disease", "v1"): _own("DISC-NORMAL", "Normal disc (Spinal Disease 2020)"),
    **{("disc_disease", item.name): item.code for item in finding("disc_disease").classes if item.abnormal},
}
"""Finding and class name to the concept that is present or absent, of findings whose classes can hold together.

Their meanings name the source of the definition, because readers show only meanings, and "Disc bulging" is also a finding.
"""

_QUANTITY_VALUES = {
    "disc_height_anterior": "DISC-H-ANT",
    "disc_height_middle": "DISC-H-MID",
    "disc_height_posterior": "DISC-H-POST",
    "disc_height_index": "DISC-H-INDEX",
    "disc_area": "DISC-AREA",
    "disc_signal_ratio": "DISC-SIGNAL",
    "canal_diameter": "CANAL-DIAMETER",
    "canal_area": "CANAL-AREA",
    "slip": "SLIP",
    "slip_percent": "SLIP-PERCENT",
    "meyerding_grade": "MEYERDING",
    "body_height_anterior": "BODY-H-ANT",
    "body_height_middle": "BODY-H-MID",
    "body_height_posterior": "BODY-H-POST",
    "wedge_ratio": "WEDGE-RATIO",
    "lordosis_l1_s1": "LORDOSIS-L1-S1",
    "lordosis_l1_l5": "LORDOSIS-L1-L5",
}

QUANTITY_CODES: dict[str, Code] = {name: _own(value, quantity(name).display) for name, value in _QUANTITY_VALUES.items()}
"""Quantity name to its concept."""

POINT_PROBABILITY = _own("POINT-PROB", "Probability that the point is right")
"""Concept of the confidence of a structure's position."""

PLAUSIBLE_VALUE = _own("PLAUSIBLE", "Plausible value")
"""Concept of each value of a finding that cannot be ruled out."""

PLAUSIBLE_RATE = _own("PLAUSIBLE-RATE", "Rate at which plausible values include the true one")

CERTAINTY = _own("CERTAINTY", "Certainty of the value")
INDETERMINATE = Code("82334004", "SCT", "Indeterminate")
"""Concept and value that mark a guess: every value is plausible."""
