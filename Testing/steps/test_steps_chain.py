"""The chain through peaks, on hand-written candidates."""

from __future__ import annotations

import numpy as np
import pytest

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS, Kind
from SpinalDiseaseAILib.steps.chain import KINDS, OUTSIDE, Candidates, best_chain, numbering_scores

STEP = 17.0
COUNT = len(KEY_POINTS)


def spine(count: int = COUNT, *, above: int = 0, lordosis: float = 15.0) -> np.ndarray:
    """Positions of a spine, from cranial to caudal, (column, row) in millimetres.

    :param above: number of additional structures above T12-L1.
    """
    rows = 60.0 + STEP * np.arange(-above, count)
    return np.stack([100 + lordosis * np.sin((rows - 60) / 60), rows], 1)


def candidates(places: np.ndarray, *, first: int = 0, peak: float = 0.9, outside: float = 1e-4) -> Candidates:
    """Candidates at given positions, where the map of each key point peaks at its own position.

    :param first: index of the key point at the first position, negative if the first positions are not key points.
    """
    kind_of = [KINDS[(index + first) % 2] for index in range(len(places))]
    own = {kind: [index for index, item in enumerate(kind_of) if item is kind] for kind in Kind}
    masses = []
    unseen = np.full(COUNT, outside)
    for number in range(COUNT):
        mass = np.array([peak if index + first == number else 0.001 for index in own[KINDS[number]]])
        masses.append(mass)
        if not 0 <= number - first < len(places):
            unseen[number] = 0.95
    return Candidates({kind: places[own[kind]].reshape(-1, 2) for kind in Kind}, masses, unseen)


def found(given: Candidates) -> dict[str, tuple[float, float]]:
    """Key point to its position in the best chain."""
    chain = best_chain(given)
    assert chain is not None
    return {
        name: tuple(given.places[KINDS[index]][chain.choice[index]])
        for index, name in enumerate(KEY_POINTS)
        if chain.choice[index] != OUTSIDE
    }


def named(places: np.ndarray, first: int = 0) -> dict[str, tuple[float, float]]:
    """Key point to the position where it should be found."""
    return {KEY_POINTS[index + first]: tuple(place) for index, place in enumerate(places) if 0 <= index + first < COUNT}


def test_a_clear_spine_is_named_from_top_to_bottom() -> None:
    assert found(candidates(spine())) == named(spine())


@pytest.mark.parametrize("index", [0, 1, 5, 8, 10])
def test_a_channel_that_responds_to_the_next_level_is_outvoted_by_the_other_ten(index: int) -> None:
    given = candidates(spine())
    masses = given.masses[index]
    masses[:] = np.roll(masses, 1 if index < 9 else -1)
    assert found(given) == named(spine())


@pytest.mark.parametrize("index", [0, 10])
def test_a_channel_at_an_end_that_responds_to_the_next_level_is_left_out_if_it_may_be_outside(index: int) -> None:
    given = candidates(spine(), outside=0.01)
    given.masses[index][:] = np.roll(given.masses[index], 1 if index == 0 else -1)
    assert found(given) == {name: place for name, place in named(spine()).items() if name != KEY_POINTS[index]}


def test_a_channel_that_sees_nothing_takes_the_place_between_its_neighbours() -> None:
    given = candidates(spine())
    given.masses[4][:] = 1e-6
    assert found(given) == named(spine())


def test_false_peaks_beside_the_spine_are_not_taken() -> None:
    places = spine()
    given = candidates(places)
    for kind in Kind:
        given.places[kind] = np.concatenate([given.places[kind], given.places[kind] + (60, 3)])
    for number in range(COUNT):
        given.masses[number] = np.concatenate([given.masses[number], np.full(len(given.masses[number]), 0.05)])
    assert found(given) == named(places)


def test_levels_above_the_first_key_point_are_left_alone() -> None:
    places = spine(above=4)
    assert found(candidates(places, first=-4)) == named(places, -4)


@pytest.mark.parametrize("first", [1, 2, 3, 5])
def test_a_spine_that_begins_below_the_thoracolumbar_junction_keeps_its_names(first: int) -> None:
    places = spine(COUNT - first)
    assert found(candidates(places, first=first)) == named(places, first)


@pytest.mark.parametrize("count", [9, 6, 3])
def test_a_spine_that_is_cut_off_at_the_bottom_keeps_its_names(count: int) -> None:
    assert found(candidates(spine(count))) == named(spine(count))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_structures_are_not_a_spine(count: int) -> None:
    assert best_chain(candidates(spine(count))) is None


def test_peaks_that_no_spine_can_connect_are_not_a_spine() -> None:
    places = np.stack([np.linspace(20, 300, COUNT), np.full(COUNT, 100.0)], 1)  # side by side
    assert best_chain(candidates(places, outside=0.3)) is None


def test_key_points_without_a_candidate_may_be_outside_at_an_end_but_not_in_between() -> None:
    given = candidates(spine())
    given.masses[9] = np.zeros(0)
    given.places[Kind.VERTEBRA] = np.zeros((0, 2))
    for number in range(1, COUNT, 2):
        given.masses[number] = np.zeros(0)
    assert best_chain(given) is None


def test_the_alternatives_to_a_certain_numbering_score_far_lower() -> None:
    given = candidates(spine(above=2), first=-2)
    scores = numbering_scores(given, best_chain(given))
    assert set(scores) == {-1, 0, 1}
    assert max(scores, key=lambda shift: scores[shift]) == 0
    assert scores[0] - max(scores[1], scores[-1]) > 1


def test_two_numberings_that_the_maps_support_equally_have_equal_scores() -> None:
    places = spine(COUNT - 2)
    one, other = candidates(places), candidates(places, first=2)
    masses = [(a + b) / 2 for a, b in zip(one.masses, other.masses, strict=True)]
    given = Candidates(one.places, masses, (one.outside + other.outside) / 2)
    scores = numbering_scores(given, best_chain(given))
    assert sorted(scores.values())[-2] == pytest.approx(scores[0], abs=0.3)
    assert min(scores.values()) < scores[0] - 1


def test_a_shift_that_leaves_the_table_is_not_scored() -> None:
    given = candidates(spine(3))
    assert -1 not in numbering_scores(given, best_chain(given))


def test_a_numbering_that_would_put_most_of_the_spine_outside_the_image_is_not_scored() -> None:
    given = candidates(spine(above=2), first=-2, outside=0.01)
    assert set(numbering_scores(given, best_chain(given))) == {0}


def test_a_chain_goes_through_the_point_that_is_fixed() -> None:
    given = candidates(spine(above=2), first=-2)
    middle = best_chain(given).choice[5]
    chain = best_chain(given, (7, middle))
    assert chain.choice[7] == middle
    assert best_chain(given).score > chain.score
