"""A scoliotic spine made of simple numbers, and a report on it."""

from __future__ import annotations

import numpy as np
import pytest

from SpinalDiseaseAILib.base import anatomy
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.report import FindingResult, ModelProvenance, Note, Numbering, Report, StructureResult
from SpinalDiseaseAILib.base.study import Role, Series, Study

SLICES, COLUMNS, ROWS = 9, 80, 120
SLICE_OF_ROW = dict(zip(anatomy.KEY_POINTS, (2, 2, 3, 4, 5, 6, 6, 5, 5, 4, 4), strict=True))
FIRST_ROW, ROW_STEP, COLUMN = 12, 9, 40


def probabilities(name: str, favourite: str) -> dict[str, float]:
    names = anatomy.finding(name).class_names
    return {item: 0.7 if item == favourite else 0.3 / (len(names) - 1) for item in names}


@pytest.fixture
def study() -> Study:
    """Slice s has the value 10 (s + 1) everywhere; columns and rows of 2 mm, slices 4 mm apart."""
    voxels = np.repeat(10.0 * (np.arange(SLICES) + 1), COLUMNS * ROWS).reshape(SLICES, COLUMNS, ROWS).astype(np.float32)
    image = Image(voxels, np.diag([-4.0, -2.0, -2.0, 1.0]))
    return Study((Series(Role.SAGITTAL_T2, image, "1.2.3.4", "DOE^JANE lumbar", "1.2.9"),), "1.2.3")


@pytest.fixture
def report(study: Study) -> Report:
    structures = []
    for number, (name, index) in enumerate(SLICE_OF_ROW.items()):
        position = study.primary.image.to_ras((index, COLUMN, FIRST_ROW + ROW_STEP * number))
        findings: tuple[FindingResult, ...] = ()
        if anatomy.structure(name).kind is anatomy.Kind.DISC:
            grade = "4" if name == "L4-L5" else "2"
            findings = (
                FindingResult("pfirrmann", probabilities("pfirrmann", grade), "lumbar-mr-degeneration"),
                FindingResult(
                    "narrowing",
                    probabilities("narrowing", "present" if name == "L4-L5" else "absent"),
                    "lumbar-mr-degeneration",
                ),
            )
        x, y, z = (float(value) for value in position)
        structures.append(StructureResult(name, (x, y, z), 0.9, findings))
    return Report(
        pipeline="lumbar-mr",
        structures=tuple(structures),
        numberings=(Numbering(0, 0.9, "lowest mobile disc is L5-S1"), Numbering(-1, 0.1, "one level higher")),
        models=(ModelProvenance("lumbar-mr-degeneration", "0.1.0", "ab" * 32, "CC BY 4.0"),),
        series=(study.primary.identity(),),
        study_uid="1.2.3",
        device="cpu",
        seconds={"total": 1.5},
        notes=(Note("gap", "One slice <is> missing & noted.", "warning"),),
        created="2026-01-02T03:04:05Z",
        software="SpinalDiseaseAI 0.1.0",
    )
