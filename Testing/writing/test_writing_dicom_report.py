"""The DICOM structured report: what an archive, a radiologist and 3D Slicer find in it, and what is refused."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib import util
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from dicom_series import FRAME, NAME, SERIES, classic, enhanced, write
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from SpinalDiseaseAILib.base import anatomy
from SpinalDiseaseAILib.base.anatomy import Kind, structure
from SpinalDiseaseAILib.base.concepts import (
    CERTAINTY,
    CLASS_CONCEPTS,
    FINDING_CODES,
    KIND_CODES,
    PLAUSIBLE_RATE,
    PLAUSIBLE_VALUE,
    QUANTITY_CODES,
)
from SpinalDiseaseAILib.base.corrections import MOVED, READER, Correction
from SpinalDiseaseAILib.base.errors import ComputeError, InputError
from SpinalDiseaseAILib.base.quantities import QUANTITIES, Measurement
from SpinalDiseaseAILib.base.report import DISCLAIMER, FindingResult, Report, StructureResult
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.writing import FORMATS, write_results
from SpinalDiseaseAILib.writing.dicom.results import STRUCTURED_REPORT_FILE, dicom_formats

FINDING_CATEGORY = highdicom.sr.CodedConcept("276214006", "SCT", "Finding category")
Written = Callable[..., Any]
Group = Any


SHORT = (2, 3)
"""Slices of the series of most tests: a report lists them all."""

DOCUMENTS: dict[str, Any] = {}


@pytest.fixture
def report(report: Report) -> Report:
    """The lower half of the report: five structures."""
    return replace(report, structures=report.structures[-5:])


@pytest.fixture
def written(report: Report, study: Study, tmp_path: Path) -> Written:
    """Write the structured report of a report on files of a series, and read it as highdicom does.

    Without files of its own a report is written once for all tests.
    """

    def write_and_read(result: Report = report, datasets: list[Dataset] | None = None) -> Any:
        key = repr(result)
        if datasets is None and key in DOCUMENTS:
            return DOCUMENTS[key]
        paths = write(datasets or classic(SHORT), tmp_path / "in")
        formats = dicom_formats(result, paths, [STRUCTURED_REPORT_FILE])
        files = write_results(result, study, tmp_path / "out", formats=formats, overwrite=True)
        document = highdicom.sr.srread(files[STRUCTURED_REPORT_FILE])
        if datasets is None:
            DOCUMENTS[key] = document
        return document

    return write_and_read


def groups_of(document: Any) -> list[Group]:
    return list(
        document.content.get_planar_roi_measurement_groups(
            graphic_type=highdicom.sr.GraphicTypeValues3D.POINT, reference_type=codes.DCM.ImageRegion
        )
    )


def evaluations(group: Group) -> list[tuple[str, str]]:
    """Values of the codes of concept and value of each evaluation."""
    return [(item.name.value, item.value.value) for item in group.get_qualitative_evaluations() if item.name != FINDING_CATEGORY]


def texts(document: Dataset) -> list[str]:
    """Every text of the document's tree."""
    found = []
    for element in document.iterall():
        if element.keyword == "TextValue":
            found.append(str(element.value))
    return found


def with_findings(report: Report, name: str, *findings: FindingResult) -> Report:
    item = report.structure(name)
    assert item is not None
    return report.with_structures((replace(item, findings=findings),))


def test_each_structure_is_a_point_at_its_place_from_cranial_to_caudal(report: Report, written: Written) -> None:
    groups = groups_of(written())
    assert [group.tracking_identifier for group in groups] == [item.name for item in report.structures]
    for group, item in zip(groups, report.structures, strict=True):
        right, anterior, superior = item.position
        assert group.roi.value[0] == pytest.approx((-right, -anterior, superior), abs=1e-3)  # LPS
        assert group.roi.frame_of_reference_uid == FRAME
        code, site = structure(item.name).code, group.finding_sites[0].value
        assert code is not None and (site.value, site.scheme_designator) == (code.value, code.scheme)
        assert group.finding_type.value == KIND_CODES[structure(item.name).kind].value


def test_the_classes_are_those_of_the_report(report: Report, written: Written) -> None:
    for group, item in zip(groups_of(written()), report.structures, strict=True):
        wanted = [
            (FINDING_CODES[result.name].value, anatomy.finding(result.name).class_of(result.predicted[0]).code.value)
            for result in item.findings
        ]
        assert evaluations(group) == wanted


