"""Quantities that are measured in millimetres, degrees and ratios: the only place where they are listed.

``docs/measurements.md`` states how each is measured and after which literature.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .anatomy import Kind


class Place(Enum):
    """What a quantity belongs to."""

    DISC = Kind.DISC.value
    VERTEBRA = Kind.VERTEBRA.value
    SPINE = "spine"


@dataclass(frozen=True)
class Quantity:
    """Something that is measured.

    :param name: identifier in files.
    :param display: name shown to a reader.
    :param unit: UCUM code: ``"mm"``, ``"mm2"``, ``"deg"``, ``"%"``, or ``"1"`` for a ratio.
    :param decimals: number of decimals worth showing.
    :param possible: smallest and largest value that anatomy allows; any other comes from a wrong mask and is not reported.
    :param metric: True if the value depends on the pixel size, so that the spacing must be known.
    :param reference: the literature that defines it.
    """

    name: str
    display: str
    place: Place
    unit: str
    decimals: int
    possible: tuple[float, float]
    metric: bool
    reference: str

    @property
    def unit_text(self) -> str:
        """The unit as shown to a reader; empty for a ratio."""
        return {"1": "", "mm2": "mm²", "deg": "°"}.get(self.unit, self.unit)

    def text(self, value: float) -> str:
        """A value with its unit: ``"8.4 mm"``."""
        space = "" if self.unit in ("1", "deg") else " "
        return f"{value:.{self.decimals}f}{space}{self.unit_text}"


_FROBIN = "Frobin et al., Clinical Biomechanics 1997; 12 Suppl 1:S1"
_MASUDA = "Masuda et al., Spine 2005; 30:5"
_LUOMA = "Luoma et al., Spine 2001; 26:680"
_EASTELL = "Eastell et al., Journal of Bone and Mineral Research 1991; 6:207"
_STEURER = "Steurer et al., BMC Musculoskeletal Disorders 2011; 12:175"
_MEYERDING = "Meyerding, Surgery, Gynecology and Obstetrics 1932; 54:371"
_POLLY = "Polly et al., Spine 1996; 21:1530"


def _height(part: str, place: Place, subject: str, possible: tuple[float, float], reference: str) -> Quantity:
    name = f"{subject.lower().replace(' ', '_')}_height_{part}"
    return Quantity(name, f"{subject} height, {part}", place, "mm", 1, possible, True, reference)


QUANTITIES: tuple[Quantity, ...] = (
    *(_height(part, Place.DISC, "Disc", (0.5, 25.0), _FROBIN) for part in ("anterior", "middle", "posterior")),
    Quantity("disc_height_index", "Disc height index", Place.DISC, "1", 2, (0.02, 0.8), False, _MASUDA),
    Quantity("disc_area", "Disc area, mid-sagittal", Place.DISC, "mm2", 0, (30.0, 1200.0), True, _LUOMA),
    Quantity("disc_signal_ratio", "Disc signal to cerebrospinal fluid", Place.DISC, "1", 2, (0.0, 2.0), False, _LUOMA),
    Quantity("canal_diameter", "Canal diameter, anteroposterior", Place.DISC, "mm", 1, (2.0, 35.0), True, _STEURER),
    Quantity("canal_area", "Canal area, mid-sagittal, 10 mm long", Place.DISC, "mm2", 0, (20.0, 350.0), True, _STEURER),
    Quantity("slip", "Slip over the next vertebra", Place.DISC, "mm", 1, (-12.0, 40.0), True, _FROBIN),
    Quantity("slip_percent", "Slip, share of the next vertebra's depth", Place.DISC, "%", 0, (-40.0, 130.0), False, _MEYERDING),
    Quantity("meyerding_grade", "Meyerding grade", Place.DISC, "1", 0, (0.0, 5.0), False, _MEYERDING),
    *(_height(part, Place.VERTEBRA, "Body", (4.0, 40.0), _FROBIN) for part in ("anterior", "middle", "posterior")),
    Quantity("wedge_ratio", "Wedge ratio, anterior to posterior height", Place.VERTEBRA, "1", 2, (0.2, 2.0), False, _EASTELL),
    Quantity("lordosis_l1_s1", "Lumbar lordosis, L1 to S1", Place.SPINE, "deg", 0, (-30.0, 110.0), False, _POLLY),
    Quantity("lordosis_l1_l5", "Lumbar lordosis, L1 to L5", Place.SPINE, "deg", 0, (-30.0, 110.0), False, _POLLY),
)
"""Every quantity, in the order of tables."""

_BY_NAME = {quantity.name: quantity for quantity in QUANTITIES}


def quantity(name: str) -> Quantity:
    """The quantity with the given name.

    :raises KeyError: if no quantity has that name.
    """
    return _BY_NAME[name]


def quantities_of(place: Place) -> tuple[Quantity, ...]:
    """The quantities of discs, of vertebrae or of the whole spine, in the order of tables."""
    return tuple(item for item in QUANTITIES if item.place is place)


Line = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Both ends of a straight line, RAS millimetres."""


@dataclass(frozen=True)
class Measurement:
    """A measured quantity, or the reason why it was not measured.

    :param name: a quantity of :data:`QUANTITIES`.
    :param value: in the quantity's unit; None if it could not be measured.
    :param reason: a sentence on why there is no value; empty if there is one.
    :param lines: where it was measured, in RAS millimetres: the height itself, the endplates of an angle.
    """

    name: str
    value: float | None
    reason: str = ""
    lines: tuple[Line, ...] = ()

    @property
    def quantity(self) -> Quantity:
        """What was measured."""
        return quantity(self.name)

    @property
    def text(self) -> str:
        """The value with its unit, or ``"not measurable"``."""
        return NOT_MEASURABLE if self.value is None else self.quantity.text(self.value)


NOT_MEASURABLE = "not measurable"

OUT_OF_DATE = "The point was corrected after the measurement: analyze the study again to remeasure it."
"""Reason of a measurement that was dropped because there were no masks to repeat it on."""


def out_of_date(place: Place) -> tuple[Measurement, ...]:
    """Every measurement of a place, without a value and with :data:`OUT_OF_DATE` as the reason."""
    return tuple(Measurement(item.name, None, OUT_OF_DATE) for item in quantities_of(place))
