"""The one object that surfaces talk to: it keeps models loaded and runs pipelines."""

from __future__ import annotations

from ..base.options import Options, Progress, no_progress
from ..base.report import Point, Report
from ..base.study import Study


class Analyser:
    """Runs analyses and keeps what it loaded, so that a second study is fast."""

    def analyse(self, study: Study, options: Options = Options(), progress: Progress = no_progress) -> Report:
        """Find, name and grade every structure of a study."""
        raise NotImplementedError

    def regrade(
        self, study: Study, points: dict[str, Point], changed: tuple[str, ...], options: Options = Options(), progress: Progress = no_progress
    ) -> Report:
        """Grade again at points that a person placed; only the ``changed`` structures are graded.

        :param points: every key point, structure name to RAS millimetres: regions are sized from the neighbours.
        """
        raise NotImplementedError

    def probe(self, device: str = "auto") -> dict[str, object]:
        """What a device is: ``{"requested", "device", "description", "fallback": sentence or ""}``, found by running a small network on it."""
        raise NotImplementedError
