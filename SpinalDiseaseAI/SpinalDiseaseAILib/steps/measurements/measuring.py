"""All measurements of a study: the entry point of this package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ...base.anatomy import Kind, structure
from ...base.geometry import FloatArray
from ...base.quantities import Line, Measurement, Place, quantities_of, quantity
from .bodies import Body
from .heights import Height
from .not_measurable import NotMeasurable
from .segmented_spine import SegmentedSpine
from .slips import Slip, angle_between, slip_between

Value = tuple[float, tuple[tuple[FloatArray, FloatArray, int], ...]]
"""A value and the lines along which it was measured: both ends (x, y) and the slice."""

_FIRST, _LAST, _SACRAL, _SACRAL_DISC = "L1", "L5", "S1", "L5-S1"


@dataclass(frozen=True)
class Measurements:
    """Measurements of a study.

    :param structures: structure name to its measurements, in the order of tables.
    :param spine: measurements of the whole spine, in the order of tables.
    """

    structures: dict[str, tuple[Measurement, ...]]
    spine: tuple[Measurement, ...]


def measure_spine(spine: SegmentedSpine, *, contrast: str, spacing_known: bool) -> Measurements:
    """Measure every structure of a spine that has a point.

    :param contrast: ``"T2"`` or ``"T1"``; signal ratios need T2.
    :param spacing_known: False if the millimetres of the volume are a guess; lengths and areas are then not given.
    :returns: measurements of every structure in ``spine.points``; those without a value give a reason.
    """
    measuring = _Measuring(spine, contrast, spacing_known)
    places = {name: Place(structure(name).kind.value) for name in spine.points if structure(name).kind is not Kind.CANAL}
    return Measurements(
        {name: measuring.of(name, place) for name, place in places.items()}, measuring.of(_SACRAL_DISC, Place.SPINE)
    )


class _Measuring:
    """Takes measurements by the names of their quantities."""

    def __init__(self, spine: SegmentedSpine, contrast: str, spacing_known: bool) -> None:
        self.spine = spine
        self.contrast = contrast
        self.spacing_known = spacing_known
        heights = ("anterior", "middle", "posterior")
        self._take: dict[str, Callable[[str], Value]] = {
            **{f"disc_height_{part}": self._height(lambda name: self.spine.disc(name).heights, part) for part in heights},
            **{f"body_height_{part}": self._height(lambda name: self.spine.body(name).heights, part) for part in heights},
            "disc_height_index": self._height_index,
            "disc_area": lambda name: (self.spine.disc(name).whole.total, ()),
            "disc_signal_ratio": self._signal_ratio,
            "canal_diameter": self._canal_diameter,
            "canal_area": lambda name: (self.spine.canal(name).area, ()),
            "slip": self._slip_length,
            "slip_percent": lambda name: (self._slip(name).percent, ()),
            "meyerding_grade": lambda name: (float(self._slip(name).meyerding), ()),
            "wedge_ratio": self._wedge_ratio,
            "lordosis_l1_s1": lambda _: self._lordosis(self._sacral_endplate()),
            "lordosis_l1_l5": lambda _: self._lordosis(self._last_endplate()),
        }

    def of(self, name: str, place: Place) -> tuple[Measurement, ...]:
        """The measurements of a structure, or of the spine."""
        return tuple(self._measurement(item.name, name) for item in quantities_of(place))

    def _measurement(self, name: str, subject: str) -> Measurement:
        draft = Measurement(name, None)
        info = draft.quantity
        try:
            if info.metric and not self.spacing_known:
                raise NotMeasurable("The file states no pixel spacing.")
            value, lines = self._take[name](subject)
            self._check(name, value)
        except NotMeasurable as error:
            return Measurement(name, None, str(error))
        return Measurement(name, value, "", tuple(self._line(*line) for line in lines))

    def _check(self, name: str, value: float) -> None:
        """Refuse values that anatomy does not allow; lengths and areas only if the spacing is known.

        :raises NotMeasurable: with the value.
        """
        info = quantity(name)
        low, high = info.possible
        if (self.spacing_known or not info.metric) and not low <= value <= high:
            raise NotMeasurable(f"The masks give {info.text(value)}, which is not possible: they are wrong here.")

    def _line(self, start: FloatArray, end: FloatArray, index: int) -> Line:
        return self.spine.frame.line(start, end, index)

    def _height(self, of: Callable[[str], Mapping[str, Height]], part: str) -> Callable[[str], Value]:
        def take(name: str) -> Value:
            height = of(name)[part]
            return height.value, ((height.upper, height.lower, self.spine.slice_of(name)),)

        return take

    def _height_index(self, name: str) -> Value:
        bodies = [self._body_or_reason(neighbour) for neighbour in name.split("-")]
        found = [item for item in bodies if isinstance(item, Body)]
        if not found:
            raise NotMeasurable(" ".join(str(item) for item in bodies))
        disc = np.mean([height.value for height in self.spine.disc(name).heights.values()])
        return float(disc / np.mean([height.value for body in found for height in body.heights.values()])), ()

    def _body_or_reason(self, name: str) -> Body | NotMeasurable:
        try:
            return self.spine.body(name)
        except NotMeasurable as error:
            return error

    def _signal_ratio(self, name: str) -> Value:
        if self.contrast != "T2":
            raise NotMeasurable(f"The series is {self.contrast}; signal ratios need T2.")
        return self.spine.signal_ratio(name), ()

    def _canal_diameter(self, name: str) -> Value:
        canal = self.spine.canal(name)
        return canal.diameter, ((canal.front, canal.back, self.spine.slice_of(name)),)

    def _slip(self, name: str) -> Slip:
        above, below = name.split("-")
        bodies = self.spine.body(above), self.spine.body(below)
        self.spine.canal(name)  # fails away from the midline, where the bodies have no posterior walls
        slip = slip_between(*bodies)
        # Millimetres, percentage and grade describe the same slip: if one is impossible, none is right.
        self._check("slip", slip.value)
        self._check("slip_percent", slip.percent)
        return slip

    def _slip_length(self, name: str) -> Value:
        slip = self._slip(name)
        return slip.value, ((slip.corner, slip.foot, self.spine.slice_of(name.split("-")[1])),)

    def _wedge_ratio(self, name: str) -> Value:
        heights = self.spine.body(name).heights
        for part in ("anterior", "posterior"):
            self._check(f"body_height_{part}", heights[part].value)
        return heights["anterior"].value / heights["posterior"].value, ()

    def _lordosis(self, lower: tuple[FloatArray, FloatArray, int]) -> Value:
        plate = self.spine.body(_FIRST).upper
        upper = plate.anterior, plate.posterior, self.spine.slice_of(_FIRST)
        return angle_between(upper[1] - upper[0], lower[1] - lower[0]), (upper, lower)

    def _sacral_endplate(self) -> tuple[FloatArray, FloatArray, int]:
        body = self._body_or_reason(_SACRAL)
        if isinstance(body, Body):
            return body.upper.anterior, body.upper.posterior, self.spine.slice_of(_SACRAL)
        anterior, posterior = self.spine.disc(_SACRAL_DISC).lower_border
        return anterior, posterior, self.spine.slice_of(_SACRAL_DISC)

    def _last_endplate(self) -> tuple[FloatArray, FloatArray, int]:
        plate = self.spine.body(_LAST).lower
        return plate.anterior, plate.posterior, self.spine.slice_of(_LAST)
