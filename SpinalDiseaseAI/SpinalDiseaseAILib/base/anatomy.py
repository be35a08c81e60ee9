"""Structures of the lumbar spine, findings and their classes: the only place where they are listed.

Anatomic codes are SNOMED CT, as in DICOM PS3.16 CID 7603 and 7604. Grades without a DICOM code use the private scheme
``99SDAI``, which is tabulated in the developer guide.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

PRIVATE_SCHEME = "99SDAI"


@dataclass(frozen=True)
class Code:
    """A coded concept: value, coding scheme designator and meaning, as in an item of a DICOM code sequence."""

    value: str
    scheme: str
    meaning: str


class Kind(Enum):
    """Kind of structure."""

    VERTEBRA = "vertebra"
    DISC = "disc"
    CANAL = "canal"


@dataclass(frozen=True)
class Structure:
    """A vertebra, an intervertebral disc or the spinal canal.

    :param name: the name used in the field, ``"L4"`` or ``"L4-L5"``; identifies the structure in files, labels and tables.
    :param code: anatomic code; None if DICOM has none (a sixth lumbar vertebra and its discs).
    :param colour: red, green, blue in 0 … 1, the same in markups, masks and pictures.
    """

    name: str
    kind: Kind
    code: Code | None
    colour: tuple[float, float, float]

    @property
    def display(self) -> str:
        """Name shown to a reader: ``"L4 vertebra"``, ``"L4-L5 disc"`` or ``"Spinal canal"``."""
        if self.kind is Kind.CANAL:
            return "Spinal canal"
        return f"{self.name} {self.kind.value}"


def _sct(value: str, meaning: str) -> Code:
    return Code(value, "SCT", meaning)


def _vertebra(name: str, value: str | None, colour: tuple[float, float, float]) -> Structure:
    return Structure(name, Kind.VERTEBRA, _sct(value, f"{name} vertebra") if value else None, colour)


def _disc(name: str, value: str | None, colour: tuple[float, float, float]) -> Structure:
    return Structure(name, Kind.DISC, _sct(value, f"{name.replace('-', '/')} disc") if value else None, colour)


STRUCTURES: tuple[Structure, ...] = (
    _vertebra("T11", "12989004", (0.36, 0.38, 0.62)),
    _disc("T11-T12", "1537001", (0.52, 0.55, 0.82)),
    _vertebra("T12", "23215003", (0.29, 0.44, 0.69)),
    _disc("T12-L1", "76206002", (0.45, 0.62, 0.87)),
    _vertebra("L1", "66794005", (0.20, 0.55, 0.66)),
    _disc("L1-L2", "80064006", (0.38, 0.75, 0.84)),
    _vertebra("L2", "14293000", (0.17, 0.60, 0.46)),
    _disc("L2-L3", "67459009", (0.38, 0.80, 0.64)),
    _vertebra("L3", "36470004", (0.42, 0.62, 0.22)),
    _disc("L3-L4", "62551000", (0.63, 0.82, 0.38)),
    _vertebra("L4", "11994002", (0.72, 0.60, 0.16)),
    _disc("L4-L5", "84020006", (0.93, 0.79, 0.33)),
    _vertebra("L5", "49668003", (0.78, 0.42, 0.18)),
    _disc("L5-S1", "715056000", (0.95, 0.60, 0.36)),
    # DICOM has no code for the first sacral vertebra alone; the sacrum is the closest.
    Structure("S1", Kind.VERTEBRA, _sct("54735007", "Sacrum"), (0.66, 0.28, 0.34)),
    _vertebra("L6", None, (0.72, 0.35, 0.26)),
    _disc("L5-L6", None, (0.94, 0.52, 0.42)),
    _disc("L6-S1", None, (0.90, 0.46, 0.50)),
)
"""Every structure that can be named, from cranial to caudal, with the transitional L6 and its discs last."""

CANAL = Structure("canal", Kind.CANAL, _sct("61853006", "Vertebral canal"), (0.93, 0.45, 0.68))
"""The spinal canal: it has a mask but is not a level."""

_BY_NAME = {structure.name: structure for structure in (*STRUCTURES, CANAL)}

KEY_POINTS: tuple[str, ...] = ("T12-L1", "L1", "L1-L2", "L2", "L2-L3", "L3", "L3-L4", "L4", "L4-L5", "L5", "L5-S1")
"""The 11 key points of the Spinal Disease 2020 challenge, from cranial to caudal, discs and vertebrae alternating."""

LUMBAR_REGION = _sct("122496007", "Lumbar spine")


def structure(name: str) -> Structure:
    """The structure with the given name.

    :raises KeyError: if no structure has that name.
    """
    return _BY_NAME[name]


@dataclass(frozen=True)
class FindingClass:
    """One value that a finding can take.

    :param name: identifier in files and bundles, such as ``"3"`` or ``"present"``.
    :param display: text shown to a reader.
    :param abnormal: True if it should draw the reader's eye.
    """

    name: str
    display: str
    abnormal: bool
    code: Code


@dataclass(frozen=True)
class Finding:
    """A disease or grade that is assessed at a structure.

    :param name: identifier in files and bundles.
    :param kind: the kind of structure that it is assessed at.
    :param classes: its values, from normal to severe if they have an order.
    :param exclusive: True if exactly one class applies and the probabilities sum to 1; False if several can apply at once.
    :param ordinal: True if the classes are grades: a difference of one grade is smaller than one of two.
    :param reference: the paper or data set that defines it.
    """

    name: str
    display: str
    kind: Kind
    classes: tuple[FindingClass, ...]
    exclusive: bool
    ordinal: bool
    reference: str

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in order."""
        return tuple(item.name for item in self.classes)

    def class_of(self, name: str) -> FindingClass:
        """The class with the given name.

        :raises KeyError: if the finding has no such class.
        """
        for item in self.classes:
            if item.name == name:
                return item
        raise KeyError(f"{self.name} has no class {name!r}; its classes are {', '.join(self.class_names)}")


