"""Masks as a DICOM segmentation: every voxel where it was, on the images that were analysed, or a sentence that says why not."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from dicom_series import COLUMNS, NAME, ORIGIN, ROWS, SLICES, STEP, classic, enhanced, grid, position, write
from highdicom.color import CIELabColor
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedMRImageStorage

from SpinalDiseaseAILib.base.anatomy import structure
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.geometry import LPS_FROM_RAS, Image, reorient, transform_points
from SpinalDiseaseAILib.base.masks import LABELS, masks_of
from SpinalDiseaseAILib.base.report import Note, Report
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.writing import FORMATS, write_results
from SpinalDiseaseAILib.writing.dicom.results import (
    DICOM_FILES,
    SEGMENTATION_FILE,
    STRUCTURED_REPORT_FILE,
    dicom_formats,
    read_sources,
    writers_of,
)

NAMES = ("L4", "L4-L5", "L5", "canal")
SHUFFLED = (3, 0, 5, 1, 4, 2)


def labels() -> np.ndarray[Any, Any]:
    """Labels of (slice, column, row) without any symmetry, none on the first slice."""
    made = np.zeros((SLICES, COLUMNS, ROWS), dtype=np.uint8)
    made[1:4, 2:7, 1:4] = LABELS["L4"]
    made[2:5, 2:6, 4:6] = LABELS["L4-L5"]
    made[2:4, 1:5, 6:12] = LABELS["L5"]
    made[4, 8, 0:9] = LABELS["canal"]
    return made


@pytest.fixture
def segmented(report: Report) -> Report:
    return replace(report, masks=masks_of(grid(labels()), "lumbar-mr-segmentation"))


def written(report: Report, study: Study, paths: list[Path], folder: Path) -> Dataset:
    files = write_results(report, study, folder, formats=dicom_formats(report, paths, [SEGMENTATION_FILE]))
    return pydicom.dcmread(files[SEGMENTATION_FILE])


def places(dataset: Dataset) -> dict[str, np.ndarray[Any, Any]]:
    """Tracking identifier of each segment to LPS millimetres of its voxels, sorted; by the equation of PS3.3 C.7.6.2.1.1."""
    shared = dataset.SharedFunctionalGroupsSequence[0]
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=float).reshape(2, 3)
    down, across = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    found: dict[str, list[np.ndarray[Any, Any]]] = {}
    names = {item.SegmentNumber: item.TrackingID for item in dataset.SegmentSequence}
    pixels = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    for frame, plane in zip(dataset.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        group = frame if "SegmentIdentificationSequence" in frame else shared
        origin = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        rows, columns = np.nonzero(plane)
        points = origin + np.outer(columns * across, cosines[0]) + np.outer(rows * down, cosines[1])
        found.setdefault(names[group.SegmentIdentificationSequence[0].ReferencedSegmentNumber], []).append(points)
    return {name: in_order(np.concatenate(points)) for name, points in found.items()}


def in_order(points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return points[np.lexsort(np.round(points, 3).T)]


def expected(report: Report) -> dict[str, np.ndarray[Any, Any]]:
    masks = report.masks
    assert masks is not None
    return {
        item.name: in_order(transform_points(LPS_FROM_RAS, masks.image.to_ras(np.argwhere(masks.of(item.name)))))
        for item in masks.structures
    }


def assert_same_places(dataset: Dataset, report: Report) -> None:
    found, wanted = places(dataset), expected(report)
    assert list(found) == list(wanted) == list(NAMES)
    for name in wanted:
        assert found[name].shape == wanted[name].shape, name
        assert np.abs(found[name] - wanted[name]).max() < 1e-3, name


@pytest.mark.parametrize("codes", ["LPI", "RAS", "SAL", "PIR", "IRA"])
def test_voxels_are_where_they_were_however_slices_and_masks_are_stored(
    codes: str, segmented: Report, study: Study, tmp_path: Path
) -> None:
    assert segmented.masks is not None
    turned = reorient(segmented.masks.image, codes)
    report = replace(segmented, masks=masks_of(Image(np.ascontiguousarray(turned.voxels), turned.affine), "model"))
    assert_same_places(written(report, study, write(classic(SHUFFLED), tmp_path / "in"), tmp_path / "out"), segmented)


@pytest.mark.parametrize("shared", [True, False])
def test_voxels_are_where_they_were_on_frames_of_one_object(
    shared: bool, segmented: Report, study: Study, tmp_path: Path
) -> None:
    dataset = written(segmented, study, write([enhanced(SHUFFLED, shared=shared)], tmp_path / "in"), tmp_path / "out")
    assert_same_places(dataset, segmented)
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        index = SHUFFLED[source.ReferencedFrameNumber - 1]
        assert frame.PlanePositionSequence[0].ImagePositionPatient == pytest.approx(position(index), abs=1e-4)


def test_the_images_that_another_library_reads_lie_under_the_masks(segmented: Report, study: Study, tmp_path: Path) -> None:
    paths = write(classic(SHUFFLED), tmp_path / "in")
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "in")))
    image = reader.Execute()
    for name, points in places(written(segmented, study, paths, tmp_path / "out")).items():
        for point in points[:: max(1, len(points) // 5)]:
            index = np.array(image.TransformPhysicalPointToContinuousIndex(point.tolist()))
            assert np.abs(index - np.round(index)).max() < 1e-3, name
            # A pixel holds the number of its slice.
            slice_number = image.GetPixel([round(value) for value in index])
            assert labels()[slice_number, round(index[0]), round(index[1])] == LABELS[name]


def test_every_frame_refers_to_the_image_that_it_lies_on_and_empty_ones_are_left_out(
    segmented: Report, study: Study, tmp_path: Path
) -> None:
    dataset = written(segmented, study, write(classic(SHUFFLED), tmp_path / "in"), tmp_path / "out")
    assert dataset.NumberOfFrames == 3 + 3 + 2 + 1  # slices with L4, L4-L5, L5 and canal
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        index = SHUFFLED[int(source.rpartition(".")[2]) - 1]
        assert frame.PlanePositionSequence[0].ImagePositionPatient == pytest.approx(position(index), abs=1e-4)
    assert dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices == pytest.approx(STEP)


def test_a_segment_says_what_it_is_who_made_it_and_its_colour(segmented: Report, study: Study, tmp_path: Path) -> None:
    dataset = written(segmented, study, write(classic(), tmp_path / "in"), tmp_path / "out")
    assert dataset.SegmentationType == "BINARY"
    assert [item.SegmentLabel for item in dataset.SegmentSequence] == [structure(name).display for name in NAMES]
    for item, name in zip(dataset.SegmentSequence, NAMES, strict=True):
        code = structure(name).code
        assert code is not None
        assert item.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "123037004"
        kind = item.SegmentedPropertyTypeCodeSequence[0]
        assert (kind.CodeValue, kind.CodingSchemeDesignator, kind.CodeMeaning) == (code.value, code.scheme, code.meaning)
        assert item.SegmentAlgorithmType == "AUTOMATIC" and "lumbar-mr-segmentation" in item.SegmentAlgorithmName
    assert (dataset.SeriesNumber, dataset.SeriesDescription) == (7002, "SpinalDiseaseAI masks")
    assert (dataset.Manufacturer, dataset.SoftwareVersions) == ("SpinalDiseaseAI", "0.1.0")
    assert (dataset.PatientName, dataset.StudyInstanceUID, dataset.FrameOfReferenceUID) == (NAME, "1.2.3", "1.2.9")


def test_a_segments_colour_is_that_of_its_structure(segmented: Report, study: Study, tmp_path: Path) -> None:
    dataset = written(segmented, study, write(classic(), tmp_path / "in"), tmp_path / "out")
    for item, name in zip(dataset.SegmentSequence, NAMES, strict=True):
        colour = CIELabColor.from_dicom_value(item.RecommendedDisplayCIELabValue)
        assert np.array(colour.to_rgb(clip=True)) / 255 == pytest.approx(structure(name).colour, abs=0.02)


def test_masks_that_a_person_edited_are_not_called_automatic(segmented: Report, study: Study, tmp_path: Path) -> None:
    assert segmented.masks is not None
    report = replace(segmented, masks=replace(segmented.masks, model=""))
    dataset = written(report, study, write(classic(), tmp_path / "in"), tmp_path / "out")
    kinds = {(item.SegmentAlgorithmType, item.SegmentAlgorithmName) for item in dataset.SegmentSequence}
    assert kinds == {("SEMIAUTOMATIC", "SpinalDiseaseAI")}


def test_of_two_images_at_one_place_the_first_acquired_is_referred_to(segmented: Report, study: Study, tmp_path: Path) -> None:
    again = classic((2,), SOPInstanceUID="1.2.3.4.99", InstanceNumber=99)
    dataset = written(segmented, study, write([*again, *classic()], tmp_path / "in"), tmp_path / "out")
    assert_same_places(dataset, segmented)
    assert "1.2.3.4.99" not in str(dataset)


def test_a_slice_that_was_interpolated_is_left_out(segmented: Report, study: Study, tmp_path: Path) -> None:
    report = replace(segmented, notes=(Note("missing-slices", "Slices missing: 1 of 6.", "warning"),))
    dataset = written(report, study, write(classic((0, 1, 3, 4, 5)), tmp_path / "in"), tmp_path / "out")
    rows = [frame.PlanePositionSequence[0].ImagePositionPatient for frame in dataset.PerFrameFunctionalGroupsSequence]
    assert rows and not any(np.allclose(row, position(2), atol=0.1) for row in rows)


def references(dataset: Dataset) -> list[tuple[str, int]]:
    """UID and number of the frame on which each frame of the segmentation lies."""
    sources = [frame.DerivationImageSequence[0].SourceImageSequence for frame in dataset.PerFrameFunctionalGroupsSequence]
    assert {len(items) for items in sources} == {1}
    return [(items[0].ReferencedSOPInstanceUID, items[0].ReferencedFrameNumber) for items in sources]


def listed(dataset: Dataset) -> list[str]:
    """UIDs of the instances that the segmentation as a whole refers to."""
    (series,) = dataset.ReferencedSeriesSequence
    assert {item.ReferencedSOPClassUID for item in series.ReferencedInstanceSequence} == {EnhancedMRImageStorage}
    return [item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence]


def test_slices_may_be_spread_over_several_multi_frame_files(segmented: Report, study: Study, tmp_path: Path) -> None:
    halves = [enhanced((0, 1, 2)), enhanced((3, 4, 5), SOPInstanceUID="1.2.3.4.1")]
    dataset = written(segmented, study, write(halves, tmp_path / "in"), tmp_path / "out")
    assert_same_places(dataset, segmented)
    # The first slice has no mask; of the others, L4 is on 1 to 3, L4-L5 on 2 to 4, L5 on 2 and 3, the canal on 4.
    first, second = "1.2.3.4.0", "1.2.3.4.1"
    wanted = [(first, 2), (first, 3), (second, 1), (first, 3), (second, 1), (second, 2), (first, 3), (second, 1), (second, 2)]
    assert references(dataset) == wanted
    assert listed(dataset) == [first, second]


def test_of_several_frames_at_one_place_in_a_file_the_first_is_referred_to(
    segmented: Report, study: Study, tmp_path: Path
) -> None:
    twice = enhanced([*range(SLICES), *range(SLICES)])
    dataset = written(segmented, study, write([twice], tmp_path / "in"), tmp_path / "out")
    assert_same_places(dataset, segmented)
    assert {number for _, number in references(dataset)} == {2, 3, 4, 5} and listed(dataset) == ["1.2.3.4.0"]


def test_of_two_echoes_in_a_file_the_frames_that_were_analysed_are_referred_to(
    segmented: Report, study: Study, tmp_path: Path
) -> None:
    (path,) = write([enhanced([*range(SLICES), *range(SLICES)])], tmp_path / "in")
    sources = read_sources(study, {path: range(SLICES, 2 * SLICES)})
    files = write_results(segmented, study, tmp_path / "out", formats=writers_of(segmented, sources, [SEGMENTATION_FILE]))
    dataset = pydicom.dcmread(files[SEGMENTATION_FILE])
    assert_same_places(dataset, segmented)
    assert {number for _, number in references(dataset)} == {SLICES + number for number in (2, 3, 4, 5)}


def test_frames_may_state_nothing_in_common(segmented: Report, study: Study, tmp_path: Path) -> None:
    source = enhanced(shared=False)
    del source.SharedFunctionalGroupsSequence
    assert_same_places(written(segmented, study, write([source], tmp_path / "in"), tmp_path / "out"), segmented)


def test_a_frame_whose_place_is_no_number_is_left_out(segmented: Report, study: Study, tmp_path: Path) -> None:
    source = enhanced([*range(SLICES), 0])
    with disable_value_validation():
        source.PerFrameFunctionalGroupsSequence[-1].PlanePositionSequence[0].ImagePositionPatient = ["nan", "0", "0"]
    assert_same_places(written(segmented, study, write([source], tmp_path / "in"), tmp_path / "out"), segmented)


def test_files_of_a_part_of_the_series_are_refused(segmented: Report, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 are not among") as error:
        dicom_formats(segmented, write(classic((0, 1, 3, 4, 5)), tmp_path))
    assert error.value.code == "missing-source"


@pytest.mark.parametrize(
    "moved",
    [
        {"Rows": ROWS - 1},
        {"PixelSpacing": [1.5, 1.3]},
        {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]},
        {"ImagePositionPatient": [ORIGIN[0], ORIGIN[1] + 1.25, ORIGIN[2]]},
        {"ImagePositionPatient": [ORIGIN[0] - 50, ORIGIN[1], ORIGIN[2]]},
    ],
)
def test_masks_that_do_not_lie_on_the_pixels_of_the_files_are_refused(
    moved: dict[str, Any], segmented: Report, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="do not lie on the pixels") as error:
        dicom_formats(segmented, write(classic((0,), **moved), tmp_path))
    assert error.value.code == "grid-mismatch"


def test_masks_of_a_volume_that_was_moved_a_little_are_refused(segmented: Report, tmp_path: Path) -> None:
    assert segmented.masks is not None
    affine = segmented.masks.image.affine.copy()
    affine[1, 3] += 0.4
    report = replace(segmented, masks=masks_of(Image(labels(), affine), "model"))
    with pytest.raises(InputError, match="do not lie on the pixels"):
        dicom_formats(report, write(classic(), tmp_path))


def test_slices_a_little_off_the_grid_keep_their_own_place(segmented: Report, study: Study, tmp_path: Path) -> None:
    datasets = classic()
    datasets[2].ImagePositionPatient = [*position(2)[:2], position(2)[2] + 0.5]
    dataset = written(segmented, study, write(datasets, tmp_path / "in"), tmp_path / "out")
    places_of_frames = [
        list(frame.PlanePositionSequence[0].ImagePositionPatient) for frame in dataset.PerFrameFunctionalGroupsSequence
    ]
    assert list(datasets[2].ImagePositionPatient) in places_of_frames


def test_without_masks_there_is_the_report_alone(report: Report, tmp_path: Path) -> None:
    assert list(dicom_formats(report, write(classic(), tmp_path))) == [STRUCTURED_REPORT_FILE]


def test_a_number_that_is_none_is_left_out(segmented: Report, study: Study, tmp_path: Path) -> None:
    datasets = classic(StudyID="no-number")
    for dataset in datasets:
        del dataset.InstanceNumber
    paths = write(datasets, tmp_path / "in")
    for path in paths:
        before, after = (struct.pack("<HH2sH", 0x20, element, kind, 10) for element, kind in ((0x10, b"SH"), (0x13, b"IS")))
        path.write_bytes(path.read_bytes().replace(before, after))
    assert b"IS\x0a\x00no-number" in paths[0].read_bytes()
    assert_same_places(written(segmented, study, paths, tmp_path / "out"), segmented)


def test_masks_without_a_voxel_give_no_file(segmented: Report, study: Study, tmp_path: Path) -> None:
    report = replace(segmented, masks=masks_of(grid(), "model"))
    formats = dicom_formats(report, write(classic(), tmp_path / "in"), [SEGMENTATION_FILE])
    assert write_results(report, study, tmp_path / "out", formats=formats) == {}


def test_results_of_an_earlier_analysis_are_replaced_with_their_dicom_files(
    segmented: Report, study: Study, tmp_path: Path
) -> None:
    some = {name: FORMATS[name] for name in ("report.json", "report.tsv")}
    formats = {**some, **dicom_formats(segmented, write(classic(), tmp_path / "in"))}
    write_results(segmented, study, tmp_path / "out", formats=formats)
    assert set(DICOM_FILES) < {path.name for path in (tmp_path / "out").iterdir()}
    write_results(segmented, study, tmp_path / "out", formats=some)
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(some)


def test_a_stranger_with_the_name_of_a_dicom_result_is_not_overwritten(report: Report, study: Study, tmp_path: Path) -> None:
    (tmp_path / STRUCTURED_REPORT_FILE).write_bytes(b"another program's")
    with pytest.raises(Exception, match=STRUCTURED_REPORT_FILE):
        write_results(report, study, tmp_path, formats={"report.json": FORMATS["report.json"]})
