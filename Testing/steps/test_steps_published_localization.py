"""The published localizers on stacks: positions, votes, what is left out, and the numbering."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.errors import Cancelled, InputError
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.models.box_detector import BoxDetector
from SpinalDiseaseAILib.models.vnet2d import VNet2d
from SpinalDiseaseAILib.steps.localization import SHIFTS
from SpinalDiseaseAILib.steps.published_localization import PublishedLocalizer, distinct

CPU = torch.device("cpu")
SIDE = 128
PLACES = np.array([(60.0 + 0.25 * index, 20.0 + 8.5 * index) for index in range(len(KEY_POINTS))])
"""(column, row) of the key points in the square view."""


def logits(scores: Tensor) -> Tensor:
    return torch.logit(scores, eps=1e-5)


class Maps(VNet2d):
    """Returns Gaussians at given positions, as high as the plane's mean grey value."""

    def __init__(self, places: np.ndarray = PLACES, heights: np.ndarray | None = None) -> None:
        super().__init__(len(KEY_POINTS), (1, 2))
        self.places = torch.from_numpy(places).float()
        self.heights = torch.ones(len(places)) if heights is None else torch.from_numpy(heights).float()

    def forward(self, x: Tensor) -> Tensor:
        steps = torch.arange(SIDE)
        columns = torch.exp(-0.5 * ((steps - self.places[:, 0:1]) / 3) ** 2)
        rows = torch.exp(-0.5 * ((steps - self.places[:, 1:2]) / 3) ** 2)
        maps = rows[:, :, None] * columns[:, None, :] * self.heights[:, None, None]
        return logits(brightness(x)[:, None, None, None] * maps)


