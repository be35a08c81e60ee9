"""Training of the published box detector: a box around each key point, sized by its neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..base.anatomy import KEY_POINTS
from ..models.box_detector import BoxDetector, cell_middles
from ..models.loading import channels_last
from .focal_loss import focal_loss
from .hardware import PROCESSOR, Hardware
from .localizer import planes_to_fit
from .loop import Loop
from .streams import losses_of
from .whole_planes import inside, sampler_of

_REACH = 1.5  # cells around a key point that predict it (FCOS with centre sampling)
_BOX_WEIGHT = 2.0


def boxes_of(points: Tensor) -> Tensor:
    """Boxes of key points as left, top, right, bottom; (N, K, 4), NaN if the point or its neighbours are unknown.

    A box is a square centred on the key point. Its side is the distance between the point's two neighbours (the discs of a
    vertebra, the vertebrae of a disc), or twice the distance to its only neighbour.

    :param points: (N, K, 2) as (column, row) in pixels, cranial to caudal.
    """
    steps = (points[:, 1:] - points[:, :-1]).norm(dim=-1)
    apart = (points[:, 2:] - points[:, :-2]).norm(dim=-1)
    missing = torch.full_like(points[:, :1, 0], float("nan"))
    sides = torch.cat([missing, apart, missing], 1)
    above = torch.cat([missing, 2 * steps], 1)
    below = torch.cat([2 * steps, missing], 1)
    for other in (above, below):
        sides = torch.where(sides.isnan(), other, sides)
    half = sides[..., None] / 2
    return torch.cat([points - half, points + half], -1)


def overlap_loss(found: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """One minus the generalized IoU (Rezatofighi et al., GIoU, CVPR 2019) of boxes (M, 4), and the plain IoU; (M,) each."""
    common = (torch.minimum(found[:, 2:], truth[:, 2:]) - torch.maximum(found[:, :2], truth[:, :2])).clamp(min=0).prod(1)
    hull = (torch.maximum(found[:, 2:], truth[:, 2:]) - torch.minimum(found[:, :2], truth[:, :2])).prod(1)
    areas = [(box[:, 2:] - box[:, :2]).prod(1) for box in (found, truth)]
    union = areas[0] + areas[1] - common
    overlap = common / union
    return 1 - overlap + (hull - union) / hull, overlap


def owners(points: Tensor, usable: Tensor, height: int, width: int, stride: int) -> Tensor:
    """The key point that each cell predicts, -1 for none; (N, H, W).

    :param points: (N, K, 2) as (column, row) in image pixels.
    :param usable: (N, K).
    """
    columns, rows = cell_middles(height, width, stride, points.device)
    far = torch.maximum((columns - points[..., 0, None, None]).abs(), (rows - points[..., 1, None, None]).abs())  # (N, K, H, W)
    far = torch.where(usable[..., None, None], far, torch.full_like(far, float("inf")))
    nearest, owner = far.min(1)
    return torch.where(nearest < _REACH * stride, owner, torch.full_like(owner, -1))


def box_loss(network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Focal loss of the scores against the IoU of each cell's box, plus the GIoU loss of the boxes, per cell in a box."""
    images, points = batch
    scores, boxes = network(images)
    truth = boxes_of(points)
    usable = inside(points, images.shape[-1]) & ~truth.isnan().any(-1)
    owner = owners(points, usable, scores.shape[2], scores.shape[3], BoxDetector.STRIDE)
    image, row, column = torch.nonzero(owner >= 0, as_tuple=True)
    key_point = owner[image, row, column]
    loss, overlap = overlap_loss(boxes[image, :, row, column], truth[image, key_point])
    target = torch.zeros_like(scores, dtype=overlap.dtype)
    target[image, key_point, row, column] = overlap.detach()
    return (focal_loss(scores, target) + _BOX_WEIGHT * loss.sum()) / max(1, len(image))


def train_boxes(config: dict[str, Any], data: Path, run: Path, hardware: Hardware = PROCESSOR) -> Path:
    """Train as a configuration says; an interrupted run resumes from its last checkpoint.

    :param data: folder of the data sets.
    :param run: folder of checkpoints and logs.
    :returns: path of the averaged weights.
    """
    records = planes_to_fit(config, data)
    network = channels_last(BoxDetector(len(KEY_POINTS), config["encoder_stages"], config["width"]))
    loop = Loop(network, config, run, hardware)

    def loss(model: nn.Module, images: Tensor, points: Tensor) -> Tensor:
        return box_loss(model, (images, points))

    with loop.examples() as folder:
        return loop.fit(losses_of(sampler_of(config, records, folder).batch, loss, config, hardware))
