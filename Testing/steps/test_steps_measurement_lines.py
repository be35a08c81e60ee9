"""Lines of measurements lie in the slice of their structure, from border to border."""

from __future__ import annotations

import numpy as np
import pytest
from spine_phantom import Phantom, scan

from SpinalDiseaseAILib.steps.measurements.measuring import measure_spine
from SpinalDiseaseAILib.steps.measurements.segmented_spine import SegmentedSpine

OWN_SLICE = {"L2": 0, "L2-L3": 0, "L3": 1, "L4-L5": 2}


def test_each_line_lies_in_the_slice_through_the_point_of_its_structure() -> None:
    volume, masks, points = scan(Phantom(), slices=3)
    for name, index in OWN_SLICE.items():
        place = volume.to_pixel(points[name])
        points[name] = volume.to_ras((index, *place[1:]))
    result = measure_spine(SegmentedSpine(volume, masks, points), contrast="T2", spacing_known=True)
    for name, index in OWN_SLICE.items():
        drawn = [item for item in result.structures[name] if item.lines and not item.name.startswith(("slip", "meyerding"))]
        assert drawn, name
        for item in drawn:
            assert volume.to_pixel(np.array(item.lines))[..., 0] == pytest.approx(index, abs=1e-6), (name, item.name)
