"""Classification: the findings of structures from their regions, all regions of a study in one batch."""

from __future__ import annotations

import numpy as np
import torch

from ..base.anatomy import KEY_POINTS, finding, structure
from ..base.geometry import FloatArray
from ..base.options import Progress, no_progress
from ..base.planes import SagittalVolume
from ..base.report import FindingResult
from ..models.region_network import RegionNetwork
from .heads import Heads
from .regions import NEIGHBOUR_SLICES, grey_scale, regions_of, sample

CONTRASTS = ("T2", "T1")
"""Channels of the network, in order."""


class Classifier:
    """Grades structures with a network.

    :param network: in evaluation mode, on ``device``.
    :param model: name of the bundle, kept with each result.
    :param side: pixels a side of the regions that the network was trained on.
    """

    def __init__(self, network: RegionNetwork, heads: Heads, model: str, device: torch.device, side: int) -> None:
        self.network = network
        self.heads = heads
        self.model = model
        self.device = device
        self.side = side
        self.kinds = {finding(name).kind for name in heads.findings}

    def grades(self, name: str) -> bool:
        """True if it has a finding for the structure's kind."""
        return structure(name).kind in self.kinds

    @torch.inference_mode()
    def classify(
        self,
        volumes: dict[str, SagittalVolume],
        points: dict[str, FloatArray],
        names: tuple[str, ...],
        progress: Progress = no_progress,
    ) -> dict[str, tuple[FindingResult, ...]]:
        """Findings of some structures.

        :param volumes: contrast (of :data:`CONTRASTS`) to sagittal stack, one at least; all in the same patient space.
        :param points: every key point that is known, RAS millimetres.
        :param names: structures to grade; those without a finding of their kind are left out of the result.
        :returns: structure name to its findings. Own slice and both neighbours are looked at and their logits averaged.
        """
        wanted = tuple(name for name in names if self.grades(name))
        if not wanted:
            return {}
        progress("classification", 0.0, f"Grading {len(wanted)} structures")
        primary = volumes[next(contrast for contrast in CONTRASTS if contrast in volumes)]
        regions = regions_of(points, primary, wanted, side=self.side)
        offsets = (0.0,) if primary.slice_count == 1 else (-NEIGHBOUR_SLICES, 0.0, NEIGHBOUR_SLICES)
        batch = np.zeros((len(wanted), len(offsets), len(CONTRASTS), self.side, self.side), dtype=np.float32)
        for channel, contrast in enumerate(CONTRASTS):
            if contrast not in volumes:
                continue
            scale = grey_scale(volumes[contrast])
            for index, region in enumerate(regions):
                for slot, offset in enumerate(offsets):
                    batch[index, slot, channel] = sample(region, volumes[contrast], scale, offset)
            progress("classification", 0.5 * (channel + 1) / len(CONTRASTS), f"Regions of {contrast} are ready")
        codes = torch.eye(len(KEY_POINTS))[[KEY_POINTS.index(name) for name in wanted]].repeat_interleave(len(offsets), 0)
        tensor = torch.from_numpy(batch).flatten(0, 1).to(self.device).contiguous(memory_format=torch.channels_last)
        logits = self.network(tensor, codes.to(self.device)).float().cpu().numpy()
        logits = logits.reshape(len(wanted), len(offsets), -1).mean(1)
        results = self.heads.results(logits, self.model)
        return {
            name: tuple(items[index] for key, items in results.items() if finding(key).kind is structure(name).kind)
            for index, name in enumerate(wanted)
        }
