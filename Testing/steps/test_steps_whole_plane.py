"""A whole plane in a square, whatever its shape and spacing."""

from __future__ import annotations

import numpy as np
import pytest

from SpinalDiseaseAILib.base.resampling import resample_plane
from SpinalDiseaseAILib.steps.whole_plane import square_view


def test_a_square_plane_of_the_views_size_is_shown_as_it_is() -> None:
    assert square_view((128, 128), (0.7, 0.7), 128) == pytest.approx(np.array([[1, 0, 0], [0, 1, 0]]))


def test_a_tall_plane_lies_in_the_middle_with_margins_at_both_sides() -> None:
    seen = resample_plane(np.ones((100, 50)), square_view((100, 50), (1.0, 1.0), 200), (200, 200))
    columns = np.flatnonzero(seen[100] > 0.5)
    assert (columns[0], columns[-1]) == (50, 149) and seen[[0, -1], 100].min() > 0.5


def test_pixels_that_are_not_square_keep_the_proportions_in_millimetres() -> None:
    matrix = square_view((100, 100), (2.0, 1.0), 200)  # 200 mm wide, 100 mm high
    assert matrix[:, :2] == pytest.approx(np.diag([0.5, 1.0]))
    middle = matrix @ (99.5, 99.5, 1)
    assert middle == pytest.approx([49.5, 49.5])
