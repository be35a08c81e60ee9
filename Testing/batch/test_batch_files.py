"""The files that carry a batch from one run to the next: damaged or foreign ones are refused, never overwritten."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from SpinalDiseaseAILib.base.errors import OutputError
from SpinalDiseaseAILib.base.locations import models_folder
from SpinalDiseaseAILib.base.options import DEFAULT_CLASSIFIER, DEFAULT_LOCALIZER, Options
from SpinalDiseaseAILib.batch.manifest import COLUMNS, MANIFEST_FILE, Entry, ManifestFile, Status, read_manifest
from SpinalDiseaseAILib.batch.planning import BatchRequest, plan_batch
from SpinalDiseaseAILib.batch.settings import SETTINGS_FILE, read_settings, settings_of, write_settings


def entry(study: str = "study-1", **values: Any) -> Entry:
    known = {"status": Status.ANALYZED, "source": "a/b", "files": 3, "fingerprint": "f", "finished": "2026-01-01T00:00:00+00:00"}
    return Entry(study, **{**known, **values})


def test_the_manifest_read_again_holds_the_same_rows(tmp_path: Path) -> None:
    rows = [entry(), entry("study-2", status=Status.REFUSED, code="no-spine", message='He said "no"; a, b')]
    with ManifestFile(tmp_path, rows[:1]) as manifest:
        manifest.add(rows[1])
        assert read_manifest(tmp_path) == {row.study: row for row in rows}, "on disk at once"
    assert read_manifest(tmp_path) == {row.study: row for row in rows}


def test_a_row_is_one_line_and_no_formula(tmp_path: Path) -> None:
    with ManifestFile(tmp_path, []) as manifest:
        manifest.add(entry(source="=1+1", message="two\nlines\tand a tab"))
    header, line = (tmp_path / MANIFEST_FILE).read_text(encoding="utf-8").splitlines()
    assert header.split("\t") == list(COLUMNS)
    cells = dict(zip(COLUMNS, line.split("\t"), strict=True))
    assert (cells["source"], cells["message"]) == ("'=1+1", "two lines and a tab")
    with ManifestFile(tmp_path, read_manifest(tmp_path).values()):
        pass
    assert (tmp_path / MANIFEST_FILE).read_text(encoding="utf-8").splitlines()[1] == line, "unchanged by the next run"


@pytest.mark.parametrize(
    "content", [b"name\tage\nJane\t42\n", b"\xff\xfe\n", b"{}\n", b"\t".join(c.encode() for c in COLUMNS) + b"\nx\tdone\n"]
)
def test_a_file_that_is_no_manifest_is_refused_and_stays(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST_FILE).write_bytes(content)
    with pytest.raises(OutputError, match="is not a manifest") as caught:
        read_manifest(tmp_path)
    assert caught.value.code == "batch-manifest" and (tmp_path / MANIFEST_FILE).read_bytes() == content


def test_no_manifest_and_no_settings_mean_a_new_batch(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == {} and read_settings(tmp_path) is None


def test_settings_read_again_are_the_same(tmp_path: Path) -> None:
    settings = settings_of(Options(), dicom=False, scene=True)
    write_settings(tmp_path, settings)
    again = read_settings(tmp_path)
    assert again == settings and settings.differences(settings) == []
    document = json.loads((tmp_path / SETTINGS_FILE).read_text(encoding="utf-8"))
    assert "not a medical device" in document["disclaimer"]
    assert document["settings"]["models"]["localizer"][0].startswith("lumbar-mr-localizer ")


def test_the_version_of_a_model_is_a_setting(tmp_path: Path) -> None:
    settings = settings_of(Options(), dicom=False, scene=False)
    write_settings(tmp_path, settings)
    path = tmp_path / SETTINGS_FILE
    document = json.loads(path.read_text(encoding="utf-8"))
    document["settings"]["models"]["grader"] = ["lumbar-mr-disc-grade 0.9 " + "ab" * 32]
    path.write_text(json.dumps(document), encoding="utf-8")
    earlier = read_settings(tmp_path)
    assert earlier is not None
    (difference,) = settings.differences(earlier)
    assert difference.startswith("grader: lumbar-mr-disc-grade 0.9 (abababababab), now lumbar-mr-disc-grade ")


@pytest.mark.parametrize(
    "content", ["", "[]", '{"schema": "other"}', '{"schema": "spinal-disease-ai/batch", "schema_version": "2.0", "settings": {}}']
)
def test_a_file_that_holds_no_settings_is_refused(tmp_path: Path, archive: Path, content: str) -> None:
    (tmp_path / SETTINGS_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(OutputError, match="was not written by this version") as caught:
        plan_batch(BatchRequest((archive,), tmp_path))
    assert caught.value.code == "batch-settings"


def test_a_file_instead_of_the_output_folder_is_refused(tmp_path: Path, archive: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="is a file") as caught:
        plan_batch(BatchRequest((archive,), tmp_path / "out"))
    assert caught.value.code == "output-is-a-file"


@pytest.mark.parametrize("name", ["index.html", "report.tsv", "measurements.tsv", "manifest.tsv"])
def test_files_of_others_are_never_overwritten(tmp_path: Path, archive: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(OutputError, match=f"already holds {name}, but no batch") as caught:
        plan_batch(BatchRequest((archive,), tmp_path / "out"))
    assert caught.value.code == "output-exists" and (tmp_path / "out" / name).read_text() == "mine"


def test_a_row_survives_a_power_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda number: written.append(os.fstat(number).st_size))
    with ManifestFile(tmp_path, []) as manifest:
        manifest.add(entry())
        assert written == [(tmp_path / MANIFEST_FILE).stat().st_size]


def test_an_optional_model_that_is_not_installed_is_no_error(tmp_path: Path) -> None:
    for name in (DEFAULT_LOCALIZER, DEFAULT_CLASSIFIER):
        shutil.copytree(models_folder() / name, tmp_path / name)
    settings = settings_of(Options(models_folder=str(tmp_path)), dicom=False, scene=False)
    assert settings.models["segmenter"] == [] and settings.models["localizer"][0].startswith(DEFAULT_LOCALIZER)
    (difference, *_) = settings.differences(settings_of(Options(), dicom=False, scene=False))
    assert difference.startswith("segmenter: lumbar-mr-segmentation") and difference.endswith("now none")
