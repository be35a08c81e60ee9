"""Labels of vertebrae, discs and canal: the segmentation network on the sagittal planes around the spine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from ..base.geometry import FloatArray
from ..base.options import Progress, no_progress
from ..base.planes import SagittalVolume
from ..base.resampling import resample_plane
from ..models.arrays import array_of, tensor_of
from ..models.segmentation_network import TISSUES, SegmentationNetwork
from .intensity import GreyScale
from .spine_curve import SpineCurve

Labels = npt.NDArray[np.uint8]

_ABOVE, _BELOW, _BEFORE, _BEHIND = 75.0, 70.0, 45.0, 85.0  # millimetres beyond the key points in the network's view
_USUAL_LEVEL = 34.0  # millimetres between neighbouring discs, mean of SPIDER
_RESCALE = 1.15  # ratio of sizes above which a spine is rescaled to the usual size for the network
_LATERAL = 26.0  # millimetres to each side of the points: ribs and transverse processes lie beyond
_BAND = (-18.0, 45.0)  # range in millimetres behind the points from which the grey scale is taken
_APART = 3.0  # millimetres: closer slices are skipped, which made no difference on the tuning patients
_BATCH = 2  # planes at a time: as fast as more on a CPU, bounds the memory, and allows cancelling between batches


@dataclass(frozen=True)
class View:
    """The part of each plane that the network sees.

    :param to_plane: 2×3 matrix from network pixel (column, row, 1) to plane pixel (column, row).
    :param shape: (rows, columns) of the network's view.
    :param corner: first (column, row) of the plane within it.
    :param size: (columns, rows) of the plane within it.
    """

    to_plane: FloatArray
    shape: tuple[int, int]
    corner: tuple[int, int]
    size: tuple[int, int]

    @classmethod
    def of(cls, volume: SagittalVolume, curve: SpineCurve, spacing: float, multiple: int) -> View:
        """The view around the key points.

        :param spacing: millimetres per network pixel, for a spine of usual size.
        :param multiple: both sides are multiples of this number of network pixels.
        """
        size = curve.level_length / _USUAL_LEVEL
        size = size if max(size, 1 / size) > _RESCALE else 1.0
        step = volume.pixel_spacing
        points = curve.places[curve.known]
        low = points.min(0) - np.array([_BEFORE, _ABOVE]) * size
        high = points.max(0) + np.array([_BEHIND, _BELOW]) * size
        limits = np.array(volume.image.voxels.shape[1:])
        first = np.clip(np.floor(low / step), 0, limits - 1).astype(int)
        last = np.clip(np.ceil(high / step), first, limits - 1).astype(int)
        extent = (last - first + 1) * step
        columns, rows = (max(1, int(np.ceil(length / (spacing * size) / multiple))) * multiple for length in extent)
        ratio = spacing * size / step
        # The outer borders of the network's first pixel and the plane's first pixel coincide.
        matrix = np.array([[ratio[0], 0, first[0] + (ratio[0] - 1) / 2], [0, ratio[1], first[1] + (ratio[1] - 1) / 2]])
        return cls(matrix, (rows, columns), (int(first[0]), int(first[1])), tuple((last - first + 1).tolist()))

    def in_plane(self, maps: Tensor) -> Tensor:
        """The network's maps (N, C, H, W) resampled to the plane's own pixels, (N, C, rows, columns)."""
        scale = torch.tensor([self.to_plane[0, 0], self.to_plane[1, 1]], dtype=torch.float32)
        columns, rows = (torch.arange(length, dtype=torch.float32) + 0.5 for length in self.size)
        height, width = self.shape
        # Clamped to the centres of the outer pixels, as border padding would do, which torch lacks on Apple's GPUs.
        x = (columns / scale[0] * 2 / width - 1).clamp(1 / width - 1, 1 - 1 / width)
        y = (rows / scale[1] * 2 / height - 1).clamp(1 / height - 1, 1 - 1 / height)
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).to(maps.device)
        return functional.grid_sample(
            maps, grid[None].expand(len(maps), -1, -1, -1), mode="bilinear", padding_mode="zeros", align_corners=False
        )


class TissueSegmenter:
    """Labels tissues with a network.

    :param network: in evaluation mode, on ``device``.
    :param spacing: millimetres per pixel that the network was trained on.
    :param bias: tissue to an offset of its logit, without which outlines are slightly too narrow.
    """

    def __init__(
        self, network: SegmentationNetwork, device: torch.device, spacing: float, bias: Mapping[str, float] | None = None
    ) -> None:
        self.network = network
        self.device = device
        self.spacing = spacing
        values = [(bias or {}).get(name, 0.0) for name in TISSUES]
        self.weights = torch.tensor(values, device=device).exp()[:, None, None]

    @torch.inference_mode()
    def label(
        self, volume: SagittalVolume, curve: SpineCurve, lateral: tuple[float, float], progress: Progress = no_progress
    ) -> Labels:
        """Tissues of a stack.

        :param curve: the spine in it.
        :param lateral: first and last slice, continuous, between which the key points lie.
        :returns: numbers of ``TISSUES``, shape (slices, columns, rows) of the stack; 0 outside the network's view.
        """
        result: Labels = np.zeros(volume.image.voxels.shape, dtype=np.uint8)
        slices = slices_round(volume, lateral)
        view = View.of(volume, curve, self.spacing, self.network.multiple)
        scale = grey_scale(volume, curve, slices)
        looked = slices_looked_at(slices, volume.slice_spacing)
        planes = [self._plane(volume, index, view, scale) for index in looked]
        left, top = view.corner
        window = (slice(left, left + view.size[0]), slice(top, top + view.size[1]))
        before: tuple[int, Tensor] | None = None
        for start in range(0, len(looked), _BATCH):
            progress("segmentation", start / len(looked), f"Outlining structures, slice {start + 1} of {len(looked)}")
            batch = range(start, min(start + _BATCH, len(looked)))
            stack = torch.stack([torch.stack(_neighbours(planes, place)) for place in batch])
            stack = stack.to(self.device).contiguous(memory_format=torch.channels_last)
            maps = view.in_plane(self.network(stack).softmax(1) * self.weights)
            for place, own in zip(batch, maps, strict=True):
                index = looked[place]
                for number, found in _filled_in(before, (index, own)):
                    result[(number, *window)] = array_of(_highest(found[None])[0]).T
                before = index, own
        return result

    @staticmethod
    def _plane(volume: SagittalVolume, index: int, view: View, scale: GreyScale) -> Tensor:
        return tensor_of(resample_plane(scale.apply(volume.pixels(index)), view.to_plane, view.shape))


def slices_looked_at(slices: Sequence[int], spacing: float) -> tuple[int, ...]:
    """The subset of successive slices that the network sees: about :data:`_APART` apart, and always the last one.

    :param spacing: millimetres from a slice to the next.
    """
    step = max(1, int(_APART / spacing + 1e-6))
    return tuple(sorted({*slices[::step], slices[-1]}))


def _neighbours(planes: Sequence[Tensor], place: int) -> list[Tensor]:
    """A plane and its two neighbours; the plane itself replaces a missing neighbour, as in training."""
    return [planes[place], planes[max(0, place - 1)], planes[min(len(planes) - 1, place + 1)]]


def _filled_in(before: tuple[int, Tensor] | None, own: tuple[int, Tensor]) -> Iterator[tuple[int, Tensor]]:
    """Number and maps of each slice after the previous one that the network saw, up to ``own``, by linear interpolation."""
    index, maps = own
    if before is not None:
        first, earlier = before
        for number in range(first + 1, index):
            yield number, torch.lerp(earlier, maps, (number - first) / (index - first))
    yield index, maps


def _highest(maps: Tensor) -> Tensor:
    """Channel with the highest value, (N, H, W), uint8; several times as fast as ``argmax`` on a CPU."""
    best, found = maps[:, 0], torch.zeros_like(maps[:, 0], dtype=torch.uint8)
    for channel in range(1, maps.shape[1]):
        found = torch.where(maps[:, channel] > best, torch.tensor(channel, dtype=torch.uint8, device=maps.device), found)
        best = torch.maximum(best, maps[:, channel])
    return found


def slices_round(volume: SagittalVolume, lateral: tuple[float, float]) -> tuple[int, ...]:
    """Numbers of the slices that can show vertebral bodies, from the range of slices ``lateral`` of the key points."""
    reach = _LATERAL / volume.slice_spacing
    first = int(np.clip(np.ceil(lateral[0] - reach), 0, volume.slice_count - 1))
    last = int(np.clip(np.floor(lateral[1] + reach), first, volume.slice_count - 1))
    return tuple(range(first, last + 1))


def grey_scale(volume: SagittalVolume, curve: SpineCurve, slices: tuple[int, ...]) -> GreyScale:
    """The grey scale of a band along the spine: fat next to a surface coil is far brighter and must not count."""
    step = volume.pixel_spacing
    points = curve.places[curve.known]
    first, last = (int(value) for value in np.clip(np.rint(points[[0, -1], 1] / step[1]), 0, volume.image.voxels.shape[2] - 1))
    order = np.argsort(points[:, 1])
    rows = np.arange(min(first, last), max(first, last) + 1)
    middle = np.interp(rows * step[1], points[order, 1], points[order, 0]) / step[0]
    columns = np.arange(volume.image.voxels.shape[1])
    low, high = (middle + offset / step[0] for offset in _BAND)
    band = (columns[:, None] >= low) & (columns[:, None] <= high)  # (columns, rows)
    part = volume.image.voxels[slices[0] : slices[-1] + 1, :, rows[0] : rows[-1] + 1]
    return GreyScale.of(part[:, band])
