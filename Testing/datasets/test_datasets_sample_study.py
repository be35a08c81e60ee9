"""The sample study: valid DICOM, free of identifiers, small, and reproducible from its source byte for byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image as PillowImage
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from SpinalDiseaseAILib.base.locations import sample_folder
from SpinalDiseaseAILib.datasets.sample_study import main, uid_of, write_sample_study

TYPE_1 = [
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "FrameOfReferenceUID",
    "InstanceNumber",
    "ImageType",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
    "ScanningSequence",
    "SequenceVariant",
]
TYPE_2 = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
    "SeriesNumber",
    "PositionReferenceIndicator",
    "Manufacturer",
    "SliceThickness",
    "ScanOptions",
    "MRAcquisitionType",
    "EchoTime",
    "EchoTrainLength",
    "RepetitionTime",
    "PatientPosition",
]

OVERVIEW = {
    "new_file_name": "5_t2_SPACE",
    "sex": "M ",
    "AngioFlag": "N",
    "EchoNumbers": "1",
    "EchoTime": "124.0",
    "EchoTrainLength": "60",
    "FlipAngle": "150",
    "ImagedNucleus": "1H",
    "ImagingFrequency": "63.67188",
    "InPlanePhaseEncodingDirection": "COL",
    "MRAcquisitionType": "3D",
    "MagneticFieldStrength": "1.5",
    "Manufacturer": "SIEMENS",
    "ManufacturerModelName": "Avanto_fit",
    "NumberOfPhaseEncodingSteps": "504",
    "PercentPhaseFieldOfView": "125.0",
    "PercentSampling": "90.0",
    "PhotometricInterpretation": "MONOCHROME2",
    "PixelBandwidth": "530",
    "PixelSpacing": "[.5, .25]",
    "RepetitionTime": "1000.0",
    "SAR": "1.8989690431916002",
    "ScanningSequence": "SE",
    "SequenceName": "*spcR_60",
    "SeriesDescription": "T2_space_sag_c4",
    "SliceThickness": "0.89999997615814",
    "SpacingBetweenSlices": "1.0",
    "TransmitCoilName": "Body",
}


def planes(k: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The plane with a given number, shape (rows, columns)."""
    return (np.arange(1920).reshape(48, 40) * k % 251).astype(np.uint8)


@pytest.fixture(scope="module")
def sample() -> list[Dataset]:
    """The headers of the sample, in the order of file names."""
    return [pydicom.dcmread(path) for path in sorted(sample_folder().rglob("*.dcm"))]


@pytest.fixture
def spider(tmp_path: Path) -> Path:
    """A folder with SPIDER's layout and a series of three small planes."""
    images = tmp_path / "spider" / "t2_space" / "images"
    images.mkdir(parents=True)
    for k in range(9, 12):
        pixels = planes(k)
        PillowImage.fromarray(pixels).save(images / f"5_t2_SPACE_slice{k}.png")
    table = ",".join(OVERVIEW) + "\n" + ",".join(f'"{value}"' for value in OVERVIEW.values()) + "\n"
    (tmp_path / "spider" / "overview.csv").write_text(table)
    return tmp_path / "spider"


def test_the_sample_fits_in_four_megabytes() -> None:
    assert sum(path.stat().st_size for path in sample_folder().rglob("*") if path.is_file()) <= 4_000_000


def test_every_object_has_the_attributes_that_an_mr_image_must_have(sample: list[Dataset]) -> None:
    for dataset in sample:
        assert dataset.SOPClassUID == MRImageStorage == dataset.file_meta.MediaStorageSOPClassUID
        assert dataset.SOPInstanceUID == dataset.file_meta.MediaStorageSOPInstanceUID
        assert [keyword for keyword in TYPE_1 if keyword not in dataset or dataset[keyword].is_empty] == []
        assert [keyword for keyword in TYPE_2 if keyword not in dataset] == []
        assert dataset.BitsAllocated == 16


