"""Training of the grading network on regions around known key points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..base.anatomy import KEY_POINTS, Finding, finding, structure
from ..base.geometry import FloatArray
from ..base.planes import SagittalVolume, assumed_spacing, image_of_plane
from ..datasets.collection import read_dataset
from ..datasets.records import Record, without_fold
from ..models.loading import build, channels_last
from ..models.region_network import RegionNetwork
from ..models.region_resnet import RegionResNet
from ..steps.regions import RegionLayout, grey_scale, regions_of, sample
from .augmentation import ViewRange, random_contrast, random_views, warp
from .examples import ExampleFolder, Examples, key_of
from .hardware import PROCESSOR, Hardware
from .loop import Loop
from .network_data import is_published, network_metadata
from .one_class import one_class_loss
from .streams import losses_of

_MARGIN = 1.5  # stored regions are larger, so that rotated and shifted views have real pixels at the border


@dataclass(frozen=True)
class StoredRegion:
    """A training region.

    :param pixels: (contrasts, S, S), zero if a contrast is absent.
    :param structure: index in the key points.
    :param target: (outputs,) one or zero for each class; NaN if the finding is unknown.
    """

    pixels: Tensor
    structure: int
    target: Tensor
    patient: str


def plane_of(record: Record) -> tuple[SagittalVolume, dict[str, FloatArray]]:
    """A record as a stack of one slice, and its key points in RAS millimetres."""
    pixels = record.pixels()
    volume = SagittalVolume.of(image_of_plane(pixels, record.spacing or assumed_spacing((pixels.shape[0], pixels.shape[1]))))
    points = {name: volume.to_ras((0.0, *place)) for name, place in record.points.items()}
    return volume, points


def visits(records: tuple[Record, ...]) -> list[dict[str, Record]]:
    """Records by visit, each as contrast to record: a T1 and a T2 of a patient that show the same plane belong together.

    SPIDER's T1 key points were copied from T2 only if both series share the field of view, so a T1 with points matches.
    """
    t1 = {record.patient: record for record in records if record.contrast == "T1" and record.points}
    result: list[dict[str, Record]] = []
    for record in records:
        if record.contrast == "T2" and record.points:
            beside = t1.get(record.patient) if record.series.endswith("_t2") else None
            result.append({"T2": record} | ({"T1": beside} if beside else {}))
    return result


def targets(record: Record, name: str, findings: tuple[Finding, ...]) -> Tensor:
    """Ones and zeros for a structure's classes; NaN for unknown findings."""
    parts = []
    for item in findings:
        known = record.findings.get(name, {}).get(item.name)
        parts += [math.nan if known is None else float(key in known) for key in item.class_names]
    return torch.tensor(parts)


def stored_regions(records: tuple[Record, ...], findings: tuple[Finding, ...], layout: RegionLayout) -> Iterator[StoredRegion]:
    """Every region with a known finding, stored for views of the given layout."""
    stored = int(layout.side * _MARGIN)
    larger = replace(layout, side=stored, levels=layout.levels * stored / layout.side)
    kinds = {item.kind for item in findings}
    for visit in visits(records):
        planes = {contrast: plane_of(record) for contrast, record in visit.items()}
        first = visit["T2"]
        names = tuple(name for name in first.points if structure(name).kind in kinds and first.findings.get(name))
        pixels = np.zeros((len(names), len(layout.contrasts), stored, stored), dtype=np.float16)
        for channel, contrast in enumerate(layout.contrasts):
            if contrast in planes:
                volume, points = planes[contrast]
                scale = grey_scale(volume)
                for index, region in enumerate(regions_of(points, volume, names, larger)):
                    pixels[index, channel] = sample(region, volume, scale)
        for index, name in enumerate(names):
            yield StoredRegion(
                torch.from_numpy(pixels[index]), KEY_POINTS.index(name), targets(first, name, findings), first.patient
            )


