"""Training of the key point network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..base.anatomy import KEY_POINTS
from ..base.planes import assumed_spacing
from ..base.resampling import resample_plane
from ..datasets.collection import read_dataset
from ..datasets.records import Record, read_grey, without_fold
from ..datasets.spider import CANAL_MASK
from ..models.loading import channels_last
from ..models.localizer_network import LocalizerNetwork, log_probabilities
from ..steps.intensity import GreyScale
from .augmentation import ViewRange, random_contrast, random_cutout, random_views, to_target, warp
from .examples import ExampleFolder, key_of
from .hardware import PROCESSOR, Hardware
from .loop import Loop
from .streams import losses_of

STORED_SPACING = 0.8
"""Pixel size of the stored planes in millimetres; views are drawn from them at 1 mm."""


@dataclass(frozen=True)
class StoredPlane:
    """A training plane.

    :param image: (2, H, W) at :data:`STORED_SPACING`: grey values and canal, the latter without NaN and valid if ``has_canal``.
    :param points: (K, 2) as (column, row), NaN if unknown.
    """

    image: Tensor
    points: Tensor
    has_canal: bool


Groups = Sequence[tuple[float, Mapping[str, Sequence[StoredPlane]]]]
"""The weight and the planes by patient of each data set."""


def store(record: Record) -> StoredPlane:
    """Resample a record to the stored spacing."""
    pixels = record.pixels()
    spacing = record.spacing or assumed_spacing((pixels.shape[0], pixels.shape[1]))
    ratio = (STORED_SPACING / spacing[0], STORED_SPACING / spacing[1])
    shape = (math.ceil(pixels.shape[0] / ratio[1]), math.ceil(pixels.shape[1] / ratio[0]))
    matrix = np.array([[ratio[0], 0, (ratio[0] - 1) / 2], [0, ratio[1], (ratio[1] - 1) / 2]])
    planes = [resample_plane(GreyScale.of(pixels).apply(pixels), matrix, shape)]
    canal = (read_grey(record.mask) == CANAL_MASK).astype(np.float32) if record.mask else np.zeros_like(pixels, dtype=np.float32)
    planes.append(resample_plane(canal, matrix, shape))
    known = [record.points.get(name, (math.nan, math.nan)) for name in KEY_POINTS]
    points = [((x + 0.5) / ratio[0] - 0.5, (y + 0.5) / ratio[1] - 0.5) for x, y in known]
    return StoredPlane(
        torch.from_numpy(np.stack(planes)).half(), torch.tensor(points, dtype=torch.float32), record.mask is not None
    )


class PlaneSampler:
    """Endless batches of random views.

    :param groups: planes by patient, and the weight of each group; within a group all patients are equally likely.
    :param size: side of the square views, in millimetres and pixels.
    :param cut: share of views in which the field of view ends inside the lumbar spine.
    """

    def __init__(self, groups: Groups, size: int, cut: float) -> None:
        self.groups = [(weight, list(patients.values())) for weight, patients in groups]
        self.size = size
        self.cut = cut
        self.ranges = ViewRange()

    def batch(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A batch: views (N, 1, S, S), points (N, K, 2), canal (N, 1, S, S), and whether the canal is known (N,)."""
        views = random_views(count, self.ranges, generator) / STORED_SPACING
        weights = torch.tensor([weight for weight, _ in self.groups])
        images, points, known = [], [], []
        for index, group in enumerate(torch.multinomial(weights, count, replacement=True, generator=generator).tolist()):
            patients = self.groups[group][1]
            planes = patients[int(torch.randint(len(patients), (), generator=generator))]
            plane = planes[int(torch.randint(len(planes), (), generator=generator))]
            shift = (torch.rand(2, generator=generator) * 2 - 1) * self.ranges.shift / STORED_SPACING
            source = plane.points[~plane.points[:, 0].isnan()].mean(0) + shift
            shape = (self.size, self.size)
            image = warp(plane.image.float(), views[index], source, shape)
            place = to_target(plane.points, views[index], source, shape)
            if torch.rand((), generator=generator) < self.cut:
                image = self._cut(image, place, generator)
            images.append(image)
            points.append(place)
            known.append(plane.has_canal)
        stack = torch.stack(images)
        grey = random_cutout(random_contrast(stack[:, :1], generator), generator)
        return grey, torch.stack(points), stack[:, 1:], torch.tensor(known)

    def _cut(self, image: Tensor, place: Tensor, generator: torch.Generator) -> Tensor:
        """Black out everything above or below a random row; the border rule of the target makes points there invisible."""
        rows = place[:, 1][~place[:, 1].isnan()]
        row = rows.min() + torch.rand((), generator=generator) * (rows.max() - rows.min())
        image = image.clone()
        upper = torch.rand((), generator=generator) < 0.6
        edge = int(row.clamp(0, self.size - 1))
        if upper:  # the field of view often begins below the thoracolumbar junction
            image[:, : min(edge, self.size * 2 // 3)] = 0
            place[place[:, 1] < min(edge, self.size * 2 // 3)] = -1e4
        else:
            image[:, edge:] = 0
            place[place[:, 1] >= edge] = -1e4
        return image


def localizer_loss(network: nn.Module, batch: tuple[Tensor, Tensor, Tensor, Tensor], sigma: float) -> Tensor:
    """Cross-entropy of each key point's softmax with a Gaussian (or "outside"), plus the canal if it is known."""
    images, points, canal, canal_known = batch
    heat, outside, canal_logits = network(images.contiguous(memory_format=torch.channels_last))
    logs, log_outside = log_probabilities(heat, outside)
    height, width = heat.shape[-2:]
    stride = LocalizerNetwork.STRIDE
    place = (points + 0.5) / stride - 0.5  # heat map pixels
    columns = torch.arange(width, device=heat.device) - place[..., 0:1]
    rows = torch.arange(height, device=heat.device) - place[..., 1:2]
    spread = sigma / stride
    target = torch.exp(-0.5 * (rows / spread) ** 2)[..., :, None] * torch.exp(-0.5 * (columns / spread) ** 2)[..., None, :]
    inside = ((place >= -0.5) & (place < torch.tensor([width - 0.5, height - 0.5], device=heat.device))).all(-1)
    target = target / target.sum((-1, -2), keepdim=True).clamp(min=1e-6)
    entropy = -(target.nan_to_num() * logs).sum((-1, -2))
    each = torch.where(inside, entropy, -log_outside)
    known = ~points[..., 0].isnan()
    loss = (each * known).sum() / known.sum()
    if canal_known.any():
        small = functional.avg_pool2d(canal[canal_known], stride)
        loss = loss + 2 * functional.binary_cross_entropy_with_logits(canal_logits[canal_known], small)
    return loss


def planes_to_fit(config: dict[str, Any], data: Path) -> dict[str, list[Record]]:
    """The records with key points on which a configuration trains, by data set."""
    return {
        name: [record for record in without_fold(read_dataset(name, data, tuple(config["splits"])), config) if record.points]
        for name in config["datasets"]
    }


def stored_groups(config: dict[str, Any], records: dict[str, list[Record]], folder: ExampleFolder) -> Groups:
    """The stored planes of :func:`planes_to_fit`, with the weights of their data sets."""
    groups = []
    for name, weight in config["datasets"].items():
        found = records[name]
        key = key_of(STORED_SPACING, *found, files=[path for record in found for path in (record.path, record.mask)])
        planes = folder.stored(name, key, StoredPlane, map(store, found))
        patients: dict[str, list[int]] = {}
        for index, record in enumerate(found):
            patients.setdefault(record.patient, []).append(index)
        groups.append((float(weight), {patient: planes.chosen(indices) for patient, indices in patients.items()}))
    return groups


def train_localizer(config: dict[str, Any], data: Path, run: Path, hardware: Hardware = PROCESSOR) -> Path:
    """Train as a configuration says; an interrupted run resumes from its last checkpoint.

    :param data: folder of the data sets.
    :param run: folder of checkpoints and logs.
    :returns: path of the averaged weights, ``weights.safetensors``.
    """
    records = planes_to_fit(config, data)
    loop = Loop(channels_last(LocalizerNetwork(len(KEY_POINTS), tuple(config["widths"]))), config, run, hardware)

    def loss(model: nn.Module, *batch: Tensor) -> Tensor:
        images, points, canal, canal_known = batch
        return localizer_loss(model, (images, points, canal, canal_known), config["sigma"])

    with loop.examples() as folder:
        sampler = PlaneSampler(stored_groups(config, records, folder), config["size"], config["cut"])
        return loop.fit(losses_of(sampler.batch, loss, config, hardware))
