"""The scene file, written by a process of its own, which loads Slicer's libraries while the study is read and analysed."""

from __future__ import annotations

import contextlib
import importlib.util
import pickle
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from ..worker.process import worker_environment
from ..writing import SCENE_FILE, Results


class SceneProcess:
    """Writes one scene file; a context, after which the process is gone.

    The process only saves time: where it cannot be started, or fails, the scene is written by this one, which can tell why.

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
        try:
            from ..scene.mrb import write_scene
        except ImportError as error:
            self.remark = f"{SCENE_FILE} was not written: the libraries of slicer-core cannot be loaded: {error}."
            return
        write_scene(results.report, results.study, path)

    def _written_there(self, results: Results, path: Path) -> bool:
        if self._process is None or self._process.stdin is None:
            return False
        with contextlib.suppress(OSError):
            pickle.dump((results.report, results.study, path.absolute()), self._process.stdin)
            self._process.stdin.close()
            return self._process.wait() == 0
        return False
