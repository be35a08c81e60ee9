"""The scene file, written by a process of its own, which loads Slicer's libraries while the study is read and analysed."""

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

_KILLED = -9  # exit status by SIGKILL, which Windows does not know
_WINDOWS_EXCEPTION = 0xC0000000  # from here on, an exit status is an exception of Windows, or Ctrl-C


class SceneProcess:
    """Writes one scene file; a context, after which the process is gone.

    The process only saves time: where it cannot be started, or fails, the scene is written by this one, which can tell why.
    Only where Slicer's libraries crash are the results written without a scene.

    :ivar remark: why there is no scene though nothing failed; empty if there is one.
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
        except Exception as error:  # what a broken installation raises is not known
            self.remark = f"{SCENE_FILE} was not written: the libraries of slicer-core cannot be loaded: {error}."
            return
        if not hasattr(sys.modules["slicer"], "vtkMRMLScene"):
            self.remark = f"{SCENE_FILE} was not written: the installed package slicer is not that of slicer-core."
            return
        write_scene(results.report, results.study, path)

    def _written_there(self, results: Results, path: Path) -> bool:
        if self._process is None or self._process.stdin is None:
            return False
        with contextlib.suppress(OSError), self._process.stdin as stream:  # it may have ended already: its status tells
            pickle.dump((results.report, results.study, path.absolute()), stream)
        if self._process.wait() == EXIT_OUTPUT:
            # Not tried again: Slicer's libraries would fill the error output with what they think of a full disk.
            raise OutputError(f"{SCENE_FILE} cannot be written.", remedy="Check whether the disk is full.", code="scene")
        return self._process.returncode == 0


def _crashed(status: int | None) -> bool:
    """True for the exit status of a process that a signal or an exception of Windows ended: this one would end as it did.

    A process that was killed is none: the system does so where memory is short, and this one has given some back.
    """
    return status is not None and (status >= _WINDOWS_EXCEPTION or (status < 0 and status != _KILLED))