def test_each_probability_names_the_evaluation_that_it_is_about(report: Report, written: Written) -> None:
    for group, item in zip(groups_of(written()), report.structures, strict=True):
        found = {}
        for measurement in group.get_measurements(name=codes.DCM.Probability):
            (modifier,) = measurement[0].ContentSequence
            concept, value = modifier.ConceptNameCodeSequence[0].CodeValue, modifier.ConceptCodeSequence[0].CodeValue
            found[concept, value] = measurement.value
        assert list(found) == evaluations(group)
        assert list(found.values()) == pytest.approx([result.confidence for result in item.findings], abs=1e-4)


def test_every_disc_has_the_same_evaluations_though_one_was_not_assessed(report: Report, written: Written) -> None:
    groups = groups_of(written(with_findings(report, "L3-L4")))
    discs = {group.tracking_identifier: evaluations(group) for group in groups if "-" in group.tracking_identifier}
    assert len({tuple(name for name, _ in items) for items in discs.values()}) == 1
    assert {value for _, value in discs["L3-L4"]} == {"373121007"}  # not evaluated


def test_classes_that_can_hold_together_are_each_present_or_absent(report: Report, written: Written) -> None:
    held = {"v1": 0.1, "v2": 0.9, "v3": 0.2, "v4": 0.3, "v5": 0.6}
    result = with_findings(report, "L5-S1", FindingResult("disc_disease", held, "model"))
    group = groups_of(written(result))[-1]
    shown = dict(evaluations(group))
    present = {name for name in held if shown[CLASS_CONCEPTS["disc_disease", name].value] == "52101004"}
    assert present == {"v2", "v5"}
    probabilities = [item.value for item in group.get_measurements(name=codes.DCM.Probability)]
    assert probabilities == pytest.approx([0.9, 0.9, 0.8, 0.7, 0.6])  # that what is told of each class is right


def columns_of_slicer(document: Any) -> tuple[list[str], list[list[tuple[str, str]]]]:
    """Names of the columns that 3D Slicer's reader makes, from the lowest group, and the rows whose values it puts under them."""
    rows = []
    for group in sorted(groups_of(document), key=lambda group: group.roi.value[0][2]):
        items = highdicom.sr.utils.find_content_items(
            group[0],
            relationship_type=highdicom.sr.RelationshipTypeValues.CONTAINS,
            value_type=highdicom.sr.ValueTypeValues.CODE,
        )
        rows.append([(str(item.name.meaning), str(item.value.meaning)) for item in items])
    return [name for name, _ in rows[0]], rows


def test_slicer_shows_every_value_under_its_own_name(report: Report, written: Written) -> None:
    columns, rows = columns_of_slicer(written())
    assert columns == ["Finding category", "Finding", "Pfirrmann grade", "Disc narrowing"]
    for row in rows:
        assert [name for name, _ in row] == columns[: len(row)]


def test_slicer_does_so_where_vertebrae_have_findings_too_or_one_is_the_lowest(report: Report, written: Written) -> None:
    disease = FindingResult("vertebra_disease", {"v1": 0.8, "v2": 0.2}, "model")
    for result in (
        with_findings(report, "L4", disease),
        replace(report, structures=report.structures[:-1]),
    ):
        columns, rows = columns_of_slicer(written(result))
        assert len(columns) > 3
        for row in rows:
            assert [name for name, _ in row] == columns


def test_slicer_takes_it_for_a_report_of_the_series_in_its_database(written: Written) -> None:
    document = written()
    assert document.Modality == "SR" and document.SOPClassUID == pydicom.uid.Comprehensive3DSRStorage
    assert document.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert (document.StudyInstanceUID, document.SeriesNumber, document.SeriesDescription) == (
        "1.2.3",
        7001,
        "SpinalDiseaseAI report",
    )
    assert len(document.SeriesDate + document.SeriesTime) == 14  # as its sorting reads them


