"""Jobs of a client, sent to a worker one at a time; the worker is started when a job needs it, and again after its death."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ..base.errors import Cancelled, ComputeError, InputError, SpinalDiseaseAIError
from ..base.masks import Masks
from ..base.study import Study
from ..base.temporary_folders import remove_stale
from .connection import Connection
from .exchange import ExchangeFolder, StudyFiles
from .job import Job
from .mask_files import read_masks
from .protocol import error_from_dict

_EVENTS_A_TURN = 100  # most events processed before control returns to the caller
_SHUTDOWN_GRACE = 1.0  # seconds that an idle worker has to end by itself


class JobQueue:
    """The unfinished jobs, and the connection to the worker that runs the first of them."""

    def __init__(self, connect: Callable[[], Connection], cancel_grace: float) -> None:
        """An empty queue without a worker.

        :param connect: starts a worker; may raise :class:`errors.ComputeError`.
        :param cancel_grace: seconds that a cancelled job has to stop before the worker is killed.
        """
        self._connect = connect
        self._cancel_grace = cancel_grace
        self._connection: Connection | None = None
        self._waiting: deque[Job[Any]] = deque()
        self._running: Job[Any] | None = None
        self._failed: deque[tuple[Job[Any], SpinalDiseaseAIError]] = deque()  # their callbacks wait for dispatch
        self._files: StudyFiles | None = None  # of the running job, until the worker has read them
        self._results: ExchangeFolder | None = None  # for masks of the running job
        self._job_count = 0

    @property
    def busy(self) -> bool:
        """True while a job is not finished."""
        return self._running is not None or bool(self._waiting) or bool(self._failed)

    def start(self) -> None:
        """Start a worker if none is running, and return at once.

        :raises ComputeError: if it cannot be started.
        """
        if self._connection is None:
            remove_stale()
            self._connection = self._connect()

    def submit(self, job: Job[Any]) -> None:
        """Add a job, and send it if the worker is free. Callbacks run only in :meth:`dispatch`."""
        self._job_count += 1
        job.message["job"] = str(self._job_count)
        self._waiting.append(job)
        self._begin_next()

    def shutdown(self) -> None:
        """End the worker and everything that it started. Unfinished jobs end as cancelled, without callbacks."""
        idle = self._running is None
        for job in (self._running, *self._waiting, *(failed for failed, _ in self._failed)):
            if job is not None:
                job.abandon()
        self._finish()
        self._waiting.clear()
        self._failed.clear()
        if self._connection is not None:
            self._connection.send({"type": "shutdown"})
            self._connection.close(_SHUTDOWN_GRACE if idle and self._connection.ready else 0.0)
            self._connection = None

    def dispatch(self, timeout: float = 0.0) -> None:
        """Receive the worker's events, run the callbacks and send the next job.

        :param timeout: seconds to wait for an event.
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
        while self._failed:
            job, error = self._failed.popleft()
            job.fail(error)

    def forward_cancellation(self, job: Job[Any]) -> None:
        """Ask the worker to end a job; called by :meth:`job.Job.cancel`."""
        if job is self._running and self._connection is not None:
            self._connection.send({"type": "cancel", "job": job.message["job"]})

    def _begin_next(self) -> None:
        for job in [item for item in self._waiting if item.cancelled_at is not None]:
            self._waiting.remove(job)
            self._failed.append((job, Cancelled()))
        while self._running is None and self._waiting:
            if self._connection is not None and self._connection.died_idle:
                self._connection.close()
                self._connection = None  # not an error, because no job was lost
            try:
                self.start()
                assert self._connection is not None
                if not self._connection.ready:
                    return
                self._running = self._waiting.popleft()
                self._send(self._running, self._connection)
            except ComputeError as error:
                self._fail_job(error)
            except ValueError:  # JSON cannot represent a coordinate that is not a number
                found = "A point has a coordinate that is not a number."
                self._fail_job(InputError(found, "Every point needs three coordinates in millimetres.", code="points"))

    def _send(self, job: Job[Any], connection: Connection) -> None:
        message = dict(job.message)
        if message["type"] in ("analyse", "regrade"):
            self._results = ExchangeFolder()
            message["folder"] = str(self._results.folder)
        if job.study is not None:
            key = _key_of(job.study)
            message["study"] = {"key": key}
            if connection.study_key != key:
                connection.study_key = ""  # until the worker reports that it has read the new one
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
            # A callback may have dispatched meanwhile, lost this worker and started another one.
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
            # Keep the folder until the masks are read; the callbacks may start another job, which gets its own folder.
            results, self._results = self._results, None
            self._finish()
            try:
                job.succeed(event["result"], lambda: _masks_of(event, results))
            finally:
                if results is not None:
                    results.remove()
        elif kind == "error":
            self._finish()
            job.fail(error_from_dict(event["error"]))

    def _enforce_cancellation(self) -> None:
        """Kill a worker that does not react to a cancellation: it may be busy computing or importing."""
        job = self._running
        if job is None or job.cancelled_at is None or self._connection is None:
            return
        if time.monotonic() - job.cancelled_at > self._cancel_grace:
            self._connection.close()
            self._connection = None
            self._fail_job(Cancelled())

    def _fail_job(self, error: SpinalDiseaseAIError) -> None:
        """Fail the job that was lost with the worker: the running one, else the one that the worker was started for."""
        job = self._running or (self._waiting.popleft() if self._waiting else None)
        self._finish()
        if job is not None:
            self._failed.append((job, error))

    def _finish(self) -> None:
        self._running = None
        self._remove_files()

        if self._results is not None:
            self._results.remove()
            self._results = None

    def _remove_files(self) -> None:
        if self._files is not None:
            self._files.remove()
            self._files = None


def _masks_of(event: dict[str, Any], results: ExchangeFolder | None) -> Masks | None:
    values = event.get("masks")
    return read_masks(values, results.folder) if values is not None and results is not None else None


def _key_of(study: Study) -> str:
    """A hash of the content of a study, which changes even if voxels are changed in place."""
    content = (study.uid, study.notes, [(item.identity(), item.description, item.spacing_known) for item in study.series])
    return hashlib.sha256(repr(content).encode()).hexdigest()
