"""Which series of a mixed folder are used, and why."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dicom_files import CAPTURE_CLASS, CT_CLASS, SAMPLE, T1, series, set_pixels, uid, write
from pydicom.dataset import Dataset

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.study import Role, Study
from SpinalDiseaseAILib.reading import SeriesEntry, list_series, open_study
from SpinalDiseaseAILib.reading.identifiers import without_identifiers

AXIAL = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
CORONAL = {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}


def axial(name: str = "axial") -> list[Dataset]:
    datasets = series(name, **AXIAL)
    for index, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = [-100, -100, 4.0 * index]
    return datasets


def localizer() -> list[Dataset]:
    """Three orthogonal planes in one series, three slices each."""
    datasets = series("localizer", RepetitionTime=8, EchoTime=4, ScanningSequence="GR")
    for index, dataset in enumerate(datasets):
        if index >= 3:
            dataset.ImageOrientationPatient = (AXIAL if index >= 6 else CORONAL)["ImageOrientationPatient"]
            dataset.ImagePositionPatient = [-100, 10.0 * index, 10.0 * index]
    return datasets


def by_description(entries: tuple[SeriesEntry, ...]) -> dict[str, SeriesEntry]:
    return {entry.description: entry for entry in entries}


def test_the_sample_opens_as_a_sagittal_t2_study_in_the_sagittal_frame() -> None:
    study = open_study([SAMPLE.parent])
    (item,) = study.series
    assert item.role is Role.SAGITTAL_T2 and item.image.codes == "LPI" and item.image.voxels.dtype == np.uint16
    assert item.image.voxels.shape == (21, 512, 640)
    assert np.allclose(item.image.spacing, (1.0, 0.46875, 0.46875))
    assert study.uid and item.uid and item.frame_of_reference_uid and item.spacing_known


def test_t2_and_t1_are_found_among_localizers_axials_stir_captures_and_other_files(folder: Path) -> None:
    write(series("t2", SeriesDescription="sag A"), folder / "a")
    write(series("t1", SeriesDescription="sag B", SeriesNumber=2, **T1), folder / "b")
    write(series("stir", SeriesDescription="sag C", SeriesNumber=3, InversionTime=160, EchoTime=70), folder / "c")
    write(axial(), folder / "d")
    write(localizer(), folder / "e")
    captures = series("capture", SOPClassUID=CAPTURE_CLASS, Modality="OT", SeriesDescription="screens", SeriesNumber=9)
    write(captures, folder / "f")
    (folder / "report.pdf").write_bytes(b"%PDF-1.7")
    (folder / "DICOMDIR.txt").write_text("index")
    study = open_study([folder])
    assert {item.role: item.uid for item in study.series} == {
        Role.SAGITTAL_T2: uid("patient", "study", "t2"),
        Role.SAGITTAL_T1: uid("patient", "study", "t1"),
    }
    assert next(note.text for note in study.notes if note.code == "other-files").endswith("not DICOM images: 2.")
    listing = list_series([folder])
    assert [entry.role for entry in listing.used] == [Role.SAGITTAL_T2, Role.SAGITTAL_T1]
    assert len(listing.entries) == 6 and all(entry.reason.endswith(".") for entry in listing.entries)
    reasons = {entry.code for entry in listing.entries}
    assert reasons == {"used", "wrong-weighting", "not-sagittal", "localizer", "not-mr"}


def test_every_series_is_listed_with_its_geometry_and_a_reason(folder: Path) -> None:
    write(series("t2", SeriesDescription="sag A"), folder / "a")
    write(series("stir", SeriesDescription="sag C", InversionTime=160, EchoTime=70), folder / "c")
    entries = by_description(list_series([folder]).entries)
    used, refused = entries["sag A"], entries["sag C"]
    assert (used.size, used.spacing, used.orientation) == ((64, 80, 9), (3.75, 3.75, 4.0), "sagittal")
    assert (used.repetition_time, used.echo_time, used.weighting) == (3600, 110, "T2")
    assert used.reason == (
        "Used as sagittal T2: TR 3600 ms and TE 110 ms indicate T2 weighting; 9 slices of 240 × 300 mm cover 36 mm."
    )
    assert refused.role is None and refused.weighting == "STIR"
    assert refused.reason == "Not used: it is STIR: an inversion time of 160 ms nulls fat."


def test_a_series_that_was_not_preferred_says_which_one_was_and_why(folder: Path) -> None:
    write(series("good", SeriesDescription="many"), folder / "a")
    write(series("few", SeriesDescription="few", count=4), folder / "b")
    entry = by_description(list_series([folder]).entries)["few"]
    assert entry.code == "outranked"
    assert entry.reason == "Not used: it is also sagittal T2, but “many” was preferred: it has more than a few slices."


def test_timing_outweighs_the_description(folder: Path) -> None:
    write(series("one", SeriesDescription="t1 tse sag"), folder / "a")
    write(series("two", SeriesDescription="t2 tse sag", SeriesNumber=2, **T1), folder / "b")
    roles = {item.role: item.description for item in open_study([folder]).series}
    assert roles == {Role.SAGITTAL_T2: "t1 tse sag", Role.SAGITTAL_T1: "t2 tse sag"}


def test_the_description_decides_where_the_header_states_no_timing(folder: Path) -> None:
    silent = {"RepetitionTime": None, "EchoTime": None}
    write(series("one", SeriesDescription="T1_TSE_SAG", **silent), folder / "a")
    write(series("two", SeriesDescription="T2_TSE_SAG", SeriesNumber=2, **silent), folder / "b")
    roles = {item.role: item.description for item in open_study([folder]).series}
    assert roles == {Role.SAGITTAL_T2: "T2_TSE_SAG", Role.SAGITTAL_T1: "T1_TSE_SAG"}


def test_a_series_of_unknown_weighting_is_taken_as_t2_with_a_warning(folder: Path) -> None:
    write(series(RepetitionTime=None, EchoTime=None), folder)
    study = open_study([folder])
    assert study.series[0].role is Role.SAGITTAL_T2
    assert [note.severity for note in study.notes if note.code == "weighting-unknown"] == ["warning"]


def test_a_study_of_t1_alone_opens_with_a_warning(folder: Path) -> None:
    write(series(**T1), folder)
    study = open_study([folder])
    assert study.primary.role is Role.SAGITTAL_T1
    assert "no-t2" in {note.code for note in study.notes}


def test_the_t1_before_a_contrast_agent_is_used_and_not_the_one_after_it(folder: Path) -> None:
    write(series("t2"), folder / "a")
    write(series("after", SeriesNumber=2, ContrastBolusAgent="Gadobutrol", **T1), folder / "b")
    write(series("before", SeriesNumber=3, **T1), folder / "c")
    study = open_study([folder])
    assert study.series[1].uid == uid("patient", "study", "before")


def test_a_t1_in_another_frame_of_reference_is_left_out_and_the_listing_says_so(folder: Path) -> None:
    write(series("t2"), folder / "a")
    write(series("t1", SeriesDescription="moved", FrameOfReferenceUID=uid("other"), **T1), folder / "b")
    assert len(open_study([folder]).series) == 1
    assert by_description(list_series([folder]).entries)["moved"].code == "other-frame"


def test_the_user_can_choose_a_series_that_would_not_have_been_used(folder: Path) -> None:
    write(series("t2"), folder / "a")
    write(series("stir", InversionTime=160, EchoTime=70), folder / "b")
    study = open_study([folder], t2=uid("patient", "study", "stir"))
    assert study.primary.uid == uid("patient", "study", "stir")


def test_a_chosen_series_that_does_not_exist_is_refused(folder: Path) -> None:
    write(series(), folder)
    with pytest.raises(InputError, match=r"There is no series 1\.2\.3 in the input") as error:
        open_study([folder], t2="1.2.3")
    assert error.value.code == "series-not-found"


def test_an_axial_series_cannot_be_chosen_as_sagittal_t2(folder: Path) -> None:
    write(series(), folder / "a")
    write(axial(), folder / "b")
    with pytest.raises(InputError) as error:
        open_study([folder], t2=uid("patient", "study", "axial"))
    assert error.value.code == "no-sagittal-series"


def test_series_of_two_studies_cannot_be_chosen_together(folder: Path) -> None:
    write(series("t2", study="old"), folder / "a")
    write(series("t1", study="new", **T1), folder / "b")
    with pytest.raises(InputError) as error:
        open_study([folder], t2=uid("patient", "old", "t2"), t1=uid("patient", "new", "t1"))
    assert error.value.code == "different-studies"


def test_of_several_patients_the_best_lumbar_study_is_used_and_the_rest_is_counted(folder: Path) -> None:
    write(series("t2", patient="whole"), folder / "a")
    write(series("t2", patient="few", count=3), folder / "b")
    write(series("brain", patient="head", BodyPartExamined="BRAIN"), folder / "c")
    study = open_study([folder])
    assert study.primary.uid == uid("whole", "study", "t2")
    note = next(note for note in study.notes if note.code == "several-patients")
    assert "3 studies of 3 patients" in note.text and "the other 2 were left out" in note.text


def test_t2_and_t1_never_come_from_different_visits(folder: Path) -> None:
    write(series("t2", study="today"), folder / "a")
    write(series("t1", study="last year", FrameOfReferenceUID=uid("patient", "today", "frame"), **T1), folder / "b")
    study = open_study([folder])
    assert [item.role for item in study.series] == [Role.SAGITTAL_T2]
    assert "several-studies" in {note.code for note in study.notes}


def test_the_t2_weighted_echo_of_a_dual_echo_series_is_used(folder: Path) -> None:
    write(series("dual", EchoTime=20), folder / "a")
    second = series("dual", EchoTime=110)
    for dataset in second:
        dataset.SOPInstanceUID = uid(dataset.SOPInstanceUID)
        dataset.PixelData = bytes(len(dataset.PixelData) - 2) + b"\x05\x00"
    write(second, folder / "b")
    study = open_study([folder])
    assert study.primary.image.voxels.max() == 5
    assert "slices-left-out" in {note.code for note in study.notes}


def test_a_reference_image_at_the_end_of_a_series_is_left_out_with_a_note(folder: Path, plain_study: Study) -> None:
    datasets = series()
    (extra,) = series(count=1, ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    extra.SOPInstanceUID, extra.InstanceNumber = uid("extra"), 99
    set_pixels(extra, np.zeros((40, 40), np.uint16))
    write([*datasets, extra], folder)
    study = open_study([folder])
    assert study.primary.identity() == plain_study.primary.identity()
    assert next(note for note in study.notes if note.code == "slices-left-out").text.endswith(": 1.")


def test_name_number_and_birth_date_of_the_patient_never_reach_descriptions_or_notes(folder: Path) -> None:
    described = "t2 sag DOE_John ID-77 19500101"
    elements = {"PatientName": "Doe^John", "PatientID": "ID-77", "SeriesDescription": described, "ProtocolName": "john doe"}
    write(series(**elements), folder)
    study, listing = open_study([folder]), list_series([folder])
    told = repr(study.notes) + study.primary.description + repr(listing)
    assert "t2 sag" in study.primary.description
    for secret in ("doe", "john", "id-77", "19500101"):
        assert secret not in told.lower()


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("Li^Na", "t2 sag Li Na"),
        ("Wang^Xiaoming=王^小明", "t2 sag 王小明"),
        ("Wang^Xiaoming=王^小明", "t2 sag小明腰椎"),
        ("Doe^John", "t2 sag JohnDoe"),
        ("Doe^John", "t2 sag DOE_JOHN"),
        ("Ng", "t2 sag NG 1950-01-31"),
        ("", "t2 sag 31.01.1950"),
        ("", "t2 sag 310150"),
        ("", "t2 sag ID77 1/31/1950"),
        ("", "t2 sag id_77"),
    ],
)
def test_no_spelling_of_name_number_or_birth_date_is_shown(folder: Path, name: str, description: str) -> None:
    elements = {"SpecificCharacterSet": "ISO_IR 192", "PatientName": name, "PatientID": "ID-77", "PatientBirthDate": "19500131"}
    write(series(**elements, SeriesDescription=description), folder)
    study = open_study([folder])
    assert set(study.primary.description.replace("腰椎", "").split()) <= {"t2", "sag", "sag…", "…", "…_…"}


@pytest.mark.parametrize("filler", range(100, 124, 4))
def test_a_long_description_is_truncated_without_leaving_part_of_a_name_at_its_end(folder: Path, filler: int) -> None:
    described = "t2 sag ".ljust(filler, "x") + " Mustermann Erika ID-4711 19500131 and more"
    (dataset,) = series(count=1, PatientName="Mustermann^Erika", PatientID="ID-4711", PatientBirthDate="19500131")
    told = without_identifiers(described, dataset)
    assert len(told) <= 120 and told.startswith("t2 sag xxx")
    assert re.fullmatch(r"[ …]*[and more]*", told[filler:])


@pytest.mark.parametrize("name", ["T2^Sag", "A^B", "Phantom^T1", ""])
def test_a_placeholder_name_does_not_empty_the_description(folder: Path, name: str) -> None:
    write(series(PatientName=name, PatientID="1", SeriesDescription="t2 tse a b 1950 384"), folder)
    assert open_study([folder]).primary.description == "t2 tse a b 1950 384"


@pytest.mark.parametrize("numbers", [(3, 5), (5, 3)])
def test_of_two_equal_series_the_one_acquired_first_is_used(folder: Path, numbers: tuple[int, int]) -> None:
    for name, number in zip("ab", numbers, strict=True):
        write(series(name, SeriesNumber=number, SeriesDescription=f"series {number}"), folder / name)
    assert open_study([folder]).primary.description == "series 3"


@pytest.mark.parametrize("seed", ["1", "2", "3", "4", "5"])
def test_of_two_equal_studies_every_run_of_the_program_uses_the_same(folder: Path, seed: str) -> None:
    for study in ("one", "two"):
        write(series(study=study, SeriesDescription=study), folder / study)
    code = f"from SpinalDiseaseAILib.reading import open_study; print(open_study([{str(folder)!r}]).primary.description)"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    library = Path(__file__).parents[2] / "SpinalDiseaseAI"
    done = subprocess.run([sys.executable, "-c", code], cwd=library, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == min(("one", "two"), key=lambda study: uid("patient", study))


def test_a_plain_study_has_no_note_but_the_choice_of_its_series(plain_study: Study) -> None:
    assert [note.code for note in plain_study.notes] == ["series-chosen"]


def test_a_path_with_blanks_and_letters_of_any_alphabet_opens(tmp_path: Path, plain_study: Study) -> None:
    folder = tmp_path / "Früh stück 脊柱 – études"
    write(series(), folder, prefix="Schnitt № ")
    assert open_study([folder]).primary.identity() == plain_study.primary.identity()


def test_a_list_of_files_opens_like_their_folder(folder: Path, plain_study: Study) -> None:
    assert open_study(write(series(), folder)).primary.identity() == plain_study.primary.identity()


def test_the_input_is_left_as_it_was_and_nothing_is_written(folder: Path, temporary_folder: Path) -> None:
    write(series(), folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    open_study([folder])
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert list(temporary_folder.iterdir()) == []


def test_importing_the_floor_loads_neither_pydicom_nor_simpleitk() -> None:
    code = "import sys, SpinalDiseaseAILib.reading; print(sorted({'pydicom', 'SimpleITK', 'torch'} & set(sys.modules)))"
    library = Path(__file__).parents[2] / "SpinalDiseaseAI"
    done = subprocess.run([sys.executable, "-c", code], cwd=library, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_listing_reads_no_pixels(folder: Path) -> None:
    for path in write(series(), folder):
        path.write_bytes(path.read_bytes()[:-5000])
    assert [entry.role for entry in list_series([folder]).entries] == [Role.SAGITTAL_T2]


def test_the_listing_of_an_input_that_cannot_be_opened_says_why(folder: Path) -> None:
    write(series(Modality="CT", SOPClassUID=CT_CLASS), folder)
    listing = list_series([folder])
    assert listing.used == () and listing.problem is not None and listing.problem.code == "ct-study"


def test_an_unreadable_t1_does_not_keep_the_t2_from_being_opened(folder: Path) -> None:
    write(series("t2"), folder / "a")
    path = write(series("t1", **T1), folder / "b")[0]
    path.write_bytes(path.read_bytes()[:-5000])
    study = open_study([folder])
    assert [item.role for item in study.series] == [Role.SAGITTAL_T2]
    assert "t1-unreadable" in {note.code for note in study.notes}
    with pytest.raises(InputError):
        open_study([folder], t1=uid("patient", "study", "t1"))


def test_the_sample_copied_elsewhere_and_renamed_is_the_same_study(tmp_path: Path) -> None:
    for number, path in enumerate(sorted(SAMPLE.glob("*.dcm"), reverse=True)):
        shutil.copy(path, tmp_path / f"{number:03d}")
    assert open_study([tmp_path]).primary.identity() == open_study([SAMPLE]).primary.identity()


def test_a_name_spelt_in_two_ways_is_one_patient_and_two_numbers_are_two(folder: Path, tmp_path: Path) -> None:
    write(series("t2", PatientName="Doe^Jane"), folder / "a")
    write(series("t1", PatientName="DOE JANE", SeriesNumber=2, **T1), folder / "b")
    assert len(open_study([folder]).series) == 2
    write(series("t1", PatientID="other", SeriesNumber=2, **T1), folder / "b")
    study = open_study([folder])
    assert len(study.series) == 1 and "several-patients" in {note.code for note in study.notes}
