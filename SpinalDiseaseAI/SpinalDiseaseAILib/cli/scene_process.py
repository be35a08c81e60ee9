"""Writes the scene file in a separate process, which loads Slicer's libraries while the study is read and analysed."""

from __future__ import annotations

import contextlib
import importlib.util
import pickle
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from ..base.errors import EXIT_OUTPUT, OutputError
from ..worker.process import NO_WINDOW, worker_environment
from ..writing import SCENE_FILE, Results

_KILLED = -9  # exit status after SIGKILL, which Windows does not have
_WINDOWS_EXCEPTION = 0xC0000000  # exit statuses from here on are Windows exceptions, or Ctrl-C


class SceneProcess:
    """Writes one scene file; a context manager that ends the process on exit.

    The process only saves time: if it cannot be started or fails, this process writes the scene, and can report why that
    fails. Results are written without a scene only if Slicer's libraries crash.

    :ivar remark: why there is no scene although nothing failed; empty if there is one.
    """

    def __init__(self) -> None:
        self.remark = ""
        self._process: subprocess.Popen[bytes] | None = None
        if importlib.util.find_spec("slicer") is None:
            self.remark = (
                f"{SCENE_FILE} was not written: it needs the package slicer-core (pip install 'spinal-disease-ai[scene]')."
            )
            return
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__.partition('.')[0]}.scene"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=worker_environment(),
                creationflags=NO_WINDOW,
            )

    def __enter__(self) -> SceneProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def write(self, results: Results, path: Path) -> None:
        """Write the scene of some results; nothing is written if Slicer's libraries cannot be loaded.

        :raises OutputError: if it cannot be written.
        """
        if self.remark or self._written_there(results, path):
            return
        if self._process is not None and _crashed(self._process.returncode):
            self.remark = f"{SCENE_FILE} was not written: the process that writes it crashed or was terminated."
            return
        try:
            from ..scene.mrb import write_scene
        except Exception as error:  # a broken installation can raise anything
            self.remark = f"{SCENE_FILE} was not written: the libraries of slicer-core cannot be loaded: {error}."
            return
        if not hasattr(sys.modules["slicer"], "vtkMRMLScene"):
            self.remark = f"{SCENE_FILE} was not written: the installed package slicer is not that of slicer-core."
            return
        write_scene(results.report, results.study, path)

    def _written_there(self, results: Results, path: Path) -> bool:
        if self._process is None or self._process.stdin is None:
            return False
        with contextlib.suppress(OSError), self._process.stdin as stream:  # it may have ended already, which its status shows
            pickle.dump((results.report, results.study, path.absolute()), stream)
        if self._process.wait() == EXIT_OUTPUT:
            # Not repeated: Slicer's libraries would flood standard error with messages about a full disk.
            raise OutputError(f"{SCENE_FILE} cannot be written.", remedy="Check whether the disk is full.", code="scene")
        return self._process.returncode == 0


def _crashed(status: int | None) -> bool:
    """True for the exit status of a process that ended by a signal or a Windows exception, as this one would.

    A killed process does not count: the system kills if memory is short, and this process has given some back.
    """
    return status is not None and (status >= _WINDOWS_EXCEPTION or (status < 0 and status != _KILLED))
