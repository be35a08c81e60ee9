"""Training of the published heat map localizer: one Gaussian per key point."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..base.anatomy import KEY_POINTS
from ..models.loading import channels_last
from ..models.vnet2d import VNet2d
from .focal_loss import focal_loss
from .hardware import PROCESSOR, Hardware
from .localizer import planes_to_fit
from .loop import Loop
from .streams import losses_of
from .whole_planes import inside, sampler_of


def gaussians(points: Tensor, side: int, sigma: float) -> Tensor:
    """Maps (N, K, side, side) with a Gaussian of height 1 around each point; all zero if the point is unknown or outside.

    :param points: (N, K, 2) as (column, row) in pixels.
    :param sigma: pixels.
    """
    place = torch.arange(side, device=points.device)
    columns = torch.exp(-0.5 * ((place - points[..., 0:1]) / sigma) ** 2)
    rows = torch.exp(-0.5 * ((place - points[..., 1:2]) / sigma) ** 2)
    maps = rows[..., :, None] * columns[..., None, :]
    return torch.where(inside(points, side)[..., None, None], maps, maps.new_zeros(()))


def heat_map_loss(network: nn.Module, batch: tuple[Tensor, Tensor], sigma: float) -> Tensor:
    """Focal loss of the maps, in which one whole Gaussian has weight 1. Maps of unknown points do not count."""
    images, points = batch
    known = ~points[..., 0].isnan()
    target = gaussians(points, images.shape[-1], sigma)
    loss = focal_loss(network(images)[known], target[known])
    return loss / target.sum().clamp(min=1.0)


def train_heat_maps(config: dict[str, Any], data: Path, run: Path, hardware: Hardware = PROCESSOR) -> Path:
    """Train as a configuration says; an interrupted run resumes from its last checkpoint.

    :param data: folder of the data sets.
    :param run: folder of checkpoints and logs.
    :returns: path of the averaged weights.
    """
    records = planes_to_fit(config, data)
    loop = Loop(channels_last(VNet2d(len(KEY_POINTS), config["widths"], config["kernel"])), config, run, hardware)

    def loss(model: nn.Module, images: Tensor, points: Tensor) -> Tensor:
        return heat_map_loss(model, (images, points), config["sigma"])

    with loop.examples() as folder:
        return loop.fit(losses_of(sampler_of(config, records, folder).batch, loss, config, hardware))
