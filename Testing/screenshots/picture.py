"""Pictures of widgets, possibly side by side, in files that change only if there is a visible difference."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6 import QtCore, QtGui, QtWidgets

LARGEST_BYTES = 300_000
COLOURS = 256
PALETTE_STEP = 24
"""Colours that differ by no more than this, of 255, may be the same colour in two palettes."""
GREY_STEP = 4
"""Grey values of images are rounded to multiples of this, because noise would take up most of a file."""

MARGIN = 16
"""Pixels below the last visible item of a picture."""


@dataclass(frozen=True)
class Picture:
    """Pixels, and the positions of texts that vary between runs.

    :param pixels: (height, width, 3), uint8, row 0 at the top.
    :param varying: rectangles as (left, top, right, bottom), the last two excluded.
    """

    pixels: np.ndarray
    varying: tuple[tuple[int, int, int, int], ...] = ()

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @classmethod
    def of(cls, widget: QtWidgets.QWidget, varying: Iterable[QtWidgets.QWidget] = ()) -> Picture:
        """The picture of a widget.

        :param varying: widgets in it whose texts vary between runs.
        """
        image = widget.grab().toImage().convertToFormat(QtGui.QImage.Format.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        pixels = rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()
        places = []
        for part in varying:
            if part.isVisibleTo(widget):
                corner = part.mapTo(widget, QtCore.QPoint(0, 0))
                places.append((corner.x(), corner.y(), corner.x() + part.width(), corner.y() + part.height()))
        return cls(pixels, tuple(places))

    @classmethod
    def of_file(cls, path: Path, width: int) -> Picture:
        """The picture in a file, scaled to a width in pixels."""
        image = Image.open(path).convert("RGB")
        return cls(np.asarray(image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)))

    def cropped(self) -> Picture:
        """This picture without the rows at its lower end that equal the last one, except for a margin."""
        differs = (self.pixels != self.pixels[-1]).any(axis=(1, 2))
        last = int(np.flatnonzero(differs)[-1]) if differs.any() else self.height - 1
        return Picture(self.pixels[: min(last + 1 + MARGIN, self.height)], self.varying)

    def beside(self, right: np.ndarray) -> Picture:
        """This picture with another one of the same height to its right."""
        return Picture(np.concatenate([self.pixels, right // GREY_STEP * GREY_STEP], axis=1), self.varying)

    def write(self, path: Path) -> bool:
        """Write a PNG file of 256 colours, unless the existing one shows the same except for the varying texts.

        :returns: True if the file was written.
        :raises ValueError: if the file would be too large for the documents.
        """
        image = Image.fromarray(self.pixels).quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE)
        if path.is_file() and self._differs_nowhere(
            np.asarray(image.convert("RGB")), np.asarray(Image.open(path).convert("RGB"))
        ):
            return False
        content = io.BytesIO()
        image.save(content, "PNG", optimize=True)
        if len(content.getvalue()) > LARGEST_BYTES:
            raise ValueError(f"{path} would have {len(content.getvalue())} bytes; {LARGEST_BYTES} are the most. Make it smaller.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.getvalue())
        return True

    def _differs_nowhere(self, now: np.ndarray, before: np.ndarray) -> bool:
        """True if two pictures agree outside the varying texts, whose colours may have changed the palette a little."""
        if now.shape != before.shape:
            return False
        differs = (np.abs(now.astype(int) - before) > PALETTE_STEP).any(axis=-1)
        for left, top, right, bottom in self.varying:
            differs[top:bottom, left:right] = False
        return not differs.any()
