"""Images and reports that the tests of the base floor share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from SpinalDiseaseAILib.base.corrections import Correction
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.quantities import Measurement
from SpinalDiseaseAILib.base.report import (
    FindingResult,
    ModelProvenance,
    Note,
    Numbering,
    Report,
    SeriesIdentity,
    StructureResult,
)

settings.register_profile("base", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("base")


@pytest.fixture
def small_image() -> Image:
    """2 × 3 × 4 voxels with distinct values, in an oblique frame."""
    affine = np.array([[-2.0, 0.1, 0.3, 10.0], [0.2, -1.5, 0.1, -20.0], [0.1, 0.2, -1.2, 30.0], [0, 0, 0, 1]])
    return Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), affine)


@pytest.fixture
def full_report() -> Report:
    """A report in which every field has a value that is not its default."""
    disc = StructureResult(
        "L4-L5",
        (1.5, -20.25, 1 / 3),
        0.98,
        (
            FindingResult(
                "pfirrmann", {"1": 0.05, "2": 0.1, "3": 0.15, "4": 0.6, "5": 0.1}, "lumbar-mr-degeneration", ("3", "4"), 0.9
            ),
            FindingResult("disc_disease", {"v1": 0.1, "v2": 0.7, "v3": 0.6, "v4": 0.05, "v5": 0.2}, "spinal-disease-2020"),
        ),
        manual=True,
        measurements=(
            Measurement("disc_height_middle", 8.25, lines=(((1.5, -20.0, 4.0), (1.5, -20.5, -4.25)),)),
            Measurement("slip", None, "L4 has no mask."),
        ),
    )
    return Report(
        pipeline="lumbar-mr",
        structures=(StructureResult("L4", (0.0, -18.0, 30.5), 0.875), disc),
        numberings=(Numbering(0, 0.9, "lowest mobile disc is L5-S1"), Numbering(None, 0.1, "cannot number: no sacrum in view")),
        models=(
            ModelProvenance("lumbar-mr-degeneration", "1.0.0", "ab" * 32, "CC-BY-4.0"),
            ModelProvenance("spinal-disease-2020", "1.0.0", "cd" * 32, "research only", True),
        ),
        series=(SeriesIdentity("sagittal T2", "1.2.3.4", "ef" * 32, (4.4, 0.5, 0.5), "1.2.3.5"),),
        study_uid="1.2.3",
        device="cpu",
        seconds={"localize": 0.5, "grade": 0.25, "total": 0.75},
        notes=(Note("gap", "One slice is missing between 4 and 6 – “é”.", "warning"),),
        created="2026-11-21T20:00:00+00:00",
        software="SpinalDiseaseAI 0.1.0",
        measurements=(Measurement("lordosis_l1_s1", 47.5),),
        corrections=(
            Correction("moved", "L1-L2", "reader", "2026-01-02T03:05:00+00:00"),
            Correction("renumbered", "", "reader", "2026-01-02T03:06:00+00:00", -1),
        ),
    )
