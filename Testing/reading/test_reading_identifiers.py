"""Nobody who is named in a header is named in a description, however it is spelt; what tells of the image stays."""

from __future__ import annotations

import pytest
from dicom_files import series
from pydicom.dataset import Dataset

from SpinalDiseaseAILib.reading.headers import slices_of
from SpinalDiseaseAILib.reading.identifiers import without_identifiers


def told(description: str, **elements: str | list[str]) -> str:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return without_identifiers(description, dataset)


@pytest.mark.parametrize("name", ["Müller", "MUELLER", "Muller", "Mu\u0308ller"])
@pytest.mark.parametrize("written", ["müller", "Mueller", "MULLER", "Mu\u0308ller", "MÜLLER"])
def test_a_name_is_found_with_and_without_the_marks_on_its_letters(name: str, written: str) -> None:
    assert told(f"t2 sag {written} LWS", PatientName=f"{name}^Max") == "t2 sag … LWS"


@pytest.mark.parametrize(
    ("name", "written"),
    [("Weiß", "WEISS"), ("Weiss", "weiß"), ("Łukasz", "lukasz"), ("Aarø", "Årö"), ("Garcia", "García"), ("Hüß", "huess")],
)
def test_letters_that_a_keyboard_lacks_are_found_as_they_are_replaced(name: str, written: str) -> None:
    assert told(f"{written} t2", PatientName=name) == "… t2"


@pytest.mark.parametrize(
    ("keyword", "value", "written"),
    [
        ("OtherPatientNames", "Smith^Jane", "formerly SMITH"),
        ("PatientBirthName", "Smith", "nee Smith"),
        ("PatientMotherBirthName", "Smith", "Smith"),
        ("ResponsiblePerson", "Smith^John", "with Smith"),
        ("ReferringPhysicianName", "House^Gregory", "for Dr. House"),
        ("PerformingPhysicianName", "House^Gregory", "gregory_house"),
        ("OperatorsName", "Smith", "by smith"),
        ("OtherPatientIDs", "MRN-4711-A", "mrn4711a"),
        ("AccessionNumber", "ACC20240017", "ACC 20240017"),
        ("InstitutionName", "St. Mary Hospital", "ST MARY HOSPITAL"),
        ("PatientAddress", "1 Elm Street", "1, Elm Street"),
    ],
)
def test_everybody_and_every_number_that_a_header_names_is_taken_out(keyword: str, value: str, written: str) -> None:
    assert not {"smith", "house", "gregory", "4711", "20240017", "mary", "elm"} & set(
        told(f"t2 sag {written}", **{keyword: value}).lower().replace("_", " ").split()
    )
    assert "…" in told(f"t2 sag {written}", **{keyword: value})


def test_several_names_in_one_element_are_all_taken_out() -> None:
    assert told("Smith Jones t2", OtherPatientNames=["Smith^J", "Jones^J"]) == "… … t2"


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("OperatorsName", "SE"), ("ReferringPhysicianName", "Spine^Center"), ("InstitutionName", "LWS"), ("OperatorsName", "TSE")],
)
def test_words_that_tell_of_the_image_stay_though_a_department_or_a_person_signs_so(keyword: str, value: str) -> None:
    assert told("T2 SE TSE sag LWS spine", **{keyword: value}) == "T2 SE TSE sag LWS spine"


def test_names_beside_the_patients_are_taken_out_of_what_is_read() -> None:
    (dataset,) = series(count=1, ReferringPhysicianName="House^Gregory", SeriesDescription="t2 Dr. House")
    slices = slices_of(dataset, None)  # type: ignore[arg-type]
    assert slices and slices[0].description == "t2 Dr. …"
