"""Lordosis if the vertebrae at its ends are not rectangular: a fractured L1 and a trapezoid L5 are its clinical purpose."""

from __future__ import annotations

import numpy as np
import pytest
from spine_phantom import Phantom, scan

from SpinalDiseaseAILib.steps.measurements.measuring import measure_spine
from SpinalDiseaseAILib.steps.measurements.segmented_spine import SegmentedSpine

DISCS = {"L1-L2": (9, 7), "L2-L3": (10, 7), "L3-L4": (11, 7), "L4-L5": (13, 7), "L5-S1": (14, 6)}


def degrees(direction: np.ndarray) -> float:
    return float(np.degrees(np.arctan2(direction[1], direction[0])))


@pytest.mark.parametrize(("name", "heights"), [("L1", (17, 27)), ("L5", (29, 22))])
def test_lordosis_of_a_wedged_vertebra_follows_its_endplates_and_not_its_axis(name: str, heights: tuple[int, int]) -> None:
    phantom = Phantom(heights={**DISCS, name: heights})
    result = measure_spine(SegmentedSpine(*scan(phantom)), contrast="T2", spacing_known=True)
    (found,) = (item.value for item in result.spine if item.name == "lordosis_l1_l5")
    first, last = phantom.piece("L1"), phantom.piece("L5")
    assert found == pytest.approx(degrees(first[1] - first[0]) - degrees(last[2] - last[3]), abs=1)
