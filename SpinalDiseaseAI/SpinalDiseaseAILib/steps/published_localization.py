"""Localization as published for the Spinal Disease 2020 system: the best position of each key point, independently.

No chain connects the points, and nothing corrects the consequences: a point with a low score is left out, a position gets only
one name, a point needs a neighbour, and the certainty of the numbering follows from the scores of the neighbouring levels at the
same positions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ..base.anatomy import KEY_POINTS
from ..base.options import Progress, no_progress
from ..base.planes import SagittalVolume
from ..base.resampling import resample_plane
from ..models.arrays import array_of, tensor_of
from ..models.box_detector import BoxDetector
from ..models.vnet2d import VNet2d
from .intensity import GreyScale
from .localization import EXPECTED_LEVEL, SHIFTS, Localization, no_spine, numberings_of, voting_slices
from .point_scores import PointScores, point_scores
from .whole_plane import square_view

FloatArray = npt.NDArray[np.float64]

_BATCH = 2  # planes: bounds the memory, and the analysis can be cancelled between batches
_FEWEST = 3  # smallest number of key points that make a spine
_APART = 0.5  # of the usual step from a key point to the next; two points closer than that are at the same structure
_FLOOR = 1e-4  # smallest score that makes a difference
_SACRUM = KEY_POINTS.index("L5-S1")


class PublishedLocalizer:
    """Finds key points with one of the published networks.

    :param network: in evaluation mode, on ``device``.
    :param side: side in pixels of the square in which it sees a plane.
    :param least_score: score below which a key point counts as not found, in 0 … 1.
    :param confidence: slope and offset that map the logit of a score to that of a probability, fitted on the tuning patients.
    """

    def __init__(
        self,
        network: VNet2d | BoxDetector,
        device: torch.device,
        side: int,
        least_score: float,
        confidence: tuple[float, float] = (1.0, 0.0),
    ) -> None:
        self.network = network
        self.device = device
        self.side = side
        self.least_score = least_score
        self.confidence = confidence

    def locate(
        self, volume: SagittalVolume, *, spacing_known: bool = True, slices: int = 0, progress: Progress = no_progress
    ) -> Localization:
        """As :meth:`.localization.Localizer.locate`: slices vote, with more weight the higher their scores are."""
        chosen = voting_slices(volume, slices)
        rows, columns = volume.pixels(0).shape
        view = square_view((rows, columns), volume.pixel_spacing, self.side)
        seen = self._scores(volume, chosen, view, progress)
        weights = seen.peaks().sum(1) ** 2
        weights = weights / weights.sum().clamp(min=1e-9)
        best = [seen.best(index, weights) for index in range(len(KEY_POINTS))]
        steps = np.asarray(volume.pixel_spacing)
        places = np.array([place for place, _, _ in best]) @ view[:, :2].T + view[:, 2]  # plane pixels
        scores = np.array([score for _, score, _ in best])
        kept = distinct(places * steps, scores, self.least_score)
        if len(kept) < _FEWEST:
            raise no_spine()
        slope, offset = self.confidence
        probability = _logistic(slope * _logit(np.clip(scores, _FLOOR, 1 - _FLOOR)) + offset)
        lateral = np.array([_lateral(best[index][2][:, index], chosen) for index in kept])
        level = level_length(places * steps, kept)
        points = np.column_stack([lateral, places[kept]])
        return Localization(
            names=tuple(KEY_POINTS[index] for index in kept),
            positions=volume.to_ras(points),
            confidence=probability[kept],
            numberings=numberings_of(
                np.array([_named(best, weights, kept, shift) for shift in SHIFTS]),
                1 - float(probability[_SACRUM]) if _SACRUM in kept else 1.0,
            ),
            lateral_known=True,
            scale=1.0 if spacing_known else EXPECTED_LEVEL / level,
            level_length=level,
        )

    def _scores(self, volume: SagittalVolume, slices: tuple[int, ...], view: FloatArray, progress: Progress) -> PointScores:
        grey = GreyScale.of(volume.image.voxels[slices[0] : slices[-1] + 1])
        parts = []
        for start in range(0, len(slices), _BATCH):
            progress("localization", start / len(slices), f"Looking for vertebrae and discs, slice {start + 1} of {len(slices)}")
            planes = [
                resample_plane(grey.apply(volume.pixels(index)), view, (self.side, self.side))
                for index in slices[start : start + _BATCH]
            ]
            batch = tensor_of(np.stack(planes))[:, None].to(self.device)
            parts.append(point_scores(self.network, batch.contiguous(memory_format=torch.channels_last)))
        return PointScores.together(parts)


def distinct(places: FloatArray, scores: FloatArray, least: float) -> list[int]:
    """Indices of the key points that count as found, cranial to caudal.

    If two of them are at the same structure, the one with the higher score names it. One whose neighbours are both missing is
    left out too, because a region of interest is laid out from neighbouring points.

    :param places: (K, 2) millimetres.
    :param scores: (K,).
    :param least: score below which a point is left out.
    """
    likely = [index for index in range(len(places)) if scores[index] >= least]
    steps = [float(np.linalg.norm(places[i + 1] - places[i])) for i in likely if i + 1 in likely]
    apart = _APART * float(np.median(steps)) if steps else 0.0
    kept: list[int] = []
    for index in sorted(likely, key=lambda item: -scores[item]):
        if all(np.linalg.norm(places[index] - places[other]) > apart for other in kept):
            kept.append(index)
    return [index for index in sorted(kept) if index - 1 in kept or index + 1 in kept]


def level_length(places: FloatArray, kept: list[int]) -> float:
    """Mean distance in millimetres from a disc to the next, or a vertebra to the next; the usual one if no two are known.

    :param places: (K, 2) millimetres.
    :param kept: key points to use, from :func:`distinct`.
    """
    lengths = [float(np.linalg.norm(places[i + 2] - places[i])) for i in kept if i + 2 in kept]
    return float(np.mean(lengths)) if lengths else EXPECTED_LEVEL


def _lateral(scores: torch.Tensor, slices: tuple[int, ...]) -> float:
    """Continuous slice number of a structure, from its score in each slice: the networks were trained only on middle planes."""
    return float(np.average(slices, weights=array_of(scores.double()) ** 2))


def _named(best: list[tuple[FloatArray, float, torch.Tensor]], weights: torch.Tensor, kept: list[int], shift: int) -> float:
    """Mean log-score of the names that the found positions would have if every name moved down by ``shift`` levels."""
    others = [(index, index + 2 * shift) for index in kept if 0 <= index + 2 * shift < len(KEY_POINTS)]
    scores = np.array([float((weights * best[index][2][:, other]).sum()) for index, other in others])
    return float(np.log(scores + _FLOOR).mean()) if others else -np.inf


def _logit(probability: FloatArray) -> FloatArray:
    result: FloatArray = np.log(probability / (1 - probability))
    return result


def _logistic(logit: FloatArray) -> FloatArray:
    result: FloatArray = 1 / (1 + np.exp(-logit))
    return result
