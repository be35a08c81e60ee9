"""A folder that one process holds against others, until it ends in whatever way."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from SpinalDiseaseAILib.base import folders_in_use
from SpinalDiseaseAILib.base.folders_in_use import claimed

HOLD = """
import sys
from pathlib import Path
from SpinalDiseaseAILib.base.folders_in_use import claimed
with claimed(Path(sys.argv[1])) as free:
    print(free, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2] / "SpinalDiseaseAI",
    )
    assert process.stdout is not None and process.stdout.readline() == "True\n"
    yield process
    process.kill()
    process.communicate()


def test_a_folder_that_another_process_holds_is_not_free(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with claimed(tmp_path) as free:
        assert not free
    with claimed(tmp_path) as free:
        assert not free, "asking does not end the claim"
    other.communicate("\n")
    with claimed(tmp_path) as free:
        assert free
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_holds_nothing(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    assert len(list(tmp_path.iterdir())) == 1
    with claimed(tmp_path) as free:
        assert free
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_lets_everyone_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(file: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(folders_in_use, "_lock_file", no_locks)
    with claimed(tmp_path) as free:
        assert free


def test_a_lock_on_a_file_that_is_gone_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = folders_in_use._lock_file

    def lock_too_late(file: object) -> None:
        (tmp_path / ".in-use").unlink()  # as the process does that held it until now
        lock(file)

    monkeypatch.setattr(folders_in_use, "_lock_file", lock_too_late)
    with claimed(tmp_path) as free:
        assert not free
