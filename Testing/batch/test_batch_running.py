"""A batch over an archive: each study once, the rest goes on whatever happens to one, and a new run goes on where one stopped."""

from __future__ import annotations

import csv
import logging
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import SimpleITK

from SpinalDiseaseAILib.base.errors import Cancelled, ComputeError, InputError, ModelError, OutputError
from SpinalDiseaseAILib.base.folders_in_use import claimed
from SpinalDiseaseAILib.base.locations import sample_folder
from SpinalDiseaseAILib.base.options import Options
from SpinalDiseaseAILib.batch import running
from SpinalDiseaseAILib.batch.manifest import MANIFEST_FILE, Entry, Status, read_manifest
from SpinalDiseaseAILib.batch.planning import BatchRequest, plan_batch
from SpinalDiseaseAILib.batch.running import Watcher, run_batch
from SpinalDiseaseAILib.reading import open_study
from SpinalDiseaseAILib.writing import SCENE_FILE
from SpinalDiseaseAILib.writing.dicom import results

RESULTS = {"batch.json", "manifest.tsv", "report.tsv", "measurements.tsv", "index.html"}


@pytest.fixture
def run(archive: Path, tmp_path: Path, analyser: Any) -> Callable[..., list[Entry]]:
    """Run a batch over the archive, or over other paths."""

    def run_it(*paths: Path, watcher: Watcher | None = None, scenes: Any = None, **wishes: Any) -> list[Entry]:
        request = BatchRequest(paths or (archive,), tmp_path / "out", **wishes)
        return run_batch(request, plan_batch(request), analyser, watcher, scenes)

    return run_it


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def statuses(entries: list[Entry]) -> list[str]:
    return [entry.status.value for entry in entries]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_every_study_gets_a_folder_and_a_row(run: Any, out: Path) -> None:
    entries = run()
    assert statuses(entries) == ["analyzed"] * 3
    assert {path.name for path in out.iterdir()} == {*RESULTS, *(entry.study for entry in entries)}
    for entry in entries:
        assert {path.name for path in (out / entry.study).iterdir()} == {"report.json", "report.tsv", "measurements.tsv"}
        assert (entry.files, entry.warnings, entry.numbering, entry.seconds, entry.device) == (1, "gap", "0.9000", "0.12", "cpu")
    assert [entry.source for entry in entries] == [f"archive/Doe {name}/t2.nii.gz" for name in ("Anna", "Berta", "Carla")]
    assert read_manifest(out) == {entry.study: entry for entry in entries}


def test_only_the_manifest_says_where_studies_were_found(run: Any, out: Path) -> None:
    run()
    naming = [
        path.name
        for path in out.rglob("*")
        if "Doe" in str(path.relative_to(out)) or b"Doe" in (path.read_bytes() if path.is_file() else b"")
    ]
    assert naming == ["manifest.tsv"]


def test_the_tables_of_a_batch_hold_the_rows_of_every_study(run: Any, out: Path) -> None:
    entries = run()
    for name in ("report.tsv", "measurements.tsv"):
        together = rows(out / name)
        assert together == [{"study": entry.study, **row} for entry in entries for row in rows(out / entry.study / name)]
        assert {row["image_sha256"] for row in together} == {entry.image_sha256 for entry in entries}


def test_the_overview_shows_each_study_and_links_to_its_report(run: Any, out: Path, analyser: Any) -> None:
    analyser.errors[1] = InputError("No spine was found.", code="no-spine")
    first, refused, last = run()
    page = (out / "index.html").read_text(encoding="utf-8")
    for entry in (first, last):
        assert f'href="{entry.study}/report.html"' in page and f'src="{entry.study}/overlay.png"' in page
    assert (
        page.count("<b>Pfirrmann 4</b>") == 10
        and page.count(">Pfirrmann 2 ") == 2
        and "0.72, not sure" in page
        and "narrowing" not in page
    )
    assert refused.study in page and f"{refused.study}/" not in page and "no-spine" in page
    assert "not a medical device" in page


def test_a_second_run_analyses_nothing_again(run: Any, analyser: Any, out: Path) -> None:
    first = run()
    before = {path: path.stat().st_mtime_ns for path in out.glob("study-*/*")}
    assert run() == first and len(analyser.studies) == 3
    assert {path: path.stat().st_mtime_ns for path in out.glob("study-*/*")} == before


