"""The sagittal picture that follows a spine from slice to slice."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from SpinalDiseaseAILib.base.geometry import Image, all_axis_codes, reorient
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.writing.curved_plane import CurvedPlane

MARGIN = (30.0, 10.0, 20.0, 16.0)


def plane_of(report: Report, image: Image) -> CurvedPlane:
    return CurvedPlane.through(SagittalVolume.of(image), [item.position for item in report.structures], margin=MARGIN)


def pixel_at(plane: CurvedPlane, pixels: np.ndarray, position: tuple[float, float, float]) -> float:
    x, y = (
        plane.place(position)
        / plane.volume.pixel_spacing
        * np.array(pixels.shape[::-1])
        / (
            plane.box[2] - plane.box[0],
            plane.box[3] - plane.box[1],
        )
    )
    return float(pixels[int(y), int(x)])


def test_each_structure_is_shown_on_the_slice_through_its_own_centre(report: Report, study: Study) -> None:
    image = study.primary.image
    plane = plane_of(report, image)
    pixels = plane.pixels(image)
    for item in report.structures:
        own_slice = image.to_ijk(item.position)[0]
        assert pixel_at(plane, pixels, item.position) == pytest.approx(10 * (own_slice + 1), abs=0.5), item.name


def test_most_rows_show_the_pixels_of_one_slice_unblended(report: Report, study: Study) -> None:
    pixels = plane_of(report, study.primary.image).pixels(study.primary.image)
    whole = np.isclose(pixels[:, 0] % 10, 0, atol=0.01) | np.isclose(pixels[:, 0] % 10, 10, atol=0.01)
    assert whole.mean() > 0.7


def test_the_picture_has_the_requested_margins_in_millimetres(report: Report, study: Study) -> None:
    plane = plane_of(report, study.primary.image)
    x, y = plane.place(report.structures[0].position)
    assert x == pytest.approx(MARGIN[0], abs=2.01)
    assert y == pytest.approx(MARGIN[1], abs=2.01)
    width, height = plane.size
    assert width == pytest.approx(MARGIN[0] + MARGIN[2], abs=4.01)
    assert height == pytest.approx(MARGIN[1] + MARGIN[3] + 10 * 9 * 2, abs=4.01)


def test_the_picture_ends_where_the_image_ends(report: Report, study: Study) -> None:
    plane = CurvedPlane.through(
        SagittalVolume.of(study.primary.image), [item.position for item in report.structures], margin=(900.0, 900.0, 900.0, 900.0)
    )
    assert plane.box == (0, 0, 80, 120)


@pytest.mark.parametrize("codes", all_axis_codes()[::5])
def test_the_picture_is_the_same_however_the_voxels_are_stored(report: Report, study: Study, codes: str) -> None:
    image = study.primary.image
    stored = reorient(image, codes)
    np.testing.assert_allclose(plane_of(report, stored).pixels(stored), plane_of(report, image).pixels(image), atol=1e-3)


def test_another_series_is_sampled_at_the_same_positions(report: Report, study: Study) -> None:
    image = study.primary.image
    finer = Image(np.repeat(np.repeat(image.voxels, 2, axis=1), 2, axis=2), image.affine @ np.diag([1.0, 0.5, 0.5, 1.0]))
    plane = plane_of(report, image)
    pixels = plane.pixels(finer)
    assert pixels.shape == tuple(2 * length for length in plane.pixels(image).shape)
    for item in report.structures:
        own_slice = image.to_ijk(item.position)[0]
        assert pixel_at(plane, pixels, item.position) == pytest.approx(10 * (own_slice + 1), abs=0.5), item.name


def test_without_points_the_whole_middle_slice_is_shown(study: Study) -> None:
    plane = CurvedPlane.through(SagittalVolume.of(study.primary.image), [], margin=MARGIN)
    assert plane.pixels(study.primary.image).shape == (120, 80)
    assert plane.slice_range == (4, 4)
    assert np.all(plane.pixels(study.primary.image) == 50)


def test_voxels_that_are_not_numbers_are_black(report: Report, study: Study) -> None:
    voxels = study.primary.image.voxels.copy()
    voxels[:, :10] = np.nan
    image = Image(voxels, study.primary.image.affine)
    assert np.isfinite(plane_of(report, image).pixels(image)).all()


def test_a_picture_of_a_few_slices_does_not_copy_a_stack_of_hundreds() -> None:
    image = Image(np.zeros((300, 100, 100), dtype=np.int16), np.diag([-1.0, -1.0, -1.0, 1.0]))
    plane = CurvedPlane.through(SagittalVolume.of(image), [(-100, -50, -30), (-104, -50, -70)], margin=MARGIN)
    tracemalloc.start()
    plane.pixels(image)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < image.voxels.nbytes / 2


def test_an_image_that_covers_part_of_the_surface_is_shown_only_there(report: Report, study: Study) -> None:
    image = study.primary.image
    plane = plane_of(report, image)
    whole = plane.pixels(image)
    half = image.voxels.shape[2] // 2
    part = plane.pixels(Image(image.voxels[:, :, :half], image.affine))
    rows = np.arange(plane.box[1], plane.box[3])
    assert np.array_equal(part[rows < half], whole[rows < half]) and not part[rows >= half].any()
    elsewhere = image.affine.copy()
    elsewhere[:3, 3] += 5000
    assert not plane.pixels(Image(image.voxels, elsewhere)).any()
