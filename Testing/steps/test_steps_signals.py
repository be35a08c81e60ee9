"""The signal of a disc is that of its interior, because its rim is partly endplate."""

from __future__ import annotations

import numpy as np
import pytest

from SpinalDiseaseAILib.steps.measurements.signals import signal_ratio, without_border


@pytest.mark.parametrize(
    ("spacing", "rim"), [((1.0, 1.0), (1, 1)), ((0.5, 1.0), (2, 1)), ((0.4, 0.5), (2, 2)), ((3.0, 3.0), (1, 1))]
)
def test_a_mask_loses_a_millimetre_but_at_least_a_pixel_on_every_side(spacing: tuple[float, float], rim: tuple[int, int]) -> None:
    mask = np.zeros((40, 24), dtype=bool)
    mask[5:35, 6:20] = True
    expected = np.zeros_like(mask)
    expected[5 + rim[0] : 35 - rim[0], 6 + rim[1] : 20 - rim[1]] = True
    assert np.array_equal(without_border(mask, np.array(spacing)), expected)


def test_a_mask_at_the_border_of_the_plane_loses_its_rim_there_too() -> None:
    mask = np.zeros((12, 12), dtype=bool)
    mask[:, 2:10] = True
    left = without_border(mask, np.array([1.0, 1.0]))
    assert not left[[0, -1]].any() and left[1:-1, 3:9].all() and left.sum() == 10 * 6


def test_a_disc_so_thin_that_hardly_anything_would_be_left_is_used_whole() -> None:
    mask = np.zeros((30, 10), dtype=bool)
    mask[2:28, 4:6] = True
    assert np.array_equal(without_border(mask, np.array([1.0, 1.0])), mask)


def test_bright_endplates_round_a_dark_disc_do_not_make_it_brighter() -> None:
    disc = np.zeros((40, 20), dtype=bool)
    disc[5:35, 5:15] = True
    pixels = np.where(without_border(disc, np.array([1.0, 1.0])), 120, 900)
    assert signal_ratio(pixels, disc, 600.0, np.array([1.0, 1.0])) == pytest.approx(0.2)
