"""Stand-ins for self-tests without networks: a drawn volume, and a client that answers without a process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import slicer

from .. import __version__
from ..base import anatomy
from ..base.geometry import Image
from ..base.options import Options, Progress, no_progress
from ..base.report import FindingResult, Numbering, Point, Report, StructureResult
from ..base.study import Role, Series, Study
from ..scene.volumes import addVolumeNode

MODEL = "no model"
_LEVEL_MILLIMETRES = 17.0
_SHAPE = (9, 64, 128)  # sagittal slices, columns to anterior, rows to superior
_SPACING = (4.0, 2.0, 2.0)


def syntheticVolume() -> Any:
    """Add a volume with a bright dot at each key point to the application's scene."""
    affine = np.diag([*_SPACING, 1.0])
    affine[:3, 3] = -np.array(_SHAPE) * _SPACING / 2
    voxels = np.zeros(_SHAPE, dtype=np.int16)
    for point in _points().values():
        i, j, k = np.round(np.linalg.solve(affine, [*point, 1.0])[:3]).astype(int)
        voxels[i, j, k] = 1000
    return addVolumeNode(slicer.mrmlScene, Series(Role.SAGITTAL_T2, Image(voxels, affine), description="Synthetic T2"))


class FakeClient:
    """The part of :class:`worker.client.WorkerClient` that the logic uses; discs are Pfirrmann 4, corrected ones 2."""

    busy = False

    def analyse_and_wait(self, study: Study, options: Options = Options(), on_progress: Progress | None = None) -> Report:
        """A report with every key point."""
        (on_progress or no_progress)("report", 1.0, "Done")
        return _report(study, {name: (point, "4", False) for name, point in _points().items()})

    def regrade(
        self, study: Study, points: dict[str, Point], changed: Sequence[str], options: Options = Options(), *callbacks: Any
    ) -> FakeJob:
        """A job with the changed levels."""
        return FakeJob(lambda: _report(study, {name: (points[name], "2", True) for name in changed}))

    def shutdown(self) -> None:
        """Do nothing: there is no process."""


class FakeJob:
    """A job that is already finished."""

    def __init__(self, result: Callable[[], Report]) -> None:
        self._result = result

    def wait(self) -> Report:
        """The result."""
        return self._result()


def _points() -> dict[str, Point]:
    top = _LEVEL_MILLIMETRES * (len(anatomy.KEY_POINTS) - 1) / 2
    return {name: (0.0, -10.0, top - _LEVEL_MILLIMETRES * index) for index, name in enumerate(anatomy.KEY_POINTS)}


def _report(study: Study, levels: dict[str, tuple[Point, str, bool]]) -> Report:
    return Report(
        pipeline="lumbar-mr",
        structures=tuple(
            StructureResult(name, point, 1.0, (_pfirrmann(grade),) if "-" in name else (), manual)
            for name, (point, grade, manual) in levels.items()
        ),
        numberings=(Numbering(0, 1.0, "as reported"),),
        models=(),
        series=tuple(series.identity() for series in study.series),
        study_uid=study.uid,
        created="2026-01-01T00:00:00+00:00",
        software=f"SpinalDiseaseAI {__version__}",
    )


def _pfirrmann(grade: str) -> FindingResult:
    names = anatomy.finding("pfirrmann").class_names
    return FindingResult("pfirrmann", {name: 0.8 if name == grade else 0.05 for name in names}, MODEL)
