"""The common grey scale of MR images."""

from __future__ import annotations

import numpy as np
import pytest

from SpinalDiseaseAILib.steps.intensity import GreyScale

TISSUE = np.random.default_rng(0).uniform(50, 500, (40, 60, 60))


def test_the_1st_and_the_99_5th_percentile_become_0_and_1() -> None:
    scale = GreyScale.of(TISSUE)
    assert scale.low == pytest.approx(np.percentile(TISSUE, 1), rel=0.01)
    assert scale.high == pytest.approx(np.percentile(TISSUE, 99.5), rel=0.01)
    assert scale.apply(np.array([scale.low, scale.high])) == pytest.approx([0, 1])


@pytest.mark.parametrize("width", [10, 200])
def test_padding_with_zeros_changes_nothing(width: int) -> None:
    plane = TISSUE[0]
    padded, plain = GreyScale.of(np.pad(plane, width)), GreyScale.of(plane)
    assert (padded.low, padded.high) == pytest.approx((plain.low, plain.high), rel=0.05)


@pytest.mark.parametrize(("factor", "offset"), [(1.0, 0.0), (0.01, 0.0), (50.0, 0.0), (3.0, 1000.0), (2.0, -5000.0)])
def test_any_scale_and_offset_of_the_scanner_give_the_same_grey(factor: float, offset: float) -> None:
    other = factor * TISSUE + offset
    expected = GreyScale.of(TISSUE).apply(TISSUE)
    np.testing.assert_allclose(GreyScale.of(other).apply(other), expected, atol=1e-3)


def test_grey_values_are_clipped_at_zero_and_two() -> None:
    values = GreyScale(100, 200).apply(np.array([-1e6, 0, 100, 150, 1e6]))
    assert values.tolist() == [0, 0, 0, 0.5, 2] and values.dtype == np.float32


@pytest.mark.parametrize("values", [np.zeros((3, 3)), np.full((3, 3), 7.0), np.zeros(0)], ids=["black", "one value", "nothing"])
def test_an_image_without_contrast_gives_finite_grey(values: np.ndarray) -> None:
    assert np.isfinite(GreyScale.of(values).apply(values)).all()


def test_integers_and_floats_give_the_same_scale() -> None:
    assert GreyScale.of(TISSUE.astype(np.uint16)) == GreyScale.of(TISSUE.astype(np.uint16).astype(np.float64))
