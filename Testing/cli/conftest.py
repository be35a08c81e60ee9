"""An analysis without networks, and commands in separate processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from SpinalDiseaseAILib.base import anatomy
from SpinalDiseaseAILib.base.locations import sample_folder
from SpinalDiseaseAILib.base.options import Options, Progress, no_progress
from SpinalDiseaseAILib.base.report import FindingResult, ModelProvenance, Note, Numbering, Report, StructureResult
from SpinalDiseaseAILib.base.study import Study

LIBRARY_FOLDER = Path(__file__).parents[2] / "SpinalDiseaseAI"


class GivenAnalyser:
    """Puts the key points on a line through the image and gives every disc the same grade.

    :param error: raised instead of returning a result.
    """

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.options: list[Options] = []

    def analyse(self, study: Study, options: Options = Options(), progress: Progress = no_progress) -> Report:
        self.options.append(options)
        progress("localization", 0.5, "Finding the levels")
        if self.error:
            raise self.error
        image = study.primary.image
        ends = image.to_ras(np.zeros(3)), image.to_ras(np.array(image.voxels.shape) - 1.0)
        places = np.linspace(*ends, len(anatomy.KEY_POINTS) + 2)[1:-1]
        places = places[np.argsort(-places[:, 2])]
        return Report(
            "lumbar-mr",
            tuple(_structure(name, place) for name, place in zip(anatomy.KEY_POINTS, places, strict=True)),
            (Numbering(0, 0.9, "lowest mobile disc is L5-S1"), Numbering(-1, 0.1, "one level higher")),
            (ModelProvenance("given", "1.0", "ab" * 32, "none"),),
            tuple(series.identity() for series in study.series),
            study.uid,
            "cpu",
            {"total": 0.1},
            (Note("gap", "One slice is missing.", "warning"),),
        )


def _structure(name: str, place: np.ndarray) -> StructureResult:
    findings: tuple[FindingResult, ...] = ()
    if anatomy.structure(name).kind is anatomy.Kind.DISC:
        grades = {"1": 0.05, "2": 0.05, "3": 0.08, "4": 0.72, "5": 0.1}
        findings = (
            FindingResult("pfirrmann", grades, "given"),
            FindingResult("narrowing", {"absent": 0.09, "present": 0.91}, "given"),
        )
    x, y, z = (float(value) for value in place)
    return StructureResult(name, (x, y, z), 0.9, findings)


@pytest.fixture
def analyser() -> GivenAnalyser:
    return GivenAnalyser()


@pytest.fixture
def failing_analyser() -> Callable[[BaseException], GivenAnalyser]:
    return GivenAnalyser


@pytest.fixture(scope="session")
def sample() -> Path:
    return sample_folder()


@pytest.fixture(scope="session")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A NIfTI file of nine small sagittal slices without a spine: readable, and quick to draw."""
    image = SimpleITK.GetImageFromArray(np.random.default_rng(0).integers(1, 200, (9, 160, 80)).astype(np.int16))
    image.SetSpacing((1.5, 1.5, 4.0))
    image.SetDirection((0, 0, 1, 1, 0, 0, 0, -1, 0))  # columns to posterior, rows to inferior, slices to the left
    path = tmp_path_factory.mktemp("study") / "sagittal_t2.nii.gz"
    SimpleITK.WriteImage(image, str(path))
    return path


@pytest.fixture
def command() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``python -m SpinalDiseaseAILib`` in a separate process with its outputs in pipes."""

    def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "SpinalDiseaseAILib", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(LIBRARY_FOLDER), "PYTHONUTF8": "1", **variables},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    return run
