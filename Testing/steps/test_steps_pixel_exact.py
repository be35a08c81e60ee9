"""Inputs and outputs of networks lie exactly on their pixels, even if pixels are not square and stacks are rotated."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from drawn_spine import FIRST, LEVEL, MIDDLE, DrawnNetwork, drawn_spine

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.models.segmentation_network import TISSUES
from SpinalDiseaseAILib.steps.intensity import GreyScale
from SpinalDiseaseAILib.steps.lateral import midline
from SpinalDiseaseAILib.steps.regions import RegionLayout, regions_of, sample
from SpinalDiseaseAILib.steps.segmentation import Segmenter
from SpinalDiseaseAILib.steps.tissues import TissueSegmenter


@pytest.mark.parametrize("pixel", [(1.0, 1.0), (0.7, 1.0), (1.3, 0.9), (0.5, 0.5)])
def test_a_mask_lies_on_the_pixels_of_its_structure_and_not_beside_them(pixel: tuple[float, float]) -> None:
    spine = drawn_spine(3, np.diag([-4.0, -pixel[0], -pixel[1], 1.0]))
    segmenter = Segmenter(TissueSegmenter(DrawnNetwork(), torch.device("cpu"), 1.0), "drawn")  # type: ignore[arg-type]
    masks = segmenter.segment(spine.image, spine.points)
    for name in ("L1-L2", "L3-L4", "L4-L5"):
        row = FIRST + LEVEL // 2 * KEY_POINTS.index(name)
        drawn = np.zeros(spine.tissues.shape, dtype=bool)
        part = np.s_[1, MIDDLE - 20 : MIDDLE + 20, row - 10 : row + 10]
        drawn[part] = spine.tissues[part] == TISSUES.index("disc")
        expected, found = (np.argwhere(mask[1]).mean(0) for mask in (drawn, masks.of(name)))
        assert found == pytest.approx(expected, abs=0.3), name


@pytest.mark.parametrize("pixel", [(0.7, 1.0), (1.3, 0.9)])
def test_the_network_sees_a_millimetre_as_one_pixel_across_and_down(pixel: tuple[float, float]) -> None:
    spine = drawn_spine(1, np.diag([-4.0, -pixel[0], -pixel[1], 1.0]))
    network = DrawnNetwork()
    tissues = TissueSegmenter(network, torch.device("cpu"), 1.0)  # type: ignore[arg-type]
    Segmenter(tissues, "drawn").segment(spine.image, spine.points)
    (seen,) = network.seen
    canal = seen[0, 0].numpy() > 0.9
    assert canal.sum(1).max() == pytest.approx(14 * pixel[0], abs=1.5)  # 14 columns wide
    disc = np.abs(seen[0, 0].numpy() - 2 / 3) < 0.1
    rows = np.flatnonzero(disc.sum(1) > 25 * pixel[0])
    assert rows[-1] - rows[0] == pytest.approx((6 * LEVEL + 7) * pixel[1], abs=2)  # T11-T12 to L5-S1, both included


def test_a_spine_that_leans_across_many_slices_has_masks_at_both_ends() -> None:
    spine = drawn_spine(41)
    across = dict(zip(KEY_POINTS, np.linspace(4, 36, len(KEY_POINTS)).round(), strict=True))
    points = {name: spine.points[name] + np.array([4.0 * (20 - index), 0, 0]) for name, index in across.items()}
    segmenter = Segmenter(TissueSegmenter(DrawnNetwork(), torch.device("cpu"), 1.0), "drawn")  # type: ignore[arg-type]
    masks = segmenter.segment(spine.image, points)
    for name, index in across.items():
        assert masks.of(name)[int(index)].sum() > 100, name


@pytest.mark.parametrize("degrees", [-25, 25])
def test_in_a_stack_rotated_about_the_body_axis_a_region_comes_from_the_slice_through_its_centre(degrees: float) -> None:
    points = {name: np.array([0.0, 0.0, (5 - index) * 16.0]) for index, name in enumerate(KEY_POINTS)}
    first = SagittalVolume.of(Image(np.zeros((9, 80, 220), np.float32), np.diag([-4.0, -1.0, -1.0, 1.0])))
    angle = np.radians(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine = turn @ np.diag([-4.0, -1.0, -1.0, 1.0])
    numbers = np.broadcast_to(np.arange(1.0, 22)[:, None, None], (21, 120, 240)).astype(np.float32)
    affine[:3, 3] = -(affine[:3, :3] @ [10, 60, 120])  # the middle slice, number 11, goes through the points
    other = SagittalVolume.of(Image(numbers, affine))
    (region,) = regions_of(points, first, ("L3",), RegionLayout(24))
    seen = sample(region, other, GreyScale(0.0, 1000.0))
    assert seen[8:16, 8:16] * 1000 == pytest.approx(np.full((8, 8), 11.0), abs=0.01)


def test_structures_far_behind_the_canal_do_not_move_the_midline() -> None:
    pixel, places = 2.0, np.arange(0, 41, 4.0)
    points = np.stack([np.full(11, 30.0), np.linspace(10, 110, 11)], 1)
    maps = np.zeros((len(places), 120, 150), np.float32)
    maps[4:7, :, 38:46] = 1  # the canal, 16 to 32 mm behind the points, on three slices round 20 mm
    plain, _ = midline(maps, pixel, places, points)
    maps[:3, :, 62:80] = 1  # 64 mm behind them, on the first slices
    assert midline(maps, pixel, places, points)[0] == pytest.approx(plain)
    assert plain == pytest.approx(np.full(11, 20.0), abs=0.5)
