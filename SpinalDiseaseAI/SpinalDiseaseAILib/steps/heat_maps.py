"""From sagittal planes to heat maps at a fixed spacing, and on to candidates for the chain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from ..base.anatomy import Kind
from ..base.planes import SagittalVolume
from ..base.resampling import resample_plane
from ..models.arrays import array_of, tensor_of
from ..models.localizer_network import LocalizerEnsemble, LocalizerNetwork
from .chain import KINDS, Candidates
from .intensity import GreyScale

NETWORK_SPACING = 1.0
"""Millimetres per pixel of the network's input."""

_RADIUS = 6.0  # millimetres around a candidate within which mass is attributed to it
_CANDIDATES = 24


@dataclass(frozen=True)
class Grid:
    """In-plane grid of a set of heat maps.

    :param scale: millimetres in the network's view per millimetre of the image; 1 unless the spine has an unusual size.
    :param to_plane: 2×3 matrix from network pixel (column, row, 1) to plane pixel (column, row).
    :param shape: (rows, columns) of the network's view.
    """

    scale: float
    to_plane: npt.NDArray[np.float64]
    shape: tuple[int, int]

    @classmethod
    def of(cls, volume: SagittalVolume, multiple: int, scale: float = 1.0, smallest: int = 320) -> Grid:
        """The grid that contains a whole plane at its centre.

        :param multiple: both sides are multiples of this number of pixels.
        :param smallest: both sides have at least this number of pixels.
        """
        rows, columns = volume.pixels(0).shape
        ratio = NETWORK_SPACING / (volume.pixel_spacing * scale)  # plane pixels per network pixel
        size = [
            max(smallest, int(np.ceil(length / step / multiple)) * multiple)
            for length, step in zip((columns, rows), ratio, strict=True)
        ]
        offset = [
            (length - 1) / 2 - step * (side - 1) / 2 for length, step, side in zip((columns, rows), ratio, size, strict=True)
        ]
        return cls(scale, np.array([[ratio[0], 0, offset[0]], [0, ratio[1], offset[1]]]), (size[1], size[0]))

    def plane_pixels(self, network_pixels: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Plane (column, row) of network pixels (..., 2)."""
        result: npt.NDArray[np.float64] = np.asarray(network_pixels) @ self.to_plane[:, :2].T + self.to_plane[:, 2]
        return result


@dataclass(frozen=True)
class HeatMaps:
    """Probabilities of key points in some planes.

    :param places: (S, K, H, W), each key point's probability at each pixel; together with ``outside`` it sums to 1.
    :param outside: (S, K), probability that the key point is not in the image.
    :param canal: (S, H, W) probability of the spinal canal.
    :param slices: plane numbers, (S,).
    """

    places: Tensor
    outside: Tensor
    canal: Tensor
    slices: tuple[int, ...]
    grid: Grid


@torch.inference_mode()
def heat_maps(
    network: LocalizerNetwork | LocalizerEnsemble,
    volume: SagittalVolume,
    slices: tuple[int, ...],
    grid: Grid,
    scale: GreyScale,
    device: torch.device,
) -> HeatMaps:
    """Run the network on planes of a volume, in one batch.

    :param slices: plane numbers.
    :param scale: grey scale of the volume.
    """
    planes = [resample_plane(scale.apply(volume.pixels(index)), grid.to_plane, grid.shape) for index in slices]
    batch = tensor_of(np.stack(planes))[:, None].to(device).contiguous(memory_format=torch.channels_last)
    places, outside, canal = network.probabilities(batch)
    return HeatMaps(places.cpu(), outside.cpu(), canal[:, 0].cpu(), slices, grid)


def to_network_pixel(heat_pixels: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Network pixels (..., 2) of heat map pixels (..., 2), which are ``STRIDE`` times as large."""
    stride = LocalizerNetwork.STRIDE
    result: npt.NDArray[np.float64] = (np.asarray(heat_pixels, dtype=np.float64) + 0.5) * stride - 0.5
    return result


def candidates(places: Tensor, outside: Tensor) -> Candidates:
    """Peaks of the summed maps of discs and of vertebrae, with the probability of each key point there.

    :param places: (K, H, W) probabilities.
    :param outside: (K,) probabilities.
    """
    pixel = LocalizerNetwork.STRIDE * NETWORK_SPACING
    radius = _RADIUS / pixel
    reach = int(np.ceil(radius))
    offsets = torch.arange(-reach, reach + 1)
    disk = ((offsets[:, None] ** 2 + offsets[None] ** 2) <= radius**2).float()
    mass = functional.conv2d(places[:, None], disk[None, None], padding=reach)[:, 0]
    found: dict[Kind, npt.NDArray[np.float64]] = {}
    index_of: dict[Kind, tuple[Tensor, Tensor]] = {}
    for kind in dict.fromkeys(KINDS):
        total = kind_map(places, kind)
        smooth = functional.avg_pool2d(total[None, None], 3, 1, 1)[0, 0]
        peak = (smooth == functional.max_pool2d(smooth[None, None], 2 * reach - 1, 1, reach - 1)[0, 0]) & (smooth > 1e-5)
        rows, columns = torch.nonzero(peak, as_tuple=True)
        order = smooth[rows, columns].argsort(descending=True)[:_CANDIDATES]
        rows, columns = rows[order], columns[order]
        index_of[kind] = rows, columns
        found[kind] = np.stack([array_of(columns), array_of(rows)], -1).astype(np.float64).reshape(-1, 2) * pixel
    masses = [array_of(mass[number][index_of[kind]].double().clamp(0, 1)) for number, kind in enumerate(KINDS)]
    return Candidates(found, masses, array_of(outside.double()))


def kind_map(places: Tensor, kind: Kind) -> Tensor:
    """Sum of the maps of all discs, or of all vertebrae: where there is a structure of that kind, whichever it is; (H, W)."""
    return places[[number for number, own in enumerate(KINDS) if own is kind]].sum(0)


def centroid(map_: npt.NDArray[np.float32], start: npt.ArrayLike, radius: float = 4.0) -> npt.NDArray[np.float64]:
    """Centre of mass of a map around a place, recentred three times.

    :param map_: (H, W).
    :param start: (column, row) in map pixels.
    :param radius: map pixels.
    """
    place = np.array(start, dtype=np.float64)
    reach = int(np.ceil(radius)) + 1
    for _ in range(3):
        column, row = np.clip(np.rint(place).astype(int), 0, np.array(map_.shape[::-1]) - 1)
        rows = np.arange(max(0, row - reach), min(map_.shape[0], row + reach + 1))
        columns = np.arange(max(0, column - reach), min(map_.shape[1], column + reach + 1))
        distance = np.hypot(rows[:, None] - place[1], columns[None] - place[0])
        weight = map_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] * (distance <= radius)
        total = weight.sum()
        if total <= 1e-9:
            break
        place = np.array([(weight * columns[None]).sum(), (weight * rows[:, None]).sum()]) / total
    return place
