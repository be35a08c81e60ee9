"""RSNA 2024 lumbar in its published layout becomes a plain folder of sagittal planes; each pitfall has a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from original_data_sets import STORED, tianchi_dicom, tianchi_pixels, write_dicom
from plain_data_sets import write_table
from typer.testing import CliRunner

from SpinalDiseaseAILib.base.anatomy import finding
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.datasets.collection import read_dataset
from SpinalDiseaseAILib.datasets.convert_rsna2024 import CLASSES, CONDITIONS, LEVELS, convert_rsna2024
from SpinalDiseaseAILib.datasets.records import SPLITS
from SpinalDiseaseAILib.datasets.rsna2024 import read_rsna2024
from SpinalDiseaseAILib.training.cli import app

STUDY, T2, T1, AXIAL = "4003253", "702807833", "1054713880", "2448190387"
COLUMNS = [f"{condition}_{level}" for condition in CONDITIONS for level in LEVELS]
CANAL, LEFT = "Spinal Canal Stenosis", "Left Neural Foraminal Narrowing"
PLACES = {level: (30.0 + 3 * n, 15.0 + 15 * n) for n, level in enumerate(("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1"))}


def coordinates(series: str, instance: int, condition: str, *, study: str = STUDY) -> list[list[object]]:
    return [[study, series, instance, condition, level, x, y] for level, (x, y) in PLACES.items()]


def write_source(
    folder: Path,
    *,
    grades: dict[str, str] | None = None,
    points: list[list[object]] | None = None,
    described: list[tuple[str, str, str]] | None = None,
) -> Path:
    """One study: a T2 annotated on its instance 8, a T1 on its instance 3, and an axial series."""
    row = dict.fromkeys(COLUMNS, "Normal/Mild") | (grades or {})
    write_table(folder / "train.csv", ("study_id", *COLUMNS), [(STUDY, *(row[name] for name in COLUMNS))])
    if points is None:
        points = [*coordinates(T2, 8, CANAL), *coordinates(T1, 3, LEFT)]
        points += coordinates(AXIAL, 1, "Left Subarticular Stenosis")
    names = ("study_id", "series_id", "instance_number", "condition", "level", "x", "y")
    write_table(folder / "train_label_coordinates.csv", names, points)
    if described is None:
        described = [(STUDY, T2, "Sagittal T2/STIR"), (STUDY, T1, "Sagittal T1"), (STUDY, AXIAL, "Axial T2")]
    write_table(folder / "train_series_descriptions.csv", ("study_id", "series_id", "series_description"), described)
    for series, instance in ((T2, 8), (T2, 9), (T1, 3)):
        write_dicom(folder / "train_images" / STUDY / series / f"{instance}.dcm", tianchi_dicom(series, str(instance)))
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "published"
    folder.mkdir()
    return write_source(folder)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_a_study_becomes_a_plane_for_each_condition_of_each_sagittal_series(source: Path, data: Path) -> None:
    conversion = convert_rsna2024(source, data)
    assert conversion.planes == 2
    t1, t2 = sorted(read_rsna2024(data / "rsna2024").records, key=lambda record: record.contrast)
    assert (t1.contrast, t2.contrast) == ("T1", "T2") and t1.patient == t2.patient == STUDY
    for record in (t1, t2):
        assert record.points == {level.replace("/", "-"): pytest.approx(place, abs=0.01) for level, place in PLACES.items()}
        assert record.spacing == pytest.approx((0.8, 0.9)) and record.pixels().shape == STORED


def test_every_severity_is_at_its_level(tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    write_source(folder, grades={"spinal_canal_stenosis_l4_l5": "Severe", "right_subarticular_stenosis_l5_s1": "Moderate"})
    convert_rsna2024(folder, data)
    record = read_rsna2024(data / "rsna2024").records[0]
    assert record.findings["L4-L5"]["canal_stenosis"] == ("severe",)
    assert record.findings["L5-S1"]["right_subarticular_stenosis"] == ("moderate",)
    assert record.findings["L1-L2"]["left_foraminal_narrowing"] == ("normal_mild",)
    assert set(record.findings) == {"L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"}, "T12-L1 is not graded"


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_severity_of_one_side_stays_on_that_side(tmp_path: Path, data: Path, side: str) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    names = {f"{side}_neural_foraminal_narrowing_l4_l5": "Severe", f"{side}_subarticular_stenosis_l4_l5": "Severe"}
    write_source(folder, grades=names)
    convert_rsna2024(folder, data)
    found = read_rsna2024(data / "rsna2024").records[0].findings["L4-L5"]
    severe = {name for name, classes in found.items() if classes == ("severe",)}
    assert severe == {f"{side}_foraminal_narrowing", f"{side}_subarticular_stenosis"}


def test_its_classes_are_those_of_the_anatomy_table() -> None:
    for name in CONDITIONS.values():
        assert tuple(CLASSES.values()) == finding(name).class_names


def test_an_empty_severity_is_unknown_and_an_invalid_one_is_reported(tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    write_source(folder, grades={"spinal_canal_stenosis_l4_l5": "", "spinal_canal_stenosis_l3_l4": "Grave"})
    conversion = convert_rsna2024(folder, data)
    record = read_rsna2024(data / "rsna2024").records[0]
    assert "canal_stenosis" not in record.findings["L4-L5"] and "canal_stenosis" not in record.findings["L3-L4"]
    assert any("'Grave' is no severity" in text for text in conversion.skipped)


def test_axial_series_are_left_out_with_their_number_of_points(source: Path, data: Path) -> None:
    assert "5 points: their series is Axial T2, no sagittal one" in convert_rsna2024(source, data).skipped


def test_the_instance_with_most_points_is_used_and_gets_the_points_of_the_others(tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    spread = coordinates(T2, 8, CANAL)
    spread[0][2] = 9
    write_source(folder, points=spread)
    convert_rsna2024(folder, data)
    (record,) = read_rsna2024(data / "rsna2024").records
    assert len(record.points) == 5


def test_of_instances_with_equally_many_points_the_first_is_used_and_its_own_points_count(tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    ours, theirs = coordinates(T2, 8, CANAL), coordinates(T2, 9, CANAL)
    for row in theirs:
        row[5] = float(str(row[5])) + 4.0
    write_source(folder, points=[*ours, *theirs])
    white = tianchi_pixels()
    white[:] = white.max()
    white[0, 0] = 1
    write_dicom(folder / "train_images" / STUDY / T2 / "9.dcm", tianchi_dicom(T2, "9", white))
    convert_rsna2024(folder, data)
    (record,) = read_rsna2024(data / "rsna2024").records
    assert record.points["L3-L4"] == pytest.approx(PLACES["L3/L4"], abs=0.01)
    assert np.corrcoef(record.pixels().ravel(), tianchi_pixels().ravel())[0, 1] > 0.95


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"points": coordinates("999", 8, CANAL)}, "5 points: their series is not in train_series_descriptions.csv"),
        ({"points": coordinates(T2, 77, CANAL)}, "there is no train_images/4003253/702807833/77.dcm"),
        ({"points": coordinates(T2, 8, "Scoliosis")}, "no condition or level of the challenge ('Scoliosis'"),
        ({"points": [[STUDY, T2, "eight", CANAL, "L4/L5", 1, 2]]}, "1 points: their instance or place is no number"),
        ({"points": [[STUDY, T2, 8, CANAL, "L4/L5", 500, 2]]}, "L4-L5 lies outside of the image"),
        ({"points": [[STUDY, T2, 8, CANAL, "L4/L5", 2, 500]]}, "L4-L5 lies outside of the image"),
        (
            {"points": coordinates("5", 8, CANAL, study="1"), "described": [("1", "5", "Sagittal T2/STIR")]},
            "train.csv has no such study",
        ),
    ],
)
def test_omissions_are_reported_with_their_reasons(tmp_path: Path, data: Path, change: dict[str, Any], because: str) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    write_source(folder, **change)
    conversion = convert_rsna2024(folder, data)
    assert any(because in text for text in conversion.skipped), conversion.skipped
    assert read_rsna2024(data / "rsna2024").records == ()


def test_a_study_without_grades_is_left_out_even_if_its_images_are_there(tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    described = [(STUDY, T2, "Sagittal T2/STIR"), ("1", "5", "Sagittal T2/STIR")]
    write_source(folder, points=[*coordinates("5", 8, CANAL, study="1"), *coordinates(T2, 8, CANAL)], described=described)
    write_dicom(folder / "train_images/1/5/8.dcm", tianchi_dicom("5", "8"))
    conversion = convert_rsna2024(folder, data)
    assert conversion.skipped == ("study 1, series 5, spinal_canal_stenosis: train.csv has no such study",)
    assert [record.patient for record in read_rsna2024(data / "rsna2024").records] == [STUDY]


def test_a_plane_stored_mirrored_is_put_upright_with_its_points(source: Path, data: Path) -> None:
    mirrored = tianchi_dicom(T2, "8", tianchi_pixels()[:, ::-1], ImageOrientationPatient=[0, -1, 0, 0, 0, -1])
    write_dicom(source / "train_images" / STUDY / T2 / "8.dcm", mirrored)
    table = source / "train_label_coordinates.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    cells = [line.split(",") for line in lines[1:]]
    turned = [lines[0], *(",".join((*row[:5], str(STORED[1] - 1 - float(row[5])), row[6])) for row in cells)]
    table.write_text("\n".join(turned) + "\n", encoding="utf-8")
    convert_rsna2024(source, data)
    (record,) = (item for item in read_rsna2024(data / "rsna2024").records if item.contrast == "T2")
    assert record.points["L3-L4"] == pytest.approx(PLACES["L3/L4"], abs=0.01)
    assert np.corrcoef(record.pixels().ravel(), tianchi_pixels().ravel())[0, 1] > 0.95


def test_an_axial_instance_in_a_series_described_as_sagittal_is_left_out(source: Path, data: Path) -> None:
    axial = tianchi_dicom(T2, "8", ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    write_dicom(source / "train_images" / STUDY / T2 / "8.dcm", axial)
    assert any("the annotated instance is axial" in text for text in convert_rsna2024(source, data).skipped)


def test_a_missing_spacing_remains_unknown(source: Path, data: Path) -> None:
    dataset = tianchi_dicom(T2, "8")
    del dataset.PixelSpacing
    write_dicom(source / "train_images" / STUDY / T2 / "8.dcm", dataset)
    convert_rsna2024(source, data)
    assert [item.spacing for item in read_rsna2024(data / "rsna2024").records if item.contrast == "T2"] == [None]


def test_a_plane_without_points_or_severities_is_left_out_and_reported(source: Path, data: Path) -> None:
    convert_rsna2024(source, data)
    path = data / "rsna2024/annotation.json"
    items = json.loads(path.read_text(encoding="utf-8"))
    items[0]["points"], items[1]["findings"] = {}, {}
    path.write_text(json.dumps(items), encoding="utf-8")
    imported = read_rsna2024(data / "rsna2024")
    assert imported.records == ()
    assert [text.partition(": ")[2] for text in imported.skipped] == ["no point is known", "no severity is known"]


def test_it_is_read_by_its_name_and_a_patient_is_in_one_split(source: Path, data: Path) -> None:
    convert_rsna2024(source, data)
    assert sorted(len(read_dataset("rsna2024", data, (split,))) for split in SPLITS) == [0, 0, 2]


@pytest.mark.parametrize("name", ["train.csv", "train_label_coordinates.csv", "train_series_descriptions.csv", "train_images"])
def test_another_folder_is_refused_with_a_sentence(source: Path, data: Path, name: str) -> None:
    (source / name).rename(source / "elsewhere")
    with pytest.raises(InputError, match=name):
        convert_rsna2024(source, data)


def test_the_command_reports_what_was_left_out(source: Path, data: Path) -> None:
    result = CliRunner().invoke(app, ["convert", "rsna2024", str(source), str(data)])
    assert result.exit_code == 0, result.output
    assert "left out: 5 points" in result.output and "Planes in" in result.output
