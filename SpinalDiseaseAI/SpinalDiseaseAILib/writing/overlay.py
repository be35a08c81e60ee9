"""The picture of a report: the spine through all its levels, with named points and their findings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image as Picture

from ..base import anatomy
from ..base.planes import SagittalVolume
from ..base.report import DISCLAIMER, Report, StructureResult
from ..base.study import Role, Series, Study
from .curved_plane import CurvedPlane
from .drawing import GREY, LINE, WHITE, Layer, rgb, text_width, wrapped
from .facts import capitalised, model_line, numbering_line, series_line
from .finding_cards import CARD_GAP, Card, cards_of, stack

_PANEL_HEIGHT, _PANEL_WIDTH = 1400, 1800
"""Maximum size of an image in pixels; it fills one of the two."""
_MARGIN_MM = (60.0, 40.0, 55.0, 60.0)
"""Millimetres shown anterior, superior, posterior and inferior to the points."""
_GAMMA = 0.85
_TEXT_SIZE = 25
_FRAME = 36
_HEADER = 150
_FOOTER = 104
_CARDS_WIDTH = 760
_BACKGROUND = (13, 15, 18)
_RESEARCH_COLOUR = (240, 150, 70)


def draw_overlay(report: Report, study: Study) -> Picture.Image:
    """Draw the picture of a report.

    From left to right: the sagittal T1, if the study has one in the same frame of reference; the series on which the levels were
    located; and a card of findings for each level. Both panels show the same surface: each row shows the slice of the structures
    at its height, so that a scoliotic spine is completely visible. Nothing that identifies the patient is drawn.
    """
    plane = CurvedPlane.through(
        SagittalVolume.of(study.primary.image), [item.position for item in report.structures], margin=_MARGIN_MM
    )
    width_mm, height_mm = plane.size
    scale = min(_PANEL_HEIGHT / height_mm, _PANEL_WIDTH / width_mm)  # pixels per millimetre
    panel = (max(1, round(width_mm * scale)), max(1, round(height_mm * scale)))
    shown = _shown_series(study)
    cards = cards_of(report, _CARDS_WIDTH - 50)
    needed = sum(card.height + CARD_GAP for card in cards)
    bottom = _HEADER + max(panel[1], round(needed))
    width = 2 * _FRAME + len(shown) * panel[0] + (len(shown) - 1) * 12 + (_CARDS_WIDTH if cards else 0)
    lines = series_line(study, plane.slice_range), numbering_line(report)
    width = max(width, *(round(text_width(line, _TEXT_SIZE)) + 2 * _FRAME for line in (*lines, DISCLAIMER)))
    models = wrapped(model_line(report), _TEXT_SIZE, width - 2 * _FRAME)
    picture = Picture.new("RGB", (width, bottom + _FOOTER + LINE * (len(models) - 1)), _BACKGROUND)
    layer = Layer(*picture.size)
    for number, series in enumerate(shown):
        left = _FRAME + number * (panel[0] + 12)
        grey = Picture.fromarray(_windowed(plane, series))
        picture.paste(grey.resize(panel, Picture.Resampling.BICUBIC).convert("RGB"), (left, _HEADER))
        _draw_panel(layer, left, panel, series, scale, study.primary.spacing_known)
    spine_left = _FRAME + (len(shown) - 1) * (panel[0] + 12)
    places = {item.name: _place(plane, item, scale, spine_left) for item in report.structures}
    tops = stack([places[card.structure.name][1] for card in cards], [card.height for card in cards], _HEADER, bottom)
    for card, top in zip(cards, tops, strict=True):
        _draw_card(layer, card, top, places[card.structure.name][1], spine_left + panel[0])
    for item in report.structures:
        _draw_point(layer, item, places[item.name], scale)
    _draw_header(layer, lines)
    _draw_footer(layer, models, bottom)
    return layer.onto(picture)


def windowed(values: npt.NDArray[np.float32], spine: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Grey values of a picture, from black at the 1st to white at the 98th percentile of the spine.

    :param values: intensities, shape (rows, columns).
    :param spine: the part of the values with the spine, without the bright fat at the border of the picture.
    :returns: shape (rows, columns). Mid greys are raised a little, to distinguish marrow from disc next to bright fluid.
    """
    tissue = spine[spine > 0]
    low, high = np.percentile(tissue, (1, 98)) if tissue.size else (0.0, 1.0)
    unit = np.clip((values - low) / max(float(high - low), 1e-6), 0, 1)
    result: npt.NDArray[np.uint8] = np.rint(255 * unit**_GAMMA).astype(np.uint8)
    return result


