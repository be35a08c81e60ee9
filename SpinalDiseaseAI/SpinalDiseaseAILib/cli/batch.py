"""``batch``: every study of an archive, with progress and a summary."""

from __future__ import annotations

import importlib.util
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from ..base.errors import EXIT_COMPUTE, EXIT_INPUT, Cancelled
from ..base.report import DISCLAIMER
from ..batch.manifest import MANIFEST_FILE, Entry, Status
from ..batch.page import OVERVIEW_FILE
from ..batch.planning import BatchRequest, Plan, plan_batch
from ..batch.running import Watcher, run_batch
from ..reading.studies import FoundStudies, FoundStudy
from ..worker.client import WorkerClient
from .output import console, print_json
from .scene_process import SceneProcess

_STYLES = {Status.ANALYZED: "green", Status.REFUSED: "yellow", Status.FAILED: "bold red"}
_FEW = 20  # studies that were not analysed and are named on the terminal; the manifest names all
_COUNT_EVERY = 100  # files


def run(request: BatchRequest, *, as_json: bool, quiet: bool, dry_run: bool) -> int:
    """Run a batch, or list what it would do.

    :returns: exit status: 0 if every study is analysed or refused, 3 if none is analysed, 5 if some failed.
    :raises SpinalDiseaseAIError: if nothing can be done, or the batch must stop.
    """
    start = time.perf_counter()
    if dry_run:
        with _bars(quiet=quiet) as bars:
            plan = plan_batch(request, bars.found)
        print_json(_plan_document(plan)) if as_json else _print_plan(console(), plan)
        return 0
    with _bars(quiet=quiet) as bars, WorkerClient() as client:  # which loads its libraries during the search
        plan = plan_batch(request, bars.found)
        if plan.todo:
            # Without a device or torch every study would fail in the same way.
            client.probe(request.options.device).wait()
        bars.begin(len(plan.todo), len(plan.found.studies))
        try:
            entries = run_batch(request, plan, client, bars, SceneProcess)
        except (KeyboardInterrupt, Cancelled):
            console(errors=True).print(Text("Stopped. The same command goes on with the studies that are left."))
            raise Cancelled from None
    ours = _of_this_input(plan, entries)
    if as_json:
        print_json(_document(request, plan, ours, time.perf_counter() - start))
    elif quiet:
        _print_studies(console(errors=True), [entry for entry in ours if entry.status is Status.FAILED])
    else:
        _print_summary(console(), request, plan, ours, time.perf_counter() - start)
    if any(entry.status is Status.FAILED for entry in ours):
        return EXIT_COMPUTE
    return 0 if any(entry.status is Status.ANALYZED for entry in ours) else EXIT_INPUT


class _Bars(Watcher):
    """Progress on a terminal; ``bar`` is None elsewhere."""

    def __init__(self, bar: Progress | None) -> None:
        self._bar = bar
        self._task = TaskID(0) if bar is None else bar.add_task("Searching for studies", total=None)
        self._name = ""

    def found(self, files: int) -> None:
        """Show the number of files examined so far."""
        if self._bar is not None and files % _COUNT_EVERY == 0:
            self._bar.update(self._task, description=f"Searching for studies: {files} files")

    def begin(self, todo: int, studies: int) -> None:
        """Show the progress of the analyses from now on."""
        if self._bar is not None:
            self._bar.update(self._task, total=studies, completed=studies - todo, description="Starting")

    def started(self, number: int, study: FoundStudy) -> None:
        self._name = study.name

    def progressed(self, stage: str, fraction: float, message: str) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=f"{self._name}: {message or stage}")

    def finished(self, entry: Entry) -> None:
        if self._bar is not None:
            self._bar.advance(self._task)


@contextmanager
def _bars(*, quiet: bool) -> Iterator[_Bars]:
    screen = console(errors=True)
    if quiet or not screen.is_terminal:
        yield _Bars(None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True) as bar:
        yield _Bars(bar)


def _of_this_input(plan: Plan, entries: Sequence[Entry]) -> list[Entry]:
    names = {study.name for study in plan.found.studies}
    return [entry for entry in entries if entry.study in names]


def _remark(request: BatchRequest) -> str:
    if request.scene and importlib.util.find_spec("slicer") is None:
        return "No scene.mrb was written: it needs the package slicer-core (pip install 'spinal-disease-ai[scene]')."
    return ""


def _document(request: BatchRequest, plan: Plan, entries: Sequence[Entry], seconds: float) -> dict[str, Any]:
    remark = _remark(request)
    return {
        "counts": {status.value: sum(entry.status is status for entry in entries) for status in Status},
        "earlier": len(plan.found.studies) - len(plan.todo),
        "studies": [entry.cells() for entry in entries],
        "output": str(request.output),
        "seconds": seconds,
        "remarks": [remark] if remark else [],
    }


def _print_summary(screen: Console, request: BatchRequest, plan: Plan, entries: Sequence[Entry], seconds: float) -> None:
    """Print counts, the studies that were not analysed and why, and where the results are."""
    _print_studies(screen, [entry for entry in entries if entry.status is not Status.ANALYZED])
    counts = Counter(entry.status for entry in entries)
    earlier = len(plan.found.studies) - len(plan.todo)
    line = Text(f"{len(entries)} {_studies(len(entries))}: ")
    line.append(", ".join(f"{counts[status]} {status.value}" for status in Status if counts[status]))
    screen.print(line.append(f"; {earlier} of them by earlier runs." if earlier else "."))
    _print_others(screen, plan.found)
    if remark := _remark(request):
        screen.print(Text(f"Note: {remark}"))
    screen.print(
        Text(f"Written to {request.output}: {OVERVIEW_FILE}, {MANIFEST_FILE}, report.tsv, measurements.tsv; {seconds:.1f} s")
    )
    screen.print(Text(DISCLAIMER, style="yellow"))


def _print_studies(screen: Console, entries: Sequence[Entry]) -> None:
    for entry in entries[:_FEW]:
        screen.print(Text.assemble((f"{entry.study}  {entry.status.value}: ", _STYLES[entry.status]), entry.message))
    if len(entries) > _FEW:
        screen.print(Text(f"… and {len(entries) - _FEW} more; {MANIFEST_FILE} names all."))


def _print_others(screen: Console, found: FoundStudies) -> None:
    counts = (
        (found.unreadable, "files and folders that are damaged or not readable"),
        (found.links, "links, which are not followed"),
        (found.others, "other files"),
    )
    if texts := [f"{count} {text}" for count, text in counts if count]:
        screen.print(Text(f"Left out: {', '.join(texts)}."))


def _state(plan: Plan, study: FoundStudy) -> str:
    entry = plan.kept.get(study.name)
    return entry.status.value if entry else "to be analyzed"


def _plan_document(plan: Plan) -> dict[str, Any]:
    found = plan.found
    return {
        "studies": [
            {"study": item.name, "source": item.source, "files": item.files, "state": _state(plan, item)}
            for item in found.studies
        ],
        "unreadable": found.unreadable,
        "links": found.links,
        "others": found.others,
    }


def _print_plan(screen: Console, plan: Plan) -> None:
    for item in plan.found.studies:
        screen.print(Text(f"{item.name}  {_state(plan, item):<14}  {item.files:>6} files  {item.source}"))
    count = len(plan.found.studies)
    screen.print(Text(f"{count} {_studies(count)}, {len(plan.todo)} to be analyzed."))
    _print_others(screen, plan.found)


def _studies(count: int) -> str:
    return "study" if count == 1 else "studies"
