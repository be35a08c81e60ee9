"""Progress on a terminal; nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ..base.options import Progress as Report
from ..base.options import no_progress
from .output import console


@contextmanager
def progress_bar(*, quiet: bool = False) -> Iterator[Report]:
    """Show a bar on standard error during the ``with`` block; it disappears afterwards.

    :param quiet: show nothing, as if standard error were not a terminal.
    """
    screen = console(errors=True)
    if quiet or not screen.is_terminal:
        yield no_progress
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("Starting", total=1.0)

        def show(stage: str, fraction: float, message: str) -> None:
            bar.update(task, completed=fraction, description=message or stage)

        yield show


def part(progress: Report, start: float, end: float) -> Report:
    """Progress of a part of the work, which runs from ``start`` to ``end`` of the whole."""

    def show(stage: str, fraction: float, message: str) -> None:
        progress(stage, start + (end - start) * fraction, message)

    return show