def _windowed(plane: CurvedPlane, series: Series) -> npt.NDArray[np.uint8]:
    values = plane.pixels(series.image)
    rows, columns = values.shape
    width, height = plane.size
    left, top, right, bottom = _MARGIN_MM
    # The points with 30 mm around them, as fractions of the picture.
    inner = slice(round(rows * max(0.0, (top - 30) / height)), round(rows * (1 - max(0.0, (bottom - 30) / height))))
    across = slice(round(columns * max(0.0, (left - 30) / width)), round(columns * (1 - max(0.0, (right - 30) / width))))
    return windowed(values, values[inner, across])


def _shown_series(study: Study) -> tuple[Series, ...]:
    other = study.of_role(Role.SAGITTAL_T1)
    if other is None or other is study.primary:
        return (study.primary,)
    if other.frame_of_reference_uid != study.primary.frame_of_reference_uid:
        return (study.primary,)
    return other, study.primary


def _place(plane: CurvedPlane, item: StructureResult, scale: float, left: float) -> tuple[float, float]:
    x, y = plane.place(item.position) * scale
    return left + float(x), _HEADER + float(y)


def _draw_panel(layer: Layer, left: int, panel: tuple[int, int], series: Series, scale: float, spacing_known: bool) -> None:
    top, right, bottom, middle = _HEADER, left + panel[0], _HEADER + panel[1], left + panel[0] / 2
    layer.text((left + 16, top + 26), capitalised(series.role.value), _TEXT_SIZE, WHITE, halo=True)
    for place, letter in (
        ((left + 22, top + panel[1] / 2), "A"),
        ((right - 22, top + panel[1] / 2), "P"),
        ((middle, top + 26), "H"),
        ((middle, bottom - 26), "F"),
    ):
        layer.text(place, letter, 28, WHITE, anchor="mm", halo=True)
    if spacing_known:
        length, low = 50 * scale, bottom - 30
        for width, colour in ((7.0, (0, 0, 0)), (3.0, WHITE)):
            layer.line([(left + 24, low), (left + 24 + length, low)], colour, width)
            for end in (0, length / 5, 2 * length / 5, 3 * length / 5, 4 * length / 5, length):
                layer.line([(left + 24 + end, low - 8), (left + 24 + end, low + 1)], colour, width)
        layer.text((left + 24, low - 28), "5 cm", 24, WHITE, halo=True)


def _draw_point(layer: Layer, item: StructureResult, place: tuple[float, float], scale: float) -> None:
    info = anatomy.structure(item.name)
    vertebra = info.kind is anatomy.Kind.VERTEBRA
    layer.ring(place, 9 if vertebra else 7, rgb(info.colour), square=item.manual)
    # A vertebra's name is in its body; a disc's is in front of the spine, so that it does not cover the disc.
    x = place[0] - 18 if vertebra else place[0] - 26 * scale
    name = item.name if item.confidence >= 0.5 else f"{item.name} ?"
    layer.text((x, place[1]), name, 28 if vertebra else 24, rgb(info.colour), anchor="rm", bold=vertebra, halo=True)


def _draw_card(layer: Layer, card: Card, top: float, height: float, edge: float) -> None:
    # The line stops at the edge of the image, so that it does not cover the posterior disc margin and the canal.
    colour = rgb(anatomy.structure(card.structure.name).colour)
    middle = top + card.name_height
    layer.line([(edge - 18, height), (edge + 4, height), (edge + 30, middle), (edge + 42, middle)], colour, 3)
    card.draw(layer, edge + 50, top)


def _draw_header(layer: Layer, lines: tuple[str, str]) -> None:
    layer.text((_FRAME, 38), "Lumbar spine MR", 36, bold=True)
    for height, line in zip((80, 116), lines, strict=True):
        layer.text((_FRAME, height), line, _TEXT_SIZE, GREY)


def _draw_footer(layer: Layer, models: tuple[str, ...], top: int) -> None:
    for number, line in enumerate((*models, DISCLAIMER)):
        colour = _RESEARCH_COLOUR if line == DISCLAIMER else GREY
        layer.text((_FRAME, top + 34 + LINE * number), line, _TEXT_SIZE, colour)
