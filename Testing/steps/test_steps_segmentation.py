"""Masks of a study: every structure under its name, on the voxels of the image, in any axis order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from drawn_spine import FIRST, LEVEL, MIDDLE, DrawnNetwork, drawn_spine
from hypothesis import given, settings
from hypothesis import strategies as st

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.errors import Cancelled
from SpinalDiseaseAILib.base.geometry import Image, all_axis_codes, reorient
from SpinalDiseaseAILib.base.masks import Masks
from SpinalDiseaseAILib.steps.segmentation import Segmenter
from SpinalDiseaseAILib.steps.tissues import TissueSegmenter, slices_looked_at


def segment(image: Image, points, network: DrawnNetwork | None = None) -> Masks:
    segmenter = Segmenter(TissueSegmenter(network or DrawnNetwork(), torch.device("cpu"), 1.0), "drawn")  # type: ignore[arg-type]
    return segmenter.segment(image, points)


@pytest.fixture(scope="module")
def spine():
    return drawn_spine()


@pytest.fixture(scope="module")
def masks(spine) -> Masks:
    return segment(spine.image, spine.points)


def test_every_level_from_t12_to_l5_s1_and_the_canal_has_its_own_mask(masks):
    names = [item.name for item in masks.structures]
    assert set(KEY_POINTS) | {"T12", "canal"} <= set(names)
    assert "S1" not in names and masks.model == "drawn"


@pytest.mark.parametrize("name", [name for name in KEY_POINTS if "-" in name])
def test_a_disc_is_where_it_was_drawn(masks, name):
    columns, rows = (masks.of(name).nonzero()[axis] for axis in (1, 2))
    assert abs(rows.mean() - (FIRST + LEVEL / 2 * KEY_POINTS.index(name))) < 1
    assert abs(columns.mean() - MIDDLE) < 1
    assert masks.of(name).sum() == pytest.approx(7 * 30 * 8, rel=0.12)


def test_found_tissues_are_those_that_were_drawn(spine, masks):
    kinds = {"vertebra": 1, "disc": 2, "canal": 3}
    found = np.zeros(spine.tissues.shape, dtype=np.uint8)
    for item in masks.structures:
        found[masks.of(item.name)] = kinds[item.kind.value]
    for number in (1, 2, 3):
        both = ((found == number) & (spine.tissues == number)).sum()
        assert 2 * both / ((found == number).sum() + (spine.tissues == number).sum()) > 0.9


def test_an_arch_belongs_to_the_vertebra_whose_lower_half_it_lies_behind(masks):
    row = FIRST + LEVEL * 3 - 10  # above L3-L4
    assert masks.of("L3")[3, 105, row] and not masks.of("L4")[3, 105, row]


@pytest.fixture(scope="module")
def thin():
    """A spine of two slices and its masks, for tests with many cases."""
    spine = drawn_spine(slices=2)
    return spine, segment(spine.image, spine.points)


@pytest.mark.parametrize("codes", all_axis_codes())
def test_masks_do_not_depend_on_how_the_voxels_are_stored(thin, codes):
    spine, masks = thin
    turned = reorient(spine.image, codes)
    found = segment(turned, spine.points)
    assert found.image.voxels.shape == turned.voxels.shape and np.array_equal(found.image.affine, turned.affine)
    assert (found.image.voxels == reorient(masks.image, codes).voxels).mean() > 0.9999


@settings(max_examples=6, deadline=None)
@given(
    angles=st.tuples(*(st.floats(-20, 20) for _ in range(3))),
    shift=st.tuples(*(st.floats(-200, 200) for _ in range(3))),
)
def test_an_oblique_stack_has_the_same_masks(thin, angles, shift):
    spine, masks = thin
    turn = np.eye(4)
    for axis, angle in enumerate(np.radians(angles)):
        one = np.eye(4)
        first, second = [other for other in range(3) if other != axis]
        one[first, first] = one[second, second] = np.cos(angle)
        one[first, second], one[second, first] = -np.sin(angle), np.sin(angle)
        turn = turn @ one
    turn[:3, 3] = shift
    image = Image(spine.image.voxels, turn @ spine.image.affine)
    points = {name: (turn @ [*point, 1])[:3] for name, point in spine.points.items()}
    found = segment(image, points)
    assert (found.image.voxels == masks.image.voxels).mean() > 0.9999


def test_two_points_are_enough_and_the_other_levels_are_named_from_them(spine, masks):
    found = segment(spine.image, {name: spine.points[name] for name in ("L3", "L3-L4")})
    assert (found.of("L3-L4") == masks.of("L3-L4")).mean() > 0.999
    assert {"L2", "L4"} <= {item.name for item in found.structures}


def test_a_single_slice_is_segmented(spine):
    single = drawn_spine(slices=1)
    assert segment(single.image, single.points).of("L4-L5").any()


def test_an_empty_image_has_no_masks(spine):
    empty = Image(np.full(spine.image.voxels.shape, 100, dtype=np.int16), spine.image.affine)
    found = segment(empty, spine.points)
    assert not found.structures and not found.image.voxels.any()


class NetworkThatMisses(DrawnNetwork):
    """Misses some tissues, as on a poor image."""

    def __init__(self, *missed: int) -> None:
        super().__init__()
        self.missed = missed

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        scores = super().forward(planes)
        scores[:, list(self.missed)] = -1e6
        return scores


@pytest.mark.parametrize(
    ("missed", "left"),
    [((2,), {"vertebra", "canal"}), ((1,), {"disc", "canal"}), ((1, 2), {"canal"}), ((1, 3), {"disc"})],
    ids=["no disc", "no vertebra", "the canal alone", "discs alone"],
)
def test_a_tissue_that_is_not_found_affects_only_its_own_masks(missed, left):
    spine = drawn_spine(slices=1)
    masks = segment(spine.image, spine.points, NetworkThatMisses(*missed))
    assert {item.kind.value for item in masks.structures} == left


def test_points_at_the_same_position_are_refused(spine):
    with pytest.raises(ValueError, match="same place"):
        segment(spine.image, {"L3": (0, 0, 0), "L4": (0, 0, 0)})


def test_one_point_alone_is_refused(spine):
    with pytest.raises(ValueError, match="Two points"):
        segment(spine.image, {"L3": spine.points["L3"]})


def test_segmentation_can_be_cancelled_between_slices(spine):
    def cancel(stage: str, fraction: float, message: str) -> None:
        if fraction > 0:
            raise Cancelled

    segmenter = Segmenter(TissueSegmenter(DrawnNetwork(), torch.device("cpu"), 1.0), "drawn")  # type: ignore[arg-type]
    with pytest.raises(Cancelled):
        segmenter.outlined(spine.image, spine.points, cancel)


def test_the_network_sees_a_plane_with_its_neighbours_or_itself_at_the_ends_of_the_stack():
    spine = drawn_spine(slices=3)
    network = DrawnNetwork()
    voxels = spine.image.voxels.copy()
    voxels[0] = np.where(voxels[0] == 1000, 1000, 100)  # the first slice shows only the canal
    segment(Image(voxels, spine.image.affine), spine.points, network)
    seen = torch.cat(network.seen)
    assert torch.equal(seen[0, 0], seen[0, 1])  # no neighbour to the right
    assert torch.equal(seen[1, 1], seen[0, 0]) and torch.equal(seen[1, 2], seen[2, 0])
    assert torch.equal(seen[2, 0], seen[2, 2])


def test_thin_slices_are_segmented_every_3_mm_and_interpolated_in_between():
    spine = drawn_spine(slices=8, affine=np.diag([-1.0, -1.0, -1.0, 1.0]))
    network = DrawnNetwork()
    voxels = spine.image.voxels.copy()
    voxels[0] = 100  # used, and empty
    voxels[4] = 1000  # not used, so it has no effect
    found = segment(Image(voxels, spine.image.affine), spine.points, network)
    seen = torch.cat(network.seen)
    assert len(seen) == 4  # slices 0, 3, 6 and the last
    assert torch.equal(seen[0, 2], seen[1, 0]) and torch.equal(seen[3, 1], seen[2, 0])
    disc = found.of("L3-L4").any((1, 2))
    assert disc.tolist() == [False, False, True, True, True, True, True, True]


def test_slices_3_mm_apart_or_more_are_all_segmented():
    assert slices_looked_at(range(5), 3.0) == tuple(range(5))
    assert slices_looked_at(range(5), 1.6) == tuple(range(5))
    assert slices_looked_at(range(5), 1.5) == (0, 2, 4)
    assert slices_looked_at((7,), 0.9) == (7,)


def test_slices_far_to_the_side_of_the_spine_are_left_out():
    spine = drawn_spine(slices=41)
    found = segment(spine.image, spine.points).image.voxels.any((1, 2))
    assert found.any() and not found[0] and not found[-1]
    assert found.sum() * 4 <= 2 * 26 + 4


def test_an_implant_in_a_disc_leaves_no_hole(spine):
    voxels = spine.image.voxels.copy()
    row = FIRST + LEVEL * 4
    voxels[:, MIDDLE - 3 : MIDDLE + 3, row - 2 : row + 2] = 100
    found = segment(Image(voxels, spine.image.affine), spine.points)
    assert found.of("L4-L5")[3, MIDDLE, row]


def test_a_spot_far_from_a_disc_is_not_part_of_it(spine):
    voxels = spine.image.voxels.copy()
    voxels[3, 30:33, FIRST + LEVEL * 4 : FIRST + LEVEL * 4 + 3] = 700
    found = segment(Image(voxels, spine.image.affine), spine.points)
    assert not found.of("L4-L5")[:, :40].any()


def test_bone_like_spots_far_in_front_of_the_spine_are_not_part_of_a_vertebra(spine):
    voxels = spine.image.voxels.copy()
    row = FIRST + LEVEL * 3
    front = slice(4, MIDDLE - LEVEL - 4)
    voxels[2:5, front, row - 6 : row + 6] = voxels[3, MIDDLE, FIRST + LEVEL * 3 + LEVEL // 2]  # as bright as a body
    found = segment(Image(voxels, spine.image.affine), spine.points)
    assert not (found.image.voxels[:, front] > 0).any()
    assert found.of("L4").sum() == pytest.approx(segment(spine.image, spine.points).of("L4").sum(), rel=0.02)


def test_a_bias_enlarges_its_tissue():
    spine = drawn_spine(slices=1)
    volumes = []
    for bias in ({}, {"vertebra": 9.0}):
        # Pixels as large as three of the plane, so that borders lie between their centres.
        tissues = TissueSegmenter(DrawnNetwork(), torch.device("cpu"), 3.0, bias)  # type: ignore[arg-type]
        volumes.append(Segmenter(tissues, "drawn").segment(spine.image, spine.points).of("L3").sum())
    assert volumes[1] > 1.02 * volumes[0]