def test_measurements_have_units_and_those_that_were_not_taken_are_left_out(report: Report, written: Written) -> None:
    disc = report.structure("L4-L5")
    assert disc is not None
    taken = (Measurement("disc_height_middle", 8.4567), Measurement("slip", None, "The next vertebra was not found."))
    measured = replace(disc, measurements=(*taken, Measurement("disc_area", 250.0)))
    result = replace(report.with_structures((measured,)), measurements=(Measurement("lordosis_l1_s1", 41.5),))
    document = written(result)
    group = next(group for group in groups_of(document) if group.tracking_identifier == "L4-L5")
    found = {item.name.value: (item.value, item.unit.value) for item in group.get_measurements()}
    assert found["DISC-H-MID"] == (pytest.approx(8.457), "mm") and found["DISC-AREA"] == (250, "mm2")
    assert "SLIP" not in found
    (spine,) = document.content.get_image_measurement_groups()
    (angle,) = spine.get_measurements()
    assert (angle.name.value, angle.value, angle.unit.value) == ("LORDOSIS-L1-S1", 41.5, "deg")


def test_every_finding_and_quantity_has_a_code_of_its_own_that_fits_into_dicom() -> None:
    assert set(FINDING_CODES) == {item.name for item in anatomy.FINDINGS if item.exclusive}
    assert set(QUANTITY_CODES) == {item.name for item in QUANTITIES}
    together = {(item.name, one.name) for item in anatomy.FINDINGS if not item.exclusive for one in item.classes}
    assert set(CLASS_CONCEPTS) == together
    values = [code.value for table in (FINDING_CODES, QUANTITY_CODES) for code in table.values()]
    values += [item.code.value for finding in anatomy.FINDINGS for item in finding.classes if item.code.scheme == "99SDAI"]
    assert max(map(len, values)) <= 16
    assert len({*values[: len(FINDING_CODES) + len(QUANTITY_CODES)]}) == len(FINDING_CODES) + len(QUANTITY_CODES)


def test_no_two_concepts_look_alike_in_a_table_of_meanings() -> None:
    """Two models may both assess bulging, by different definitions."""
    meanings = [code.meaning for table in (FINDING_CODES, CLASS_CONCEPTS, QUANTITY_CODES) for code in table.values()]
    assert len(set(meanings)) == len(meanings) and max(map(len, meanings)) <= 64


def test_a_level_that_dicom_has_no_code_for_is_told_by_its_name(report: Report, written: Written) -> None:
    extra = StructureResult("L6", (0.0, 0.0, -300.0), 0.9)
    group = groups_of(written(replace(report, structures=(*report.structures, extra))))[-1]
    assert (group.tracking_identifier, group.finding_sites[0].value.meaning) == ("L6", "Lumbar spine")


def test_it_belongs_to_the_patient_and_study_of_the_images(written: Written) -> None:
    document = written()
    assert (document.PatientName, document.PatientID, document.PatientBirthDate) == (NAME, "ID-4711", "19500203")
    assert (document.StudyDate, document.StudyTime, document.AccessionNumber) == ("20240501", "101500.25", "A-815")
    assert document.SeriesInstanceUID != SERIES


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        ("ISO_IR 100", "Müller^Jürgen"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("ISO_IR 192", "Łukasz^Żółć"),
    ],
)
def test_the_patients_name_keeps_its_letters(character_set: Any, name: str, written: Written) -> None:
    document = written(datasets=classic(SHORT, SpecificCharacterSet=character_set, PatientName=name, StudyDescription="LWS"))
    assert document.SpecificCharacterSet == "ISO_IR 192"
    assert str(document.PatientName) == name


def test_no_physician_has_read_it_and_it_says_so(written: Written) -> None:
    document = written()
    assert (document.CompletionFlag, document.VerificationFlag, document.PreliminaryFlag) == (
        "PARTIAL",
        "UNVERIFIED",
        "PRELIMINARY",
    )
    assert document.ContentQualification == "RESEARCH"
    assert DISCLAIMER in texts(document)


def test_notes_and_other_numberings_are_comments(written: Written) -> None:
    found = texts(written())
    assert "One slice <is> missing & noted." in found
    assert any("lowest mobile disc is L5-S1 (0.90)" in line and "one level higher (0.10)" in line for line in found)


