"""The client side of the worker: starts it, gives it jobs, survives its death. Standard library and numpy only.

Everything happens on the caller's thread: :meth:`WorkerClient.dispatch` delivers results and runs callbacks. An application calls
it from a timer; :meth:`job.Job.wait` calls it by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ..base.json_io import report_from_dict
from ..base.options import Options, Progress
from ..base.report import Point, Report
from ..base.study import Study
from .connection import Connection
from .job import Callbacks, Job, OnError, Result
from .job_queue import JobQueue


class WorkerClient:
    """Gives jobs to a worker process, one after another. Starts the process when it is needed, and again after its death.

    Use it from a single thread::

        with WorkerClient() as client:
            report = client.analyse_and_wait(study)

    In an application with an event loop, start a job and call :meth:`dispatch` from a timer, about ten times per second, while
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
        """Create a client without starting a worker.

        :param python: executable of the Python that runs the worker; None for the current one.
        :param environment: variables for the worker in addition to the caller's own.
        :param on_log: called with every line that the worker logs.
        :param arguments: arguments of the Python; the program must speak the worker's protocol.
        :param start_limit: seconds within which a worker must answer after its start.
        :param cancel_grace: seconds that a cancelled job has to stop before the worker is killed.
        """
        executable = str(python or sys.executable)
        log = on_log or (lambda line: None)
        self._queue = JobQueue(lambda: Connection(executable, arguments, environment, log, start_limit), cancel_grace)

    def __enter__(self) -> WorkerClient:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.shutdown()

    @property
    def busy(self) -> bool:
        """True while a job is not finished."""
        return self._queue.busy

    def start(self) -> None:
        """Start the worker if none is running, and return at once: it loads its libraries while the caller reads images.

        :raises ComputeError: if the Python cannot be started.
        """
        self._queue.start()

    def shutdown(self) -> None:
        """End the worker and everything that it started. Unfinished jobs end as cancelled; no more callbacks run.

        The client can be used again: the next job starts a new worker.
        """
        self._queue.shutdown()

    def dispatch(self, timeout: float = 0.0) -> None:
        """Receive the worker's events, run the callbacks and send the next job.

        :param timeout: seconds to wait for an event.
        """
        self._queue.dispatch(timeout)

    def analyse(
        self,
        study: Study,
        options: Options = Options(),
        on_progress: Progress | None = None,
        on_done: Callable[[Report], None] | None = None,
        on_error: OnError | None = None,
    ) -> Job[Report]:
        """Start an analysis and return at once.

        :param study: must not be changed until the job is finished.
        :param on_progress: called with (stage, fraction, message); may raise :class:`errors.Cancelled` to cancel.
        :param on_done: called with the report.
        :param on_error: called with the error, which is :class:`errors.Cancelled` for a cancelled job.
        """
        message = {"type": "analyse", "options": options.to_dict()}
        callbacks = Callbacks(on_progress, on_done, on_error)
        return self._submit(Job(self._queue, message, study, report_from_dict, callbacks))

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
        """Start grading and measuring at points that a person placed, and return at once.

        The images are sent only if they differ from those of the worker's last job. Callbacks as for :meth:`analyse`.

        :param points: every key point, structure name to RAS millimetres.
        :param changed: names of the structures to grade; empty for all.
        """
        places = {name: [float(value) for value in point] for name, point in points.items()}
        message = {"type": "regrade", "options": options.to_dict(), "points": places, "changed": list(changed)}
        callbacks = Callbacks(on_progress, on_done, on_error)
        return self._submit(Job(self._queue, message, study, report_from_dict, callbacks))

    def probe(
        self,
        device: str = "auto",
        on_done: Callable[[dict[str, Any]], None] | None = None,
        on_error: OnError | None = None,
    ) -> Job[dict[str, Any]]:
        """Start a test of a device, and return at once; the result is that of ``Analyser.probe``."""
        message = {"type": "probe", "device": device}
        return self._submit(Job(self._queue, message, None, dict, Callbacks(None, on_done, on_error)))

    def analyse_and_wait(self, study: Study, options: Options = Options(), on_progress: Progress | None = None) -> Report:
        """Analyse a study and return its report; an interrupt such as Ctrl-C cancels the job.

        :raises SpinalDiseaseAIError: if the analysis fails or is cancelled.
        """
        job = self.analyse(study, options, on_progress)
        try:
            return job.wait()
        except BaseException:
            job.cancel()
            raise

    def _submit(self, job: Job[Result]) -> Job[Result]:
        self._queue.submit(job)
        return job
