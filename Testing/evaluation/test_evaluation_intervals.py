"""Intervals over patients."""

from __future__ import annotations

import numpy as np
import pytest

from SpinalDiseaseAILib.evaluation.intervals import Figure, patient_bootstrap


def test_the_value_is_of_all_items_and_lies_in_its_interval() -> None:
    values = np.arange(20.0)
    figure = patient_bootstrap([str(i // 2) for i in range(20)], lambda i: float(values[i].mean()))
    assert figure.value == 9.5 and figure.count == 20
    assert figure.low < 9.5 < figure.high


def test_the_seed_determines_the_interval() -> None:
    values = np.random.default_rng(0).normal(size=40)
    patients = [str(index) for index in range(40)]
    one, same, other = (patient_bootstrap(patients, lambda i: float(values[i].mean()), seed=seed) for seed in (1, 1, 2))
    assert one == same and (one.low, one.high) != (other.low, other.high)


def test_images_of_one_patient_are_drawn_together() -> None:
    random = np.random.default_rng(0)
    effect = np.repeat(random.normal(size=20), 10)  # ten identical images per patient
    together = patient_bootstrap([str(index // 10) for index in range(200)], lambda i: float(effect[i].mean()))
    apart = patient_bootstrap([str(index) for index in range(200)], lambda i: float(effect[i].mean()))
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_every_draw_has_as_many_whole_patients_as_there_are() -> None:
    patients = ["a", "b", "a", "c"]
    seen = []
    patient_bootstrap(patients, lambda i: seen.append(sorted(i.tolist())) or 0.0, repeats=50)
    for drawn in seen:
        assert drawn.count(0) == drawn.count(2)  # both images of a
        assert drawn.count(0) + drawn.count(1) + drawn.count(3) == 3
    assert seen[-1] == [0, 1, 2, 3]


def test_the_interval_covers_the_truth_at_about_its_stated_rate() -> None:
    random = np.random.default_rng(0)
    patients = [str(index // 4) for index in range(160)]
    covered = 0
    for trial in range(120):
        values = np.repeat(random.normal(size=40), 4) + random.normal(size=160)
        figure = patient_bootstrap(patients, lambda i, values=values: float(values[i].mean()), repeats=200, seed=trial)
        covered += figure.low <= 0 <= figure.high
    assert 0.87 <= covered / 120 <= 0.99


def test_draws_on_which_the_metric_is_not_defined_are_left_out() -> None:
    truth = np.array([1, 0, 0, 0])
    figure = patient_bootstrap(list("abcd"), lambda i: float("nan") if not truth[i].any() else 0.5)
    assert (figure.low, figure.high) == (0.5, 0.5)
    nowhere = patient_bootstrap(list("abcd"), lambda i: float("nan"), repeats=10)
    assert np.isnan([nowhere.value, nowhere.low, nowhere.high]).all()


@pytest.mark.parametrize(("digits", "text"), [(3, "0.912 (0.880–0.941)"), (1, "0.9 (0.9–0.9)")])
def test_a_figure_reads_with_its_interval(digits: int, text: str) -> None:
    assert Figure(0.9123, 0.88, 0.9412, 5).text(digits) == text
