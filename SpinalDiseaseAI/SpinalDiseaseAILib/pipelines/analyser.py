"""The single entry point for surfaces: it keeps models loaded and runs pipelines."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import torch

from ..base.options import Options, Progress, no_progress
from ..base.report import Note, Point, Report
from ..base.study import Study
from .model_store import ModelStore
from .outlined_studies import OutlinedStudies
from .registry import pipeline

_log = logging.getLogger(__name__)
_DEFAULT = Options()


class Analyser:
    """Runs analyses and keeps models loaded, so that a second study is fast."""

    def __init__(self) -> None:
        self._models = ModelStore()
        self._outlined = OutlinedStudies()

    def analyse(self, study: Study, options: Options = _DEFAULT, progress: Progress = no_progress) -> Report:
        """Find, name and grade every structure of a study.

        :raises InputError: if the study cannot be analysed.
        :raises ModelError: if a model is missing or was changed.
        :raises ComputeError: if there is no such device.
        :raises Cancelled: if ``progress`` raises it.
        """
        chosen = pipeline(options.pipeline)
        return self._run(options, lambda these: chosen.analyse(study, these, self._models, self._outlined, progress))

    def regrade(
        self,
        study: Study,
        points: dict[str, Point],
        changed: tuple[str, ...] = (),
        options: Options = _DEFAULT,
        progress: Progress = no_progress,
    ) -> Report:
        """Grade again at points that a person placed, and measure there if this analyser has outlined the study before.

        :param points: every key point, structure name to RAS millimetres; the neighbours determine the size of a region.
        :param changed: structures to grade; empty for all.
        :returns: a report with the changed structures only; :func:`correcting.with_graded` merges it into the study's report.
        :raises InputError: if the points do not describe a spine.
        """
        chosen = pipeline(options.pipeline)
        return self._run(
            options, lambda these: chosen.regrade(study, points, changed, these, self._models, self._outlined, progress)
        )

    def probe(self, device: str = "auto") -> dict[str, object]:
        """Test a device by running a small network on it.

        :returns: ``{"requested", "device", "description", "fallback"}``; ``fallback`` is a sentence, empty if the device works.
        :raises ComputeError: if the name is not a device.
        """
        found = self._models.device(device)
        return {
            "requested": device,
            "device": str(found.torch_device),
            "description": found.description,
            "fallback": found.fallback,
        }

    def _run(self, options: Options, work: Callable[[Options], Report]) -> Report:
        """Do some work, and repeat it on the CPU if the chosen device fails, for example because it lacks an operation."""
        try:
            return work(options)
        except RuntimeError as error:  # its subclasses report lack of memory and missing operations
            device = self._models.device(options.device)
            if device.torch_device.type == "cpu":
                raise
            with suppress(RuntimeError):  # raised by a device that is broken
                torch.cuda.empty_cache()
            if "out of memory" in str(error).lower():
                return _with_note(work(replace(options, device="cpu")))
            _log.warning("The device %s failed.", device.description, exc_info=error)
            self._models.give_up(options.device, error)
            return work(options)


def _with_note(report: Report) -> Report:
    note = Note("device", "The graphics card had too little free memory; the processor was used.", "warning")
    return replace(report, notes=(*report.notes, note))
