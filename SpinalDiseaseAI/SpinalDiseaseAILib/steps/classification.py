"""Classification: findings of structures from their regions, with all regions of a study in one batch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from ..base.anatomy import KEY_POINTS, finding, structure
from ..base.errors import InputError
from ..base.geometry import FloatArray
from ..base.options import Progress, no_progress
from ..base.planes import SagittalVolume
from ..base.report import FindingResult
from ..models.arrays import array_of, tensor_of
from ..models.region_network import RegionNetwork
from ..models.region_resnet import RegionResNet
from .heads import Heads
from .regions import NEIGHBOUR_SLICES, RegionLayout, grey_scale, regions_of, sample


class Classifier:
    """Grades structures with a network.

    :param network: in evaluation mode, on ``device``.
    :param heads: findings of the network and their calibration.
    :param model: name of the bundle, kept with each result.
    :param layout: of the regions that the network was trained on.
    """

    def __init__(
        self, network: RegionNetwork | RegionResNet, heads: Heads, model: str, device: torch.device, layout: RegionLayout
    ) -> None:
        self.network = network
        self.heads = heads
        self.model = model
        self.device = device
        self.layout = layout
        self.kinds = {finding(name).kind for name in heads.findings}

    def grades(self, name: str) -> bool:
        """True if it has a finding for structures of this one's kind."""
        return structure(name).kind in self.kinds

    def classify(
        self,
        volumes: dict[str, SagittalVolume],
        points: dict[str, FloatArray],
        names: tuple[str, ...],
    ) -> dict[str, tuple[FindingResult, ...]]:
        """Findings of structures.

        :param volumes: contrast to sagittal stack, at least one; all in the same patient space.
        :param points: all known key points, RAS millimetres.
        :param names: structures to grade; those without a finding of their kind are left out of the result.
        :returns: structure name to its findings.
        :raises InputError: if the network uses none of the contrasts in ``volumes``.
        """
        return self.results(self.logits(volumes, points, names))

    def results(self, logits: Mapping[str, FloatArray]) -> dict[str, tuple[FindingResult, ...]]:
        """Findings of structures from the result of :meth:`logits`."""
        if not logits:
            return {}
        results = self.heads.results(np.stack(list(logits.values())), self.model)
        return {
            name: tuple(items[index] for key, items in results.items() if finding(key).kind is structure(name).kind)
            for index, name in enumerate(logits)
        }

    @torch.inference_mode()
    def logits(
        self,
        volumes: dict[str, SagittalVolume],
        points: dict[str, FloatArray],
        names: tuple[str, ...],
        progress: Progress = no_progress,
    ) -> dict[str, FloatArray]:
        """Outputs of the network for structures; arguments as for :meth:`classify`.

        :returns: structure name to the logits of all findings, (outputs,), averaged over its own slice and both neighbours.
        :raises InputError: if the network uses none of the contrasts in ``volumes``.
        """
        wanted = tuple(name for name in names if self.grades(name))
        if not wanted:
            return {}
        progress("classification", 0.0, f"Grading {len(wanted)} structures")
        contrasts, side = self.layout.contrasts, self.layout.side
        seen = [contrast for contrast in contrasts if contrast in volumes]
        if not seen:
            raise InputError(
                f"The model {self.model} grades {' and '.join(contrasts)} images; the study has {' and '.join(volumes)} only.",
                remedy="Add such a series, or choose another model.",
                code="contrast",
            )
        primary = volumes[seen[0]]
        regions = regions_of(points, primary, wanted, self.layout)
        offsets = (0.0,) if primary.slice_count == 1 else (-NEIGHBOUR_SLICES, 0.0, NEIGHBOUR_SLICES)
        batch = np.zeros((len(wanted), len(offsets), len(contrasts), side, side), dtype=np.float32)
        for channel, contrast in enumerate(contrasts):
            if contrast not in volumes:
                continue
            scale = grey_scale(volumes[contrast])
            for index, region in enumerate(regions):
                for slot, offset in enumerate(offsets):
                    batch[index, slot, channel] = sample(region, volumes[contrast], scale, offset)
            progress("classification", 0.5 * (channel + 1) / len(contrasts), f"Regions of {contrast} are ready")
        codes = torch.eye(len(KEY_POINTS))[[KEY_POINTS.index(name) for name in wanted]].repeat_interleave(len(offsets), 0)
        tensor = tensor_of(batch).flatten(0, 1).to(self.device).contiguous(memory_format=torch.channels_last)
        outputs = array_of(self.network(tensor, codes.to(self.device)).float())
        averaged = outputs.reshape(len(wanted), len(offsets), -1).mean(1)
        return dict(zip(wanted, averaged, strict=True))
