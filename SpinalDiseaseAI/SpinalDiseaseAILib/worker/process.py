"""The worker's process from the client's side: starting it, listening to it, and ending it with everything that it started."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Literal

from ..base.errors import ComputeError
from .protocol import MAX_LINE

Heard = tuple[Literal["output", "log", "end"], bytes]

TORCH_ENVIRONMENT = {"PYTORCH_ENABLE_MPS_FALLBACK": "1"}
"""Variables that torch reads when it is loaded: operations that an Apple GPU lacks run on the CPU."""

NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""Flag that keeps a process from opening a console window; it exists only on Windows."""

_LIBRARY_PARENT = Path(__file__).resolve().parents[2]
_OUTPUT_DELAY = 1.0  # seconds by which the output of a process may outlast the process
_LONGEST_END = 5.0  # seconds to wait for a killed process to disappear, while the caller's window is blocked
_LEAST_WAIT = 0.002


def worker_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment of a worker: the caller's own, modified so that Python finds this library and uses unbuffered UTF-8.

    The caller's variables are kept, because Slicer's Python does not run without them.

    :param extra: variables that override all others, except that this library stays first in ``PYTHONPATH``.
    """
    environment = {
        **TORCH_ENVIRONMENT,
        **os.environ,
        "PYTHONUTF8": "1",
        "PYTHONIOENCODING": "utf-8",  # a value in the caller's environment would override PYTHONUTF8
        "PYTHONUNBUFFERED": "1",
        # The current folder is not searched for modules: it may contain anything, even a torch.py.
        "PYTHONSAFEPATH": "1",
        **(extra or {}),
    }
    known = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join([str(_LIBRARY_PARENT), *([known] if known else [])])
    return environment


class WorkerProcess:
    """A started process. Two threads listen to its streams and put every line into a queue, for :meth:`hear`."""

    def __init__(self, python: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start the process in its own group, so that it can be ended with its children and Ctrl-C does not reach it.

        :raises ComputeError: if the executable cannot be started.
        """
        self._heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self._gone_since: float | None = None
        flags = NO_WINDOW
        if sys.platform == "win32":
            flags |= subprocess.CREATE_NEW_PROCESS_GROUP
        try:
            self._process = subprocess.Popen(
                [python, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=worker_environment(environment),
                start_new_session=True,  # has no effect on Windows
                creationflags=flags,
            )
        except OSError as error:
            raise ComputeError(
                f"{python} cannot be started: {error.strerror or type(error).__name__}.",
                "The Python that has PyTorch is needed.",
                "Choose another Python for the analysis.",
                code="no-python",
            ) from error
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._input = self._process.stdin
        # The threads refer to the streams, not to this object, so it is collected when forgotten, which closes its pipe.
        self._threads = [_listen(self._process.stdout, self._heard, "output"), _listen(self._process.stderr, self._heard, "log")]

    @property
    def ended(self) -> bool:
        """True if the process has ended; some of its output may not have been heard yet."""
        return self._process.poll() is not None

    def send(self, line: bytes) -> None:
        """Send a line. If the process is gone, this is noticed only when its output ends."""
        with contextlib.suppress(OSError, ValueError):
            self._input.write(line)
            self._input.flush()

    def hear(self, timeout: float) -> Heard | None:
        """The next item: a line of output, a line of the log, or the end; None if there is none.

        :param timeout: seconds to wait for it. Even with 0 it waits for a moment, which lets the listening threads run: an
            application's event loop may otherwise keep the interpreter to itself.
        """
        with contextlib.suppress(queue.Empty):
            return self._heard.get(timeout=max(timeout, _LEAST_WAIT))
        return ("end", b"") if self._gone_for_long() else None

    def _gone_for_long(self) -> bool:
        """True if the process ended a while ago but its output did not: a launcher was killed, and its child holds the pipe."""
        if self._process.poll() is None:
            return False
        if self._gone_since is None:
            self._gone_since = time.monotonic()
        return time.monotonic() - self._gone_since > _OUTPUT_DELAY

    def end(self, grace: float = 0.0) -> int | None:
        """End the process and everything that it started.

        :param grace: seconds that it has to end by itself; closing its input asks it to.
        :returns: its exit status, the negated signal if another program killed it; None if it had to be killed here.
        """
        with contextlib.suppress(OSError, ValueError):
            self._input.close()
        status: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self._process.wait(grace)
        if sys.platform == "win32":
            _end_tree(self._process.pid)
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # a process that the system does not release
            self._process.wait(_LONGEST_END)
        return status

    def rest_of_log(self) -> list[bytes]:
        """Lines of the log that have not been heard; to be called after the end."""
        for thread in self._threads:
            thread.join(_OUTPUT_DELAY)
        lines = []
        with contextlib.suppress(queue.Empty):
            while True:
                kind, line = self._heard.get_nowait()
                if kind == "log":
                    lines.append(line)
        return lines


def _end_tree(pid: int) -> None:
    """End a process and those that it started on Windows, as far as possible; nothing is raised."""
    # The full path, so that a program of that name in the current folder is not run.
    program = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            [program, "/F", "/T", "/PID", str(pid)],
            # All three are given, because a GUI application may have handles that cannot be inherited.
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            creationflags=NO_WINDOW,
            timeout=_LONGEST_END,
            check=False,
        )


def _listen(stream: IO[bytes], heard: queue.SimpleQueue[Heard], kind: Literal["output", "log"]) -> threading.Thread:
    def run() -> None:
        with stream:
            for line in iter(lambda: stream.readline(MAX_LINE), b""):
                heard.put((kind, line))
        if kind == "output":
            heard.put(("end", b""))

    thread = threading.Thread(target=run, daemon=True, name=f"worker-{kind}")
    thread.start()
    return thread
