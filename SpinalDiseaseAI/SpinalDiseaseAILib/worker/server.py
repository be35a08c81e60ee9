"""The worker's side: jobs arrive as lines and are run one after another on an analyser that stays loaded.

One thread reads, so that a cancellation is received while a job runs; the main thread computes. The running job notices the
cancellation at its next call of progress.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from ..base.errors import Cancelled, InputError
from ..base.json_io import read_study, report_to_dict
from ..base.options import Options, Progress
from ..base.process_memory import give_back_freed_memory
from ..base.report import Point, Report
from ..base.study import Study
from . import protocol
from .failures import error_of_exception
from .mask_files import write_masks

_GRACE = 2.0  # seconds that a running job has to notice that its client is gone
_IDLE = 30.0  # seconds without a job after which memory kept only for speed is returned to the system
_PARENT_INTERVAL = 1.0  # seconds between checks whether the parent process is alive

_log = logging.getLogger(__name__)


class AnalyserLike(Protocol):
    """Interface of :class:`SpinalDiseaseAILib.pipelines.analyser.Analyser`, which the worker serves."""

    def analyse(self, study: Study, options: Options, progress: Progress) -> Report:
        """Find, name and grade every structure."""

    def regrade(
        self, study: Study, points: dict[str, Point], changed: tuple[str, ...], options: Options, progress: Progress
    ) -> Report:
        """Grade and measure the changed structures again."""

    def probe(self, device: str) -> dict[str, object]:
        """Test a device."""


def serve(make_analyser: Callable[[], AnalyserLike]) -> int:
    """Serve this process's standard input and output until the client shuts the worker down or is gone.

    :param make_analyser: called before the first job, so that its imports are loaded while the client is still busy.
    :returns: exit status.
    """
    incoming, outgoing = _claim_standard_streams()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    return _Server(make_analyser, incoming, outgoing).run()


def _claim_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """Reserve standard input and output for the protocol: libraries read from and print to other places.

    The file descriptors themselves are replaced, because compiled libraries bypass :data:`sys.stdout`.

    :returns: the protocol's input and output, the latter unbuffered.
    """
    sys.stdout.flush()
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return incoming, outgoing


class _Server:
    def __init__(self, make_analyser: Callable[[], AnalyserLike], incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._make_analyser = make_analyser
        self._analyser: AnalyserLike | None = None
        self._incoming = incoming
        self._outgoing = outgoing
        self._sending = threading.Lock()
        self._jobs: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._client_gone = threading.Event()
        self._study: tuple[str, Study] | None = None

    def run(self) -> int:
        self._send(protocol.hello())
        for target in (self._read, self._watch_parent):
            threading.Thread(target=target, daemon=True).start()
        try:
            self._loaded_analyser()
        except Exception:
            # The first job tries again, and reports to its client what is wrong.
            _log.exception("The analyser could not be loaded.")
        self._send({"event": "ready"})
        for message in iter(self._next_job, None):
            self._run_job(message)
        return 0

    def _next_job(self) -> dict[str, Any] | None:
        """The next message; None if there will be no more."""
        try:
            return self._jobs.get(timeout=_IDLE)
        except queue.Empty:
            give_back_freed_memory()
            return self._jobs.get()

    def _loaded_analyser(self) -> AnalyserLike:
        if self._analyser is None:
            self._analyser = self._make_analyser()
        return self._analyser

    # -- reading, on its own thread

    def _read(self) -> None:
        for line in iter(lambda: self._incoming.readline(protocol.MAX_LINE), b""):
            try:
                message = protocol.decode(line)
                kind, job = message["type"], str(message.get("job", ""))
            except (ValueError, KeyError):
                _log.error("A line that is not a message was ignored.")
                continue
            if kind == "cancel":
                self._cancelled.add(job)
            elif kind == "shutdown":
                break
            else:
                self._jobs.put(message)
        self._leave()

    def _watch_parent(self) -> None:
        # If a launcher runs between client and worker, it can be killed while the client's pipe stays open.
        parent = os.getppid()
        while os.getppid() == parent:
            time.sleep(_PARENT_INTERVAL)
        self._leave()

    def _leave(self) -> None:
        """End the process: at once if it is idle, else when the running job notices or the grace period is over."""
        self._client_gone.set()
        self._jobs.put(None)
        time.sleep(_GRACE)
        os._exit(0)

    # -- jobs, on the main thread

    def _run_job(self, message: dict[str, Any]) -> None:
        job = str(message.get("job", ""))

        def check() -> None:
            if job in self._cancelled or self._client_gone.is_set():
                raise Cancelled

        def progress(stage: str, fraction: float, text: str) -> None:
            check()
            self._send({"event": "progress", "job": job, "stage": stage, "fraction": float(fraction), "message": text})

        try:
            check()
            result = self._result(message, progress)
            check()
            answer = protocol.encode({"event": "done", "job": job, **result})
        except Exception as exception:
            error = error_of_exception(exception)
            if error is not exception:
                _log.exception("Job %s failed.", job)
            answer = protocol.encode({"event": "error", "job": job, "error": protocol.error_to_dict(error)})
        self._cancelled.discard(job)
        if not self._client_gone.is_set():  # otherwise the job was cancelled without a request, and nobody is listening
            self._send_line(answer)

    def _result(self, message: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """The fields of the answer: ``result``, and ``masks`` if there are any and the client named a folder for them."""
        kind = message["type"]
        if kind == "probe":
            return {"result": self._loaded_analyser().probe(str(message["device"]))}
        if kind not in ("analyse", "regrade"):
            raise InputError(f"The worker knows no job {kind!r}.", code="unknown-job")
        options = Options.from_dict(message["options"])
        study = self._study_of(message)
        analyser = self._loaded_analyser()
        if kind == "analyse":
            report = analyser.analyse(study, options, progress)
        else:
            points = {name: (float(x), float(y), float(z)) for name, (x, y, z) in message["points"].items()}
            report = analyser.regrade(study, points, tuple(message["changed"]), options, progress)
        masks = report.masks if message.get("folder") else None
        fields = {} if masks is None else {"masks": write_masks(masks, Path(message["folder"]))}
        return {"result": report_to_dict(report), **fields}

    def _study_of(self, message: dict[str, Any]) -> Study:
        """The study of a job: read from the given files, else that of the previous job."""
        key, path = message["study"]["key"], message["study"].get("path")
        if path:
            self._study = None  # before reading, so that two studies are never in memory at the same time
            self._study = key, read_study(Path(path))
            self._send({"event": "study-read", "job": str(message["job"]), "key": key})
        if self._study is None or self._study[0] != key:
            raise InputError("The worker does not have this study.", "The job should name its files.", code="study-unknown")
        return self._study[1]

    # -- sending, from any thread

    def _send(self, message: dict[str, Any]) -> None:
        self._send_line(protocol.encode(message))

    def _send_line(self, line: bytes) -> None:
        with self._sending:
            try:
                while line:
                    line = line[self._outgoing.write(line) :]
            except OSError:  # the reading thread notices too, and ends the process
                self._client_gone.set()