_ABSENT = FindingClass("absent", "absent", False, _sct("272519000", "Absent"))
_PRESENT = FindingClass("present", "present", True, _sct("52101004", "Present"))


def _own(value: str, meaning: str) -> Code:
    return Code(value, PRIVATE_SCHEME, meaning)


def _binary(name: str, display: str, reference: str) -> Finding:
    return Finding(name, display, Kind.DISC, (_ABSENT, _PRESENT), True, True, reference)


_RSNA_2024 = "RSNA 2024 Lumbar Spine Degenerative Classification"


def _stenosis(name: str, display: str) -> Finding:
    classes = (
        FindingClass("normal_mild", "normal or mild", False, _own("STENOSIS-MILD", "Normal or mild stenosis")),
        FindingClass("moderate", "moderate", True, _sct("6736007", "Moderate")),
        FindingClass("severe", "severe", True, _sct("24484000", "Severe")),
    )
    return Finding(name, display, Kind.DISC, classes, True, True, _RSNA_2024)


_SPIDER = "van der Graaf et al., SPIDER, Scientific Data 2024"
_TIANCHI = "Spinal Disease 2020, Tianchi competition"

FINDINGS: tuple[Finding, ...] = (
    Finding(
        "pfirrmann",
        "Pfirrmann grade",
        Kind.DISC,
        tuple(
            FindingClass(str(grade), f"grade {grade}", grade >= 4, _own(f"PFIRRMANN-{grade}", f"Pfirrmann grade {grade}"))
            for grade in range(1, 6)
        ),
        True,
        True,
        "Pfirrmann et al., Spine 2001; 26:1873",
    ),
    Finding(
        "degeneration",
        "Disc degeneration",
        Kind.DISC,
        (
            FindingClass("mild", "mild", False, _sct("255604002", "Mild")),
            FindingClass("moderate", "moderate", False, _sct("6736007", "Moderate")),
            FindingClass("severe", "severe", True, _sct("24484000", "Severe")),
        ),
        True,
        True,
        "Pfirrmann grades 1 and 2 mild, 3 moderate, 4 and 5 severe; Pfirrmann et al., Spine 2001; 26:1873",
    ),
    _binary("narrowing", "Disc narrowing", _SPIDER),
    _binary("bulging", "Disc bulging", _SPIDER),
    _binary("herniation", "Disc herniation", _SPIDER),
    Finding(
        "modic",
        "Modic type",
        Kind.DISC,
        (FindingClass("0", "no Modic change", False, _own("MODIC-0", "No Modic change")),)
        + tuple(
            FindingClass(str(kind), f"type {kind}", True, _own(f"MODIC-{kind}", f"Modic type {kind}")) for kind in range(1, 4)
        ),
        True,
        False,
        "Modic et al., Radiology 1988; 166:193",
    ),
    _binary("upper_endplate", "Upper endplate change", _SPIDER),
    _binary("lower_endplate", "Lower endplate change", _SPIDER),
    _binary("spondylolisthesis", "Spondylolisthesis", _SPIDER),
    Finding(
        "disc_disease",
        "Disc disease",
        Kind.DISC,
        (
            FindingClass("v1", "normal", False, _sct("17621005", "Normal")),
            FindingClass("v2", "bulging", True, _own("DISC-BULGING", "Disc bulging (Spinal Disease 2020)")),
            FindingClass("v3", "protrusion", True, _own("DISC-PROTRUSION", "Disc protrusion (Spinal Disease 2020)")),
            FindingClass("v4", "extrusion", True, _own("DISC-EXTRUSION", "Disc extrusion (Spinal Disease 2020)")),
            FindingClass("v5", "Schmorl node", True, _own("SCHMORL-NODE", "Schmorl node (Spinal Disease 2020)")),
        ),
        False,
        False,
        _TIANCHI,
    ),
    Finding(
        "vertebra_disease",
        "Vertebra disease",
        Kind.VERTEBRA,
        (
            FindingClass("v1", "normal", False, _sct("17621005", "Normal")),
            FindingClass("v2", "degenerative", True, _own("VERTEBRA-DEGEN", "Degenerative vertebra")),
        ),
        True,
        True,
        _TIANCHI,
    ),
    _stenosis("canal_stenosis", "Spinal canal stenosis"),
    _stenosis("left_foraminal_narrowing", "Left foraminal narrowing"),
    _stenosis("right_foraminal_narrowing", "Right foraminal narrowing"),
    _stenosis("left_subarticular_stenosis", "Left subarticular stenosis"),
    _stenosis("right_subarticular_stenosis", "Right subarticular stenosis"),
)
"""Every finding, in the order of tables."""

DEGENERATION_OF_PFIRRMANN = {"1": "mild", "2": "mild", "3": "moderate", "4": "severe", "5": "severe"}
"""Pfirrmann grade to grade of degeneration: in grades 1 and 2 the nucleus is bright and distinct from the annulus, in 3 it is
grey, in 4 and 5 it is dark and the disc loses height."""

_FINDING_BY_NAME = {finding.name: finding for finding in FINDINGS}


def finding(name: str) -> Finding:
    """The finding with the given name.

    :raises KeyError: if no finding has that name.
    """
    return _FINDING_BY_NAME[name]


def renumbered(name: str, shift: int) -> str:
    """The name of the same structure when the numbering is shifted by whole levels.

    :param shift: levels; +1 moves every name one level down (L4 becomes L5).
    :returns: empty if there is none: the name would leave the table (T11 … S1), or is not in it, such as L6 and the canal.
    """
    table = [item.name for item in STRUCTURES if item.code is not None]
    place = table.index(name) + 2 * shift if name in table else -1
    return table[place] if 0 <= place < len(table) else ""
