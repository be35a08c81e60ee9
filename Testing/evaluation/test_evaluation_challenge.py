"""The challenge's score, compared with values worked out by hand and with scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.evaluation.challenge import CLASSES, Claim, Outcome, average_precision, outcome, outcomes_of, summary
from SpinalDiseaseAILib.evaluation.predictions import Assessment, Case, FoundPoint

ONE = (1.0, 1.0)


def of(
    claims: list[tuple[tuple[float, float], float]], truth: dict, step: tuple[float, float] = ONE, radius: float = 6
) -> Outcome:
    return outcome([Claim(*item) for item in claims], truth, step, radius)


def test_a_hit_on_a_structure_with_the_class_is_right() -> None:
    found = of([((3.0, 4.0), 0.8)], {(0.0, 0.0): True})
    assert (found.right.tolist(), found.confidence.tolist(), found.annotated) == ([1], [0.8], 1)


def test_at_six_millimetres_there_is_no_longer_a_hit() -> None:
    assert of([((6.0, 0.0), 0.8)], {(0.0, 0.0): True}).right.tolist() == [0]
    assert of([((5.99, 0.0), 0.8)], {(0.0, 0.0): True}).right.tolist() == [1]


def test_columns_and_rows_are_measured_with_their_own_spacing() -> None:
    assert of([((4.0, 0.0), 1.0)], {(0.0, 0.0): True}, (2.0, 0.5)).right.tolist() == [0]
    assert of([((0.0, 11.0), 1.0)], {(0.0, 0.0): True}, (2.0, 0.5)).right.tolist() == [1]


def test_a_hit_on_a_structure_of_another_class_and_no_hit_at_all_are_false_positives() -> None:
    found = of([((0.0, 0.0), 0.9), ((100.0, 0.0), 0.8)], {(0.0, 0.0): False, (50.0, 0.0): True})
    assert found.right.tolist() == [0, 0] and found.annotated == 1
    assert of([((0.0, 0.0), 0.9)], {}).right.tolist() == [0]


def test_of_several_hits_on_one_structure_the_nearest_counts_and_the_others_do_not() -> None:
    for order in (slice(None), slice(None, None, -1)):
        claims = [((3.0, 0.0), 0.9), ((1.0, 0.0), 0.3), ((2.0, 0.0), 0.7)][order]
        found = of(claims, {(0.0, 0.0): True})
        assert found.right.tolist() == [1] and found.confidence.tolist() == [0.3] and found.annotated == 1


def test_the_nearest_structure_is_the_one_that_is_hit() -> None:
    assert of([((2.0, 0.0), 0.9)], {(0.0, 0.0): True, (3.0, 0.0): False}).right.tolist() == [0]


def test_a_hit_on_a_structure_of_unknown_class_counts_as_neither() -> None:
    found = of([((0.0, 0.0), 0.9)], {(0.0, 0.0): None})
    assert len(found.right) == 0 and found.annotated == 0


def test_average_precision_by_hand() -> None:
    # Right, false, right; one of three missed: precision 1 at recall 1/3 and 2/3 at recall 2/3.
    found = [Outcome(np.array([0.9, 0.5]), np.array([1.0, 1.0]), 2), Outcome(np.array([0.7]), np.array([0.0]), 1)]
    assert average_precision(found) == pytest.approx(1 / 3 * 1 + 1 / 3 * 2 / 3)
    assert np.isnan(average_precision([Outcome(np.array([0.5]), np.array([0.0]), 0)]))
    assert average_precision([Outcome(np.zeros(0), np.zeros(0), 2)]) == 0


def test_if_nothing_is_missed_it_equals_the_average_precision_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    right = (random.random(80) < 0.4).astype(float)
    confidence = np.round(random.random(80) + right / 3, 1)  # with ties
    found = [Outcome(confidence, right, int(right.sum()))]
    assert average_precision(found) == pytest.approx(average_precision_score(right, confidence))


def case(
    tags: dict[str, tuple[str, ...]],
    patient: str = "1",
    *,
    off: float = 0.0,
    down: float = 0.0,
    spacing: tuple[float, float] | None = ONE,
) -> Case:
    """A plane whose structures are 20 pixels apart; the true classes are predicted with certainty.

    :param off: columns by which every point is off.
    :param down: rows by which every point is off.
    """
    points, findings = {}, {}
    for index, name in enumerate(KEY_POINTS):
        key = "disc_disease" if "-" in name else "vertebra_disease"
        names = ("v1", "v2", "v3", "v4", "v5") if "-" in name else ("v1", "v2")
        truth = tags.get(name, ("v1",))
        points[name] = FoundPoint((50.0, 20.0 * index), (50.0 + off, 20.0 * index + down))
        findings[name] = {key: Assessment(truth, {label: float(label in truth) for label in names})}
    return Case(patient, patient, Path("plane.png"), (300, 300), spacing, points, findings)


TAGS = {"L4-L5": ("v2", "v5"), "L5-S1": ("v3",), "L3-L4": ("v4",), "L5": ("v2",)}


def test_with_every_point_and_class_right_the_score_is_one() -> None:
    figures = summary([case(TAGS, "1"), case(TAGS, "2")], repeats=5)
    assert figures["mAP, by probability"].value == figures["mAP, as submitted"].value == 1
    assert {name for name in figures if "average precision as submitted" in name} == {
        f"average precision as submitted, {'disc' if 'disc' in name else 'vertebra'} {key}" for name, key in CLASSES
    }


def test_with_every_point_too_far_away_the_score_is_zero() -> None:
    assert summary([case(TAGS, off=6.5)], repeats=1)["mAP, as submitted"].value == 0


def test_without_a_spacing_six_millimetres_are_a_sixth_of_a_level() -> None:
    for beside in ("off", "down"):
        near, far = (case(TAGS, **{beside: missed}, spacing=None) for missed in (6.6, 6.7))  # a level is 40 pixels
        assert summary([near], repeats=1)["mAP, as submitted"].value == 1
        assert summary([far], repeats=1)["mAP, as submitted"].value == 0


def test_without_a_spacing_or_a_level_nothing_is_hit() -> None:
    """With only one annotated disc, a sixth of a level is undefined, and a distant point is not a hit."""
    said = {name: 1.0 if name == "v2" else 0.0 for name in ("v1", "v2", "v3", "v4", "v5")}
    found = {"L4-L5": {"disc_disease": Assessment(("v2",), said)}}
    case = Case("1", "1", Path("x.png"), (100, 100), None, {"L4-L5": FoundPoint((50.0, 50.0), (95.0, 95.0))}, found)
    assert outcomes_of(case, named_only=False)["disc_disease", "v2"].right.tolist() == [0]


def test_a_structure_that_is_not_found_is_missed() -> None:
    whole = case({"L4-L5": ("v2",)})
    lost = dict(whole.points)
    lost["L4-L5"] = FoundPoint(lost["L4-L5"].truth, None, 0.0)
    findings = whole.findings | {"L4-L5": {"disc_disease": Assessment(("v2",), {})}}
    found = outcomes_of(Case("1", "1", whole.image, whole.size, ONE, lost, findings), named_only=True)["disc_disease", "v2"]
    assert (found.annotated, len(found.right)) == (1, 0)


def test_discs_are_hit_by_discs_and_vertebrae_by_vertebrae() -> None:
    found = outcomes_of(case({}), named_only=True)
    assert found["disc_disease", "v1"].annotated == 6 and found["vertebra_disease", "v1"].annotated == 5
