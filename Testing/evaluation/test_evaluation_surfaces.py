"""Overlap and surface distances, compared with SimpleITK, SciPy, MONAI and values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics import compute_average_surface_distance, compute_dice, compute_hausdorff_distance, compute_iou
from scipy import ndimage
from scipy.spatial import cKDTree

from SpinalDiseaseAILib.evaluation.surfaces import likeness, surface_distances

SPACING = (4.0, 0.7, 1.3)


def blob(seed: int, shape: tuple[int, int, int] = (7, 22, 18)) -> np.ndarray:
    """A smooth random shape."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), (1, 3, 3))
    return np.asarray(noise > np.percentile(noise, 75))


def box(first: int, last: int) -> np.ndarray:
    mask = np.zeros((3, 30, 30), dtype=bool)
    mask[1, 10:20, first:last] = True
    return mask


def by_itk(found: np.ndarray, truth: np.ndarray) -> SimpleITK.LabelOverlapMeasuresImageFilter:
    measures = SimpleITK.LabelOverlapMeasuresImageFilter()
    measures.Execute(*(SimpleITK.GetImageFromArray(mask.astype(np.uint8)) for mask in (found, truth)))
    return measures


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_overlap_is_that_of_simpleitk(one: int, other: int) -> None:
    found, truth = blob(one), blob(other)
    measures, mine = by_itk(found, truth), likeness(found, truth, SPACING)
    assert mine.dice == pytest.approx(measures.GetDiceCoefficient())
    assert mine.iou == pytest.approx(measures.GetJaccardCoefficient())


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_surface_distances_are_those_between_the_nearest_border_voxels(one: int, other: int) -> None:
    found, truth = blob(one), blob(other)
    places = [np.argwhere(mask & ~ndimage.binary_erosion(mask)) * SPACING for mask in (found, truth)]
    there, back = (cKDTree(places[1 - index]).query(places[index])[0] for index in (0, 1))
    mine = likeness(found, truth, SPACING)
    assert mine.hausdorff_95 == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)))
    assert mine.surface == pytest.approx(np.concatenate([there, back]).mean())
    assert sorted(surface_distances(found, truth, SPACING)[0]) == pytest.approx(sorted(there))


def test_overlap_and_distances_are_those_of_monai() -> None:
    found, truth = blob(1), blob(2)
    pair = [torch.from_numpy(mask)[None, None] for mask in (found, truth)]
    mine = likeness(found, truth, SPACING)
    hausdorff = compute_hausdorff_distance(*pair, include_background=True, percentile=95, spacing=SPACING)
    surface = compute_average_surface_distance(*pair, include_background=True, symmetric=True, spacing=SPACING)
    assert mine.dice == pytest.approx(float(compute_dice(*pair)))
    assert mine.iou == pytest.approx(float(compute_iou(*pair)))
    assert mine.hausdorff_95 == pytest.approx(float(hausdorff), rel=1e-4)
    assert mine.surface == pytest.approx(float(surface), rel=1e-4)


def test_a_mask_is_identical_to_itself() -> None:
    same = likeness(blob(4), blob(4), SPACING)
    assert (same.dice, same.iou, same.hausdorff_95, same.surface) == (1, 1, 0, 0)


def test_a_box_moved_by_two_voxels_overlaps_by_eight_tenths_and_is_at_most_two_steps_away() -> None:
    moved = likeness(box(10, 20), box(12, 22), (1.0, 1.0, 0.5))
    assert moved.dice == pytest.approx(0.8) and moved.iou == pytest.approx(8 / 12)
    assert moved.hausdorff_95 == pytest.approx(1.0)


def test_an_empty_mask_has_no_overlap_and_no_distance() -> None:
    nothing = likeness(np.zeros((3, 30, 30), dtype=bool), box(10, 20), SPACING)
    assert nothing.dice == 0 and np.isnan(nothing.hausdorff_95) and np.isnan(nothing.surface)


def test_two_empty_masks_are_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        likeness(np.zeros((2, 2, 2), dtype=bool), np.zeros((2, 2, 2), dtype=bool), SPACING)


def test_a_mask_that_touches_the_border_of_the_image_has_its_surface_there() -> None:
    whole = np.ones((2, 5, 5), dtype=bool)
    part = whole.copy()
    part[:, :, 4] = False
    assert likeness(part, whole, (1.0, 1.0, 1.0)).hausdorff_95 == pytest.approx(1.0)
