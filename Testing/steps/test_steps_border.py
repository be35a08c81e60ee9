"""The border of the image: structures that it cuts off are not measured, and peaks next to it are found accurately."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from spine_phantom import BODY, Phantom, scan

from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.base.quantities import Measurement
from SpinalDiseaseAILib.steps.heat_maps import centroid
from SpinalDiseaseAILib.steps.measurements.measuring import Measurements, measure_spine
from SpinalDiseaseAILib.steps.measurements.segmented_spine import SegmentedSpine

VOLUME, MASKS, POINTS = scan(Phantom(), slices=1)
FRONT, BACK = (int(np.flatnonzero(MASKS.of("L3-L4")[0].any(1))[end]) for end in (0, -1))
"""First and last column of the discs."""


def measured_between(first: int, last: int) -> Measurements:
    """Measurements of a spine whose planes have only these columns."""
    shift = np.eye(4)
    shift[1, 3] = first

    def cut(image: Image) -> Image:
        return Image(np.ascontiguousarray(image.voxels[:, first:last]), image.affine @ shift)

    spine = SegmentedSpine(SagittalVolume.of(cut(VOLUME.image)), replace(MASKS, image=cut(MASKS.image)), POINTS)
    return measure_spine(spine, contrast="T2", spacing_known=True)


def found(result: Measurements, name: str, quantity: str) -> Measurement:
    return next(item for item in result.structures[name] if item.name == quantity)


@pytest.mark.parametrize("columns", [(FRONT + 5, None), (0, BACK - 4)], ids=["front", "back"])
def test_a_disc_cut_off_by_the_front_or_back_border_is_not_measured(columns: tuple[int, int]) -> None:
    result = measured_between(*columns)
    for quantity in ("disc_area", "disc_height_middle", "disc_height_posterior"):
        item = found(result, "L3-L4", quantity)
        assert item.value is None and item.reason == "L3-L4 is cut off at the edge of the image."


def test_a_body_cut_off_by_the_front_border_is_not_measured() -> None:
    result = measured_between(FRONT + 5, None)
    for quantity in ("body_height_anterior", "body_height_posterior", "wedge_ratio"):
        item = found(result, "L3", quantity)
        assert item.value is None and item.reason == "L3 is cut off at the edge of the image."
    assert found(result, "L3-L4", "slip").value is None


def test_a_body_whose_posterior_parts_leave_the_image_is_measured() -> None:
    """A narrow field of view ends behind the canal."""
    result = measured_between(0, BACK + 45)
    assert MASKS.of("L3")[0, BACK + 45 :].any()
    assert found(result, "L3", "body_height_anterior").value == pytest.approx(BODY, abs=0.6)


@pytest.mark.parametrize("place", [(20.3, 15.7), (20.0, 16.0), (3.4, 27.6), (37.6, 2.4)])
def test_the_centre_of_a_broad_peak_is_found_to_within_a_fifth_of_a_map_pixel(place: tuple[float, float]) -> None:
    rows, columns = np.indices((32, 41))
    peak = np.exp(-0.5 * ((columns - place[0]) ** 2 + (rows - place[1]) ** 2) / 2.5**2).astype(np.float32)
    near_border = min(place[0], place[1], 40 - place[0], 31 - place[1]) < 4
    assert centroid(peak, np.rint(place) + (1, -1)) == pytest.approx(place, abs=0.6 if near_border else 0.2)