def test_a_finding_that_the_images_do_not_tell_is_called_a_guess(report: Report, written: Written) -> None:
    unsure = FindingResult("narrowing", {"absent": 0.51, "present": 0.49}, "model", ("absent", "present"), 0.9)
    found = texts(written(with_findings(report, "L3-L4", unsure)))
    assert any(line.startswith("The images do not tell at L3-L4: Disc narrowing") for line in found)
    assert not any(line.startswith("The images do not tell") for line in texts(written()))


def properties_of(group: Group, concept: str) -> tuple[list[str], list[float], list[str]]:
    """Values that the evaluation with a code has as plausible, their coverage, and its certainty."""
    (evaluation,) = [
        item
        for item in group[0].ContentSequence
        if item.ValueType == "CODE" and item.ConceptNameCodeSequence[0].CodeValue == concept
    ]
    items = list(evaluation.get("ContentSequence", ()))
    assert {item.RelationshipType for item in items} <= {"HAS PROPERTIES"}
    named = [(item.ConceptNameCodeSequence[0].CodeValue, item) for item in items]
    return (
        [item.ConceptCodeSequence[0].CodeValue for name, item in named if name == PLAUSIBLE_VALUE.value],
        [float(item.MeasuredValueSequence[0].NumericValue) for name, item in named if name == PLAUSIBLE_RATE.value],
        [item.ConceptCodeSequence[0].CodeValue for name, item in named if name == CERTAINTY.value],
    )


def test_what_else_is_plausible_is_coded_with_the_evaluation(report: Report, written: Written) -> None:
    grade = {"1": 0.02, "2": 0.08, "3": 0.5, "4": 0.3, "5": 0.1}
    grades = FindingResult("pfirrmann", grade, "model", ("3", "4"), 0.9)
    narrow = FindingResult("narrowing", {"absent": 0.99, "present": 0.01}, "model", ("absent",), 0.9)
    group = groups_of(written(with_findings(report, "L5-S1", grades, narrow)))[-1]
    assert properties_of(group, "PFIRRMANN") == (["PFIRRMANN-3", "PFIRRMANN-4"], [0.9], [])
    assert properties_of(group, "NARROWING") == (["272519000"], [0.9], [])


def test_a_guess_is_coded_as_indeterminate(report: Report, written: Written) -> None:
    unsure = FindingResult("narrowing", {"absent": 0.51, "present": 0.49}, "model", ("absent", "present"), 0.9)
    group = groups_of(written(with_findings(report, "L5-S1", unsure)))[-1]
    assert properties_of(group, "NARROWING") == (["272519000", "52101004"], [0.9], ["82334004"])
    assert properties_of(group, "PFIRRMANN") == ([], [], []), "it was not assessed there"


def test_a_model_that_states_no_plausible_classes_gets_none(written: Written) -> None:
    assert properties_of(groups_of(written())[-1], "PFIRRMANN") == ([], [], [])


def test_of_classes_that_can_hold_together_an_absent_one_may_be_plausible(report: Report, written: Written) -> None:
    held = {"v1": 0.1, "v2": 0.9, "v3": 0.2, "v4": 0.01, "v5": 0.4}
    result = with_findings(report, "L5-S1", FindingResult("disc_disease", held, "model", ("v2", "v3", "v5"), 0.9))
    group = groups_of(written(result))[-1]
    absent, present = "272519000", "52101004"
    stated = {name: properties_of(group, CLASS_CONCEPTS["disc_disease", name].value)[0] for name in held}
    assert stated == {"v1": [absent], "v2": [], "v3": [absent, present], "v4": [absent], "v5": [absent, present]}


def test_slicer_makes_no_columns_of_what_is_plausible(report: Report, written: Written) -> None:
    unsure = FindingResult("narrowing", {"absent": 0.51, "present": 0.49}, "model", ("absent", "present"), 0.9)
    columns, rows = columns_of_slicer(written(with_findings(report, "L5-S1", unsure)))
    assert columns == ["Finding category", "Finding", "Pfirrmann grade", "Disc narrowing"]
    for row in rows:
        assert [name for name, _ in row] == columns[: len(row)]


def test_the_models_are_named_with_their_weights(written: Written) -> None:
    document = written()
    assert any("lumbar-mr-degeneration 0.1.0" in line and "ab" * 32 in line for line in texts(document))
    assert {"SpinalDiseaseAI", "0.1.0"} <= set(texts(document))


