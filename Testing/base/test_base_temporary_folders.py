"""Temporary folders contain patient images: nobody else can read or redirect them, and none is left behind."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from SpinalDiseaseAILib.base.temporary_folders import PREFIX, remove_stale, temporary_folder

LIBRARY = Path(__file__).parents[2] / "SpinalDiseaseAI"
SHARED = pytest.mark.skipif(sys.platform == "win32", reason="the temporary folder of Windows is the user's own")


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's temporary folder, which many users may share."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def make_old(path: Path) -> None:
    os.utime(path, (time.time() - 3600,) * 2, follow_symlinks=sys.platform == "win32")


def test_a_folder_is_removed_after_its_block_even_if_the_block_fails(shared: Path) -> None:
    with pytest.raises(RuntimeError), temporary_folder() as folder:
        (folder / "image").write_bytes(b"voxels")
        raise RuntimeError
    assert list(shared.iterdir()) == []


@SHARED
def test_only_this_user_can_open_a_folder(shared: Path) -> None:
    with temporary_folder() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_folders_of_a_killed_process_are_removed_by_the_next(shared: Path) -> None:
    program = (
        "import os, tempfile\n"
        f"tempfile.tempdir = {str(shared)!r}\n"
        "from SpinalDiseaseAILib.base.temporary_folders import temporary_folder\n"
        "with temporary_folder() as folder:\n"
        "    (folder / 'image').write_bytes(b'voxels')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(LIBRARY)}, check=False)
    (left,) = shared.iterdir()
    assert (left / "image").exists()
    make_old(left)
    remove_stale()
    assert list(shared.iterdir()) == []


def test_a_folder_in_use_stays_however_old_it_is(shared: Path) -> None:
    with temporary_folder() as folder:
        make_old(folder)
        remove_stale()
        assert folder.exists()


@SHARED
def test_a_link_that_somebody_put_among_the_folders_is_not_followed(shared: Path, tmp_path: Path) -> None:
    own = tmp_path / "documents"
    own.mkdir()
    (own / "letter").touch()
    make_old(own)
    link = shared / f"{PREFIX}trap"
    link.symlink_to(own)
    make_old(link)
    remove_stale()
    assert [path.name for path in own.iterdir()] == ["letter"]


@SHARED
def test_a_folder_of_another_user_is_not_opened_because_its_lock_may_be_a_pipe_or_a_link(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = shared / f"{PREFIX}trap"
    trap.mkdir()
    target = tmp_path / "made-by-the-trap"
    (trap / "in-use").symlink_to(target)
    make_old(trap)
    monkeypatch.setattr(os, "getuid", lambda: trap.stat().st_uid + 1)
    remove_stale()
    assert trap.exists() and not target.exists()
