"""From which probability on a class is predicted, where several can hold together."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from SpinalDiseaseAILib.base.anatomy import finding
from SpinalDiseaseAILib.evaluation.predictions import Graded
from SpinalDiseaseAILib.training.calibration import fit, patient_folds
from SpinalDiseaseAILib.training.thresholds import FEWEST, best_threshold, thresholds_of

CLASSES = finding("disc_disease").class_names
SHARES = (0.5, 0.3, 0.2, 0.06, 0.002)


def discs(patients: int = 200, seed: int = 0) -> Graded:
    """Six discs a patient; probabilities are true, and a rare class is never likely."""
    random = np.random.default_rng(seed)
    odds = np.log(np.array(SHARES) / (1 - np.array(SHARES))) + random.normal(0, 1.2, (6 * patients, len(CLASSES)))
    probability = 1 / (1 + np.exp(-odds))
    truth = (random.random(probability.shape) < probability).astype(float)
    names = tuple(str(index // 6) for index in range(len(truth)))
    return Graded("disc_disease", truth, probability, names, ("L4-L5",) * len(truth))


def test_the_best_threshold_is_the_one_with_the_best_f1() -> None:
    item = discs()
    for truth, probability in zip(item.truth.T, item.probability.T, strict=True):
        best = f1_score(truth, probability >= best_threshold(truth, probability), zero_division=0)
        assert all(best >= f1_score(truth, probability >= other, zero_division=0) for other in np.linspace(0.01, 0.99, 99))


def test_of_true_probabilities_the_best_threshold_is_half_of_the_f1_that_it_reaches() -> None:
    # Lipton et al., 2014: a check by a law that the code does not use.
    item = discs(4000)
    truth, probability = item.truth[:, 1], item.probability[:, 1]
    threshold = best_threshold(truth, probability)
    assert threshold == pytest.approx(f1_score(truth, probability >= threshold) / 2, abs=0.04)


def test_rare_classes_are_named_where_they_are_the_best_guess_and_new_patients_gain_by_it() -> None:
    thresholds, (before, after) = thresholds_of(discs(), patient_folds)
    assert 0 < thresholds[CLASSES.index("v4")] < 0.3 and after > before + 0.05
    new = discs(seed=1)
    macro = [f1_score(new.truth, new.probability >= limits, average="macro", zero_division=0) for limits in (0.5, thresholds)]
    assert macro[1] > macro[0] + 0.05
    assert macro[1] == pytest.approx(after, abs=0.06), "the stated figure is one of new patients"


def test_a_class_that_too_few_have_keeps_one_half() -> None:
    item = discs()
    assert 0 < item.truth[:, 4].sum() < FEWEST
    assert thresholds_of(item, patient_folds)[0][4] == 0.5


def test_thresholds_that_are_no_better_for_other_patients_are_not_taken() -> None:
    item = discs()
    noise = Graded(
        item.name, item.truth, np.random.default_rng(3).random(item.truth.shape) * 0.1 + 0.6, item.patients, item.structures
    )
    thresholds, (before, after) = thresholds_of(noise, patient_folds)
    assert after >= before and all(limit == 0.5 for limit in thresholds[:3])


def test_where_one_class_alone_holds_there_are_no_thresholds() -> None:
    exclusive = Graded("narrowing", np.eye(2)[[0, 1] * 30], np.full((60, 2), 0.5), tuple(map(str, range(60))), ("L4-L5",) * 60)
    with pytest.raises(ValueError, match="most probable"):
        thresholds_of(exclusive, patient_folds)
    assert fit(exclusive).macro_f1 is None and fit(exclusive).calibration.thresholds == ()


def test_a_fitted_calibration_has_them_for_classes_that_hold_together() -> None:
    fitted = fit(discs())
    assert fitted.macro_f1 is not None and fitted.macro_f1[1] > fitted.macro_f1[0]
    assert len(fitted.calibration.thresholds) == len(CLASSES)
