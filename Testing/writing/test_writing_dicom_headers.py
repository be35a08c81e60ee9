"""What DICOM results copy from the headers of their images: what an archive files them by, valid, and nothing else."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicom_series import SLICES, STEP, classic, enhanced, grid, write
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset

from SpinalDiseaseAILib.base.corrections import MOVED, Correction
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.masks import LABELS, masks_of
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.base.uids import plain_uid
from SpinalDiseaseAILib.writing import write_results
from SpinalDiseaseAILib.writing.dicom.results import DICOM_FILES, dicom_formats

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
"""pydicom's, about the malformed headers that these tests write."""

FILED = {
    "IssuerOfPatientID": "HOSPITAL",
    "StudyDescription": "LWS",
    "StudyID": "S-1",
    "ReferringPhysicianName": "House^Gregory",
    "PatientIdentityRemoved": "YES",
    "DeidentificationMethod": "By hand",
    "ClinicalTrialSponsorName": "Sponsor",
    "ClinicalTrialProtocolID": "NCT-1",
    "ClinicalTrialSubjectID": "Subject-7",
}
"""Elements that tell archives and trials where an object belongs."""

SECRETS = {
    "PatientComments": "comment",
    "OtherPatientNames": "Maiden^Name",
    "PatientAddress": "address",
    "PatientTelephoneNumbers": "telephone",
    "PatientAge": "074Y",
    "PatientWeight": "81.5",
    "EthnicGroup": "ethnic",
    "Occupation": "occupation",
    "MedicalAlerts": "alerts",
    "Allergies": "allergies",
    "AdditionalPatientHistory": "history",
    "AdmittingDiagnosesDescription": "admitted for",
    "AdmissionID": "admission",
    "ReasonForVisit": "reason",
    "ResponsiblePerson": "Guardian^Angel",
    "PhysiciansOfRecord": "Record^Doctor",
    "NameOfPhysiciansReadingStudy": "Reading^Doctor",
    "PerformingPhysicianName": "Performing^Doctor",
    "OperatorsName": "Operator^Person",
    "RequestingService": "requesting service",
    "InstitutionName": "institution",
    "InstitutionAddress": "institution address",
    "InstitutionalDepartmentName": "department",
    "StationName": "STATION",
    "DeviceSerialNumber": "serial-815",
    "ProtocolName": "protocol",
    "SeriesDescription": "series of a patient",
    "ImageComments": "image comment",
    "AcquisitionDateTime": "20240501101501",
    "AcquisitionDate": "20240501",
    "AcquisitionTime": "101501",
    "RequestedProcedureDescription": "requested procedure",
}
"""Elements about the patient, the staff and the hospital that no archive needs to file a result."""


def with_private(dataset: Dataset) -> Dataset:
    dataset.private_block(0x11, "VENDOR", create=True).add_new(1, "LO", "private name")
    return dataset


@pytest.fixture
def outlined(report: Report) -> Report:
    labels = np.zeros(grid().voxels.shape, dtype=np.uint8)
    labels[1:3, 2:5, 2:5] = LABELS["L4"]
    return replace(report, structures=report.structures[-2:], masks=masks_of(grid(labels), "model"))


@pytest.fixture
def written(outlined: Report, study: Study, tmp_path: Path) -> Any:
    """Write both DICOM files for a series, and read them."""

    def write_and_read(datasets: list[Dataset], report: Report = outlined) -> list[Dataset]:
        with disable_value_validation():
            paths = write(datasets, tmp_path / "in")
        files = write_results(report, study, tmp_path / "out", formats=dicom_formats(report, paths))
        assert set(files) == set(DICOM_FILES)
        return [pydicom.dcmread(files[name]) for name in DICOM_FILES]

    return write_and_read


def series(**elements: Any) -> list[Dataset]:
    with disable_value_validation():
        return classic(**elements)


def texts_of(dataset: Dataset) -> Iterator[str]:
    for element in dataset.iterall():
        yield f"{element.keyword}: {element.value}"


@pytest.mark.parametrize("multi_frame", [False, True])
def test_what_archives_file_by_is_copied_and_nothing_else_about_patient_staff_or_hospital(
    multi_frame: bool, written: Any
) -> None:
    given = {**FILED, **SECRETS}
    datasets = [enhanced(**given)] if multi_frame else series(**given)
    for made in written([with_private(dataset) for dataset in datasets]):
        assert {keyword: str(made.get(keyword)) for keyword in FILED} == FILED
        said = list(texts_of(made))
        for keyword, value in SECRETS.items():
            own = [text for text in said if text.startswith(f"{keyword}: ") and value in text]
            assert not own, keyword
            if not value.isdigit():
                assert not any(value in text for text in said), keyword
        stream = io.BytesIO()
        made.save_as(stream)
        assert b"private name" not in stream.getvalue()


def test_the_scanner_is_named_without_hospital_station_or_serial_number(written: Any) -> None:
    for made in written(series(Manufacturer="MAKER", ManufacturerModelName="Model 7", SoftwareVersions="9", **SECRETS)):
        scanner = made.ContributingEquipmentSequence[0]
        assert (scanner.Manufacturer, scanner.ManufacturerModelName, scanner.SoftwareVersions) == ("MAKER", "Model 7", "9")
        assert not {"InstitutionName", "StationName", "DeviceSerialNumber", "InstitutionAddress"} & set(scanner.dir())


