"""Localization: named key points of a lumbar spine in three dimensions, with the probability of other numberings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from ..base.anatomy import KEY_POINTS
from ..base.errors import InputError
from ..base.numbering import description_of
from ..base.options import Progress, no_progress
from ..base.planes import SagittalVolume
from ..base.report import Numbering
from ..models.arrays import array_of, tensor_of
from ..models.localizer_network import LocalizerEnsemble, LocalizerNetwork
from .chain import KINDS, OUTSIDE, Candidates, Chain, best_chain, numbering_scores
from .heat_maps import NETWORK_SPACING, Grid, HeatMaps, candidates, centroid, heat_maps, kind_map, to_network_pixel
from .intensity import GreyScale
from .lateral import midline

FloatArray = npt.NDArray[np.float64]

VOTING_STEP = 4.0  # millimetres between slices that vote: closer slices add nothing
VOTING_WIDTH = 60.0  # millimetres across the middle of the stack in which slices vote
EXPECTED_LEVEL = 34.0  # millimetres between neighbouring discs, mean of SPIDER
SHIFTS = (0, 1, -1)  # levels by which the numbering may be off
_OWN_SLICE = 5.0  # millimetres: standard deviation of the slices' weights around a structure's lateral position
_OTHER_SCALES = (1.7, 0.6)
_LEAST_EVIDENCE = 5.0  # sum of probabilities over key points: whole lumbar images of the tuning patients have at least 7.7 of 11
_RESCALE = 1.15  # ratio of sizes above which a spine is analysed again at the usual size
_EVIDENCE_MARGIN = 0.5  # evidence that the second look may lose, because its size is the more usual one
_TRANSITIONAL = 0.06  # fraction of spines whose transitional vertebra readers may number differently, whatever the network says
_NUMBERING_TEMPERATURE = 0.35  # of the mean log-probability per point; chosen on the tuning patients


@dataclass(frozen=True)
class Localization:
    """Key points of a volume.

    :param names: those in the image, cranial to caudal.
    :param positions: RAS millimetres, (N, 3).
    :param confidence: probability of each, (N,).
    :param numberings: most probable first, summing to 1.
    :param lateral_known: False if the slice of each structure could not be determined and the middle one was used.
    :param scale: factor by which the spacing of the input should be multiplied; 1 if the file states the spacing.
    :param level_length: mean distance from a disc to the next, in the input's own millimetres.
    """

    names: tuple[str, ...]
    positions: FloatArray
    confidence: FloatArray
    numberings: tuple[Numbering, ...]
    lateral_known: bool
    scale: float
    level_length: float


class Localizer(Protocol):
    """Finds key points."""

    def locate(
        self, volume: SagittalVolume, *, spacing_known: bool = True, slices: int = 0, progress: Progress = no_progress
    ) -> Localization:
        """Key points of a sagittal stack.

        :param spacing_known: False if the millimetres of the volume are a guess; the size of the spine then corrects them.
        :param slices: maximum number of slices to use; 0 for as many as :func:`voting_slices` gives.
        :raises InputError: if no lumbar spine is seen.
        """
        ...


class ChainLocalizer:
    """Finds key points with a network, and names them as a chain.

    :param network: in evaluation mode, on ``device``.
    """

    def __init__(self, network: LocalizerNetwork | LocalizerEnsemble, device: torch.device) -> None:
        self.network = network
        self.device = device

    def locate(
        self, volume: SagittalVolume, *, spacing_known: bool = True, slices: int = 0, progress: Progress = no_progress
    ) -> Localization:
        """As :meth:`Localizer.locate`.

        The network was trained on spines of usual size. If it sees little, a much larger and a much smaller scale are tried; a
        spine that turns out larger or smaller than usual is analysed again at the usual size.
        """
        looks = _Looks(self, volume, slices, progress)
        seen = looks.at(1.0)
        if seen is None or seen.evidence < _LEAST_EVIDENCE:
            others = [look for look in (seen, *map(looks.at, _OTHER_SCALES)) if look is not None]
            seen = max(others, key=lambda look: look.evidence, default=None)
        if seen is None:
            raise no_spine()
        usual = float(np.clip(EXPECTED_LEVEL / seen.level_length, 0.3, 3.0))
        ratio = usual / seen.maps.grid.scale
        if max(ratio, 1 / ratio) > _RESCALE:
            again = looks.at(usual)
            if again is not None and again.evidence >= seen.evidence - _EVIDENCE_MARGIN:
                seen = again
        return _localization(volume, seen, 1.0 if spacing_known else EXPECTED_LEVEL / seen.level_length)

    def maps(self, volume: SagittalVolume, slices: tuple[int, ...], grid: Grid, progress: Progress) -> HeatMaps:
        """Heat maps of planes on a grid; ``progress`` receives the fraction of these planes."""
        parts = []
        grey = GreyScale.of(volume.image.voxels[slices[0] : slices[-1] + 1])
        size = 4  # planes per batch: bounds the memory, and the analysis can be cancelled between batches
        for start in range(0, len(slices), size):
            progress("localization", start / len(slices), f"Looking for vertebrae and discs, slice {start + 1} of {len(slices)}")
            parts.append(heat_maps(self.network, volume, slices[start : start + size], grid, grey, self.device))
        return HeatMaps(
            torch.cat([part.places for part in parts]),
            torch.cat([part.outside for part in parts]),
            torch.cat([part.canal for part in parts]),
            slices,
            grid,
        )


@dataclass(frozen=True)
class _Look:
    """A chain that was found at one scale.

    :param level_length: distance from a disc to the next, in millimetres of the input.
    :param evidence: sum of the probabilities of the chain's points: roughly, the number of points that the network is sure of.
    """

    maps: HeatMaps
    found: Candidates
    chain: Chain
    level_length: float
    evidence: float


class _Looks:
    """Analyses a volume at one scale after another."""

    def __init__(self, localizer: ChainLocalizer, volume: SagittalVolume, most: int, progress: Progress) -> None:
        self.localizer = localizer
        self.volume = volume
        self.progress = progress
        self.slices = voting_slices(volume, most)
        self.count = 0

    def at(self, scale: float) -> _Look | None:
        """The chain found in the volume when it is enlarged by ``scale``; None if there is none."""
        left = 0.5**self.count  # of the progress: the number of looks is not known in advance
        self.count += 1
        grid = Grid.of(self.volume, self.localizer.network.multiple, scale)
        maps = self.localizer.maps(
            self.volume,
            self.slices,
            grid,
            lambda stage, fraction, message: self.progress(stage, 1 - left + left / 2 * fraction, message),
        )
        weight = _slice_weights(maps)
        found = candidates((maps.places * weight[:, None, None, None]).sum(0), (maps.outside * weight[:, None]).sum(0))
        chain = best_chain(found)
        if chain is None:
            return None
        evidence = sum(float(found.masses[i][item]) for i, item in enumerate(chain.choice) if item != OUTSIDE)
        return _Look(maps, found, chain, _level_length(found, chain) / scale, evidence)


def no_spine() -> InputError:
    """The error that a localizer raises if it sees no lumbar spine."""
    return InputError(
        "No lumbar spine was found in the image.",
        "A sagittal lumbar MR that shows the L5-S1 disc is needed.",
        "Check that the series is sagittal and of the lumbar spine.",
        code="no-spine",
    )


def voting_slices(volume: SagittalVolume, most: int = 0) -> tuple[int, ...]:
    """Numbers of the slices that vote: central ones, about :data:`VOTING_STEP` apart.

    :param most: maximum number, those nearest to the middle; 0 for all.
    """
    spacing = volume.slice_spacing
    middle = (volume.slice_count - 1) / 2
    stride = max(1, round(VOTING_STEP / spacing))
    reach = int(min(middle, VOTING_WIDTH / 2 / spacing) // stride) * stride
    first = int(np.ceil(middle - reach - 1e-6))
    central = tuple(range(first, int(middle + reach + 1e-6) + 1, stride))
    # A thin stack with an even number of slices has none exactly in its middle: the two next to it vote.
    central = central or (int(middle), int(middle) + 1)
    left_out = max(0, len(central) - most) if most > 0 else 0
    return central[left_out // 2 : len(central) - (left_out + 1) // 2]


def _slice_weights(maps: HeatMaps) -> torch.Tensor:
    """Weights of the slices, summing to 1, by how peaked their maps are: a slice that misses the spine has almost no vote."""
    peaked = (maps.places.flatten(2).amax(2)).sum(1)  # (S,)
    weight = peaked**2
    return weight / weight.sum().clamp(min=1e-9)


def _level_length(found: Candidates, chain: Chain) -> float:
    """Mean distance from a disc to the next, or a vertebra to the next, along a chain, in millimetres of the network's view."""
    places = {i: found.places[KINDS[i]][item] for i, item in enumerate(chain.choice) if item != OUTSIDE}
    lengths = [float(np.linalg.norm(places[i + 2] - places[i])) for i in places if i + 2 in places]
    return float(np.mean(lengths)) if lengths else EXPECTED_LEVEL