def test_a_reader_who_corrected_it_is_an_observer(report: Report, written: Written) -> None:
    def persons(document: Dataset) -> list[str]:
        return [str(element.value) for element in document.iterall() if element.keyword == "PersonName"]

    assert persons(written()) == []
    document = written(replace(report, corrections=(Correction(MOVED, "L4-L5", READER, "2026-01-03T04:05:06Z"),)))
    assert persons(document) == [READER]
    assert "L4-L5 moved by the reader, 2026-01-03 04:05:06 UTC" in texts(document)


@pytest.mark.parametrize("multi_frame", [False, True])
def test_every_analysed_image_is_in_the_library_and_the_evidence(multi_frame: bool, written: Written) -> None:
    datasets = [enhanced()] if multi_frame else classic(SHORT)
    document = written(datasets=datasets)
    wanted = {item.SOPInstanceUID for item in datasets}
    (evidence,) = document.CurrentRequestedProcedureEvidenceSequence
    (series,) = evidence.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == SERIES
    assert {item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence} == wanted
    library = [item for item in document.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == "111028"]
    listed = {element.value for element in library[0].iterall() if element.keyword == "ReferencedSOPInstanceUID"}
    assert listed == wanted


@pytest.mark.parametrize("step", [{}, {"SpacingBetweenSlices": "4"}])
def test_the_library_says_where_each_slice_lies_whether_or_not_headers_state_the_step(
    step: dict[str, Any], written: Written
) -> None:
    """TID 1604 requires the position, orientation and spacing of cross-sectional images."""
    datasets = classic(SHORT, **step)
    document = written(datasets=datasets)
    (library,) = [item for item in document.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == "111028"]
    for entry, dataset in zip(library.ContentSequence[0].ContentSequence, datasets, strict=True):
        numbers = {
            item.ConceptNameCodeSequence[0].CodeMeaning: float(item.MeasuredValueSequence[0].NumericValue)
            for item in entry.ContentSequence
            if item.ValueType == "NUM"
        }
        position = [numbers[f"Image Position (Patient) {axis}"] for axis in "XYZ"]
        assert position == pytest.approx(list(dataset.ImagePositionPatient))
        assert numbers["Slice Thickness"] == 3.5
        assert ("Spacing between slices" in numbers) == bool(step)


def test_the_same_result_written_twice_is_two_documents_on_the_same_levels(written: Written) -> None:
    first, second = written(), written(datasets=classic(SHORT))
    assert first.SOPInstanceUID != second.SOPInstanceUID and first.SeriesInstanceUID != second.SeriesInstanceUID
    assert [item.tracking_uid for item in groups_of(first)] == [item.tracking_uid for item in groups_of(second)]
    assert len({item.tracking_uid for item in groups_of(first)}) == len(groups_of(first))


def test_a_header_with_malformed_values_is_copied_without_them(written: Written) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        datasets = classic(SHORT)
        for dataset in datasets:
            del dataset.AccessionNumber, dataset.StudyTime
            dataset["StudyDate"]._value = "20249931"
            dataset["PatientBirthDate"]._value = "1950 ca."
            dataset["PatientSex"] = pydicom.DataElement("PatientSex", "CS", "X")
    document = written(datasets=datasets)
    values = (document.PatientSex, document.PatientBirthDate, document.AccessionNumber, document.StudyDate)
    assert not any(values)


