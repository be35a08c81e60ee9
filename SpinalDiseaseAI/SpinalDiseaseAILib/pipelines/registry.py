"""Registry of the pipelines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ..base.errors import InputError
from ..base.options import Options, Progress
from ..base.report import Point, Report
from ..base.study import Study

if TYPE_CHECKING:
    from .model_store import ModelStore
    from .outlined_studies import OutlinedStudies


class Pipeline(Protocol):
    """From a study to a report."""

    def analyse(
        self, study: Study, options: Options, models: ModelStore, outlined: OutlinedStudies, progress: Progress
    ) -> Report:
        """Find, name and grade every structure."""
        ...

    def regrade(
        self,
        study: Study,
        points: dict[str, Point],
        changed: tuple[str, ...],
        options: Options,
        models: ModelStore,
        outlined: OutlinedStudies,
        progress: Progress,
    ) -> Report:
        """Grade and measure structures again at given points."""
        ...


def _lumbar_mr() -> Pipeline:
    from .lumbar_mr import LumbarMr

    return LumbarMr()


PIPELINES: dict[str, Callable[[], Pipeline]] = {"lumbar-mr": _lumbar_mr}
"""Name to factory; a pipeline is imported only when it is requested."""


def pipeline(name: str) -> Pipeline:
    """The pipeline with the given name.

    :raises InputError: if there is none.
    """
    if name not in PIPELINES:
        raise InputError(f"There is no pipeline {name!r}.", f"Known are {', '.join(PIPELINES)}.", code="pipeline")
    return PIPELINES[name]()