def _localization(volume: SagittalVolume, look: _Look, scale: float) -> Localization:
    maps, found, chain = look.maps, look.found, look.chain
    inside = [index for index, item in enumerate(chain.choice) if item != OUTSIDE]
    pixel = LocalizerNetwork.STRIDE * NETWORK_SPACING
    weight = _slice_weights(maps)
    mean = (maps.places * weight[:, None, None, None]).sum(0)
    places = np.array([found.places[KINDS[i]][chain.choice[i]] for i in inside]) / pixel  # heat map pixels
    places = np.array([centroid(array_of(kind_map(mean, KINDS[i])), place) for i, place in zip(inside, places, strict=True)])
    slice_places = np.array(maps.slices) * volume.slice_spacing
    lateral, evidence = midline(array_of(maps.canal), pixel / maps.grid.scale, slice_places, places)
    points = []
    for index, place, where in zip(inside, places, lateral, strict=True):
        near = np.exp(-0.5 * ((slice_places - where) / _OWN_SLICE) ** 2) * array_of(weight)
        near /= max(float(near.sum()), 1e-12)
        own = (maps.places * tensor_of(near).float()[:, None, None, None]).sum(0)
        own_place = centroid(array_of(kind_map(own, KINDS[index])), place)
        column, row = maps.grid.plane_pixels(to_network_pixel(own_place))
        column, row = np.clip((column, row), 0, np.array(volume.image.voxels.shape[1:]) - 1)  # the network's view has a border
        points.append((where / volume.slice_spacing, column, row))
    confidence = np.array([float(found.masses[i][chain.choice[i]]) for i in inside])
    return Localization(
        names=tuple(KEY_POINTS[i] for i in inside),
        positions=volume.to_ras(np.array(points)),
        confidence=np.clip(confidence, 0, 1),
        numberings=_numberings(found, chain),
        lateral_known=bool((evidence > 0).any()) or len(maps.slices) == 1,
        scale=scale,
        level_length=look.level_length,
    )


def _numberings(found: Candidates, chain: Chain) -> tuple[Numbering, ...]:
    """Possible numberings of the spine that was found, most probable first."""
    unseen = float(found.outside[KEY_POINTS.index("L5-S1")])
    scores = numbering_scores(found, chain)
    return numberings_of(np.array([scores.get(shift, -np.inf) for shift in SHIFTS]), unseen)


def numberings_of(scores: FloatArray, unseen: float) -> tuple[Numbering, ...]:
    """Numberings, most probable first.

    :param scores: mean log-probability per point of each of :data:`SHIFTS`; minus infinity for impossible ones.
    :param unseen: probability that the sacrum is not in view, so that the levels cannot be numbered.
    """
    share = np.exp((scores - scores.max()) / _NUMBERING_TEMPERATURE)
    share = (1 - _TRANSITIONAL) * share / share.sum() + _TRANSITIONAL / len(SHIFTS)
    result = [
        Numbering(shift, float((1 - unseen) * value), description_of(shift)) for shift, value in zip(SHIFTS, share, strict=True)
    ]
    result.append(Numbering(None, unseen, description_of(None)))
    return tuple(sorted(result, key=lambda item: -item.probability))
