"""A job that a client gave to its worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..base.errors import Cancelled, SpinalDiseaseAIError
from ..base.masks import Masks
from ..base.options import Progress
from ..base.report import Report
from ..base.study import Study

if TYPE_CHECKING:
    from .job_queue import JobQueue

Result = TypeVar("Result")
_TURN = 0.05  # seconds for which wait() listens before it checks the time


OnError = Callable[[SpinalDiseaseAIError], None]


@dataclass(frozen=True)
class Callbacks(Generic[Result]):
    """Callbacks of a job, called on the thread that dispatches."""

    on_progress: Progress | None
    on_done: Callable[[Result], None] | None
    on_error: OnError | None


class Job(Generic[Result]):
    """Handle of a job, created by :class:`client.WorkerClient`. To be used from the client's thread."""

    def __init__(
        self,
        queue: JobQueue,
        message: dict[str, Any],
        study: Study | None,
        read_result: Callable[[dict[str, Any]], Result],
        callbacks: Callbacks[Result],
    ) -> None:
        """A job that has not been sent yet.

        :param message: message to the worker, without the study.
        :param read_result: converts the worker's JSON values to the result; may raise :class:`errors.SchemaError`.
        """
        self.message = message
        self.study = study
        self.cancelled_at: float | None = None
        self._queue = queue
        self._read_result = read_result
        self._callbacks = callbacks
        self._result: Result | None = None
        self._error: SpinalDiseaseAIError | None = None

    @property
    def finished(self) -> bool:
        """True once there is a result or an error."""
        return self._result is not None or self._error is not None

    def cancel(self) -> None:
        """Request an early end. The job then finishes with :class:`errors.Cancelled`, whatever the worker still sends."""
        if not self.finished and self.cancelled_at is None:
            self.cancelled_at = time.monotonic()
            self._queue.forward_cancellation(self)

    def wait(self, timeout: float | None = None) -> Result:
        """Run the callbacks of all jobs on this thread until the job is finished.

        :param timeout: seconds; None waits as long as it takes.
        :returns: the result.
        :raises SpinalDiseaseAIError: the error with which the job finished.
        :raises TimeoutError: if the job did not finish in time; it continues.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while not self.finished:
            if until is not None and time.monotonic() >= until:
                raise TimeoutError(f"The job did not finish within {timeout} seconds.")
            self._queue.dispatch(_TURN)
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def progressed(self, stage: str, fraction: float, text: str) -> None:
        """Report progress to the caller, whose callback may raise :class:`errors.Cancelled` to cancel the job."""
        if self._callbacks.on_progress is not None and self.cancelled_at is None:
            try:
                self._callbacks.on_progress(stage, fraction, text)
            except Cancelled:
                self.cancel()

    def succeed(self, values: dict[str, Any], read_masks: Callable[[], Masks | None]) -> None:
        """Finish with the worker's result, or with an error if the result cannot be read.

        :param values: JSON values of the result.
        :param read_masks: returns the masks that belong to it, if any; may raise :class:`errors.SchemaError`.
        """
        if self.cancelled_at is not None:
            self.fail(Cancelled())
            return
        try:
            result = self._read_result(values)
            masks = read_masks()
            self._result = replace(result, masks=masks) if masks is not None and isinstance(result, Report) else result
        except SpinalDiseaseAIError as error:
            self.fail(error)
            return
        if self._callbacks.on_done is not None:
            self._callbacks.on_done(self._result)

    def fail(self, error: SpinalDiseaseAIError) -> None:
        """Finish with an error; for a cancelled job it is always :class:`errors.Cancelled`."""
        self._error = error if self.cancelled_at is None else Cancelled()
        if self._callbacks.on_error is not None:
            self._callbacks.on_error(self._error)

    def abandon(self) -> None:
        """Finish as cancelled, without callbacks."""
        self._error = Cancelled()
