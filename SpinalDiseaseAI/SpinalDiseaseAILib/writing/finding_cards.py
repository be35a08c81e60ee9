"""The findings as a column of cards next to the picture: one card per structure, at the structure's height."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..base import anatomy, wording
from ..base.report import FindingResult, Report, StructureResult
from .drawing import GREY, SEVERITY_COLOURS, Layer, ink_on, text_width

_NAME_SIZE = 30
_CHIP_SIZE = 25
_CHIP_HEIGHT = 40
_NAME_WIDTH = 112
_GAP = 10
CARD_GAP = 18
"""Pixels between cards."""


@dataclass(frozen=True)
class Chip:
    """A coloured label of a word or two, followed by a probability."""

    text: str
    probability: str
    result: FindingResult

    @property
    def width(self) -> float:
        """Width in pixels."""
        return text_width(self.text, _CHIP_SIZE, bold=True) + text_width(self.probability, _CHIP_SIZE) + 40


@dataclass(frozen=True)
class Card:
    """A structure's chips, wrapped into lines."""

    structure: StructureResult
    lines: tuple[tuple[Chip, ...], ...]

    @property
    def height(self) -> float:
        """Height in pixels."""
        return max(1, len(self.lines)) * (_CHIP_HEIGHT + _GAP) - _GAP

    @property
    def name_height(self) -> float:
        """Pixels from the top of the card to the middle of its first line."""
        return _CHIP_HEIGHT / 2

    def draw(self, layer: Layer, left: float, top: float) -> None:
        """Draw the name and the chips with their upper left corner at a position."""
        layer.text((left, top + self.name_height), self.structure.name, _NAME_SIZE, bold=True)
        x = left + _NAME_WIDTH
        if not self.lines:
            layer.text((x, top + self.name_height), wording.NOTHING_ABNORMAL, _CHIP_SIZE, GREY)
        for number, line in enumerate(self.lines):
            x = left + _NAME_WIDTH
            middle = top + number * (_CHIP_HEIGHT + _GAP) + _CHIP_HEIGHT / 2
            for chip in line:
                colour = SEVERITY_COLOURS[wording.severity(chip.result)]
                layer.box((x, middle - _CHIP_HEIGHT / 2, x + chip.width, middle + _CHIP_HEIGHT / 2), colour, radius=9)
                ink = ink_on(colour)
                layer.text((x + 12, middle), chip.text, _CHIP_SIZE, ink, bold=True)
                layer.text((x + chip.width - 12, middle), chip.probability, _CHIP_SIZE, ink, anchor="rm")
                x += chip.width + _GAP


def cards_of(report: Report, width: float) -> tuple[Card, ...]:
    """A card for every assessed disc and every vertebra with an abnormal finding, from cranial to caudal.

    :param width: maximum width of a card in pixels.
    """
    cards = []
    for item in report.structures:
        shown = wording.headline(item)
        disc = anatomy.structure(item.name).kind is anatomy.Kind.DISC
        if shown or (disc and item.findings):
            cards.append(Card(item, _wrap([_chip(result) for result in shown], width - _NAME_WIDTH)))
    return tuple(cards)


def stack(anchors: Sequence[float], heights: Sequence[float], top: float, bottom: float, gap: float = CARD_GAP) -> list[float]:
    """Top positions of cards, each centred on its anchor as closely as the others allow, in order and without overlap.

    :param anchors: vertical positions in the picture to which the cards belong, increasing.
    :param heights: heights of the cards in pixels.
    :param top: no card begins above it.
    :param bottom: no card ends below it, unless they do not all fit.
    """
    tops: list[float] = []
    for anchor, height in zip(anchors, heights, strict=True):
        free = top if not tops else tops[-1] + heights[len(tops) - 1] + gap
        tops.append(max(free, anchor - height / 2))
    limit = bottom
    for index in reversed(range(len(tops))):
        free = top + sum(heights[:index]) + gap * index
        tops[index] = max(free, min(tops[index], limit - heights[index]))
        limit = tops[index] - gap
    return tops


def _chip(result: FindingResult) -> Chip:
    return Chip(wording.short_text(result), f"{result.confidence:.2f}", result)


def _wrap(chips: list[Chip], width: float) -> tuple[tuple[Chip, ...], ...]:
    lines: list[tuple[Chip, ...]] = []
    for chip in chips:
        used = sum(item.width + _GAP for item in lines[-1]) if lines else width
        if used + chip.width > width:
            lines.append((chip,))
        else:
            lines[-1] = (*lines[-1], chip)
    return tuple(lines)