def test_a_batch_that_was_stopped_goes_on_with_the_rest(run: Any, analyser: Any, out: Path) -> None:
    analyser.errors[1] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run()
    (finished,) = read_manifest(out).values()
    assert finished.status is Status.ANALYZED and len(rows(out / "report.tsv")) > 0
    assert statuses(run()) == ["analyzed"] * 3
    assert len(analyser.studies) == 4, "the first, the one that was stopped, then it and the last"
    assert len(set(analyser.studies)) == 3


def test_a_run_that_lost_its_power_goes_on_from_the_last_whole_row(run: Any, analyser: Any, out: Path) -> None:
    entries = run()
    path = out / MANIFEST_FILE
    content = path.read_bytes()
    path.write_bytes(content[:-40])
    assert statuses(run()) == ["analyzed"] * 3 and len(analyser.studies) == 4
    assert set(read_manifest(out)) == {entry.study for entry in entries}
    assert path.read_bytes().count(b"\n") == 4


def test_new_and_changed_studies_are_analysed_and_the_others_not(
    run: Any, analyser: Any, archive: Path, make_volume: Callable[[Path], Path], out: Path
) -> None:
    run()
    make_volume(archive / "Doe Dora" / "t2.nii.gz")
    image = SimpleITK.ReadImage(str(archive / "Doe Berta" / "t2.nii.gz"))
    SimpleITK.WriteImage(image + 1, str(archive / "Doe Berta" / "t2.nii.gz"))
    entries = run()
    assert len(analyser.studies) == 5 and statuses(entries) == ["analyzed"] * 4
    assert {row["image_sha256"] for row in rows(out / "report.tsv")} == {entry.image_sha256 for entry in entries}


def test_a_study_whose_results_were_deleted_is_analysed_again(run: Any, analyser: Any, out: Path) -> None:
    shutil.rmtree(out / run()[0].study)
    run()
    assert len(analyser.studies) == 4


def test_a_refused_study_is_not_tried_again_but_a_failed_one_is(run: Any, analyser: Any) -> None:
    analyser.errors = {0: InputError("No spine was found.", code="no-spine"), 1: ComputeError("Killed.", code="worker-killed")}
    assert statuses(run()) == ["refused", "failed", "analyzed"]
    refused, analyzed, again = run()
    assert (refused.code, refused.message) == ("no-spine", "No spine was found.")
    assert statuses([refused, analyzed, again]) == ["refused", "analyzed", "analyzed"] and len(analyser.studies) == 4


def test_results_that_no_longer_hold_are_removed(run: Any, analyser: Any, archive: Path, out: Path) -> None:
    first = run()[0]
    (out / first.study / "remarks.txt").write_text("mine")
    (archive / "Doe Anna" / "t2.nii.gz").write_bytes(b"damaged")
    entry = next(entry for entry in run() if entry.study == first.study)
    assert entry.status is Status.REFUSED
    assert [path.name for path in (out / first.study).iterdir()] == ["remarks.txt"]
    assert first.study not in {row["study"] for row in rows(out / "report.tsv")}


def test_whatever_happens_while_reading_or_writing_one_study_the_others_go_on(
    run: Any, monkeypatch: pytest.MonkeyPatch, out: Path
) -> None:
    opened, written = running.opened_study, running.write_results
    calls: list[str] = []

    def open_or_break(paths: tuple[Path, ...], **wishes: Any) -> AbstractContextManager[Any]:
        if "Anna" in str(paths):
            raise ZeroDivisionError(f"about {paths}")
        return opened(paths, **wishes)

    def write_or_break(*given: Any, **wishes: Any) -> Any:
        calls.append("write")
        if len(calls) == 1:
            raise MemoryError
        return written(*given, **wishes)

    monkeypatch.setattr(running, "opened_study", open_or_break)
    monkeypatch.setattr(running, "write_results", write_or_break)
    entries = run()
    assert [(entry.status.value, entry.code) for entry in entries] == [
        ("failed", "unexpected"),
        ("failed", "out-of-memory"),
        ("analyzed", ""),
    ]
    assert "ZeroDivisionError" in entries[0].message and "Doe" not in entries[0].message
    assert "Analyze this study alone" in entries[0].message and "log" not in entries[0].message
    assert not (out / entries[1].study).exists()


