"""Files that are completed in a work folder and moved into place, while other programs may have them open."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from SpinalDiseaseAILib.base import files
from SpinalDiseaseAILib.base.files import is_open_elsewhere, move, work_folder


def of_windows(number: int) -> PermissionError:
    error = PermissionError(13, "Der Prozess kann nicht auf die Datei zugreifen")
    error.winerror = number  # type: ignore[attr-defined]
    return error


def replace_that_fails(error: OSError, times: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    replace, failed = os.replace, []

    def fail_first(source: Path, target: Path) -> None:
        if len(failed) < times:
            failed.append(1)
            raise error
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_first)
    return failed


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    return tmp_path / "new", tmp_path / "old"


def test_a_file_replaces_another_one(two: tuple[Path, Path]) -> None:
    move(*two)
    assert two[1].read_text() == "new" and not two[0].exists()


@pytest.mark.parametrize("number", [5, 32, 33])
def test_a_file_that_a_scanner_has_open_for_a_moment_is_moved_once_it_is_closed(
    two: tuple[Path, Path], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = replace_that_fails(of_windows(number), 2, monkeypatch)
    move(*two)
    assert len(failed) == 2 and two[1].read_text() == "new"


def test_waiting_for_other_programs_has_a_limit(two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_PATIENCE", 0.1)
    replace_that_fails(of_windows(32), 10**6, monkeypatch)
    start = time.monotonic()
    with pytest.raises(PermissionError):
        move(*two)
    assert 0.1 < time.monotonic() - start < 2
    assert (two[0].read_text(), two[1].read_text()) == ("new", "old")


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(28, "No space left on device")])
def test_a_permanent_error_is_raised_at_once(two: tuple[Path, Path], error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = replace_that_fails(error, 10**6, monkeypatch)
    with pytest.raises(OSError, match="Permission denied|No space"):
        move(*two)
    assert len(failed) == 1 and not is_open_elsewhere(error)


def test_a_work_folder_has_the_usual_permissions_of_its_parent(tmp_path: Path) -> None:
    (tmp_path / "any").mkdir()
    with work_folder(tmp_path, ".work-") as folder:
        assert folder.stat().st_mode == (tmp_path / "any").stat().st_mode
        assert folder.parent == tmp_path and folder.name.startswith(".work-")


def test_a_work_folder_is_removed_however_its_block_ends(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), work_folder(tmp_path, ".work-") as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "file").touch()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_two_work_folders_in_one_parent_are_separate(tmp_path: Path) -> None:
    with work_folder(tmp_path, ".work-") as first, work_folder(tmp_path, ".work-") as second:
        assert first != second


def test_unfinished_files_of_a_killed_process_are_removed_by_the_next_that_writes_there(tmp_path: Path) -> None:
    program = (
        "import os, pathlib\n"
        "from SpinalDiseaseAILib.base.files import work_folder\n"
        f"with work_folder(pathlib.Path({str(tmp_path)!r}), '.work-') as folder:\n"
        "    (folder / 'half').touch()\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(files.__file__).parents[2])}
    subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    (left,) = tmp_path.iterdir()
    assert (left / "half").exists()
    of_user = tmp_path / ".work-notes"
    of_user.mkdir()
    for folder in (left, of_user):
        os.utime(folder, (time.time() - 3600,) * 2)
    with work_folder(tmp_path, ".work-") as used:
        os.utime(used, (time.time() - 3600,) * 2)
        with work_folder(tmp_path, ".work-"):
            assert used.exists() and of_user.exists() and not left.exists()
