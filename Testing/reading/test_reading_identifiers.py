"""Persons named in a header are removed from descriptions in any spelling; words about the image stay."""

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
def test_a_name_is_found_with_and_without_diacritics(name: str, written: str) -> None:
    assert told(f"t2 sag {written} LWS", PatientName=f"{name}^Max") == "t2 sag … LWS"


@pytest.mark.parametrize(
    ("name", "written"),
    [("Weiß", "WEISS"), ("Weiss", "weiß"), ("Łukasz", "lukasz"), ("Aarø", "Årö"), ("Garcia", "García"), ("Hüß", "huess")],
)
def test_letters_are_found_in_their_usual_transcriptions(name: str, written: str) -> None:
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
def test_every_person_and_number_named_in_a_header_is_removed(keyword: str, value: str, written: str) -> None:
    assert not {"smith", "house", "gregory", "4711", "20240017", "mary", "elm"} & set(
        told(f"t2 sag {written}", **{keyword: value}).lower().replace("_", " ").split()
    )
    assert "…" in told(f"t2 sag {written}", **{keyword: value})


def test_several_names_in_one_element_are_all_removed() -> None:
    assert told("Smith Jones t2", OtherPatientNames=["Smith^J", "Jones^J"]) == "… … t2"


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("OperatorsName", "SE"), ("ReferringPhysicianName", "Spine^Center"), ("InstitutionName", "LWS"), ("OperatorsName", "TSE")],
)
def test_words_that_describe_the_image_stay_even_if_a_department_or_person_has_such_a_name(keyword: str, value: str) -> None:
    assert told("T2 SE TSE sag LWS spine", **{keyword: value}) == "T2 SE TSE sag LWS spine"


def test_names_of_staff_are_removed_from_descriptions() -> None:
    (dataset,) = series(count=1, ReferringPhysicianName="House^Gregory", SeriesDescription="t2 Dr. House")
    slices = slices_of(dataset, None)  # type: ignore[arg-type]
    assert slices and slices[0].description == "t2 Dr. …"
