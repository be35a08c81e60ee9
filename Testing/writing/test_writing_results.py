"""All files of a report in one folder: completely or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from SpinalDiseaseAILib.base.errors import EXIT_OUTPUT, OutputError
from SpinalDiseaseAILib.base.json_io import report_from_json, report_to_json
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.writing import FORMATS, SCENE_FILE, Results, check_folder, outputs, write_results

TEXTS = {name: FORMATS[name] for name in ("report.json", "report.tsv", "points.mrk.json")}


def test_exactly_the_files_that_the_report_has_content_for_are_written(report: Report, study: Study, tmp_path: Path) -> None:
    files = write_results(report, study, tmp_path / "new folder" / "résultats")
    held = {name for name in FORMATS if not name.startswith(("masks", "measurements"))}
    assert files == {name: tmp_path / "new folder" / "résultats" / name for name in held}
    assert {path.name for path in (tmp_path / "new folder" / "résultats").iterdir()} == held
    assert all(path.stat().st_size > 0 for path in files.values())


def test_the_report_reads_back_equal(report: Report, study: Study, tmp_path: Path) -> None:
    files = write_results(report, study, tmp_path, formats=TEXTS)
    assert report_from_json(files["report.json"].read_text(encoding="utf-8")) == report


def test_no_output_contains_a_description_that_may_name_the_patient(report: Report, study: Study, tmp_path: Path) -> None:
    files = write_results(report, study, tmp_path)
    assert not [name for name, path in files.items() if b"DOE^JANE" in path.read_bytes()]


def test_earlier_results_are_replaced_as_a_whole_and_other_files_stay(report: Report, study: Study, tmp_path: Path) -> None:
    write_results(report, study, tmp_path, formats=TEXTS)
    (tmp_path / SCENE_FILE).write_bytes(b"scene of the earlier report")
    (tmp_path / "report.tsv").write_text("earlier")
    (tmp_path / "notes.txt").write_text("mine")
    write_results(report, study, tmp_path, formats=TEXTS)
    assert {path.name for path in tmp_path.iterdir()} == {*TEXTS, "notes.txt"}
    assert (tmp_path / "report.tsv").read_text() != "earlier"
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("neighbour", [None, "[1, 2]", "not json", '{"schema": "other/report"}'])
def test_a_file_of_another_program_is_not_replaced(report: Report, study: Study, tmp_path: Path, neighbour: str | None) -> None:
    (tmp_path / "report.html").write_text("other")
    if neighbour is not None:
        (tmp_path / "report.json").write_text(neighbour)
    with pytest.raises(OutputError, match=r"already holds .*report\.html.* did not write.*Choose another folder") as caught:
        write_results(report, study, tmp_path, formats=TEXTS)
    assert caught.value.exit_status == EXIT_OUTPUT
    assert (tmp_path / "report.html").read_text() == "other"
    assert not (tmp_path / "report.tsv").exists()


def test_a_file_of_another_program_is_replaced_if_the_user_says_so(report: Report, study: Study, tmp_path: Path) -> None:
    (tmp_path / "report.tsv").write_text("other")
    write_results(report, study, tmp_path, formats=TEXTS, overwrite=True)
    assert (tmp_path / "report.tsv").read_text().startswith("study_uid")


def test_a_file_in_place_of_the_folder_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    with pytest.raises(OutputError, match=r"results is a file\."):
        check_folder(tmp_path / "results")


def test_an_inaccessible_folder_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    for folder in (tmp_path / ("a" * 300), tmp_path / "file" / "results"):
        with pytest.raises(OutputError, match="cannot be written to") as error:
            check_folder(folder)
        assert error.value.code == "output-unwritable"


def test_a_folder_that_cannot_be_created_is_refused_with_a_sentence(report: Report, study: Study, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written to"):
        write_results(report, study, tmp_path / "file" / "results", formats=TEXTS)


@pytest.mark.parametrize(
    ("error", "seen"), [(OSError(28, "No space left on device"), OutputError), (ValueError("bug"), ValueError)]
)
def test_a_failure_leaves_neither_a_folder_nor_incomplete_results(
    report: Report, study: Study, tmp_path: Path, error: Exception, seen: type[Exception]
) -> None:
    def fail(results: Results, path: Path) -> None:
        path.write_text("half")
        raise error

    with pytest.raises(seen):
        write_results(report, study, tmp_path / "results", formats={**TEXTS, "overlay.png": fail})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("moved", [False, True], ids=["before a move", "after a move"])
@pytest.mark.parametrize(
    ("error", "seen"), [(PermissionError(13, "Permission denied"), OutputError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_a_failure_or_ctrl_c_while_files_are_moved_brings_the_earlier_results_back(
    report: Report,
    study: Study,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    seen: type[BaseException],
    moved: bool,
) -> None:
    write_results(report, study, tmp_path, formats=TEXTS)
    (tmp_path / "report.tsv").write_text("earlier")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    move = outputs.move
    failed = []

    def move_but_one(source: Path, target: Path) -> None:
        fails = source.parent.name == "new" and source.name == "report.json" and not failed
        if not fails or moved:
            move(source, target)
        if fails:
            failed.append(source)
            raise error

    monkeypatch.setattr(outputs, "move", move_but_one)
    with pytest.raises(seen):
        write_results(report, study, tmp_path, formats=TEXTS)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_result_that_another_program_has_open_is_named_and_every_earlier_file_stays(
    report: Report, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_results(report, study, tmp_path, formats=TEXTS)
    (tmp_path / "report.json").write_text(report_to_json(report).replace(" ", ""))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    move = outputs.move

    def refuse(source: Path, target: Path) -> None:
        if "report.tsv" in (source.name, target.name):  # like Windows while the file is open in a spreadsheet
            error = PermissionError(13, "The process cannot access the file", str(source))
            error.winerror = 32  # type: ignore[attr-defined]
            raise error
        move(source, target)

    monkeypatch.setattr(outputs, "move", refuse)
    with pytest.raises(OutputError, match=r"another program has report\.tsv open\. Close it there") as caught:
        write_results(report, study, tmp_path, formats=TEXTS)
    assert caught.value.code == "output-open"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_results_are_created_in_a_folder_with_the_permissions_of_their_own(report: Report, study: Study, tmp_path: Path) -> None:
    """On Windows, a file keeps the permissions of the folder in which it was created, and colleagues need the results too."""
    modes = []
    write_results(
        report,
        study,
        tmp_path / "results",
        formats={**TEXTS, "overlay.png": lambda _, path: modes.append(path.parent.parent.stat().st_mode)},
    )
    assert modes == [(tmp_path / "results").stat().st_mode]


def test_an_excessively_nested_foreign_report_is_not_mistaken_for_an_own_one(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("[" * 200_000)
    with pytest.raises(OutputError, match="already holds"):
        check_folder(tmp_path)