def test_the_objects_form_one_series_of_distinct_slices_one_millimetre_apart(sample: list[Dataset]) -> None:
    assert len({dataset.SeriesInstanceUID for dataset in sample}) == len({dataset.FrameOfReferenceUID for dataset in sample}) == 1
    assert len({dataset.SOPInstanceUID for dataset in sample}) == len(sample) == 21
    assert all(dataset.SOPInstanceUID.is_valid for dataset in sample)
    sides = [float(dataset.ImagePositionPatient[0]) for dataset in sample]
    assert sides == [float(index - 10) for index in range(21)]
    assert {tuple(dataset.ImageOrientationPatient) for dataset in sample} == {(0, 1, 0, 0, 0, -1)}


def test_the_sample_names_no_person_and_no_date(sample: list[Dataset]) -> None:
    for dataset in sample:
        assert (dataset.PatientName, dataset.PatientID) == ("SPIDER^127", "SPIDER-127")
        assert dataset.PatientIdentityRemoved == "YES"
        assert not dataset.PatientBirthDate and not dataset.StudyDate


def test_the_sample_says_where_it_comes_from(sample: list[Dataset]) -> None:
    assert "10159290" in sample[0].PatientComments and "CC BY 4.0" in sample[0].PatientComments
    readme = (sample_folder() / "README.md").read_text(encoding="utf-8")
    assert "van der Graaf" in readme and "creativecommons.org/licenses/by/4.0" in readme


def test_a_study_is_reproducible_byte_for_byte(spider: Path, tmp_path: Path) -> None:
    pytest.importorskip("openjpeg")
    first = write_sample_study(spider, tmp_path / "one", "5")
    second = write_sample_study(spider, tmp_path / "two", "5")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_planes_keep_their_order_their_values_and_the_spacing_of_the_table(spider: Path, tmp_path: Path) -> None:
    pytest.importorskip("openjpeg")
    datasets = [pydicom.dcmread(path) for path in write_sample_study(spider, tmp_path / "out", "5")]
    for k, dataset in zip(range(9, 12), datasets, strict=True):
        assert np.array_equal(dataset.pixel_array, planes(k))
        assert list(dataset.PixelSpacing) == [0.5, 0.25]
    centre = np.mean([np.array(dataset.ImagePositionPatient, float) + (0, 19.5 * 0.25, -23.5 * 0.5) for dataset in datasets], 0)
    assert np.allclose(centre, 0)


def test_the_head_is_up_the_face_to_the_left_and_slices_go_to_the_left_of_the_patient(spider: Path, tmp_path: Path) -> None:
    pytest.importorskip("openjpeg")
    datasets = [pydicom.dcmread(path) for path in write_sample_study(spider, tmp_path / "out", "5")]
    assert {tuple(dataset.ImageOrientationPatient) for dataset in datasets} == {(0, 1, 0, 0, 0, -1)}  # posterior, inferior
    sides = [float(dataset.ImagePositionPatient[0]) for dataset in datasets]
    assert sides == sorted(sides) and len(set(sides)) == len(sides)  # DICOM's x increases to the left


def test_the_written_files_name_no_person_and_no_date(spider: Path, tmp_path: Path) -> None:
    pytest.importorskip("openjpeg")
    for path in write_sample_study(spider, tmp_path / "out", "5"):
        dataset = pydicom.dcmread(path)
        assert (dataset.PatientName, dataset.PatientID) == ("SPIDER^5", "SPIDER-5")
        assert dataset.PatientIdentityRemoved == "YES"
        assert not dataset.PatientBirthDate and not dataset.StudyDate and not dataset.AccessionNumber


def test_a_patient_without_slices_or_with_a_gap_is_refused(spider: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="consecutive"):
        write_sample_study(spider, tmp_path / "out", "6")
    (spider / "t2_space" / "images" / "5_t2_SPACE_slice10.png").unlink()
    with pytest.raises(FileNotFoundError, match="consecutive"):
        write_sample_study(spider, tmp_path / "out", "5")


def test_uids_depend_only_on_their_parts() -> None:
    assert uid_of("a", "b") == uid_of("a", "b") != uid_of("a", "c") and uid_of("a").is_valid


def test_the_command_needs_both_folders(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["only one"])
    assert "OUT_FOLDER" in capsys.readouterr().err
