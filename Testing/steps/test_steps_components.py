"""Connected parts, holes and majority votes, compared with SimpleITK's own filters and with values by hand."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK

from SpinalDiseaseAILib.steps.components import as_wholes, components, components_by_plane, filled, kept


@pytest.fixture(params=range(5))
def mask(request) -> np.ndarray:
    blobs = np.random.default_rng(request.param).normal(size=(4, 30, 25))
    for axis in (1, 2):
        blobs = blobs + np.roll(blobs, 1, axis) + np.roll(blobs, -1, axis)
    return blobs > 0.3


def test_holes_are_filled_plane_by_plane_as_simpleitk_fills_them(mask):
    expected = [
        SimpleITK.GetArrayFromImage(SimpleITK.BinaryFillhole(SimpleITK.GetImageFromArray(p.astype(np.uint8)))) for p in mask
    ]
    assert np.array_equal(filled(mask), np.array(expected) > 0)
    assert filled(mask).sum() > mask.sum()


def test_a_plane_is_open_to_its_border_and_to_no_other_plane():
    ring = np.zeros((2, 5, 5), dtype=bool)
    ring[:, 1:4, 1:4] = True
    ring[:, 2, 2] = False
    ring[1, 2, 3] = False  # opens the ring of the second plane
    result = filled(ring)
    assert result[0, 2, 2] and not result[1, 2, 2]


def test_parts_by_plane_are_those_of_each_plane_by_itself(mask):
    found = components_by_plane(mask)
    assert np.array_equal(found > 0, mask)
    for plane, own in zip(mask, found, strict=True):
        alone = components(plane)
        pairs = set(zip(alone.ravel().tolist(), own.ravel().tolist(), strict=True))
        assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
    numbers = [set(np.unique(plane)) - {0} for plane in found]
    assert len(set().union(*numbers)) == sum(map(len, numbers))


def test_an_empty_mask_has_no_part_and_no_hole():
    empty = np.zeros((2, 3, 4), dtype=bool)
    assert not components_by_plane(empty).any() and not filled(empty).any() and not kept(empty, 1.0).any()


def test_parts_are_left_out_if_they_are_too_small_compared_with_the_largest():
    line = np.array([[1, 1, 1, 1, 0, 1, 1, 0, 1]], dtype=bool)
    assert kept(line, 0.5).sum() == 6
    assert kept(line, 1.0).sum() == 4


def test_a_short_part_gets_the_value_of_most_of_its_voxels_and_a_long_one_stays():
    parts = np.array([2, 1, 2, 1, 2, 1, 1, 3])
    values = np.array([5, 0, 5, 0, 4, 1, 1, 7])
    places = np.array([0.0, 0, 0.1, 3, 0.2, 6, 9, 0])
    assert as_wholes(parts, values, places, 1.0).tolist() == [5, 0, 5, 0, 5, 1, 1, 7]
    assert as_wholes(parts, values, places, 10.0).tolist() == [5, 0, 5, 0, 5, 0, 0, 7]


def test_only_the_first_of_two_equal_parts_is_kept_if_one_is_requested():
    twins = np.zeros((1, 3, 7), dtype=bool)
    twins[0, 1, [1, 2, 4, 5]] = True
    assert kept(twins, 1.0).sum() == 2
    assert kept(twins, 0.9).sum() == 4


def test_single_outlying_voxels_do_not_make_a_part_long():
    places = np.append(np.zeros(99), 50.0)
    values = np.append(np.full(99, 3), 4)
    assert as_wholes(np.ones(100, dtype=int), values, places, 1.0).tolist() == [3] * 100


def test_no_voxels_give_no_values():
    nothing = np.zeros(0, dtype=int)
    assert as_wholes(nothing, nothing, nothing.astype(float), 1.0).size == 0
