"""A connection to one worker, from its start and handshake to its end, whatever the cause."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import __version__
from ..base.errors import ComputeError
from .failures import error_of_exit, error_of_missing_packages
from .process import WorkerProcess
from .protocol import MINIMUM_PYTHON, PROTOCOL_VERSION, decode_event, encode

_NOISE_LIMIT = 1000  # lines that a launcher may print before the worker speaks
_LINES_A_TURN = 100  # most lines processed before control returns to the caller, however much a worker logs
_EXIT_GRACE = 2.0  # seconds to wait for the exit status after the end of the output
_SHOWN = 500  # most characters of a line that are shown to a user


class Connection:
    """A worker that was started. After it raised a :class:`errors.ComputeError`, the worker is gone."""

    def __init__(
        self,
        python: str,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None,
        on_log: Callable[[str], None],
        start_limit: float,
    ) -> None:
        """Start the worker; parameters as for :class:`client.WorkerClient`.

        :param start_limit: seconds within which it must say hello.
        :raises ComputeError: if the Python cannot be started.
        """
        self.ready = False  # True once the worker accepts jobs
        self.study_key = ""  # key of the study that the worker holds
        self._python = python
        self._on_log = on_log
        self._start_limit = start_limit
        self._started = time.monotonic()
        self._greeted = False
        self._noise = 0
        self._last_line = ""
        self._process = WorkerProcess(python, arguments, environment)

    @property
    def died_idle(self) -> bool:
        """True if the process of a ready worker has ended; only meaningful while it has no job."""
        return self.ready and self._process.ended

    def send(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self._process.send(encode(message))

    def next_event(self, timeout: float) -> dict[str, Any] | None:
        """The next event about a job; None if there is none within ``timeout`` seconds.

        :raises ComputeError: if the worker ended, cannot be used, or did not answer in time. It is then gone.
        """
        for _ in range(_LINES_A_TURN):
            heard = self._process.hear(timeout)
            if heard is None:
                break
            timeout = 0.0
            kind, line = heard
            if kind == "log":
                self._log(line)
            elif kind == "end":
                raise self._death()
            elif (event := self._event(line)) is not None:
                return event
        if not self._greeted and time.monotonic() - self._started > self._start_limit:
            self.close()
            raise ComputeError(
                f"The analysis process did not answer within {self._start_limit:g} seconds.",
                remedy=f"Analyze again; if it happens again, check that {self._python} starts.",
                code="worker-silent",
            )
        return None

    def close(self, grace: float = 0.0) -> None:
        """End the worker and everything that it started.

        :param grace: seconds that it has to end by itself.
        """
        self._process.end(grace)

    def _event(self, line: bytes) -> dict[str, Any] | None:
        try:
            event = decode_event(line)
        except ValueError:
            self._log(line[:_SHOWN])
            self._noise += 1
            # A launcher may print before the worker claims the stream. After that there are only events.
            if not self._greeted and self._noise <= _NOISE_LIMIT:
                return None
            self.close()
            raise ComputeError(
                "The analysis process sent a message that is not understood.",
                remedy="Analyze again; if it happens again, choose another Python for the analysis.",
                code="worker-protocol",
            ) from None
        if event["event"] == "ready":
            self.ready = True
            return None
        if event["event"] != "hello":
            return event
        error = self._refusal(event)
        if error is not None:
            self.close()
            raise error
        self._greeted = True
        return None

    def _refusal(self, hello: dict[str, Any]) -> ComputeError | None:
        """Why a worker with this hello cannot be used; None if it can."""
        version = tuple(int(part) for part in re.findall(r"\d+", hello["python"])[:2])
        if version < MINIMUM_PYTHON:
            return ComputeError(
                f"{self._python} is Python {hello['python']}.",
                f"Python {'.'.join(map(str, MINIMUM_PYTHON))} or later is needed.",
                "Choose another Python for the analysis.",
                code="wrong-python",
            )
        if (hello["protocol"], hello["software"]) != (PROTOCOL_VERSION, __version__):
            return ComputeError(
                f"The analysis process is version {hello['software']} (protocol {hello['protocol']}).",
                f"This is version {__version__} (protocol {PROTOCOL_VERSION}): it was updated while it was running.",
                "Restart the application.",
                code="worker-version",
            )
        if hello["missing"]:
            return error_of_missing_packages(tuple(map(str, hello["missing"])), self._python)
        return None

    def _death(self) -> ComputeError:
        status = self._process.end(_EXIT_GRACE)
        for line in self._process.rest_of_log():
            self._log(line)
        return error_of_exit(status, self._python, ready=self._greeted, last_line=self._last_line)

    def _log(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip()
        self._last_line = text[:_SHOWN] or self._last_line
        self._on_log(text)
