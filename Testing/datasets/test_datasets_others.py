"""Spinal Disease 2020 and Sudirman's outlines with their pitfalls, and the splits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plain_data_sets import outlines, points, write_json, write_spider, write_sudirman, write_tianchi

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.datasets.collection import IMPORTERS, read_dataset
from SpinalDiseaseAILib.datasets.records import SAMPLE_PATIENTS, split_of
from SpinalDiseaseAILib.datasets.sudirman import polygon_centroid, read_sudirman
from SpinalDiseaseAILib.datasets.tianchi import parse_classes, read_tianchi


def change_study(folder: Path, **changes: Any) -> None:
    """Change the first study of an ``annotation.json``; a structure's name, with ``_`` for ``-``, changes its tag."""
    path = folder / "annotation.json"
    items = json.loads(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        point = next((item for item in items[0]["points"] if item["identification"] == key.replace("_", "-")), None)
        if point is None:
            items[0][key] = value
        else:
            point["tag"] = value
    write_json(path, items)


def test_every_study_is_a_record_with_points_and_classes_of_discs_and_vertebrae(tmp_path: Path) -> None:
    imported = read_tianchi(write_tianchi(tmp_path))
    assert [record.series for record in imported.records] == ["study001", "study002", "study003", "study005"]
    record = imported.records[0]
    assert record.points["L3"] == tuple(round(value) for value in points()["L3"])
    assert record.findings["L2-L3"] == {"disc_disease": ("v2", "v5")}
    assert set(record.findings["L3"]) == {"vertebra_disease"}
    assert record.spacing is None and imported.skipped == ()


@pytest.mark.parametrize(
    ("tag", "classes"),
    [("v1", ("v1",)), ("v2,v5", ("v2", "v5")), (" v2 , v5 ", ("v2", "v5")), ("", ("v1",)), (" ", ("v1",)), (None, ())],
)
def test_an_empty_tag_means_normal_and_none_means_unknown(tag: str | None, classes: tuple[str, ...]) -> None:
    assert parse_classes(tag) == classes


def test_a_tag_that_is_null_or_not_a_class_of_the_structure_is_left_out_and_reported(tmp_path: Path) -> None:
    folder = write_tianchi(tmp_path)
    change_study(folder, L3=None, L4="v5", L3_L4="v7", L4_L5="", L5_S1="v2,")
    imported = read_tianchi(folder)
    record = imported.records[0]
    assert not {"L3", "L4", "L3-L4", "L5-S1"} & set(record.findings)
    assert {"L3", "L4", "L3-L4", "L5-S1"} <= set(record.points)
    assert record.findings["L4-L5"] == {"disc_disease": ("v1",)}
    assert len(imported.skipped) == 4 and all(text.startswith("study001 ") for text in imported.skipped)


def test_an_unreliable_study_keeps_its_points_and_loses_its_classes(tmp_path: Path) -> None:
    folder = write_tianchi(tmp_path)
    change_study(folder, reliable=False)
    imported = read_tianchi(folder)
    assert imported.records[0].findings == {} and len(imported.records[0].points) == 11
    assert imported.records[1].findings
    assert len(imported.skipped) == 1 and "study001" in imported.skipped[0]


def test_a_stated_spacing_has_the_distance_between_rows_first(tmp_path: Path) -> None:
    folder = write_tianchi(tmp_path)
    change_study(folder, pixel_spacing=[0.5, 0.75])
    assert [record.spacing for record in read_tianchi(folder).records] == [(0.75, 0.5), None, None, None]


def test_bodies_are_the_centres_of_their_outlines_and_discs_lie_between_facing_ends(tmp_path: Path) -> None:
    record = read_sudirman(write_sudirman(tmp_path)).records[0]
    expected = {name: place for name, place in points().items() if name != "T12-L1"}
    assert set(record.points) == set(expected)
    for name, place in expected.items():
        assert np.hypot(*np.subtract(record.points[name], place)) < 0.8, name
    assert (record.contrast, record.spacing, record.findings) == ("T1", None, {})


@pytest.mark.parametrize("degrees", [-20, 90, 180])
def test_outlines_of_a_rotated_image_give_rotated_points(tmp_path: Path, degrees: float) -> None:
    upright = read_sudirman(write_sudirman(tmp_path)).records[0].points
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = {name: (np.array(outline) @ turn.T).tolist() for name, outline in outlines().items()}
    write_json(tmp_path / "sudirman_t1" / "polygons.json", [{"patient": "1", "polygons": turned}])
    found = read_sudirman(tmp_path / "sudirman_t1").records[0].points
    for name, place in upright.items():
        assert np.hypot(*np.subtract(found[name], turn @ place)) < 0.5, name


@pytest.mark.parametrize("missing", [("L3",), ("S1",), ("L1", "L2", "L3", "L4", "L5", "S1")])
def test_an_image_that_lacks_an_outline_is_left_out_and_reported(tmp_path: Path, missing: tuple[str, ...]) -> None:
    folder = write_sudirman(tmp_path)
    items = json.loads((folder / "polygons.json").read_text(encoding="utf-8"))
    for name in missing:
        del items[0]["polygons"][name]
    write_json(folder / "polygons.json", items)
    imported = read_sudirman(folder)
    assert [record.patient for record in imported.records] == ["3", "2"]
    assert len(imported.skipped) == 1 and imported.skipped[0].startswith("1: outlines of")


def test_the_centre_of_a_polygon_is_that_of_its_area_not_of_its_corners() -> None:
    square = np.array([[0, 0], [1, 0], [2, 0], [3, 0], [4, 0], [4, 4], [0, 4]], float)
    assert polygon_centroid(square) == pytest.approx([2, 2])
    assert polygon_centroid(square[::-1]) == pytest.approx([2, 2])
    assert polygon_centroid(np.array([[1.0, 1], [3, 3]])) == pytest.approx([2, 2])


def test_a_data_set_gives_only_the_patients_of_the_wanted_splits(tmp_path: Path) -> None:
    write_spider(tmp_path)
    patients = {
        split: {record.patient for record in read_dataset("spider", tmp_path, (split,))} for split in ("train", "tune", "report")
    }
    assert patients == {"train": {"3", "4", "5"}, "tune": {"1", "2"}, "report": {"7", "15"}}


def test_all_series_and_planes_of_a_patient_have_one_split(tmp_path: Path) -> None:
    write_spider(tmp_path)
    records = [
        record for name in ("spider", "spider_space") for record in read_dataset(name, tmp_path, ("train", "tune", "report"))
    ]
    splits: dict[str, set[str]] = {}
    for record in records:
        splits.setdefault(record.patient, set()).add(record.split)
    assert all(len(found) == 1 for found in splits.values())
    assert len(records) > 3 * len(splits)


def test_the_split_depends_only_on_data_set_and_patient_and_has_the_stated_shares() -> None:
    found = [split_of("spider", str(number)) for number in range(5000)]
    assert found == [split_of("spider", str(number)) for number in range(5000)]
    assert found != [split_of("sudirman", str(number)) for number in range(5000)]
    assert found.count("report") / 5000 == pytest.approx(0.2, abs=0.02)
    assert found.count("tune") / 5000 == pytest.approx(0.1, abs=0.015)


def test_the_patients_of_the_sample_are_never_trained_or_tuned_on() -> None:
    assert ("spider", "127") in SAMPLE_PATIENTS
    assert {split_of(*patient) for patient in SAMPLE_PATIENTS} == {"report"}


def test_an_unknown_data_set_or_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Known are spider, spider_space, sudirman, tianchi2020"):
        read_dataset("brats", tmp_path, ("train",))
    with pytest.raises(InputError, match=r"A folder sudirman_t1/ is needed there"):
        read_dataset("sudirman", tmp_path, ("train",))


@pytest.mark.parametrize(
    ("name", "file", "content", "because"),
    [
        ("spider", "keypoints.csv", None, "keypoints.csv: No such file"),
        ("spider", "keypoints.csv", "series,identification,x,y\n3_t2,L1,abc,1\n", "could not convert"),
        ("spider", "radiological_gradings.csv", "Patient,IVD label\n3,x\n", "invalid literal"),
        ("spider", "overview.csv", "new_file_name,Spacing\n3_t2,1\n", "'PixelSpacing' is missing"),
        ("spider", "overview.csv", 'new_file_name,PixelSpacing\n3_t2,"(1, 1]"\n', "does not match"),
        ("spider_space", "overview.csv", "new_file_name,PixelSpacing\n3_t2,7\n", "cannot be read"),
        ("sudirman", "polygons.json", "{", "Expecting"),
        ("tianchi2020", "annotation.json", '[{"study": "study001"}]', "'reliable' is missing"),
        ("tianchi2020", "annotation.json", "[1]", "cannot be read"),
    ],
)
def test_a_folder_whose_tables_are_missing_or_damaged_is_refused_with_a_sentence(
    name: str, file: str, content: str | None, because: str, tmp_path: Path
) -> None:
    write_spider(tmp_path)
    write_tianchi(tmp_path)
    write_sudirman(tmp_path)
    path = tmp_path / IMPORTERS[name][0] / file
    path.unlink()
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=because) as error:
        read_dataset(name, tmp_path, ("train", "tune", "report"))
    assert "convert the data set again" in error.value.remedy and error.value.code == "dataset"


@pytest.mark.parametrize("content", [None, b"", b"no picture", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00"])
def test_an_image_that_is_missing_or_damaged_is_refused_with_a_sentence(content: bytes | None, tmp_path: Path) -> None:
    write_tianchi(tmp_path)
    record = read_dataset("tianchi2020", tmp_path, ("train", "tune", "report"))[0]
    record.path.unlink()
    if content is not None:
        record.path.write_bytes(content)
    with pytest.raises(InputError, match="missing or damaged"):
        record.pixels()
