"""The midline across the slices, on drawn canals."""

from __future__ import annotations

import numpy as np
import pytest

from SpinalDiseaseAILib.steps.lateral import midline

PIXEL = 2.0
ROWS = np.linspace(10, 110, 11)  # map pixels of the key points
POINTS = np.stack([np.full(11, 30.0), ROWS], 1)


def canal(places: np.ndarray, course: np.ndarray, radius: float = 8.0) -> np.ndarray:
    """Maps (S, H, W) of a tube 20 pixels behind the points whose centre follows ``course`` (millimetres) down the rows."""
    maps = np.zeros((len(places), 120, 70), np.float32)
    rows = np.arange(120)
    centre = np.interp(rows, ROWS, course)
    for index, place in enumerate(places):
        half = np.sqrt(np.clip(radius**2 - (place - centre) ** 2, 0, None)) / PIXEL
        columns = np.arange(70)
        maps[index] = np.clip(half[:, None] - np.abs(columns - 45) + 0.5, 0, 1)
    return maps


@pytest.mark.parametrize("step", [4.0, 3.0, 1.0])
@pytest.mark.parametrize(
    "course",
    [np.full(11, 20.0), np.linspace(15, 27, 11), 20 + 6 * np.sin(np.linspace(0, np.pi, 11))],
    ids=["straight", "leaning", "scoliotic"],
)
def test_the_midline_follows_the_canal(step: float, course: np.ndarray) -> None:
    places = np.arange(0, 41, step)
    lateral, evidence = midline(canal(places, course), PIXEL, places, POINTS)
    assert np.abs(lateral - course).max() < 1.0
    assert (evidence > 0).all()


def test_a_wrong_level_is_smoothed_by_the_others() -> None:
    places = np.arange(0, 41, 4.0)
    maps = canal(places, np.full(11, 20.0))
    maps[:, 58:63] = 0
    maps[0, 55:66, 40:50] = 0.4
    lateral, _ = midline(maps, PIXEL, places, POINTS)
    assert np.abs(lateral - 20).max() < 3


def test_without_a_canal_the_middle_of_the_slices_is_used_and_the_evidence_is_zero() -> None:
    places = np.array([0.0, 4.0, 8.0, 12.0])
    lateral, evidence = midline(np.zeros((4, 120, 70), np.float32), PIXEL, places, POINTS)
    assert (lateral == 6.0).all() and (evidence == 0).all()


def test_faint_probabilities_are_not_a_canal() -> None:
    places = np.array([0.0, 4.0, 8.0])
    _, evidence = midline(np.full((3, 120, 70), 0.2, np.float32), PIXEL, places, POINTS)
    assert (evidence == 0).all()


def test_a_single_slice_is_its_own_middle() -> None:
    lateral, evidence = midline(np.ones((1, 120, 70), np.float32), PIXEL, np.array([3.0]), POINTS)
    assert (lateral == 3.0).all() and (evidence == 0).all()


def test_the_midline_never_leaves_the_stack() -> None:
    places = np.arange(0, 13, 4.0)
    lateral, _ = midline(canal(places, np.linspace(-10, 30, 11)), PIXEL, places, POINTS)
    assert lateral.min() >= 0 and lateral.max() <= 12


def test_a_single_level_with_a_canal_gives_its_position_to_all() -> None:
    places = np.arange(0, 41, 4.0)
    maps = canal(places, np.full(11, 24.0))
    maps[:, :100] = 0
    lateral, _ = midline(maps, PIXEL, places, POINTS)
    assert np.abs(lateral - 24).max() < 1.5
