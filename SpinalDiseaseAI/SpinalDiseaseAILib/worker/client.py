"""The client's side of the worker: starts it, gives it jobs, survives its death. Standard library and numpy only.

Everything happens on the thread that calls: results and callbacks come out of :meth:`WorkerClient.dispatch`, which an application
calls from a timer and :meth:`job.Job.wait` calls by itself.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ..base.errors import Cancelled, ComputeError, SpinalDiseaseAIError
from ..base.json_io import report_from_dict
from ..base.options import Options, Progress
from ..base.report import Point, Report
from ..base.study import Study
from .connection import Connection
from .exchange import StudyFiles, remove_stale
from .job import Callbacks, Job, OnError
from .protocol import error_from_dict

_EVENTS_A_TURN = 100  # events taken in before the caller gets its thread back
_SHUTDOWN_GRACE = 1.0  # seconds that an idle worker gets to end by itself


class WorkerClient:
    """Gives jobs to a worker process, one after another; starts the process when it is needed, and again after its death.

    To be used from one thread::

        with WorkerClient() as client:
            report = client.analyse_and_wait(study)

    In an application with an event loop, start a job and call :meth:`dispatch` from a timer, some ten times a second, while
    :attr:`busy`; the callbacks then run on the application's main thread.
    """

    def __init__(
        self,
        python: str | Path | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        on_log: Callable[[str], None] | None = None,
        arguments: Sequence[str] = ("-m", "SpinalDiseaseAILib.worker"),
        start_limit: float = 60.0,
        cancel_grace: float = 5.0,
    ) -> None:
        """Make a client; nothing is started yet.

        :param python: executable of the Python that runs the worker; None for the one that runs this.
        :param environment: variables for the worker beside the caller's own.
        :param on_log: called with every line that the worker logs.
        :param arguments: what the Python runs: something that speaks the worker's protocol.
        :param start_limit: seconds that a worker may take to answer after its start.
        :param cancel_grace: seconds that a cancelled job gets to stop before the worker is ended.
        """
        self._python = str(python or sys.executable)
        self._arguments = tuple(arguments)
        self._environment = environment
        self._on_log = on_log or (lambda line: None)
        self._start_limit = start_limit
        self._cancel_grace = cancel_grace
        self._connection: Connection | None = None
        self._waiting: deque[Job[Any]] = deque()
        self._running: Job[Any] | None = None
        self._files: StudyFiles | None = None  # of the running job, until the worker has read them
        self._job_count = 0

    def __enter__(self) -> WorkerClient:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.shutdown()

    @property
    def busy(self) -> bool:
        """True while a job is not finished."""
        return self._running is not None or bool(self._waiting)

    def start(self) -> None:
        """Start the worker, if none runs, and return at once: it loads what it needs while the caller reads images.

        :raises ComputeError: if the Python cannot be started.
        """
        if self._connection is None:
            remove_stale()
            self._connection = Connection(self._python, self._arguments, self._environment, self._on_log, self._start_limit)

    def shutdown(self) -> None:
        """End the worker and everything that it started. Unfinished jobs end as cancelled; no callback runs any more.

        The client can be used again: the next job starts a new worker.
        """
        grace = 0.0 if self._running else _SHUTDOWN_GRACE
        for job in (self._running, *self._waiting):
            if job is not None:
                job.abandon()
        self._finish()
        self._waiting.clear()
        if self._connection is not None:
            self._connection.send({"type": "shutdown"})
            self._connection.close(grace)
            self._connection = None

    # -- jobs

    def analyse(
        self,
        study: Study,
        options: Options = Options(),
        on_progress: Progress | None = None,
        on_done: Callable[[Report], None] | None = None,
        on_error: OnError | None = None,
    ) -> Job[Report]:
        """Start an analysis and return at once.

        :param study: not to be changed until the job is finished.
        :param on_progress: called with (stage, fraction, message); may raise :class:`errors.Cancelled` to cancel.
        :param on_done: called with the report.
        :param on_error: called with the error, which is :class:`errors.Cancelled` for a cancelled job.
        """
        message = {"type": "analyse", "options": options.to_dict()}
        callbacks = Callbacks(on_progress, on_done, on_error)
        return self._submit(Job(self, message, study, report_from_dict, callbacks))

    def regrade(
        self,
        study: Study,
        points: Mapping[str, Point],
        changed: Sequence[str],
        options: Options = Options(),
        on_progress: Progress | None = None,
        on_done: Callable[[Report], None] | None = None,
        on_error: OnError | None = None,
    ) -> Job[Report]:
        """Start grading at points that a person placed, and return at once.

        The images are not sent again if they are those of the worker's last job.

        :param points: every key point, structure name to RAS millimetres.
        :param changed: names of the structures that are to be graded.
        """
        places = {name: [float(value) for value in point] for name, point in points.items()}
        message = {"type": "regrade", "options": options.to_dict(), "points": places, "changed": list(changed)}
        callbacks = Callbacks(on_progress, on_done, on_error)
        return self._submit(Job(self, message, study, report_from_dict, callbacks))

    def probe(
        self,
        device: str = "auto",
        on_done: Callable[[dict[str, Any]], None] | None = None,
        on_error: OnError | None = None,
    ) -> Job[dict[str, Any]]:
        """Start to try a device out, and return at once; the result is that of ``Analyser.probe``."""
        message = {"type": "probe", "device": device}
        return self._submit(Job(self, message, None, dict, Callbacks(None, on_done, on_error)))

    def analyse_and_wait(self, study: Study, options: Options = Options(), on_progress: Progress | None = None) -> Report:
        """Analyse a study and return its report; an interruption such as Ctrl-C cancels the job.

        :raises SpinalDiseaseAIError: if the analysis fails or is cancelled.
        """
        job = self.analyse(study, options, on_progress)
        try:
            return job.wait()
        except BaseException:
            job.cancel()
            raise

    def _submit(self, job: Job[Any]) -> Job[Any]:
        self._job_count += 1
        job.message["job"] = str(self._job_count)
        self._waiting.append(job)
        return job

    # -- what happens

    def dispatch(self, timeout: float = 0.0) -> None:
        """Take in what the worker sent, run the callbacks and send the next job.

        :param timeout: seconds to wait for something to happen.
        """
        self._begin_next()
        for _ in range(_EVENTS_A_TURN):
            event = self._next_event(timeout)
            if event is None:
                break
            timeout = 0.0
            self._take(event)
        self._enforce_cancellation()
        self._begin_next()

    def forward_cancellation(self, job: Job[Any]) -> None:
        """Tell the worker that a job is to end; called by :meth:`job.Job.cancel`."""
        if job is self._running and self._connection is not None:
            self._connection.send({"type": "cancel", "job": job.message["job"]})

    def _begin_next(self) -> None:
        for job in [item for item in self._waiting if item.cancelled_at is not None]:
            self._waiting.remove(job)
            job.fail(Cancelled())
        while self._running is None and self._waiting:
            try:
                self.start()
                assert self._connection is not None
                if not self._connection.ready:
                    return
                self._running = self._waiting.popleft()
                self._send(self._running, self._connection)
            except ComputeError as error:
                self._fail_job(error)

    def _send(self, job: Job[Any], connection: Connection) -> None:
        message = dict(job.message)
        if job.study is not None:
            key = _key_of(job.study)
            message["study"] = {"key": key}
            if connection.study_key != key:
                connection.study_key = ""  # until the worker says that it has read the new one
                self._files = StudyFiles(job.study)
                message["study"]["path"] = str(self._files.path)
        connection.send(message)

    def _next_event(self, timeout: float) -> dict[str, Any] | None:
        connection = self._connection
        if connection is None:
            return None
        try:
            return connection.next_event(timeout)
        except ComputeError as error:
            # A callback may have dispatched, and lost this worker and started another one already.
            if connection is self._connection:
                self._connection = None
                self._fail_job(error)
            return None

    def _take(self, event: dict[str, Any]) -> None:
        job = self._running
        if job is None or event["job"] != job.message["job"]:
            return
        kind = event["event"]
        if kind == "progress":
            job.progressed(event["stage"], float(event["fraction"]), event["message"])
        elif kind == "study-read":
            self._remove_files()
            if self._connection is not None:
                self._connection.study_key = event["key"]
        elif kind == "done":
            self._finish()
            job.succeed(event["result"])
        elif kind == "error":
            self._finish()
            job.fail(error_from_dict(event["error"]))

    def _enforce_cancellation(self) -> None:
        """End a worker that does not heed a cancellation: it may be deep in a computation, or importing."""
        job = self._running
        if job is None or job.cancelled_at is None or self._connection is None:
            return
        if time.monotonic() - job.cancelled_at > self._cancel_grace:
            self._connection.close()
            self._connection = None
            self._fail_job(Cancelled())

    def _fail_job(self, error: SpinalDiseaseAIError) -> None:
        """Fail the job that the worker was lost with: the running one, else the one that it was started for."""
        job = self._running or (self._waiting.popleft() if self._waiting else None)
        self._finish()
        if job is not None:
            job.fail(error)

    def _finish(self) -> None:
        self._running = None
        self._remove_files()

    def _remove_files(self) -> None:
        if self._files is not None:
            self._files.remove()
            self._files = None


def _key_of(study: Study) -> str:
    """A name for the content of a study: voxels that were changed in place have another one."""
    content = (study.uid, study.notes, [(item.identity(), item.description, item.spacing_known) for item in study.series])
    return hashlib.sha256(repr(content).encode()).hexdigest()
