"""Figures of localization, with localizers that return given points."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from plain_data_sets import DOWN, SPACING

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.base.report import Numbering
from SpinalDiseaseAILib.datasets.collection import read_dataset
from SpinalDiseaseAILib.datasets.records import Record
from SpinalDiseaseAILib.evaluation import volumes
from SpinalDiseaseAILib.evaluation.key_points import (
    PlaneErrors,
    at_constant,
    errors_of,
    level_shift,
    level_summary,
    located,
    mean_points,
    summary,
)
from SpinalDiseaseAILib.steps.localization import Localization


class Given:
    """Puts key points at given positions in every slice.

    :param places: name to (column, row); None to find nothing.
    :param index: slice of a stack, continuous.
    """

    def __init__(self, places: dict[str, tuple[float, float]] | None, index: float = 0.0) -> None:
        self.places = places
        self.index = index

    def locate(self, volume: SagittalVolume, *, spacing_known: bool = True) -> Localization:
        if self.places is None:
            raise InputError("No lumbar spine was found in the image.", code="no-spine")
        pixels = np.array([(self.index, *place) for place in self.places.values()])
        count = len(pixels)
        numberings = (Numbering(0, 0.9, ""), Numbering(None, 0.1, ""))
        return Localization(tuple(self.places), volume.to_ras(pixels), np.ones(count), numberings, True, 1.0, 34.0)


@pytest.fixture
def record(data: Path) -> Record:
    """A T2 plane with millimetres."""
    return next(item for item in read_dataset("spider", data, ("report",)) if item.contrast == "T2")


def errors_on(record: Record, localizer: Given) -> PlaneErrors:
    return errors_of(located(record, localizer))


def moved(record: Record, column: float = 0.0, row: float = 0.0) -> dict[str, tuple[float, float]]:
    return {name: (x + column, y + row) for name, (x, y) in record.points.items()}


def shifted(record: Record, levels: int) -> dict[str, tuple[float, float]]:
    """Each name at the position of the structure that many levels below, if there is one."""
    return {
        name: record.points[KEY_POINTS[index + 2 * levels]]
        for index, name in enumerate(KEY_POINTS)
        if 0 <= index + 2 * levels < len(KEY_POINTS)
    }


def value(errors: list, name: str) -> float:
    return summary(errors, repeats=5)[name].value


def test_at_the_truth_every_error_is_zero(record: Record) -> None:
    errors = errors_on(record, Given(record.points))
    assert max(errors.distance.values()) < 1e-6 and errors.shift == 0 and errors.confidence == 0.9
    figures = summary([errors], repeats=5)
    assert (
        figures["points within 6 mm (or 1/6 spacing)"].value == figures["studies with all points right (1/4 spacing)"].value == 1
    )
    assert figures["points not found"].value == figures["studies numbered one or more levels off"].value == 0


def test_distances_are_pixels_and_the_radius_is_six_millimetres(record: Record) -> None:
    errors = errors_on(record, Given(moved(record, 3, 4)))
    assert list(errors.distance.values()) == pytest.approx([5.0] * 11)
    assert list(errors.millimetres.values()) == pytest.approx([np.hypot(3 * SPACING[0], 4 * SPACING[1])] * 11)
    assert value([errors], "points within 6 mm (or 1/6 spacing)") == 0
    for name in ("mean", "median"):
        assert value([errors], f"{name} error, mm") == pytest.approx(np.hypot(3 * SPACING[0], 4 * SPACING[1]))
    # 6 mm are 2.67 columns or 3 rows, so the same number of pixels can be a hit in one direction and not in the other.
    assert value([errors_on(record, Given(moved(record, 0, 2.9)))], "points within 6 mm (or 1/6 spacing)") == 1
    assert value([errors_on(record, Given(moved(record, 2.9, 0)))], "points within 6 mm (or 1/6 spacing)") == 0


def test_without_millimetres_the_radius_is_a_sixth_of_the_spacing(data: Path) -> None:
    plain = read_dataset("tianchi2020", data, ("report",))[0]
    errors = errors_on(plain, Given(plain.points))
    assert errors.millimetres == {} and errors.spacing == pytest.approx(2 * DOWN, rel=0.03)
    for part, hit in ((0.16, 1), (0.17, 0)):
        off = errors_on(plain, Given(moved(plain, part * errors.spacing)))
        assert value([off], "points within 6 mm (or 1/6 spacing)") == hit
    assert "mean error, mm" not in summary([errors], repeats=5)


def test_a_point_exactly_on_the_radius_is_no_hit() -> None:
    errors = PlaneErrors("p", {"L1": 6.0}, {"L1": 6.0}, 36.0, 384, 0, frozenset(), 1.0)
    assert not errors.is_hit("L1") and not replace(errors, millimetres={}).is_hit("L1")
    assert replace(errors, millimetres={"L1": 5.99}).is_hit("L1")


@pytest.mark.parametrize(("names", "shift"), [(("L2", "L3", "L4"), 1), (("L2", "L3"), 0)])
def test_three_points_are_needed_to_tell_that_the_numbering_is_off(record: Record, names: tuple[str, ...], shift: int) -> None:
    truth = {name: np.array(place) for name, place in record.points.items()}
    predicted = {name: np.array(shifted(record, 1)[name]) for name in names}
    assert level_shift(truth, predicted) == shift


def test_a_study_is_right_only_if_every_point_is_within_a_quarter_of_the_spacing(record: Record) -> None:
    off = dict(record.points)
    off["L3"] = (off["L3"][0], off["L3"][1] + 0.3 * 2 * DOWN)
    errors = [errors_on(record, Given(record.points)), errors_on(record, Given(off))]
    assert value(errors, "studies with all points right (1/4 spacing)") == 0.5
    assert value(errors, "points within 1/6 spacing") == pytest.approx(21 / 22)


def test_a_point_that_is_not_found_is_not_a_hit_and_does_not_count_in_the_mean(record: Record) -> None:
    some = {name: place for name, place in record.points.items() if name not in ("T12-L1", "L1")}
    errors = errors_on(record, Given(some))
    assert np.isinf(errors.distance["L1"])
    assert value([errors], "points not found") == pytest.approx(2 / 11)
    assert value([errors], "points within 1/6 spacing") == pytest.approx(9 / 11)
    assert value([errors], "mean error, px at 512") == pytest.approx(0, abs=1e-6)


def test_a_plane_in_which_nothing_is_found_counts_as_wrong_everywhere(record: Record) -> None:
    errors = errors_on(record, Given(None))
    assert value([errors], "points not found") == 1 and errors.confidence == 0
    assert value([errors], "studies with all points right (1/4 spacing)") == 0
    assert np.isnan(value([errors], "mean error, px at 512"))


@pytest.mark.parametrize("levels", [-2, -1, 0, 1, 2])
def test_a_numbering_that_is_levels_off_is_recognized_by_its_shift(record: Record, levels: int) -> None:
    errors = errors_on(record, Given(shifted(record, levels)))
    assert errors.shift == levels
    assert value([errors], "studies numbered one or more levels off") == float(levels != 0)


def test_a_point_that_lies_nearer_to_another_level_is_counted_there(record: Record) -> None:
    swapped = record.points | {"L4": record.points["L5"], "L1-L2": record.points["L2"]}
    errors = errors_on(record, Given(swapped))
    assert "L4" in errors.elsewhere and errors.elsewhere <= {"L4", "L1-L2"}, "a disc at a vertebra lies between two discs"
    assert value([errors], "points nearer to another level") == pytest.approx(len(errors.elsewhere) / 11)
    levels = level_summary([errors], repeats=5)
    assert list(levels) == list(KEY_POINTS)
    assert levels["L4"]["points nearer to another level"].value == 1 and levels["L5"]["points not found"].value == 0
    assert levels["L4"]["points within 6 mm (or 1/6 spacing)"].value == 0 and levels["L3"]["mean error, mm"].value < 1e-6


def test_percentiles_are_those_of_all_points(record: Record) -> None:
    places = {name: (x, y + index) for index, (name, (x, y)) in enumerate(record.points.items())}
    errors = [errors_on(record, Given(places))]
    distance = np.arange(11.0)
    assert value(errors, "median error, mm") == pytest.approx(np.median(distance) * SPACING[1])
    # NumPy's percentile of the same kind: the smallest error that 95 of 100 points do not exceed.
    assert value(errors, "95th percentile, mm") == pytest.approx(10 * SPACING[1])
    assert value(errors, "mean error, px at 512") == pytest.approx(distance.mean() * 512 / max(record.pixels().shape))


def test_one_outlier_is_not_a_shift_and_two_points_are_too_few_for_one() -> None:
    truth = {name: np.array([50.0, 20.0 * index]) for index, name in enumerate(KEY_POINTS)}
    wild = truth | {"L3": np.array([0.0, 500.0])}
    assert level_shift(truth, wild) == 0
    assert level_shift(truth, {"L3": truth["L4"], "L3-L4": truth["L4-L5"]}) == 0
    assert level_shift(truth, {}) == 0


def test_the_trivial_localizer_puts_each_point_at_its_mean_fraction_of_the_plane(data: Path) -> None:
    records = [item for item in read_dataset("spider", data, ("train",)) if item.contrast == "T2"]
    constant = mean_points(records)
    rows, columns = records[0].pixels().shape
    expected = np.mean([item.points["L3"] for item in records], 0) / (columns, rows)
    assert constant["L3"] == pytest.approx(expected)
    errors = errors_of(at_constant(records[0], constant))
    true = np.array(records[0].points["L3"])
    assert errors.distance["L3"] == pytest.approx(np.linalg.norm(expected * (columns, rows) - true))


def test_a_stack_is_measured_in_its_slices_and_across_them(data: Path) -> None:
    found = volumes.stacks(read_dataset("spider_space", data, ("report",)))
    assert list(found) == ["15"]
    planes = found["15"]
    errors = volumes.errors_of(planes, Given(moved(planes[0], 2, 0), index=2.5))
    assert list(errors.in_plane.values()) == pytest.approx([2 * SPACING[0]] * 11)
    assert errors.lateral == {}  # the drawn canal extends beyond the stack on both sides
    figures = volumes.summary([errors])
    assert figures["points within 6 mm in their slice"].value == 1


def test_structures_of_a_stack_that_are_not_found_are_not_hits(data: Path) -> None:
    planes = volumes.stacks(read_dataset("spider_space", data, ("report",)))["15"]
    some = {name: place for name, place in planes[0].points.items() if name not in ("L5", "L5-S1")}
    figures = volumes.summary([volumes.errors_of(planes, Given(some)), volumes.errors_of(planes, Given(None))])
    assert figures["points within 6 mm in their slice"].value == pytest.approx(9 / 22)
    assert figures["mean error in the slice, mm"].value == pytest.approx(0, abs=1e-6)


def test_a_stack_with_a_gap_or_few_planes_is_left_out(data: Path) -> None:
    records = read_dataset("spider_space", data, ("train",))
    assert set(volumes.stacks(records)) == {"3", "5"}
    gap = [record for record in records if not record.series.endswith("12")]
    assert volumes.stacks(gap) == {} and volumes.stacks(records[:4]) == {}


def test_the_middle_of_the_canal_is_its_centre_of_mass_over_the_slices() -> None:
    masks = np.zeros((9, 60, 30), np.uint8)
    for index, width in {3: 4, 4: 8, 5: 8, 6: 4}.items():
        masks[index, :, 10 : 10 + width] = 150
    assert volumes.canal_middle(masks, 30, 1.0) == pytest.approx(4.5)
    masks[8, :, 10:20] = 150
    assert volumes.canal_middle(masks, 30, 1.0) is None
    assert volumes.canal_middle(np.zeros((9, 60, 30), np.uint8), 30, 1.0) is None