class Boxes(BoxDetector):
    """Returns boxes around given positions, each predicted by the cell at its centre."""

    def __init__(self) -> None:
        super().__init__(len(KEY_POINTS), 4, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        scores = torch.full((len(x), len(KEY_POINTS), SIDE // 8, SIDE // 8), 0.01)
        boxes = torch.zeros(len(x), 4, SIDE // 8, SIDE // 8)
        for index, (column, row) in enumerate(PLACES.tolist()):
            cell = round((row + 0.5) / 8 - 0.5), round((column + 0.5) / 8 - 0.5)
            scores[:, index, cell[0], cell[1]] = brightness(x)
            boxes[:, :, cell[0], cell[1]] = torch.tensor([column - 9, row - 11, column + 9, row + 11])
        return logits(scores), boxes


def brightness(x: Tensor) -> Tensor:
    """Grey value at the centre of each plane, which stands for the network's confidence."""
    return 0.95 * x[:, 0, SIDE // 2, SIDE // 2]


def volume(grey: list[float], spacing: float = 2.0) -> SagittalVolume:
    """Uniform slices, 4 mm apart, 100 columns and 128 rows: 14 columns of margin in the view."""
    voxels = np.array(grey)[:, None, None] * np.ones((1, 100, SIDE)) + 1e-3
    voxels[:, :2] = 1.0  # the brightest grey value, the same in all
    voxels[:, 2:4] = 1e-3
    return SagittalVolume.of(Image(voxels, np.diag([-4.0, -spacing, -spacing, 1.0])))


def localizer(network: VNet2d | BoxDetector, least: float = 0.2) -> PublishedLocalizer:
    return PublishedLocalizer(network.eval(), CPU, SIDE, least)


@pytest.mark.parametrize("network", [Maps(), Boxes()], ids=["heat maps", "boxes"])
def test_a_key_point_lies_at_the_centre_of_its_map_or_box(network: VNet2d | BoxDetector) -> None:
    plane = volume([0.9])
    found = localizer(network).locate(plane)
    assert found.names == KEY_POINTS and found.scale == 1
    assert plane.to_pixel(found.positions)[:, 1:] == pytest.approx(PLACES - (14, 0), abs=0.1)
    assert found.confidence == pytest.approx(np.full(11, 0.86), abs=0.05)


@pytest.mark.parametrize("network", [Maps(), Boxes()], ids=["heat maps", "boxes"])
def test_structures_lie_in_the_slices_with_the_highest_scores(network: VNet2d | BoxDetector) -> None:
    stack = volume([0.1, 0.1, 0.3, 0.9, 0.9, 0.3, 0.1])
    found = localizer(network).locate(stack)
    assert stack.to_pixel(found.positions)[:, 0] == pytest.approx(np.full(11, 3.5), abs=0.2)
    assert found.lateral_known


def test_a_guessed_spacing_is_corrected_by_the_size_of_the_levels() -> None:
    found = localizer(Maps()).locate(volume([0.9], spacing=1.0), spacing_known=False)
    assert found.scale == pytest.approx(2.0, rel=0.02) and found.level_length == pytest.approx(17.0, abs=0.2)


def test_the_confidence_is_the_score_converted_to_a_probability() -> None:
    plain, other = (
        PublishedLocalizer(Maps().eval(), CPU, SIDE, 0.2, confidence).locate(volume([0.6])).confidence
        for confidence in ((1.0, 0.0), (2.0, 1.0))
    )
    assert np.log(other / (1 - other)) == pytest.approx(2 * np.log(plain / (1 - plain)) + 1)


def test_a_key_point_with_a_low_score_is_left_out() -> None:
    heights = np.ones(11)
    heights[[0, 1]] = 0.1
    found = localizer(Maps(heights=heights)).locate(volume([0.9]))
    assert found.names == KEY_POINTS[2:]


def test_of_two_names_for_one_position_the_one_with_the_higher_score_stays() -> None:
    places, heights = PLACES.copy(), np.ones(11)
    places[4], heights[4] = places[6], 0.8
    found = localizer(Maps(places, heights)).locate(volume([0.9]))
    assert found.names == tuple(name for index, name in enumerate(KEY_POINTS) if index != 4)


def test_a_point_without_a_neighbour_is_left_out_because_its_region_would_have_no_size() -> None:
    heights = np.ones(11)
    heights[[1, 3, 10]] = 0.0
    found = localizer(Maps(heights=heights)).locate(volume([0.9]))
    assert found.names == KEY_POINTS[4:10]


def test_no_chain_connects_the_points() -> None:
    places = PLACES.copy()
    places[5] = 20.0, 100.0
    plane = volume([0.9])
    found = localizer(Maps(places)).locate(plane)
    assert plane.to_pixel(found.positions)[5, 1:] == pytest.approx(places[5] - (14, 0), abs=0.1)


def test_points_without_a_score_are_never_distinct() -> None:
    assert distinct(PLACES, np.full(11, 0.1), 0.2) == []


def test_fewer_than_three_points_are_not_a_spine() -> None:
    heights = np.zeros(11)
    heights[:2] = 1.0
    with pytest.raises(InputError, match="No lumbar spine") as error:
        localizer(Maps(heights=heights)).locate(volume([0.9]))
    assert error.value.code == "no-spine"


def test_points_without_any_neighbours_are_not_a_spine() -> None:
    heights = np.zeros(11)
    heights[::2] = 1.0
    with pytest.raises(InputError, match="No lumbar spine"):
        localizer(Maps(heights=heights)).locate(volume([0.9]))


def test_an_empty_plane_has_no_spine() -> None:
    with pytest.raises(InputError, match="No lumbar spine"):
        localizer(Maps()).locate(SagittalVolume.of(Image(np.zeros((1, 100, SIDE)), np.diag([-4.0, -2.0, -2.0, 1.0]))))


def test_the_numbering_is_uncertain_if_the_next_level_has_a_score_at_the_same_positions() -> None:
    class Torn(Maps):
        def forward(self, x: Tensor) -> Tensor:
            maps = super().forward(x).sigmoid()
            lower = 0.7 * torch.roll(maps, 2, 1)  # each map also shows the structure of its kind above it
            lower[:, :2] = 0
            return logits(torch.maximum(maps, lower))

    def probability(network: VNet2d) -> dict[int | None, float]:
        return {item.shift: item.probability for item in localizer(network).locate(volume([0.9])).numberings}

    sure, torn = probability(Maps()), probability(Torn())
    assert set(sure) == {*SHIFTS, None} and sum(sure.values()) == pytest.approx(1) and sum(torn.values()) == pytest.approx(1)
    assert sure[0] > 0.75 > torn[0] and torn[1] > 5 * sure[1]


def test_without_the_lowest_disc_the_levels_cannot_be_numbered() -> None:
    heights = np.ones(11)
    heights[-1] = 0.0
    found = localizer(Maps(heights=heights)).locate(volume([0.9]))
    assert "L5-S1" not in found.names
    assert found.numberings[0].shift is None and found.numberings[0].probability == pytest.approx(1.0)


def test_localization_reports_progress_between_slices_and_can_be_cancelled() -> None:
    told: list[float] = []

    def progress(stage: str, fraction: float, message: str) -> None:
        told.append(fraction)
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        localizer(Maps()).locate(volume([0.9] * 8), progress=progress)
    assert told[0] == 0 and told == sorted(told)


def test_no_more_slices_are_used_than_requested() -> None:
    messages: list[str] = []
    localizer(Maps()).locate(volume([0.9] * 9), slices=3, progress=lambda stage, fraction, message: messages.append(message))
    assert messages[-1].endswith("of 3")