@pytest.mark.parametrize("error", [ModelError("Changed.", code="model-changed"), Cancelled()])
def test_what_every_study_would_meet_stops_the_batch(run: Any, analyser: Any, out: Path, error: Exception) -> None:
    analyser.errors[1] = error
    with pytest.raises(type(error)):
        run()
    assert statuses(list(read_manifest(out).values())) == ["analyzed"] and (out / "index.html").is_file()


def test_a_full_disk_stops_the_batch_with_a_sentence(run: Any, analyser: Any, monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
    def full(*given: Any, **wishes: Any) -> None:
        raise OutputError("The results cannot be written.", code="output-unwritable")

    monkeypatch.setattr(running, "write_results", full)
    with pytest.raises(OutputError):
        run()
    assert read_manifest(out) == {} and len(analyser.studies) <= 2


def test_other_settings_in_the_same_folder_are_refused_before_anything_is_done(run: Any, analyser: Any) -> None:
    run()
    with pytest.raises(OutputError, match=r"other settings \(segmenter: lumbar-mr-segmentation .* now none") as caught:
        run(options=Options(segmenter=""))
    assert caught.value.code == "batch-settings" and len(analyser.studies) == 3
    with pytest.raises(OutputError, match="DICOM files: no, now yes"):
        run(dicom=True)
    assert statuses(run(options=Options(device="cpu"))) == ["analyzed"] * 3, "the device is no setting of a batch"


def test_a_folder_can_hold_the_studies_of_several_archives(
    run: Any, archive: Path, tmp_path: Path, make_volume: Callable[[Path], Path], analyser: Any
) -> None:
    run()
    make_volume(tmp_path / "second" / "Doe Dora" / "t2.nii.gz")
    assert len(run(tmp_path / "second")) == 4 and len(analyser.studies) == 4


def test_results_inside_the_archive_are_not_analysed(
    run: Any, archive: Path, tmp_path: Path, analyser: Any, make_volume: Callable[[Path], Path]
) -> None:
    request = BatchRequest((archive,), archive / "out")
    (entry, *_) = run_batch(request, plan_batch(request), analyser)
    make_volume(archive / "out" / entry.study / "masks.nii.gz")
    shutil.copytree(archive / "out" / entry.study, archive / "earlier results")
    assert len(plan_batch(request).found.studies) == 3
    make_volume(archive / "masks" / "masks.nii.gz")
    assert len(plan_batch(request).found.studies) == 4, "a name alone makes no result"


def test_two_batches_do_not_write_into_one_folder(run: Any, out: Path, analyser: Any) -> None:
    out.mkdir()
    with claimed(out) as free:
        assert free
        with pytest.raises(OutputError, match="Another batch is running") as caught:
            run()
    assert caught.value.code == "batch-running" and analyser.studies == []
    assert statuses(run()) == ["analyzed"] * 3


def test_a_scene_is_written_only_on_request(run: Any, out: Path) -> None:
    class Scenes:
        def write(self, results: Any, path: Path) -> None:
            path.write_bytes(b"scene")

    def scenes() -> AbstractContextManager[Any]:
        return nullcontext(Scenes())

    entries = run(scenes=scenes)
    assert not list(out.glob(f"*/{SCENE_FILE}"))
    shutil.rmtree(out)
    assert len(run(scenes=scenes, scene=True)) == len(list(out.glob(f"*/{SCENE_FILE}"))) == len(entries)


def test_volumes_are_refused_if_dicom_files_are_asked_for(run: Any) -> None:
    pytest.importorskip("highdicom")
    assert {entry.code for entry in run(dicom=True)} == {"not-dicom"}


def test_the_watcher_hears_of_every_study_in_order(run: Any) -> None:
    heard: list[tuple[str, object]] = []

    class Listening(Watcher):
        def started(self, number: int, study: Any) -> None:
            heard.append(("started", number))

        def progressed(self, stage: str, fraction: float, message: str) -> None:
            heard.append((stage, fraction))

        def finished(self, entry: Entry) -> None:
            heard.append(("finished", entry.source))

    run(watcher=Listening())
    assert [what for what in heard if what[0] == "started"] == [("started", number) for number in range(3)]
    assert [what[1] for what in heard if what[0] == "finished"] == sorted(str(what[1]) for what in heard if what[0] == "finished")
    assert [what for what in heard if what[0] == "localization"] == [("localization", 0.5)] * 3


def test_nothing_stays_in_the_temporary_folder(run: Any, temporary_folder: Path, out: Path) -> None:
    run()
    assert list(temporary_folder.iterdir()) == [] and not [path for path in out.iterdir() if path.name.startswith(".")]


def test_a_study_that_is_tried_again_has_one_row(run: Any, analyser: Any, out: Path) -> None:
    analyser.errors[0] = ComputeError("Killed.", code="worker-killed")
    run()
    run()
    assert len(rows(out / MANIFEST_FILE)) == 3


def test_files_in_the_output_folder_are_no_studies(archive: Path, make_volume: Callable[[Path], Path]) -> None:
    make_volume(archive / "out" / "mine" / "t2.nii.gz")
    assert len(plan_batch(BatchRequest((archive,), archive / "out")).found.studies) == 3


def test_the_tables_go_when_no_study_is_left_in_them(run: Any, archive: Path, out: Path) -> None:
    run()
    for path in archive.rglob("*.nii.gz"):
        path.write_bytes(b"damaged")
    assert statuses(run()) == ["refused"] * 3
    assert {path.name for path in out.iterdir()} == RESULTS - {"report.tsv", "measurements.tsv"}


def test_values_of_headers_reach_no_log_while_a_batch_runs(run: Any, analyser: Any) -> None:
    analyse = analyser.analyse_and_wait
    disabled = []

    def analyse_and_look(*given: Any, **wishes: Any) -> Any:
        disabled.append(logging.getLogger("pydicom").disabled)
        return analyse(*given, **wishes)

    analyser.analyse_and_wait = analyse_and_look
    run()
    assert disabled == [True] * 3 and not logging.getLogger("pydicom").disabled


def test_a_missing_highdicom_is_told_before_anything_is_done(
    run: Any, analyser: Any, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "find_spec", lambda name: None)
    with pytest.raises(ComputeError, match="highdicom"):
        run(dicom=True)
    assert not out.exists() and analyser.studies == []


def test_the_row_names_the_series_on_which_levels_were_found(run: Any, analyser: Any) -> None:
    analyse = analyser.analyse_and_wait

    def with_t1(*given: Any, **wishes: Any) -> Any:
        report = analyse(*given, **wishes)
        (t2,) = report.series
        return replace(report, series=(replace(t2, role="sagittal T1", uid="1.1", sha256="ff" * 32), replace(t2, uid="2.2")))

    analyser.analyse_and_wait = with_t1
    entry = run()[0]
    assert entry.series_uid == "2.2" and entry.image_sha256 != "ff" * 32


def test_a_refused_dicom_study_keeps_its_uid(run: Any, analyser: Any, tmp_path: Path) -> None:
    (tmp_path / "dicom").mkdir()
    for path in sorted(sample_folder().rglob("*.dcm"))[:3]:
        shutil.copy(path, tmp_path / "dicom")
    analyser.errors[0] = InputError("No spine was found.", code="no-spine")
    (entry,) = run(tmp_path / "dicom")
    assert entry.status is Status.REFUSED and entry.study_uid == open_study([sample_folder()]).uid


def test_results_whose_removal_fails_are_known_as_results_to_the_next_run(
    run: Any, archive: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = run()[0].study
    (archive / "Doe Anna" / "t2.nii.gz").write_bytes(b"damaged")
    unlink = Path.unlink

    def locked(path: Path, missing_ok: bool = False) -> None:
        if path.name == "report.tsv":
            raise PermissionError(13, "Permission denied", str(path))
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", locked)
        with pytest.raises(OutputError):
            run()
    assert (out / study / "report.json").exists()
    run()
    assert not (out / study).exists()


def test_a_study_whose_files_are_out_of_reach_is_tried_again(archive: Path, tmp_path: Path, analyser: Any, out: Path) -> None:
    request = BatchRequest((archive,), out)
    plan = plan_batch(request)
    archive.rename(tmp_path / "lost drive")
    entries = run_batch(request, plan, analyser)
    assert {(entry.status.value, entry.code) for entry in entries} == {("failed", "missing-path")}
    (tmp_path / "lost drive").rename(archive)
    assert statuses(run_batch(request, plan_batch(request), analyser)) == ["analyzed"] * 3


def test_what_another_batch_finished_after_the_plan_is_not_lost(run: Any, archive: Path, analyser: Any, out: Path) -> None:
    request = BatchRequest((archive,), out)
    plan = plan_batch(request)
    entries = run()
    with pytest.raises(OutputError, match="since this one was planned"):
        run_batch(request, plan, analyser)
    assert list(read_manifest(out).values()) == entries and len(analyser.studies) == 3
