"""Text, chips, rings and lines on a picture, with smooth edges."""

from __future__ import annotations

from functools import lru_cache

from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from ..base.wording import Severity

Colour = tuple[int, int, int]

WHITE: Colour = (236, 240, 244)
GREY: Colour = (150, 160, 170)
BLACK: Colour = (0, 0, 0)
INK: Colour = (18, 20, 23)

SEVERITY_COLOURS: dict[Severity, Colour] = {
    # They also differ in lightness, for readers who cannot distinguish red from green.
    Severity.NORMAL: (104, 178, 160),
    Severity.BORDERLINE: (242, 211, 106),
    Severity.ABNORMAL: (240, 150, 70),
    Severity.SEVERE: (214, 69, 65),
}

LINE = 38
"""Height of a line of text below a picture, in pixels."""

_FINE = 2
"""Shapes are drawn larger by this factor and averaged: Pillow's own shapes have hard edges."""


def rgb(colour: tuple[float, float, float]) -> Colour:
    """A colour of 0 … 1 as bytes."""
    red, green, blue = (round(255 * value) for value in colour)
    return red, green, blue


def ink_on(colour: Colour) -> Colour:
    """Black or white, whichever is more legible on a colour (relative luminance of Rec. 709)."""
    red, green, blue = colour
    return INK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 110 else WHITE


@lru_cache(maxsize=32)
def _font(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):  # Pillow without FreeType has only a bitmap font of one size
        raise RuntimeError("Pillow was built without FreeType, so that no text can be drawn.")
    return font


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of a text in pixels."""
    return _font(size).getlength(text) + (1.2 if bold else 0)


def wrapped(text: str, size: float, width: float) -> tuple[str, ...]:
    """A text in lines of at most ``width`` pixels, broken at its middle dots; a longer part gets its own line."""
    lines: list[str] = []
    for part in text.split(" · "):
        longer = f"{lines[-1]} · {part}" if lines else part
        if lines and text_width(longer, size) > width:
            lines.append(part)
        else:
            lines[-1:] = [longer]
    return tuple(lines)


class Layer:
    """A transparent layer of drawings; coordinates are pixels of the picture underneath."""

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._picture = Picture.new("RGBA", (width * _FINE, height * _FINE))
        self._draw = ImageDraw.Draw(self._picture)

    def text(
        self,
        place: tuple[float, float],
        text: str,
        size: float,
        colour: Colour = WHITE,
        *,
        anchor: str = "lm",
        bold: bool = False,
        halo: bool = False,
    ) -> None:
        """Text at a place.

        :param anchor: Pillow's two letters, such as ``"lm"`` for left and middle.
        :param halo: outline in black, for text on an image.
        """
        x, y = place[0] * _FINE, place[1] * _FINE
        weight = 1 if bold else 0
        font = _font(size * _FINE)
        if halo:
            self._draw.text((x, y), text, (*BLACK, 215), font, anchor, stroke_width=weight + 5)
        self._draw.text((x, y), text, colour, font, anchor, stroke_width=weight, stroke_fill=colour)

    def box(
        self,
        box: tuple[float, float, float, float],
        fill: Colour | None = None,
        *,
        outline: Colour | None = None,
        radius: float = 0.0,
    ) -> None:
        """Rectangle (left, top, right, bottom) with rounded corners."""
        scaled = [value * _FINE for value in box]
        self._draw.rounded_rectangle(scaled, radius * _FINE, fill, outline, width=2 * _FINE)

    def line(self, places: list[tuple[float, float]], colour: Colour, width: float, *, opacity: float = 1.0) -> None:
        """Line through places."""
        scaled = [(x * _FINE, y * _FINE) for x, y in places]
        self._draw.line(scaled, (*colour, round(255 * opacity)), round(width * _FINE), joint="curve")

    def ring(self, place: tuple[float, float], radius: float, colour: Colour, *, square: bool = False) -> None:
        """Coloured ring (or square) with a black border and a dot in its centre, visible on bright and dark tissue."""
        x, y = place[0] * _FINE, place[1] * _FINE
        shape = self._draw.rectangle if square else self._draw.ellipse
        for extra, width, ink in ((1.5, 6.0, BLACK), (0.0, 3.0, colour)):
            reach = (radius + extra) * _FINE
            shape((x - reach, y - reach, x + reach, y + reach), outline=ink, width=round(width * _FINE))
        dot = 2.2 * _FINE
        self._draw.ellipse((x - dot, y - dot, x + dot, y + dot), fill=colour)

    def onto(self, picture: Picture.Image) -> Picture.Image:
        """The picture with this layer on top."""
        smooth = self._picture.resize(self._size, Picture.Resampling.BOX)
        return Picture.alpha_composite(picture.convert("RGBA"), smooth).convert("RGB")
