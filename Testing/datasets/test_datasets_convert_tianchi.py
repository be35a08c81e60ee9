"""Spinal Disease 2020 in its published layout becomes the plain folder that training reads; each pitfall has a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from original_data_sets import (
    STORED,
    tianchi_annotation,
    tianchi_dicom,
    tianchi_pixels,
    tianchi_points,
    tianchi_uid,
    write_annotations,
    write_dicom,
)
from typer.testing import CliRunner

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.datasets.convert_tianchi import convert_tianchi
from SpinalDiseaseAILib.datasets.records import Record, read_grey
from SpinalDiseaseAILib.datasets.tianchi import read_tianchi
from SpinalDiseaseAILib.training.cli import app


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """One study with one image, annotated."""
    folder = tmp_path / "published"
    write_dicom(folder / "lumbar_train150/study7/image3.dcm", tianchi_dicom("a"))
    write_annotations(folder, [tianchi_annotation("a")])
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def image_of(source: Path) -> Path:
    return source / "lumbar_train150/study7/image3.dcm"


def the_record(source: Path, data: Path) -> Record:
    """The only record of the converted folder."""
    conversion = convert_tianchi(source, data)
    assert conversion.skipped == ()
    (record,) = read_tianchi(data / "tianchi2020").records
    return record


def test_a_converted_study_is_read_with_its_points_classes_and_spacing(source: Path, data: Path) -> None:
    write_annotations(source, [tianchi_annotation("a", {"L4-L5": {"disc": "v2, v5"}, "L5": {"vertebra": "v2"}})])
    record = the_record(source, data)
    assert (record.patient, record.series, record.contrast) == ("study007", "study007", "T2")
    assert record.points == {name: pytest.approx(place, abs=0.001) for name, place in tianchi_points().items()}
    assert record.findings["L4-L5"] == {"disc_disease": ("v2", "v5")}
    assert record.findings["L5"] == {"vertebra_disease": ("v2",)}
    assert record.findings["L1-L2"] == {"disc_disease": ("v1",)}
    assert record.spacing == pytest.approx((0.8, 0.9))  # PixelSpacing has rows first, a record columns


def test_coordinates_are_column_and_row(source: Path, data: Path) -> None:
    record = the_record(source, data)
    pixels = record.pixels()
    assert pixels.shape == STORED
    for column, row in record.points.values():
        assert pixels[round(row), round(column)] == 255


def test_a_plane_without_pixel_spacing_is_converted_without_it(source: Path, data: Path) -> None:
    dataset = tianchi_dicom("a")
    del dataset.PixelSpacing
    write_dicom(image_of(source), dataset)
    assert the_record(source, data).spacing is None


def test_a_plane_without_a_position_in_its_header_is_not_reoriented(source: Path, data: Path) -> None:
    dataset = tianchi_dicom("a")
    del dataset.ImageOrientationPatient, dataset.ImagePositionPatient
    write_dicom(image_of(source), dataset)
    record = the_record(source, data)
    assert record.spacing == pytest.approx((0.8, 0.9))
    assert record.points["L3"] == tianchi_points()["L3"]


def test_monochrome1_is_inverted(source: Path, data: Path) -> None:
    expected = the_record(source, data).pixels()
    inverted = (4095 - tianchi_pixels()).astype(np.uint16)
    write_dicom(image_of(source), tianchi_dicom("a", pixels=inverted, PhotometricInterpretation="MONOCHROME1"))
    assert (the_record(source, data).pixels() == expected).all()


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        ([0, -1, 0, 0, 0, -1], lambda pixels: pixels[:, ::-1]),
        ([0, 1, 0, 0, 0, 1], lambda pixels: pixels[::-1]),
        ([0, 0, -1, 0, 1, 0], lambda pixels: pixels.T),
    ],
)
def test_a_plane_stored_mirrored_or_rotated_is_put_upright_with_its_points(
    source: Path, data: Path, orientation: list[int], turned: Callable[[np.ndarray], np.ndarray]
) -> None:
    expected = the_record(source, data)
    pixels = turned(tianchi_pixels())
    write_dicom(image_of(source), tianchi_dicom("a", pixels=pixels, ImageOrientationPatient=orientation, PixelSpacing=[0.8, 0.8]))
    annotation = tianchi_annotation("a")
    grid = np.stack(np.indices(STORED)[::-1], -1)  # (column, row) of each pixel in the upright plane
    where = turned(grid[..., 0]) * 1000 + turned(grid[..., 1])
    for point in annotation["data"][0]["annotation"][0]["data"]["point"]:
        column, row = point["coord"]
        (stored,) = np.argwhere(where == column * 1000 + row)
        point["coord"] = [int(stored[1]), int(stored[0])]
    write_annotations(source, [annotation])
    record = the_record(source, data)
    assert (record.pixels() == expected.pixels()).all()
    assert record.points == {name: pytest.approx(place, abs=0.001) for name, place in expected.points.items()}


def test_files_under_1000_bytes_are_left_out_with_the_reason(source: Path, data: Path) -> None:
    (source / "lumbar_train150/study7/image1.dcm").write_bytes(bytes(999))
    conversion = convert_tianchi(source, data)
    assert conversion.skipped == ("lumbar_train150/study7/image1.dcm: 999 bytes are no image",)
    assert conversion.planes == 1


def test_a_small_file_is_named_once_even_if_it_begins_like_an_image(source: Path, data: Path) -> None:
    (source / "lumbar_train150/study7/image1.dcm").write_bytes(image_of(source).read_bytes()[:500])
    assert convert_tianchi(source, data).skipped == ("lumbar_train150/study7/image1.dcm: 500 bytes are no image",)


def test_a_damaged_file_is_left_out_with_the_reason(source: Path, data: Path) -> None:
    image_of(source).write_bytes(image_of(source).read_bytes()[:2000])
    (sentence,) = convert_tianchi(source, data).skipped
    assert sentence.startswith("lumbar_train150_annotation.json, study 1 (study007): The file image3.dcm ends early")


def test_the_image_is_matched_by_its_uids_and_not_by_its_name(source: Path, data: Path) -> None:
    other = tianchi_dicom("a", "2", pixels=tianchi_pixels(2))
    write_dicom(source / "lumbar_train150/study7/image1.dcm", other)
    write_annotations(source, [tianchi_annotation("a", instance="2")])
    convert_tianchi(source, data)
    low = read_grey(data / "tianchi2020/images/study007.png")[60:70, 14:20]
    assert np.corrcoef(low.ravel(), tianchi_pixels(2)[60:70, 14:20].ravel())[0, 1] > 0.99


@pytest.mark.parametrize("element", ["SeriesInstanceUID", "StudyInstanceUID"])
def test_an_image_of_another_series_or_study_does_not_match(source: Path, data: Path, element: str) -> None:
    write_dicom(image_of(source), tianchi_dicom("a", **{element: tianchi_uid("elsewhere")}))
    assert "in another series or study" in convert_tianchi(source, data).skipped[0]


def test_an_annotated_instance_without_file_is_left_out_with_the_reason(source: Path, data: Path) -> None:
    write_annotations(source, [tianchi_annotation("a"), tianchi_annotation("b")])
    assert convert_tianchi(source, data).skipped == (
        "lumbar_train150_annotation.json, study 2: no file holds the annotated instance",
    )


def test_an_empty_tag_means_v1_and_a_missing_one_unknown(source: Path, data: Path) -> None:
    write_annotations(source, [tianchi_annotation("a", {"L1-L2": {"disc": ""}, "L2-L3": {}})])
    findings = the_record(source, data).findings
    assert findings["L1-L2"] == {"disc_disease": ("v1",)}
    assert "L2-L3" not in findings
    assert "L2-L3" in the_record(source, data).points


def test_a_study_of_ten_points_is_left_out_with_the_reason(source: Path, data: Path) -> None:
    write_annotations(source, [tianchi_annotation("a", without=("L1",))])
    assert convert_tianchi(source, data).skipped == (
        "lumbar_train150_annotation.json, study 1: L1 is not annotated: 10 of 11 points",
    )


@pytest.mark.parametrize("tags", [{"L4": {"disc": "v1"}}, {"L4": {"disc": ""}}, {"L4-L5": {"vertebra": "v2", "disc": ""}}])
def test_a_tag_of_the_wrong_kind_of_structure_makes_the_classes_unreliable(
    source: Path, data: Path, tags: dict[str, dict[str, str]]
) -> None:
    write_annotations(source, [tianchi_annotation("a", tags)])
    conversion = convert_tianchi(source, data)
    (record,) = read_tianchi(data / "tianchi2020").records
    assert "its points are used, not its classes" in conversion.warnings[0]
    assert record.findings == {} and len(record.points) == 11


def test_classes_of_the_later_coding_are_kept_in_the_file_with_a_warning_and_not_used(source: Path, data: Path) -> None:
    write_annotations(source, [tianchi_annotation("a", {"L4-L5": {"disc": "v6"}, "L5-S1": {"disc": "v2,v8"}})])
    conversion = convert_tianchi(source, data)
    (warning,) = conversion.warnings
    assert warning.startswith("lumbar_train150_annotation.json: classes v6 (1 times), v8 (1 times) belong to a later coding")
    imported = read_tianchi(data / "tianchi2020")
    assert "L4-L5" not in imported.records[0].findings
    assert any("L5-S1: class 'v2,v8'" in item for item in imported.skipped)


def test_of_two_files_with_the_same_instance_the_first_by_name_is_used(source: Path, data: Path) -> None:
    before = the_record(source, data).pixels()
    other = tianchi_pixels(seed=2)
    write_dicom(image_of(source).with_name("image9.dcm"), tianchi_dicom("a", pixels=other))
    assert (the_record(source, data).pixels() == before).all()


def test_a_study_is_named_after_the_folder_closest_to_its_files(source: Path, data: Path) -> None:
    (source / "study2").mkdir()
    (source / "lumbar_train150").rename(source / "study2/lumbar_train150")
    assert the_record(source, data).patient == "study007"


def test_several_annotations_of_a_study_are_reported_and_the_first_is_used(source: Path, data: Path) -> None:
    annotation = tianchi_annotation("a")
    annotation["data"][0]["annotation"] += tianchi_annotation("a", without=("L5",))["data"][0]["annotation"]
    write_annotations(source, [annotation])
    (warning,) = convert_tianchi(source, data).warnings
    assert warning == "lumbar_train150_annotation.json, study 1 (study007): the first of 2 annotations is taken"


def spoilt(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    annotation = tianchi_annotation("a")
    change(annotation["data"][0]["annotation"][0]["data"])
    return annotation


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        (spoilt(lambda data: data["point"][0]["tag"].update(identification="T11-T12")), "'T11-T12' is not one of the 11 points"),
        (spoilt(lambda data: data["point"].append(data["point"][2])), "L1-L2 is annotated more than once"),
        (spoilt(lambda data: data["point"][0].update(coord=[80, 8])), "T12-L1 lies outside of the image"),
        (spoilt(lambda data: data["point"][0].pop("coord")), "the annotation is not as expected (KeyError('coord'))"),
        (tianchi_annotation("a") | {"data": []}, "nothing is annotated"),
    ],
)
def test_a_wrongly_annotated_study_is_left_out_with_the_reason(
    source: Path, data: Path, annotation: dict[str, Any], reason: str
) -> None:
    write_annotations(source, [annotation])
    (sentence,) = convert_tianchi(source, data).skipped
    assert sentence.endswith(reason)


def test_an_annotated_axial_image_is_left_out_with_the_reason(source: Path, data: Path) -> None:
    write_dicom(image_of(source), tianchi_dicom("a", ImageOrientationPatient=[1, 0, 0, 0, 1, 0]))
    assert convert_tianchi(source, data).skipped[0].endswith("the annotated instance is axial")


def test_studies_of_several_sets_are_combined_without_duplicates(source: Path, data: Path) -> None:
    write_dicom(source / "lumbar_train51/study201/image9.dcm", tianchi_dicom("b"))
    write_dicom(source / "lumbar_train51/study7/image9.dcm", tianchi_dicom("c"))
    write_annotations(source, [tianchi_annotation("b"), tianchi_annotation("a"), tianchi_annotation("c")], "lumbar_train51")
    assert convert_tianchi(source, data).skipped == (
        "lumbar_train51_annotation.json, study 2: it was annotated before",
        "lumbar_train51_annotation.json, study 3: another study has the name study007",
    )
    assert [record.series for record in read_tianchi(data / "tianchi2020").records] == ["study007", "study201"]


def test_a_file_outside_a_study_folder_has_no_name(source: Path, data: Path) -> None:
    image_of(source).rename(source / "image3.dcm")
    assert "is not in a folder studyN" in convert_tianchi(source, data).skipped[0]


def test_nothing_of_the_patient_gets_into_the_converted_files_or_messages(source: Path, data: Path) -> None:
    (source / "lumbar_train150/study7/image1.dcm").write_bytes(bytes(10))
    write_annotations(source, [tianchi_annotation("a"), tianchi_annotation("b")])
    result = CliRunner().invoke(app, ["convert", "tianchi", str(source), str(data)])
    texts = [result.stdout.encode(), *(path.read_bytes() for path in data.rglob("*.*"))]
    assert not any(secret in text for text in texts for secret in (b"Doe", b"Jane", b"4711"))


def test_a_source_without_annotation_or_with_another_document_is_refused_before_anything_is_written(
    source: Path, data: Path
) -> None:
    path = source / "lumbar_train150_annotation.json"
    path.write_text('{"studyUid": 1}')
    with pytest.raises(InputError, match="not a list of annotated studies"):
        convert_tianchi(source, data)
    path.write_text("[")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        convert_tianchi(source, data)
    path.rename(source / "lumbar_testA50_series_map.json")
    with pytest.raises(InputError, match="There is no annotation file"):
        convert_tianchi(source, data)
    assert not data.exists()


def test_a_conversion_that_is_made_again_gives_the_same_files(source: Path, data: Path) -> None:
    convert_tianchi(source, data)
    before = {path: path.read_bytes() for path in data.rglob("*.*")}
    convert_tianchi(source, data)
    assert {path: path.read_bytes() for path in data.rglob("*.*")} == before


def test_the_command_prints_how_many_planes_there_are_and_what_was_left_out(source: Path, data: Path) -> None:
    write_annotations(source, [tianchi_annotation("a"), tianchi_annotation("b")])
    result = CliRunner().invoke(app, ["convert", "tianchi", str(source), str(data)])
    assert result.stdout.splitlines() == [
        "left out: lumbar_train150_annotation.json, study 2: no file holds the annotated instance",
        f"Planes in {data / 'tianchi2020'}: 1. Left out, as listed: 1.",
    ]
    assert [item["study"] for item in json.loads((data / "tianchi2020/annotation.json").read_text())] == ["study007"]


def later(source: Path) -> None:
    write_annotations(
        source, [tianchi_annotation("a", {"L4-L5": {"disc": "v6,v2"}, "L5-S1": {"disc": "v7"}, "L5": {"vertebra": "v2"}})]
    )


def test_codes_of_the_later_coding_have_the_meaning_that_the_user_gives(source: Path, data: Path) -> None:
    later(source)
    conversion = convert_tianchi(source, data, {"v6": "v2", "v7": "v4", "v2": "v3"})
    assert conversion.warnings == ()
    (record,) = read_tianchi(data / "tianchi2020").records
    assert record.findings["L4-L5"] == {"disc_disease": ("v2", "v3")}
    assert record.findings["L5-S1"] == {"disc_disease": ("v4",)}
    assert record.findings["L5"] == {"vertebra_disease": ("v2",)}, "codes of vertebrae are others"


def test_two_codes_with_one_meaning_are_one_class(source: Path, data: Path) -> None:
    later(source)
    convert_tianchi(source, data, {"v6": "v2", "v7": "v4"})
    assert read_tianchi(data / "tianchi2020").records[0].findings["L4-L5"] == {"disc_disease": ("v2",)}


def test_a_code_without_a_given_meaning_causes_a_warning(source: Path, data: Path) -> None:
    later(source)
    (warning,) = convert_tianchi(source, data, {"v6": "v2"}).warnings
    assert "v7 (1 times)" in warning and "v6" not in warning.partition("belong")[0] and "--code" in warning


@pytest.mark.parametrize("codes", [{"v9": "v2"}, {"v6": "v7"}, {"v6": ""}])
def test_a_code_that_maps_to_no_class_is_refused_with_a_sentence(source: Path, data: Path, codes: dict[str, str]) -> None:
    with pytest.raises(InputError, match="cannot stand for"):
        convert_tianchi(source, data, codes)


def test_the_command_takes_codes(source: Path, data: Path) -> None:
    later(source)
    arguments = ["convert", "tianchi", str(source), str(data), "--code", "v6=v2", "--code", "v7=v4"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0 and "note:" not in result.output
