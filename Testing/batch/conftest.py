"""Archives of tiny studies, and an analysis without networks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from SpinalDiseaseAILib.base import anatomy
from SpinalDiseaseAILib.base.options import Options, Progress
from SpinalDiseaseAILib.base.quantities import Measurement
from SpinalDiseaseAILib.base.report import FindingResult, ModelProvenance, Note, Numbering, Report, StructureResult
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.batch import running
from SpinalDiseaseAILib.writing import FORMATS

FEW = ("report.json", "report.tsv", "measurements.tsv")


class GivenAnalyser:
    """Puts the key points on a line through the image.

    :ivar errors: raised for the studies of these numbers, in the order of the calls.
    :ivar studies: the hashes of the studies that it was given.
    """

    def __init__(self) -> None:
        self.errors: dict[int, BaseException] = {}
        self.studies: list[str] = []

    def analyse_and_wait(self, study: Study, options: Options = Options(), on_progress: Progress | None = None) -> Report:
        identity = study.primary.identity()
        self.studies.append(identity.sha256)
        if on_progress is not None:
            on_progress("localization", 0.5, "Finding the levels")
        if error := self.errors.get(len(self.studies) - 1):
            raise error
        image = study.primary.image
        ends = image.to_ras(np.zeros(3)), image.to_ras(np.array(image.voxels.shape) - 1.0)
        places = np.linspace(*ends, len(anatomy.KEY_POINTS) + 2)[1:-1]
        places = places[np.argsort(-places[:, 2])]
        return Report(
            "lumbar-mr",
            tuple(_structure(name, place) for name, place in zip(anatomy.KEY_POINTS, places, strict=True)),
            (Numbering(0, 0.9, "lowest mobile disc is L5-S1"), Numbering(-1, 0.1, "one level higher")),
            (ModelProvenance("given", "1.0", "ab" * 32, "none"),),
            (identity,),
            study.uid,
            "cpu",
            {"total": 0.125},
            (Note("gap", "One slice is missing.", "warning"), Note("series-chosen", "The only one.")),
        )


def _structure(name: str, place: np.ndarray) -> StructureResult:
    x, y, z = (float(value) for value in place)
    if anatomy.structure(name).kind is not anatomy.Kind.DISC:
        return StructureResult(name, (x, y, z), 0.9)
    grades = {"1": 0.05, "2": 0.05, "3": 0.08, "4": 0.72, "5": 0.1}
    if name == "T12-L1":
        grades = {"1": 0.1, "2": 0.6, "3": 0.1, "4": 0.1, "5": 0.1}
    findings = (
        FindingResult("pfirrmann", grades, "given", tuple(grades), 0.9),
        FindingResult("narrowing", {"absent": 0.91, "present": 0.09}, "given"),
    )
    return StructureResult(name, (x, y, z), 0.9, findings, measurements=(Measurement("disc_area", 512.0),))


@pytest.fixture
def analyser() -> GivenAnalyser:
    return GivenAnalyser()


@pytest.fixture(autouse=True)
def few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pictures and masks, which take time."""
    monkeypatch.setattr(running, "FORMATS", {name: FORMATS[name] for name in FEW})


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def archive(tmp_path: Path, make_volume: Callable[[Path], Path]) -> Path:
    """Three volumes in folders that are named after patients."""
    folder = tmp_path / "archive"
    for name in ("Doe Anna", "Doe Berta", "Doe Carla"):
        make_volume(folder / name / "t2.nii.gz")
    return folder


@pytest.fixture
def make_volume() -> Callable[[Path], Path]:
    """Write a sagittal volume whose voxels depend on the name of its folder."""

    def make(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        seed = sum(path.parent.name.encode())
        image = SimpleITK.GetImageFromArray(np.random.default_rng(seed).integers(1, 200, (5, 60, 40)).astype(np.int16))
        image.SetSpacing((4.0, 4.0, 4.0))
        image.SetDirection((0, 0, 1, 1, 0, 0, 0, -1, 0))
        SimpleITK.WriteImage(image, str(path))
        return path

    return make
