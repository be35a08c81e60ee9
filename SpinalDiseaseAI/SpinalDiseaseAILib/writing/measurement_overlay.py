"""The picture of the measurements: lines where heights, canal widths, slips and endplates were measured, with values."""

from __future__ import annotations

import numpy as np
from PIL import Image as Picture

from ..base import anatomy
from ..base.planes import SagittalVolume
from ..base.quantities import Measurement
from ..base.report import DISCLAIMER, Report, StructureResult
from ..base.study import Study
from .curved_plane import CurvedPlane
from .drawing import GREY, LINE, WHITE, Colour, Layer, rgb, text_width, wrapped
from .facts import model_line
from .overlay import windowed

_MARGIN_MM = (70.0, 30.0, 75.0, 40.0)
_HEIGHT = 1500  # height of the image in pixels
_FRAME, _HEADER, _TEXT = 36, 96, 25
_LEGEND = "Heights: anterior, middle, posterior · Slip: positive where the upper vertebra lies in front"
_CANAL: Colour = (120, 230, 140)
_SLIP: Colour = (230, 90, 220)
_ANGLE: Colour = (214, 69, 65)
_LABEL_LEFT = 24.0  # heights are written this many millimetres in front of the structure's centre


def draw_measurements(report: Report, study: Study) -> Picture.Image:
    """Draw the picture of a report's measurements on the segmented series.

    Each row shows the slice of the structures at its height, as in the picture of the findings, so every line is drawn on the
    slice on which it was measured.
    """
    plane = CurvedPlane.through(
        SagittalVolume.of(study.primary.image), [item.position for item in report.structures], margin=_MARGIN_MM
    )
    width_mm, height_mm = plane.size
    scale = _HEIGHT / height_mm
    panel = max(1, round(width_mm * scale)), _HEIGHT
    values = plane.pixels(study.primary.image)
    grey = Picture.fromarray(windowed(values, values)).resize(panel, Picture.Resampling.BICUBIC)
    spine = " · ".join(f"{entry.quantity.display} {entry.text}" for entry in report.measurements)
    width = 2 * _FRAME + max(panel[0], *(round(text_width(line, _TEXT)) for line in (spine, DISCLAIMER)))
    below = *wrapped(_LEGEND, _TEXT, width - 2 * _FRAME), *wrapped(model_line(report), _TEXT, width - 2 * _FRAME), DISCLAIMER
    picture = Picture.new("RGB", (width, _HEADER + _HEIGHT + 20 + LINE * len(below)), (13, 15, 18))
    picture.paste(grey.convert("RGB"), (_FRAME, _HEADER))
    layer = Layer(*picture.size)
    drawing = _Drawing(layer, plane, scale, width)
    for item in report.structures:
        drawing.structure(item)
    for entry in report.measurements:
        for start, end in entry.lines:
            drawing.line(start, end, _ANGLE, 3.0)
    layer.text((_FRAME, 34), "Measurements", 36, bold=True)
    layer.text((_FRAME, 72), spine, _TEXT, GREY)
    for number, line in enumerate(below):
        colour = (240, 150, 70) if line == DISCLAIMER else GREY
        layer.text((_FRAME, _HEADER + _HEIGHT + 32 + LINE * number), line, _TEXT, colour)
    return layer.onto(picture)


class _Drawing:
    """Draws the measurements of structures onto a layer."""

    def __init__(self, layer: Layer, plane: CurvedPlane, scale: float, width: int) -> None:
        self.layer = layer
        self.plane = plane
        self.scale = scale
        self.width = width

    def structure(self, item: StructureResult) -> None:
        """Draw the lines of a structure, with its heights in front of it and its canal behind it."""
        info = anatomy.structure(item.name)
        disc = info.kind is anatomy.Kind.DISC
        heights = [entry for entry in item.measurements if "_height_" in entry.name and entry.lines]
        for entry in heights:
            self.line(*entry.lines[0], rgb(info.colour), 3.0)
        x, y = self._place(item.position)
        numbers = " ".join(f"{entry.value:.1f}" for entry in heights)
        text = f"{item.name}  {numbers} mm" if heights else f"{item.name}  –"
        right = max(x - _LABEL_LEFT * self.scale, _FRAME + 8 + text_width(text, 22, bold=not disc))
        self.layer.text((right, y), text, 22, rgb(info.colour), anchor="rm", bold=not disc, halo=True)
        canal, slip = item.measurement("canal_diameter"), item.measurement("slip")
        if canal is not None and canal.lines:
            self.line(*canal.lines[0], _CANAL, 4.0)
            end = self._place(canal.lines[0][1])
            text = f"canal {canal.text}{_slip_text(slip)}"
            left = min(end[0] + 12, self.width - 8 - text_width(text, 22))  # a narrow image ends just behind the canal
            self.layer.text((left, end[1]), text, 22, WHITE, halo=True)
        if slip is not None and slip.lines:
            self.line(*slip.lines[0], _SLIP, 5.0)

    def line(self, start: tuple[float, float, float], end: tuple[float, float, float], colour: Colour, width: float) -> None:
        """Draw a line between RAS points."""
        self.layer.line([self._place(start), self._place(end)], colour, width)

    def _place(self, point: tuple[float, float, float]) -> tuple[float, float]:
        x, y = self.plane.place(np.array(point)) * self.scale
        return _FRAME + float(x), _HEADER + float(y)


def _slip_text(slip: Measurement | None) -> str:
    if slip is None or slip.value is None:
        return ""
    return f" · slip {slip.value:+.1f} mm"
