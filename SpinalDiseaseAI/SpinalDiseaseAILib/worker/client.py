"""The client's side of the worker: starts it, gives it jobs, survives its death. Standard library and numpy only.

Everything happens on the thread that calls: results and callbacks come out of :meth:`WorkerClient.dispatch`, which an application
calls from a timer and :meth:`job.Job.wait` calls by itself.
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
        """Start the worker, if none runs, and return at once: it loads what it needs while the caller reads images.

        :raises ComputeError: if the Python cannot be started.
        """
        self._queue.start()

    def shutdown(self) -> None:
        """End the worker and everything that it started. Unfinished jobs end as cancelled; no callback runs any more.

        The client can be used again: the next job starts a new worker.
        """
        self._queue.shutdown()

    def dispatch(self, timeout: float = 0.0) -> None:
        """Take in what the worker sent, run the callbacks and send the next job.

        :param timeout: seconds to wait for something to happen.
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

        :param study: not to be changed until the job is finished.
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
        """Start grading, and measuring, at points that a person placed, and return at once.

        The images are not sent again if they are those of the worker's last job.

        :param points: every key point, structure name to RAS millimetres.
        :param changed: names of the structures that are to be graded.
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
        """Start to try a device out, and return at once; the result is that of ``Analyser.probe``."""
        message = {"type": "probe", "device": device}
        return self._submit(Job(self._queue, message, None, dict, Callbacks(None, on_done, on_error)))

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

    def _submit(self, job: Job[Result]) -> Job[Result]:
        self._queue.submit(job)
        return job