@pytest.mark.parametrize("date", ["20230230", "19000229", "00000101", "2024050", "202405011", "2024-5-1"])
def test_a_date_that_is_in_no_calendar_is_left_empty(date: str, written: Any) -> None:
    for made in written(series(PatientBirthDate=date, StudyDate=date)):
        assert (made.PatientBirthDate, made.StudyDate) == ("", "")


def test_of_several_names_or_ids_the_first_is_taken(written: Any) -> None:
    for made in written(series(PatientName=["Doe^Jane", "Roe^Jane"], PatientID=["ID-4711", "ID-4712"])):
        assert (made.PatientName, made.PatientID) == ("Doe^Jane", "ID-4711")


def test_a_patient_without_name_id_and_birth_date_stays_without(written: Any) -> None:
    datasets = classic()
    for dataset in datasets:
        del dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.AccessionNumber
    for made in written(datasets):
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "PatientSex", "StudyID"):
            assert keyword in made and not made.get(keyword), keyword


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID"])
def test_images_whose_uids_are_none_are_refused_without_quoting_them(keyword: str, outlined: Report, tmp_path: Path) -> None:
    """Other programs could not open a file that refers to them."""
    datasets = classic()
    with disable_value_validation():
        for number, dataset in enumerate(datasets):
            setattr(dataset, keyword, f"Doe, Jane {number if keyword == 'SOPInstanceUID' else ''}")
        paths = write(datasets, tmp_path)
    uid = plain_uid("Doe, Jane") if keyword == "SeriesInstanceUID" else outlined.series[0].uid
    report = replace(outlined, series=(replace(outlined.series[0], uid=uid),))
    with pytest.raises(InputError, match="not valid DICOM") as error:
        dicom_formats(report, paths)
    assert error.value.code == "malformed-uid" and error.value.remedy and "Doe" not in str(error.value)


def test_uids_may_have_64_characters(outlined: Report, written: Any) -> None:
    longest = "1." + "2" * 62
    for made in written(classic(StudyInstanceUID=longest), replace(outlined, study_uid=longest)):
        assert made.StudyInstanceUID == longest


@pytest.mark.parametrize("character_set", ["ISO_IR 999", ["ISO_IR 192", "ISO 2022 IR 87"]])
def test_an_unknown_character_set_does_not_cost_the_results(character_set: Any, written: Any) -> None:
    for made in written(series(SpecificCharacterSet=character_set)):
        assert (made.SpecificCharacterSet, made.PatientName) == ("ISO_IR 192", "Doe^Jane")


def test_numbers_with_more_digits_than_dicom_allows_become_valid_ones(written: Any) -> None:
    datasets = classic()
    with disable_value_validation():
        for dataset in datasets:
            dataset.ImagePositionPatient = [f"{float(value):.17f}" for value in dataset.ImagePositionPatient]
            dataset.PixelSpacing = ["1.50000000000000000001", "1.25000000000000000001"]
    for made in written(datasets):
        numbers = [element for element in made.iterall() if element.VR == "DS" and element.VM]
        assert numbers
        for element in numbers:
            values = element.value if element.VM > 1 else [element.value]
            assert max(len(str(value)) for value in values) <= 16, element.keyword


def test_every_slice_of_the_series_is_still_there(written: Any) -> None:
    report, _ = written(classic())
    (series_item,) = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert len(series_item.ReferencedSOPSequence) == SLICES


@pytest.mark.parametrize("broken", [{"Columns": None}, {"SliceThickness": ["3", "4"]}, {"InstanceNumber": ["1", "2"]}])
def test_an_image_whose_header_makes_no_sense_counts_as_missing(broken: dict[str, Any], outlined: Report, tmp_path: Path) -> None:
    datasets = classic()
    with disable_value_validation():
        for keyword, value in broken.items():
            setattr(datasets[2], keyword, value)
        paths = write(datasets, tmp_path)
    with pytest.raises(InputError, match="1 are not among the DICOM files") as error:
        dicom_formats(outlined, paths)
    assert error.value.code == "missing-source"


def test_names_of_models_versions_and_readers_are_no_longer_than_dicom_allows(outlined: Report, written: Any) -> None:
    assert outlined.masks is not None
    long = "x" * 100
    author = Correction(MOVED, "L5", f"reader {long}", "2026-01-03T04:05:06Z")
    report = replace(
        outlined, software=f"SpinalDiseaseAI {long}", corrections=(author,), masks=replace(outlined.masks, model=long)
    )
    for made in written(classic(), report):
        lengths = {element.keyword: len(str(element.value)) for element in made.iterall() if element.VR in ("LO", "PN")}
        assert max(lengths.values()) == 64, lengths


@pytest.mark.parametrize("thickness", [None, "0"])
def test_a_thickness_that_the_header_does_not_state_is_not_made_up(thickness: str | None, written: Any) -> None:
    report, masks = written(series(SliceThickness=thickness))
    meanings = [element.value for element in report.iterall() if element.keyword == "CodeMeaning"]
    assert "Slice Thickness" not in meanings
    # A segmentation must have one: the distance between slices, which the masks fill.
    assert masks.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness == STEP
