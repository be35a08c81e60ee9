"""The same patient gives the same report, however the voxels are stored and the slices are rotated."""

from __future__ import annotations

import numpy as np
import pytest
from views_of_spine import cropped, positions, resampled_obliquely, rows_between, stored_as, study_of

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.options import Options
from SpinalDiseaseAILib.base.planes import SagittalVolume, assumed_spacing, image_of_plane
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.pipelines.analyser import Analyser


def codes_of(report: Report) -> set[str]:
    """Codes of the notes."""
    return {note.code for note in report.notes}


# Testing/steps/test_steps_regions.py checks planes and regions in all 48 orders.
@pytest.mark.parametrize("codes", ["RAS", "LPS", "SAR", "ILP", "PIR"])
def test_a_stack_stored_in_another_order_gives_the_same_report(
    codes: str, sample: Study, report: Report, analyser: Analyser, cpu: Options
) -> None:
    other = analyser.analyse(stored_as(sample, codes), cpu)
    assert other.series[0].sha256 != report.series[0].sha256
    found = positions(report)
    for name, place in positions(other).items():
        assert np.linalg.norm(place - found[name]) < 0.5
    for item, before in zip(other.structures, report.structures, strict=True):
        assert item.name == before.name and len(item.findings) == len(before.findings)
        for result, expected in zip(item.findings, before.findings, strict=True):
            assert result.predicted == expected.predicted
            assert result.probabilities == pytest.approx(expected.probabilities, abs=1e-3)
    assert other.numberings[0].shift == report.numberings[0].shift
    assert other.numberings[0].probability == pytest.approx(report.numberings[0].probability, abs=1e-3)


@pytest.mark.parametrize("degrees", [(5.0, 0.0, 0.0), (-8.0, 1.0, 1.0), (15.0, -1.0, 2.0)], ids=str)
def test_an_oblique_resampling_gives_the_same_names_at_the_same_places(
    degrees: tuple[float, float, float], sample: Study, report: Report, analyser: Analyser, cpu: Options
) -> None:
    other = analyser.analyse(study_of(resampled_obliquely(sample.primary.image, degrees)), cpu)
    found, places = positions(report), positions(other)
    assert tuple(places) == KEY_POINTS and other.numberings[0].shift == 0
    for name in KEY_POINTS:
        in_plane = float(np.hypot(*(places[name] - found[name])[1:]))
        assert in_plane < 1.5, name
        assert abs(places[name][0] - found[name][0]) < 3, name


def test_a_shifted_stack_shifts_the_points_with_it(sample: Study, report: Report, analyser: Analyser, cpu: Options) -> None:
    image = sample.primary.image
    shift = np.eye(4)
    shift[:3, 3] = 123.25, -45.5, 678.0
    other = analyser.analyse(study_of(Image(image.voxels, shift @ image.affine)), cpu)
    for name, place in positions(other).items():
        assert np.allclose(place - shift[:3, 3], positions(report)[name], atol=0.01)


def test_a_single_slice_is_analysed_with_a_note(sample: Study, report: Report, analyser: Analyser, cpu: Options) -> None:
    other = analyser.analyse(study_of(cropped(sample.primary.image, (10, 0, 0), (11, None, None))), cpu)
    assert "single-slice" in codes_of(other) and "single-slice" not in codes_of(report)
    assert tuple(positions(other)) == KEY_POINTS
    for name, place in positions(other).items():
        assert place[0] == pytest.approx(0) and np.hypot(*(place - positions(report)[name])[1:]) < 3


def test_a_stack_of_two_slices_is_analysed(sample: Study, report: Report, analyser: Analyser, cpu: Options) -> None:
    other = analyser.analyse(study_of(cropped(sample.primary.image, (10, 0, 0), (12, None, None))), cpu)
    for name in KEY_POINTS:
        assert np.hypot(*(positions(other)[name] - positions(report)[name])[1:]) < 3, name


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.8])
def test_a_slice_whose_spacing_was_guessed_wrongly_is_analysed_with_a_warning(
    factor: float, sample: Study, report: Report, analyser: Analyser, cpu: Options
) -> None:
    stack = SagittalVolume.of(sample.primary.image)
    pixels = stack.pixels(10)
    column, row = assumed_spacing((pixels.shape[0], pixels.shape[1]))
    image = image_of_plane(pixels, (factor * column, factor * row))
    other = analyser.analyse(study_of(image, spacing_known=False), cpu)
    assert [note.severity for note in other.notes if note.code == "spacing-unknown"] == ["warning"]
    assert "spacing-unknown" not in codes_of(report)
    assert tuple(positions(other)) == KEY_POINTS
    for name, place in positions(other).items():
        pixel = SagittalVolume.of(image).to_pixel(place)[1:]
        true = stack.to_pixel(positions(report)[name])[1:]
        assert np.linalg.norm(pixel - true) * stack.pixel_spacing[0] < 3, name


@pytest.mark.parametrize("factor", [0.65, 1.5])
def test_a_child_and_a_very_tall_patient_are_numbered_like_anyone_else(
    factor: float, sample: Study, report: Report, analyser: Analyser, cpu: Options
) -> None:
    image = sample.primary.image
    scale = np.array([1.0, factor, factor])
    other = analyser.analyse(study_of(Image(image.voxels, np.diag([*scale, 1.0]) @ image.affine)), cpu)
    assert tuple(positions(other)) == KEY_POINTS
    for name, place in positions(other).items():
        assert np.hypot(*(place / scale - positions(report)[name])[1:]) < 3, name


@pytest.mark.parametrize("lowest", [-90.0, -61.0, -35.0])
def test_without_the_sacrum_the_numbering_is_not_called_certain(
    lowest: float, sample: Study, analyser: Analyser, cpu: Options
) -> None:
    other = analyser.analyse(study_of(rows_between(sample.primary.image, 150, lowest)), cpu)
    warnings = {note.code for note in other.notes if note.severity == "warning"}
    assert warnings & {"cannot-number", "numbering-unsure"}
    assert next(item.probability for item in other.numberings if item.shift is None) > 0.1
    assert "L5-S1" not in positions(other)


@pytest.mark.parametrize(("highest", "lost"), [(72.0, {"T12-L1"}), (42.0, {"T12-L1", "L1", "L1-L2"})])
def test_levels_above_the_field_of_view_are_left_out_and_named(
    highest: float, lost: set[str], sample: Study, report: Report, analyser: Analyser, cpu: Options
) -> None:
    other = analyser.analyse(study_of(rows_between(sample.primary.image, highest, -150)), cpu)
    found = positions(other)
    assert not lost & set(found) and other.numberings[0].shift == 0
    assert "in the field of view" in next(note.text for note in other.notes if note.code == "out-of-view")
    for name in ("L3", "L3-L4", "L4", "L4-L5", "L5", "L5-S1"):
        assert np.linalg.norm(found[name] - positions(report)[name]) < 3, name
