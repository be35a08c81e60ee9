"""Coordinates of positions relative to the line through the key points."""

from __future__ import annotations

import numpy as np
import pytest
from spine_phantom import Phantom, scan

from SpinalDiseaseAILib.steps.spine_curve import SpineCurve


def curve() -> SpineCurve:
    volume, _, points = scan(Phantom(), slices=1)
    return SpineCurve.of(volume, points)


def test_a_point_lies_on_the_curve_at_its_own_number() -> None:
    found = curve()
    along, behind = found.coordinates(found.places)
    assert along == pytest.approx(np.arange(len(found.places)), abs=1e-6)
    assert behind == pytest.approx(np.zeros(len(found.places)), abs=1e-6)


def test_positions_behind_the_spine_are_positive_and_those_in_front_of_it_negative() -> None:
    found = curve()
    middle = found.places[len(found.places) // 2]
    _, behind = found.coordinates(np.array([middle + [12.0, 0.0], middle - [12.0, 0.0]]))
    assert behind == pytest.approx([12.0, -12.0], abs=1e-3)


def test_two_points_at_the_same_position_are_not_a_spine() -> None:
    volume, _, points = scan(Phantom(), slices=1)
    with pytest.raises(ValueError, match="Two points lie at the same place"):
        SpineCurve.of(volume, {**points, "L4-L5": points["L4"]})