def view(regions: list[StoredRegion], matrices: Tensor, shifts: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Regions (N, C, S, S) viewed through matrices (N, 2, 2) and shifts (N, 2) in pixels, one-hot structures, and targets."""
    middle = (regions[0].pixels.shape[-1] - 1) / 2
    shape = (side, side)
    images = [
        warp(item.pixels.float(), matrix, middle + shift, shape)
        for item, matrix, shift in zip(regions, matrices, shifts, strict=True)
    ]
    codes = torch.eye(len(KEY_POINTS))[[item.structure for item in regions]]
    return torch.stack(images), codes, torch.stack([item.target for item in regions])


class RegionSampler:
    """Endless batches of random views of regions.

    :param groups: regions and the weight of each group.
    :param drop_contrast: share of regions with both contrasts that lose one of them.
    :param side: side of a view in pixels.
    :param contrast: strength of the random changes of contrast.
    :param drop_structure: share of regions whose structure is hidden from the network.
    """

    def __init__(
        self,
        groups: Sequence[tuple[float, Sequence[StoredRegion]]],
        drop_contrast: float,
        side: int,
        contrast: float,
        drop_structure: float = 0.15,
    ) -> None:
        self.groups = groups
        self.drop_contrast = drop_contrast
        self.side = side
        self.contrast = contrast
        self.drop_structure = drop_structure
        self.ranges = ViewRange(scale=0.14, stretch=0.08, degrees=6.0, steep=0.0)

    def batch(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Regions (N, C, S, S), one-hot structures (N, K), targets (N, outputs)."""
        weights = torch.tensor([weight for weight, _ in self.groups])
        groups = torch.multinomial(weights, count, replacement=True, generator=generator).tolist()
        chosen = [
            self.groups[group][1][int(torch.randint(len(self.groups[group][1]), (), generator=generator))] for group in groups
        ]
        shifts = torch.randn((count, 2), generator=generator) * self.side / 32
        images, codes, target = view(chosen, random_views(count, self.ranges, generator), shifts, self.side)
        known = images.flatten(2).amax(2) > 0  # (N, C)
        bright = torch.cat(
            [random_contrast(part, generator, strength=self.contrast, inverted=0.0) for part in images.split(1, dim=1)], 1
        )
        images = bright * known[..., None, None]
        both = known.all(1) & (torch.rand(count, generator=generator) < self.drop_contrast)
        lost = (torch.rand(count, generator=generator) < 0.3).long()  # T1, the less usual input, is lost more often than T2
        dropped = torch.where(lost == 1, 0, 1)
        for index in torch.nonzero(both)[:, 0].tolist():
            images[index, dropped[index]] = 0
        codes = codes * (torch.rand((count, 1), generator=generator) > self.drop_structure)
        return images, codes, target


def region_loss(
    logits: Tensor, target: Tensor, findings: tuple[Finding, ...], balance: Tensor, weights: dict[str, float]
) -> Tensor:
    """Sum of the findings' losses over known findings.

    Exclusive findings: cross-entropy with rare classes weighted up, plus, for grades, the squared distance of the cumulative
    distributions (Hou et al., 2016), which penalizes an error of two grades more than an error of one. Others: binary
    cross-entropy per class.
    """
    total = logits.new_zeros(())
    start = 0
    for item in findings:
        end = start + len(item.classes)
        part, truth, rarity = logits[:, start:end], target[:, start:end], balance[start:end]
        known = ~truth[:, 0].isnan()
        start = end
        if not known.any():
            continue
        part, truth = part[known], truth[known]
        if item.exclusive:
            smooth = truth * 0.95 + 0.05 / len(item.classes)
            loss = -(smooth * part.log_softmax(1) * rarity).sum(1).mean()
            if item.ordinal and len(item.classes) > 2:
                loss = loss + 2 * ((part.softmax(1).cumsum(1) - truth.cumsum(1)) ** 2).sum(1).mean()
        else:
            loss = functional.binary_cross_entropy_with_logits(part, truth * 0.96 + 0.02, pos_weight=rarity)
        total = total + weights.get(item.name, 1.0) * loss
    return total


def class_balance(target: Tensor, findings: tuple[Finding, ...]) -> Tensor:
    """Weight of each class: the inverse square root of its share, mean 1 over the examples.

    For classes that do not exclude each other: the square root of negatives over positives, at most 4.

    :param target: (N, outputs) ones and zeros, NaN if unknown.
    """
    share = target.nanmean(0).nan_to_num(0.5).clamp(0.01, 0.99)
    parts = []
    start = 0
    for item in findings:
        part = share[start : start + len(item.classes)]
        start += len(item.classes)
        if item.exclusive:
            weight = part**-0.5
            parts.append(weight / (weight * part).sum())
        else:
            parts.append(((1 - part) / part).sqrt().clamp(max=4))
    return torch.cat(parts)


def region_network(members: Sequence[dict[str, Any]]) -> RegionNetwork | RegionResNet:
    """The network of one configuration, or of several whose runs are its members: small ones first, as in a bundle."""
    specification = network_metadata(members[0], members)["network"]
    if "dropout" in members[0]:  # it matters only in training, so bundles do not name it
        specification["arguments"]["dropout"] = members[0]["dropout"]
    network = build(specification)
    assert isinstance(network, RegionNetwork | RegionResNet)
    return network


def stored_groups(
    config: dict[str, Any], records: dict[str, tuple[Record, ...]], folder: ExampleFolder
) -> list[tuple[float, Examples[StoredRegion]]]:
    """The stored regions of the records of each data set, with the weight of the data set."""
    findings = tuple(finding(name) for name in config["findings"])
    layout = RegionLayout.of_options(config)
    groups = []
    for name, weight in config["datasets"].items():
        found = records[name]
        key = key_of(_MARGIN, config["findings"], layout, *found, files=(record.path for record in found))
        regions = folder.stored(name, key, StoredRegion, stored_regions(found, findings, layout))
        groups.append((float(weight), regions))
    return groups


def train_regions(config: dict[str, Any], data: Path, run: Path, hardware: Hardware = PROCESSOR) -> Path:
    """Train one member as a configuration says; an interrupted run resumes from its last checkpoint.

    :param data: folder of the data sets.
    :param run: folder of checkpoints and logs.
    :returns: path of the averaged weights.
    """
    findings = tuple(finding(name) for name in config["findings"])
    splits = tuple(config["splits"])
    records = {name: without_fold(read_dataset(name, data, splits), config) for name in config["datasets"]}
    loop = Loop(channels_last(region_network([config])), config, run, hardware)
    with loop.examples() as folder:
        groups = stored_groups(config, records, folder)
        known = torch.stack([region.target for _, regions in groups for region in regions])
        balance = class_balance(known, findings).to(hardware.device)
        # The structure selects the published network, so it is never hidden.
        told = {"drop_structure": 0.0} if is_published(config) else {}
        side = RegionLayout.of_options(config).side
        sampler = RegionSampler(groups, config["drop_contrast"], side, config["contrast"], **told)

        def loss(model: nn.Module, images: Tensor, codes: Tensor, target: Tensor) -> Tensor:
            logits = model(images.contiguous(memory_format=torch.channels_last), codes)
            if is_published(config):
                return one_class_loss(logits, target, findings)
            return region_loss(logits, target, findings, balance, config["weights"])

        return loop.fit(losses_of(sampler.batch, loss, config, hardware))
