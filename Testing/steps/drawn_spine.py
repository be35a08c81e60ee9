"""A drawn spine: boxes for bodies, discs, canal and arches, in grey values that a drawn network distinguishes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.geometry import FloatArray, Image
from SpinalDiseaseAILib.models.segmentation_network import TISSUES

GREY = (100, 400, 700, 1000)
"""Grey values of background, vertebra, disc and canal."""

LEVEL = 34  # rows of a level
FIRST = 40  # row of the middle of T12-L1
MIDDLE = 60  # column of the middles
_DISC, _DEPTH = 8, 30
_CANAL = (80, 94)
_ARCH = (98, 116)


@dataclass(frozen=True, eq=False)
class DrawnSpine:
    """A spine with pixels of 1 mm and slices of 4 mm.

    :param image: grey values, axis codes LPI.
    :param tissues: numbers of ``TISSUES``; same shape.
    :param points: key point to RAS millimetres.
    """

    image: Image
    tissues: np.ndarray
    points: dict[str, FloatArray]


def drawn_spine(slices: int = 7, affine: FloatArray | None = None) -> DrawnSpine:
    """A straight spine from T11 to a sacrum, the same in every slice."""
    plane = np.zeros((140, 300), dtype=np.uint8)  # (columns, rows)
    vertebra, disc, canal = (TISSUES.index(name) for name in ("vertebra", "disc", "canal"))
    columns = slice(MIDDLE - _DEPTH // 2, MIDDLE + _DEPTH // 2)
    for level in range(-1, 6):
        middle = FIRST + LEVEL * level
        plane[columns, max(0, middle - _DISC // 2) : middle + _DISC // 2] = disc
        upper = max(0, middle - LEVEL + _DISC // 2 + 1)
        plane[columns, upper : max(0, middle - _DISC // 2 - 1)] = vertebra
        # The arch of the vertebra above a disc lies behind the lower half of that vertebra.
        plane[_ARCH[0] : _ARCH[1], max(0, middle - 18) : max(0, middle - 4)] = vertebra
    plane[_CANAL[0] : _CANAL[1], :260] = canal
    tissues = np.broadcast_to(plane, (slices, *plane.shape)).copy()
    grey = np.array(GREY, dtype=np.int16)[tissues]
    image = Image(grey, np.diag([-4.0, -1.0, -1.0, 1.0]) if affine is None else affine)
    points = {name: image.to_ras(((slices - 1) / 2, MIDDLE, FIRST + LEVEL / 2 * index)) for index, name in enumerate(KEY_POINTS)}
    return DrawnSpine(image, tissues, points)


class DrawnNetwork(nn.Module):
    """Recognises the tissues of a drawn spine by their grey value, as a trained network would by their appearance."""

    multiple = 16

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def forward(self, planes: Tensor) -> Tensor:
        """:param planes: (N, 3, H, W)."""
        self.seen.append(planes)
        values = torch.tensor(GREY, dtype=torch.float32)
        values = (values - values.min()) / (values.max() - values.min())
        return -300 * (planes[:, :1] - values[None, :, None, None]) ** 2
