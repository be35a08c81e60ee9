"""A spine at corrected points gives the same measurements as a new one, but is recomputed only around moved points."""

from __future__ import annotations

import numpy as np
import pytest
from spine_phantom import Phantom, scan

from SpinalDiseaseAILib.steps.measurements import segmented_spine
from SpinalDiseaseAILib.steps.measurements.measuring import Measurements, measure_spine
from SpinalDiseaseAILib.steps.measurements.segmented_spine import SegmentedSpine

VOLUME, MASKS, POINTS = scan(Phantom(heights={"L3": (24, 27), "L4-L5": (13, 7)}), pixel=(0.9, 0.9))


def measured(spine: SegmentedSpine) -> Measurements:
    return measure_spine(spine, contrast="T2", spacing_known=True)


@pytest.fixture
def spine() -> SegmentedSpine:
    spine = SegmentedSpine(VOLUME, MASKS, POINTS)
    measured(spine)
    return spine


def moved(name: str, *step: float) -> dict[str, np.ndarray]:
    """The points, with one of them moved by millimetres to the right, anterior and superior."""
    return {**POINTS, name: POINTS[name] + np.array(step)}


@pytest.mark.parametrize(
    "points",
    [
        moved("L4-L5", 0, 6, 1),
        moved("L3", 4, 0, 5),
        moved("T12-L1", 0, -3, 0),
        moved("L5-S1", -4, 2, 2),
        {name: point for name, point in POINTS.items() if name != "L2-L3"},
    ],
    ids=["a disc", "a vertebra on another slice", "the first", "the last", "one less"],
)
def test_at_other_points_measurements_are_those_of_a_newly_built_spine(
    spine: SegmentedSpine, points: dict[str, np.ndarray]
) -> None:
    assert measured(spine.at(points, VOLUME)) == measured(SegmentedSpine(VOLUME, MASKS, points))
    back = spine.at(points, VOLUME).at(POINTS, VOLUME)
    assert measured(back) == measured(spine)


def test_only_shapes_next_to_a_moved_point_are_computed_again(spine: SegmentedSpine, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for function in ("disc_of", "body_of"):
        original = getattr(segmented_spine, function)
        monkeypatch.setattr(segmented_spine, function, lambda *given, own=original: made.append(own.__name__) or own(*given))
    measured(spine.at(moved("L4-L5", 0, 3, 0), VOLUME))
    assert sorted(made) == ["body_of", "body_of", "disc_of"]
    made.clear()
    measured(spine.at(moved("L4-L5", 0, 1e-5, 0), VOLUME))
    assert made == [], "a point that went through a file is not quite where it was"


def test_a_structure_holds_its_point_while_the_point_lies_in_its_mask(spine: SegmentedSpine) -> None:
    assert spine.holds("L4-L5") and spine.at(moved("L4-L5", 0, 6, 1), VOLUME).holds("L4-L5")
    for step in ((0, 0, 20), (0, 60, 0), (900, 0, 0)):
        assert not spine.at(moved("L4-L5", *step), VOLUME).holds("L4-L5"), "another structure, nothing, outside the image"
    assert not spine.holds("S1")
    without = SegmentedSpine(VOLUME, MASKS.renamed({name: name for name in POINTS if name != "L4-L5"}), POINTS)
    assert not without.holds("L4-L5")
