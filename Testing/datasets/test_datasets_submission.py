"""A submission to the challenge has the schema of its annotations."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from original_data_sets import tianchi_dicom, tianchi_points, tianchi_uid, write_annotations, write_dicom

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.errors import InputError, OutputError
from SpinalDiseaseAILib.base.report import FindingResult, Report, StructureResult
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.datasets.convert_tianchi import convert_tianchi
from SpinalDiseaseAILib.datasets.tianchi import read_tianchi
from SpinalDiseaseAILib.datasets.tianchi_annotation import annotated_instance
from SpinalDiseaseAILib.datasets.tianchi_submission import submitted, write_submission
from SpinalDiseaseAILib.reading.headers import read_headers


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A study of three slices, 4 mm apart, in the test set's map, which also names a study that does not exist."""
    folder = tmp_path / "published/lumbar_testA50"
    for number in range(3):
        image = tianchi_dicom("a", str(number), ImagePositionPatient=[2 + 4 * number, -40, 90], InstanceNumber=number + 1)
        image.SeriesDescription, image.RepetitionTime, image.EchoTime = "T2 sagittal", 3500, 100
        image.ScanningSequence = "SE"
        write_dicom(folder / f"study7/image{number}.dcm", image)
    (folder / "study7/image9.dcm").write_bytes(b"short")
    names = [{"studyUid": tianchi_uid(name), "seriesUid": tianchi_uid(name, "series")} for name in ("a", "b")]
    (tmp_path / "map.json").write_text(json.dumps(names), encoding="utf-8")
    return tmp_path / "published"


def analysed(study: Study) -> Report:
    """The drawn points on the middle slice; L4-L5 has two classes, L5 is degenerative."""
    image = study.primary.image
    structures = []
    for name, (column, row) in tianchi_points().items():
        disc = "-" in name
        classes = ("v1", "v2", "v3", "v4", "v5") if disc else ("v1", "v2")
        holding = {"L4-L5": ("v2", "v5"), "L5": ("v2",)}.get(name, ("v1",))
        kind = "disc_disease" if disc else "vertebra_disease"
        finding = FindingResult(kind, {key: 0.9 if key in holding else 0.1 for key in classes}, "model")
        position = image.to_ras((1.0, column, row))
        structures.append(StructureResult(name, tuple(map(float, position)), 1.0, (finding,)))  # type: ignore[arg-type]
    return Report("lumbar-mr", tuple(structures), (), (), ())


def test_points_and_classes_are_assigned_to_the_instance_on_which_they_lie(source: Path, tmp_path: Path) -> None:
    written = write_submission(source, tmp_path / "map.json", tmp_path / "submission.json", analysed)
    assert written.studies == 1 and written.skipped == ("map.json, series 2: no file of it is there",)
    (item,) = json.loads(written.path.read_text(encoding="utf-8"))
    instance = annotated_instance(item)
    assert instance.uids == (tianchi_uid("a", "series", "1"), tianchi_uid("a", "series"), tianchi_uid("a"))
    assert [point.name for point in instance.points] == list(KEY_POINTS) and instance.reliable
    for point in instance.points:
        assert np.abs(np.subtract(point.coord, tianchi_points()[point.name])).max() <= 1
    tags = {point.name: point.tag for point in instance.points}
    assert (tags["L4-L5"], tags["L5"], tags["L1"]) == ("v2,v5", "v2", "v1")


def test_a_series_of_two_stacks_has_no_instance_with_all_points(source: Path) -> None:
    for number in range(3, 6):
        tilted = tianchi_dicom("a", str(number), ImagePositionPatient=[2 + 4 * number, -40, 90], InstanceNumber=number + 1)
        tilted.ImageOrientationPatient = [0, 0.9, 0.435889894, 0, 0.435889894, -0.9]
        write_dicom(source / f"lumbar_testA50/study7/image{number}.dcm", tilted)
    slices = read_headers(sorted((source / "lumbar_testA50/study7").glob("image[0-5].dcm"))).slices
    with pytest.raises(InputError, match="2 stacks"):
        submitted(Report("lumbar-mr", (StructureResult("L3", (0.0, 0.0, 0.0), 1.0, ()),), (), (), ()), slices)


def test_a_submission_is_read_back_as_an_annotation(source: Path, tmp_path: Path) -> None:
    written = write_submission(source, tmp_path / "map.json", tmp_path / "submission.json", analysed)
    write_annotations(source, json.loads(written.path.read_text(encoding="utf-8")), "lumbar_testA50")
    convert_tianchi(source, tmp_path / "data")
    (record,) = read_tianchi(tmp_path / "data/tianchi2020").records
    assert record.findings["L4-L5"] == {"disc_disease": ("v2", "v5")}
    assert record.points["L3"] == pytest.approx(tianchi_points()["L3"], abs=1)


def test_a_series_in_which_nothing_is_found_is_left_out_and_reported(source: Path, tmp_path: Path) -> None:
    def blind(study: Study) -> Report:
        raise InputError("No lumbar spine was found in the image.")

    written = write_submission(source, tmp_path / "map.json", tmp_path / "submission.json", blind)
    assert written.studies == 0 and "map.json, series 1: No lumbar spine was found in the image." in written.skipped
    assert json.loads(written.path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("text", ["{", "{}x", '[{"studyUid": "1"}]', "3"])
def test_another_file_is_refused_with_a_sentence(source: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "map.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="no map of series"):
        write_submission(source, tmp_path / "map.json", tmp_path / "submission.json", analysed)


@pytest.mark.parametrize("place", ["no folder/submission.json", "published", "map.json/submission.json"])
def test_a_place_that_cannot_be_written_is_refused_with_a_sentence_before_the_work(
    source: Path, tmp_path: Path, place: str
) -> None:
    def never(study: Study) -> Report:
        raise AssertionError("an analysis was begun")

    with pytest.raises(OutputError, match="cannot be written"):
        write_submission(source, tmp_path / "map.json", tmp_path / place, never)


def test_a_folder_without_permission_to_write_is_refused_before_the_work(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda place, mode: not (place == tmp_path and mode == os.W_OK))
    with pytest.raises(OutputError, match="may not be written"):
        write_submission(source, tmp_path / "map.json", tmp_path / "submission.json", analysed)
    assert not (tmp_path / "submission.json").exists()
