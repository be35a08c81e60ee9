"""Which slices vote, and localization with a hand-written network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.errors import Cancelled, InputError
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.models.localizer_network import LocalizerNetwork
from SpinalDiseaseAILib.steps.localization import VOTING_STEP, VOTING_WIDTH, ChainLocalizer, voting_slices

CPU = torch.device("cpu")


class Reader(LocalizerNetwork):
    """Finds key points drawn into the image: structure k is a square with grey value (k + 1) / 12; the canal is above 1."""

    def __init__(self) -> None:
        super().__init__(len(KEY_POINTS), (2, 2))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        small = torch.nn.functional.max_pool2d(x, 2)[:, 0]
        grey = torch.arange(1, len(KEY_POINTS) + 1)[:, None, None] / 12
        heat = 12 * ((small[:, None] - grey).abs() < 0.02).float()
        return heat, torch.full((len(x), len(KEY_POINTS)), 5.0), 20 * ((small[:, None] > 1.1).float() - 0.5)


def drawn(
    course: np.ndarray, *, step: float = 16.0, slices: int = 13, spacing: tuple[float, float] = (1.0, 1.0)
) -> SagittalVolume:
    """A stack with slices 4 mm apart, the key points in every slice, and a canal that follows ``course`` across the slices."""
    rows, columns = round(300 / spacing[1]), round(200 / spacing[0])
    voxels = np.zeros((slices, columns, rows), np.float32)
    for index in range(len(KEY_POINTS)):
        column, row = (round(place / size) for place, size in zip((90, 60 + step * index), spacing, strict=True))
        half = [max(1, round(3 / size)) for size in spacing]
        voxels[:, column - half[0] : column + half[0], row - half[1] : row + half[1]] = (index + 1) / 12
        for number in range(slices):
            width = round(np.sqrt(max(0.0, 9.0**2 - (number * 4 - course[index]) ** 2)) / spacing[0])
            near = slice(row - round(8 / spacing[1]), row + round(8 / spacing[1]))
            middle = round(115 / spacing[0])
            voxels[number, middle - width // 2 : middle + width // 2, near] = 1.5
    affine = np.diag([-4.0, -spacing[0], -spacing[1], 1.0])
    return SagittalVolume.of(Image(voxels, affine))


@pytest.fixture
def localizer(monkeypatch: pytest.MonkeyPatch) -> ChainLocalizer:
    """A localizer that uses grey values as they are drawn."""
    from SpinalDiseaseAILib.steps import localization

    class Plain:
        @staticmethod
        def of(reference: np.ndarray) -> Plain:
            return Plain()

        def apply(self, pixels: np.ndarray) -> np.ndarray:
            return np.asarray(pixels, dtype=np.float32)

    monkeypatch.setattr(localization, "GreyScale", Plain)
    return ChainLocalizer(Reader().eval(), CPU)


@pytest.mark.parametrize(
    ("count", "spacing", "expected"),
    [
        (1, 4.0, (0,)),
        (2, 4.0, (0, 1)),
        (3, 4.0, (0, 1, 2)),
        (13, 4.4, tuple(range(13))),
        (21, 1.0, (2, 6, 10, 14, 18)),
        (16, 0.3, (7, 8)),
        (40, 4.0, tuple(range(13, 27))),
    ],
)
def test_central_slices_vote_about_four_millimetres_apart(count: int, spacing: float, expected: tuple[int, ...]) -> None:
    volume = SagittalVolume.of(Image(np.zeros((count, 5, 5)), np.diag([-spacing, -1, -1, 1.0])))
    assert voting_slices(volume) == expected


@pytest.mark.parametrize(
    ("most", "expected"), [(0, tuple(range(13))), (99, tuple(range(13))), (3, (5, 6, 7)), (4, (4, 5, 6, 7)), (1, (6,))]
)
def test_if_fewer_slices_are_requested_those_nearest_to_the_middle_are_used(most: int, expected: tuple[int, ...]) -> None:
    volume = SagittalVolume.of(Image(np.zeros((13, 5, 5)), np.diag([-4.4, -1, -1, 1.0])))
    assert voting_slices(volume, most) == expected


@pytest.mark.parametrize("spacing", [0.3, 0.9, 1.5, 3.3, 5.0, 9.0])
@pytest.mark.parametrize("count", [1, 2, 9, 16, 80, 201])
def test_voting_slices_lie_around_the_middle_of_the_stack_and_inside_it(count: int, spacing: float) -> None:
    slices = voting_slices(SagittalVolume.of(Image(np.zeros((count, 5, 5)), np.diag([-spacing, -1, -1, 1.0]))))
    assert slices and slices[0] >= 0 and slices[-1] < count
    assert abs((slices[0] + slices[-1]) / 2 - (count - 1) / 2) * spacing <= VOTING_STEP / 2
    assert (slices[-1] - slices[0]) * spacing <= VOTING_WIDTH


@pytest.mark.parametrize("course", [np.full(11, 24.0), np.linspace(14, 34, 11)], ids=["straight", "scoliotic"])
def test_points_are_found_in_three_dimensions(localizer: ChainLocalizer, course: np.ndarray) -> None:
    volume = drawn(course)
    found = localizer.locate(volume)
    assert found.names == KEY_POINTS and found.lateral_known and found.scale == 1
    pixels = volume.to_pixel(found.positions)
    assert pixels[:, 0] * 4 == pytest.approx(course, abs=2.0)
    assert pixels[:, 1] == pytest.approx(np.full(11, 89.5), abs=1.0)
    assert pixels[:, 2] == pytest.approx(59.5 + 16.0 * np.arange(11), abs=1.0)
    assert found.confidence.min() > 0.5 and found.confidence.max() <= 1
    assert sum(item.probability for item in found.numberings) == pytest.approx(1)
    assert found.level_length == pytest.approx(32, abs=1)


def test_pixels_that_are_not_square_are_read_in_millimetres(localizer: ChainLocalizer) -> None:
    volume = drawn(np.full(11, 24.0), spacing=(1.5, 0.75))
    places = localizer.locate(volume).positions
    assert -places[:, 2] == pytest.approx(60 + 16.0 * np.arange(11), abs=1.5)
    assert -places[:, 1] == pytest.approx(np.full(11, 90.0), abs=1.5)


def test_without_a_canal_every_structure_is_located_in_the_middle_slice(localizer: ChainLocalizer) -> None:
    volume = drawn(np.full(11, 1000.0))
    found = localizer.locate(volume)
    assert not found.lateral_known
    assert volume.to_pixel(found.positions)[:, 0] == pytest.approx(np.full(11, 6.0))


@pytest.mark.parametrize("factor", [0.6, 1.6])
def test_a_guessed_spacing_is_corrected_by_the_size_of_the_levels(localizer: ChainLocalizer, factor: float) -> None:
    true = drawn(np.full(11, 24.0), step=17.0)
    guessed = SagittalVolume.of(Image(true.image.voxels, true.image.affine @ np.diag([1, factor, factor, 1.0])))
    found = localizer.locate(guessed, spacing_known=False)
    assert found.names == KEY_POINTS
    assert found.scale == pytest.approx(1 / factor, rel=0.1)
    assert guessed.to_pixel(found.positions)[:, 2] == pytest.approx(59.5 + 17.0 * np.arange(11), abs=1.5)


def test_a_point_that_the_network_sees_beyond_the_border_lies_on_the_border(localizer: ChainLocalizer) -> None:
    class Beyond(Reader):
        """Sees the lowest disc some pixels too low, where the image is padded to the size that the network needs."""

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            heat, outside, canal = super().forward(x)
            heat[:, -1] = torch.roll(heat[:, -1], 4, dims=1)
            return heat, outside, canal

    whole = drawn(np.full(11, 24.0)).image
    volume = SagittalVolume(Image(whole.voxels[:, :, :224], whole.affine))
    localizer.network = Beyond().eval()
    found = localizer.locate(volume)
    row = volume.to_pixel(found.positions)[-1, 2]
    assert found.names[-1] == "L5-S1" and row == pytest.approx(223)


def test_an_empty_image_has_no_spine(localizer: ChainLocalizer) -> None:
    with pytest.raises(InputError, match="No lumbar spine") as caught:
        localizer.locate(SagittalVolume.of(Image(np.zeros((5, 200, 300), np.float32), np.diag([-4.0, -1, -1, 1]))))
    assert caught.value.code == "no-spine"


def test_localization_reports_progress_between_slices_and_can_be_cancelled(localizer: ChainLocalizer) -> None:
    calls: list[float] = []

    def progress(stage: str, fraction: float, message: str) -> None:
        calls.append(fraction)
        if len(calls) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        localizer.locate(drawn(np.full(11, 24.0)), progress=progress)
    assert calls == sorted(calls) and 0 <= calls[0] < calls[1] < 1
