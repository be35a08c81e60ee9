"""The ruler in the picture, with which readers measure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from SpinalDiseaseAILib.base import anatomy
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.writing.drawing import WHITE, rgb
from SpinalDiseaseAILib.writing.overlay import draw_overlay


def row_of(picture: npt.NDArray[np.uint8], name: str) -> float:
    """Row of the ring around a structure's point."""
    rows, _ = np.nonzero((np.abs(picture.astype(int) - rgb(anatomy.structure(name).colour)) <= 2).all(-1))
    return float(np.median(rows))


def longest_white_line(picture: npt.NDArray[np.uint8]) -> int:
    """Length in pixels of the longest horizontal line in the colour of the ruler."""
    white = np.pad((np.abs(picture.astype(int) - WHITE) <= 2).all(-1), ((0, 0), (1, 1))).astype(int)
    steps = np.diff(white, axis=1)
    starts, ends = np.nonzero(steps == 1), np.nonzero(steps == -1)
    return int((ends[1] - starts[1]).max(initial=0))


@pytest.fixture
def bare(report: Report) -> Report:
    """The report without findings, so that the picture has only the points."""
    return replace(report, structures=tuple(replace(item, findings=()) for item in report.structures))


def test_the_ruler_is_five_centimetres_of_the_patient_long(bare: Report, study: Study) -> None:
    picture = np.asarray(draw_overlay(bare, study))
    heights = {name: bare.structure(name).position[2] for name in ("L1", "L5")}  # type: ignore[union-attr]
    a_millimetre = (row_of(picture, "L5") - row_of(picture, "L1")) / (heights["L1"] - heights["L5"])
    assert longest_white_line(picture) == pytest.approx(50 * a_millimetre, abs=4)


def test_there_is_no_ruler_if_the_millimetres_are_a_guess(bare: Report, study: Study) -> None:
    guessed = replace(study, series=(replace(study.primary, spacing_known=False),))
    assert longest_white_line(np.asarray(draw_overlay(bare, guessed))) < 40
    assert longest_white_line(np.asarray(draw_overlay(bare, study))) > 100
