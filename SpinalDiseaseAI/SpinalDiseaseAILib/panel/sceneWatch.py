"""Detects the closing of a scene during a computation for it: nodes of the next scene have the same IDs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..base.errors import Cancelled
from ..base.options import Progress


class SceneWatch:
    """Notifies when the watched scene is about to be closed. It watches one scene at a time."""

    def __init__(self, onClose: Callable[[], None]) -> None:
        self._onClose = onClose
        self._scene: Any = None
        self._tag = 0

    def start(self, scene: Any) -> None:
        """Watch a vtkMRMLScene instead of any other."""
        if scene is not self._scene:
            self.stop()
            self._scene = scene
            self._tag = scene.AddObserver(scene.StartCloseEvent, self._onStartClose)

    def stop(self) -> None:
        """Stop watching."""
        if self._scene is not None:
            self._scene.RemoveObserver(self._tag)
            self._scene = None

    def _onStartClose(self, caller: Any = None, event: Any = None) -> None:
        self._onClose()


@contextmanager
def unlessClosed(scene: Any, onProgress: Progress) -> Iterator[Progress]:
    """Cancel the work in a ``with`` block once its scene is closed, for example by the user while ``onProgress`` runs events.

    :returns: a function to call with the progress instead of ``onProgress``.
    :raises Cancelled: at the end of the block, if the scene was closed since its start.
    """
    closed: list[bool] = []
    watch = SceneWatch(lambda: closed.append(True))

    def progress(stage: str, fraction: float, message: str) -> None:
        onProgress(stage, fraction, message)
        if closed:
            raise Cancelled

    watch.start(scene)
    try:
        yield progress
    finally:
        watch.stop()
    if closed:
        raise Cancelled