def test_nothing_of_the_patient_reaches_logs_or_other_files(
    report: Report, study: Study, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    paths = write(classic(SHORT, PatientName="Doe^Jane^^^^too^many", PatientID="ID-4711"), tmp_path / "in")
    caplog.clear()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        some = {name: FORMATS[name] for name in ("report.json", "report.tsv", "points.mrk.json")}
        files = write_results(report, study, tmp_path / "out", formats={**some, **dicom_formats(report, paths)})
    said = caplog.text + "".join(str(item.message) for item in warned)
    assert "Doe" not in said and "4711" not in said
    for name in some:
        content = files[name].read_bytes()
        assert b"Doe" not in content and b"4711" not in content, name
    assert b"Doe" in files[STRUCTURED_REPORT_FILE].read_bytes()


def test_logs_and_checks_of_the_libraries_are_as_before_afterwards(written: Written) -> None:
    def state() -> tuple[Any, ...]:
        levels = [logging.getLogger(name).level for name in ("pydicom", "highdicom")]
        return *levels, pydicom.config.settings.writing_validation_mode, len(warnings.filters)

    before = state()
    written(datasets=classic(SHORT))
    assert state() == before


def test_a_result_of_images_that_are_not_dicom_is_refused(report: Report, tmp_path: Path) -> None:
    series = tuple(replace(item, uid="") for item in report.series)
    paths = write(classic(SHORT), tmp_path)
    for strange in (replace(report, series=series), replace(report, study_uid="")):
        with pytest.raises(InputError, match="not DICOM") as error:
            dicom_formats(strange, paths)
        assert error.value.code == "not-dicom"


def test_files_of_another_series_are_refused(report: Report, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no DICOM")
    paths = [*write(classic(SHORT, SeriesInstanceUID="1.2.3.5"), tmp_path), tmp_path / "notes.txt", tmp_path / "absent.dcm"]
    with pytest.raises(InputError, match=r"1\.2\.3\.4 were not found") as error:
        dicom_formats(report, paths)
    assert error.value.code == "missing-source"


def test_images_without_a_frame_of_reference_are_refused(report: Report, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="frame of reference") as error:
        dicom_formats(report, write(classic(SHORT, FrameOfReferenceUID=""), tmp_path))
    assert error.value.code == "no-frame-of-reference"


def test_a_report_without_a_structure_is_refused_and_nothing_is_written(report: Report, study: Study, tmp_path: Path) -> None:
    empty = replace(report, structures=())
    with pytest.raises(InputError, match="no vertebra or disc"):
        formats = dicom_formats(empty, write(classic(SHORT), tmp_path / "in"))
        write_results(empty, study, tmp_path / "out", formats=formats)
    assert not (tmp_path / "out").exists()


def test_a_header_that_cannot_be_copied_ends_in_one_sentence_without_its_values(
    report: Report, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**arguments: Any) -> None:
        raise ValueError("the value 4711 is not valid")

    monkeypatch.setattr(highdicom.sr, "Comprehensive3DSR", refuse)
    formats = dicom_formats(report, write(classic(SHORT), tmp_path / "in"), [STRUCTURED_REPORT_FILE])
    with pytest.raises(InputError, match="cannot be copied") as error:
        write_results(report, study, tmp_path / "out", formats=formats)
    assert error.value.code == "unusable-header"
    assert "4711" not in "".join(traceback.format_exception(error.value)), "Slicer's log shows it"


def test_an_accession_number_that_is_too_long_is_copied_for_the_archive_to_find_the_study(written: Written) -> None:
    datasets = classic(SHORT)
    for dataset in datasets:
        dataset["AccessionNumber"]._value = "ACCESSION-2024-0001-LONG"
    assert written(datasets=datasets).AccessionNumber == "ACCESSION-2024-0001-LONG"


def test_without_highdicom_a_sentence_says_what_to_install(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = util.find_spec
    monkeypatch.setattr(
        "SpinalDiseaseAILib.writing.dicom.results.find_spec", lambda name: None if name == "highdicom" else find_spec(name)
    )
    with pytest.raises(ComputeError, match="pip install highdicom") as error:
        dicom_formats(report, write(classic(SHORT), tmp_path))
    assert error.value.code == "missing-package"


def test_importing_the_writers_loads_neither_pydicom_nor_highdicom() -> None:
    library = Path(__file__).parents[2] / "SpinalDiseaseAI"
    program = (
        f"import sys; sys.path.insert(0, {str(library)!r}); import SpinalDiseaseAILib.writing.dicom.results;"
        "print(sorted({'pydicom', 'highdicom'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_vertebrae_have_no_empty_grades_of_discs(report: Report, written: Written) -> None:
    vertebrae = [group for group in groups_of(written()) if structure(group.tracking_identifier).kind is Kind.VERTEBRA]
    assert vertebrae and not any(evaluations(group) for group in vertebrae)


def test_points_keep_a_thousandth_of_a_millimetre_far_from_the_origin(report: Report, written: Written) -> None:
    first = replace(report.structures[0], position=(-1234.5678, 987.6543, 2345.6789))
    group = groups_of(written(report.with_structures((first,))))[0]
    assert np.abs(group.roi.value[0] - (1234.5678, -987.6543, 2345.6789)).max() < 1e-3
