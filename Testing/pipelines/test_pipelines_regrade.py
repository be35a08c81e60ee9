"""Grading again at points that a person placed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from views_of_spine import study_of

from SpinalDiseaseAILib.base.correcting import NOT_MEASURED_AGAIN
from SpinalDiseaseAILib.base.errors import Cancelled, InputError
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.options import Options
from SpinalDiseaseAILib.base.report import Point, Report
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.pipelines.analyser import Analyser


@pytest.fixture
def points(report: Report) -> dict[str, Point]:
    """The points of the analysis."""
    return {item.name: item.position for item in report.structures}


@pytest.fixture(scope="module")
def forgetful(sample: Study, cpu: Options) -> Analyser:
    """An analyser that has the models but never outlined the sample."""
    return Analyser()


def test_at_the_points_of_the_analysis_grades_and_measurements_are_those_of_the_analysis(
    sample: Study, analyser: Analyser, cpu: Options, report: Report, points: dict[str, Point]
) -> None:
    again = analyser.regrade(sample, points, (), cpu)
    assert [item.name for item in again.structures] == [item.name for item in report.structures]
    for item in again.structures:
        assert item.position == report.structure(item.name).position
        assert item.measurements == report.structure(item.name).measurements
        for new, old in zip(item.findings, report.structure(item.name).findings, strict=True):
            assert new.name == old.name and new.probabilities == pytest.approx(old.probabilities, abs=1e-5)
    assert again.measurements == report.measurements and again.remeasured == {}
    assert again.masks is None, "they are those that the caller has"


def test_a_moved_point_is_measured_at_its_new_position_and_so_is_what_depends_on_it(
    sample: Study, analyser: Analyser, cpu: Options, report: Report, points: dict[str, Point]
) -> None:
    x, y, z = points["L3"]
    points["L3"] = (x + 3.0, y, z)  # another slice of the body
    again = analyser.regrade(sample, points, ("L3",), cpu)
    heights = [item.structure("L3").measurement("body_height_middle").value for item in (report, again)]
    assert heights[0] != heights[1] == pytest.approx(heights[0], abs=3)
    assert set(again.remeasured) == set(points) - {"L3"}
    for name, measurements in again.remeasured.items():
        same = measurements == report.structure(name).measurements
        assert same or name in ("L2", "L2-L3", "L3-L4", "L4"), name
    assert again.remeasured["L2-L3"] != report.structure("L2-L3").measurements, "the slip of L2 is one over L3"
    assert again.masks is None


def test_points_moved_to_other_structures_rename_the_masks_and_all_measurements(
    sample: Study, analyser: Analyser, cpu: Options, report: Report, points: dict[str, Point]
) -> None:
    ordered = [item.name for item in report.structures]
    lower = dict(zip(ordered[2:], (points[name] for name in ordered), strict=False))  # L1 is called L2, and so on
    again = analyser.regrade(sample, lower, ("L4-L5", "L2"), cpu)
    assert again.masks is not None
    place = tuple(np.rint(sample.primary.image.to_ijk(points["L3-L4"])).astype(int))
    assert again.masks.of("L4-L5")[place] and report.masks.of("L3-L4")[place]
    new, old = again.structure("L4-L5").measurement("disc_area").value, report.structure("L3-L4").measurement("disc_area").value
    assert new == pytest.approx(old, rel=0.05)
    back = analyser.regrade(sample, points, ("L4-L5",), cpu)
    assert np.array_equal(back.masks.image.voxels, report.masks.image.voxels)
    assert back.structure("L4-L5").measurements == report.structure("L4-L5").measurements


def test_a_study_that_was_not_outlined_is_graded_without_masks_and_a_note_says_so(
    sample: Study, forgetful: Analyser, cpu: Options, points: dict[str, Point]
) -> None:
    again = forgetful.regrade(sample, points, ("L4-L5",), cpu)
    assert NOT_MEASURED_AGAIN in again.notes and not again.measured and again.masks is None
    assert again.structure("L4-L5").finding("degeneration") is not None


def test_unwanted_masks_are_neither_used_nor_noted_as_absent(
    sample: Study, analyser: Analyser, cpu: Options, points: dict[str, Point]
) -> None:
    again = analyser.regrade(sample, points, ("L4-L5",), replace(cpu, segmenter=""))
    assert not again.measured and NOT_MEASURED_AGAIN not in again.notes


def test_images_that_have_changed_are_not_measured_on_the_old_masks(
    sample: Study, analyser: Analyser, cpu: Options, points: dict[str, Point]
) -> None:
    image = sample.primary.image
    other = study_of(Image(image.voxels + 1, image.affine))
    assert NOT_MEASURED_AGAIN in analyser.regrade(other, points, ("L4-L5",), cpu).notes


def test_the_same_images_read_again_are_measured(
    sample: Study, analyser: Analyser, cpu: Options, report: Report, points: dict[str, Point]
) -> None:
    copy = Study(sample.series, sample.uid)
    again = analyser.regrade(copy, points, ("L4-L5",), cpu)
    assert again.structure("L4-L5").measurements == report.structure("L4-L5").measurements


def test_only_changed_structures_are_graded_and_marked_as_placed_by_a_person(
    sample: Study, analyser: Analyser, cpu: Options, report: Report, points: dict[str, Point]
) -> None:
    x, y, z = points["L4-L5"]
    points["L4-L5"] = (x, y + 3.0, z - 2.0)
    again = analyser.regrade(sample, points, ("L5-S1", "L4-L5"), cpu)
    assert [item.name for item in again.structures] == ["L4-L5", "L5-S1"]
    assert all(item.manual and item.confidence == 1 for item in again.structures)
    assert again.structure("L4-L5").position == points["L4-L5"]
    merged = report.with_structures(again.structures)
    assert merged.structure("L4-L5").findings != report.structure("L4-L5").findings
    assert merged.structure("L1-L2") == report.structure("L1-L2")
    assert again.numberings == ()
    assert [model.name for model in again.models] == [*cpu.classifiers, cpu.weigher, cpu.grader]


def test_a_vertebra_is_returned_where_the_model_has_no_finding_for_it(
    sample: Study, analyser: Analyser, cpu: Options, points: dict[str, Point]
) -> None:
    again = analyser.regrade(sample, points, ("L3",), cpu)
    assert [(item.name, item.findings, item.manual) for item in again.structures] == [("L3", (), True)]


@pytest.mark.parametrize("name", ["L7", "T12", "", "Pfirrmann"])
def test_a_name_that_is_not_a_key_point_is_refused(
    name: str, sample: Study, analyser: Analyser, cpu: Options, points: dict[str, Point]
) -> None:
    for given, changed in (({**points, name: (0.0, 0.0, 0.0)}, ()), (points, (name,))):
        with pytest.raises(InputError, match=r"cannot be graded. Key points are T12-L1") as caught:
            analyser.regrade(sample, given, changed, cpu)
        assert caught.value.code == "points"


def test_a_structure_without_a_point_is_refused(
    sample: Study, analyser: Analyser, cpu: Options, points: dict[str, Point]
) -> None:
    del points["L4-L5"]
    with pytest.raises(InputError, match="No position was given for L4-L5"):
        analyser.regrade(sample, points, ("L4-L5",), cpu)


@pytest.mark.parametrize(
    "kept", [(), ("L4-L5",), ("L1-L2", "L4-L5"), ("L1-L2", "L2", "L4-L5")], ids=["none", "one", "far apart", "one far away"]
)
def test_points_without_a_neighbour_are_refused(
    kept: tuple[str, ...], sample: Study, analyser: Analyser, cpu: Options, points: dict[str, Point]
) -> None:
    with pytest.raises(InputError) as caught:
        analyser.regrade(sample, {name: points[name] for name in kept}, (), cpu)
    assert caught.value.code == "points"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_coordinate_that_is_not_a_number_is_refused(
    value: float, sample: Study, analyser: Analyser, cpu: Options, points: dict[str, Point]
) -> None:
    points["L4-L5"] = (0.0, value, 0.0)
    with pytest.raises(InputError, match="not a number") as caught:
        analyser.regrade(sample, points, ("L4-L5",), cpu)
    assert caught.value.code == "points"


@pytest.mark.parametrize("shift", [(40.0, 0, 0), (0, 200.0, 0), (0, 0, -400.0)], ids=["beside", "before", "below"])
def test_a_point_outside_the_image_is_refused_and_not_graded(
    shift: tuple[float, float, float], sample: Study, analyser: Analyser, cpu: Options, points: dict[str, Point]
) -> None:
    x, y, z = np.add(points["L4-L5"], shift).tolist()
    points["L4-L5"] = (x, y, z)
    with pytest.raises(InputError, match=r"Outside the image: L4-L5\.") as caught:
        analyser.regrade(sample, points, ("L4-L5",), cpu)
    assert caught.value.code == "points"
    assert analyser.regrade(sample, points, ("L1-L2",), cpu).structure("L1-L2").findings


def test_neighbours_at_the_same_position_are_refused(
    sample: Study, analyser: Analyser, cpu: Options, points: dict[str, Point]
) -> None:
    points["L4"] = points["L5"]
    with pytest.raises(InputError, match="same place"):
        analyser.regrade(sample, points, ("L4-L5",), cpu)


def test_grading_again_is_cancelled_and_its_progress_ends_at_one(
    sample: Study, analyser: Analyser, cpu: Options, points: dict[str, Point]
) -> None:
    fractions: list[float] = []
    analyser.regrade(sample, points, ("L4-L5",), cpu, lambda stage, fraction, message: fractions.append(fraction))
    assert fractions == sorted(fractions) and fractions[0] >= 0 and fractions[-1] == 1

    def cancel(stage: str, fraction: float, message: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        analyser.regrade(sample, points, ("L4-L5",), cpu, cancel)


def test_an_unknown_pipeline_is_refused(sample: Study, analyser: Analyser, cpu: Options, points: dict[str, Point]) -> None:
    with pytest.raises(InputError, match="brain"):
        analyser.regrade(sample, points, (), replace(cpu, pipeline="brain"))
