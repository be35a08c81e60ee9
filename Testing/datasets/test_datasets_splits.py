"""The patients of every split are written down, and the rule for the splits yields exactly these."""

from __future__ import annotations

import json
from pathlib import Path

from SpinalDiseaseAILib.datasets.records import SAMPLE_PATIENTS, SPLITS, Record, fold_of, split_of, without_fold

WRITTEN = json.loads((Path(__file__).parents[2] / "docs" / "developer" / "splits.json").read_text(encoding="utf-8"))


def test_the_rule_gives_every_patient_the_recorded_split():
    for dataset, splits in WRITTEN.items():
        assert set(splits) == set(SPLITS)
        for split, patients in splits.items():
            assert {split_of(dataset, patient) for patient in patients} == {split}


def test_no_patient_is_in_two_splits():
    for splits in WRITTEN.values():
        patients = [patient for listed in splits.values() for patient in listed]
        assert len(patients) == len(set(patients))


def test_the_patients_of_the_sample_are_held_out():
    assert all(patient in WRITTEN[dataset]["report"] for dataset, patient in SAMPLE_PATIENTS)


def test_every_fold_has_patients_of_every_split():
    patients = [str(number) for number in range(500)]
    for split in SPLITS:
        folds = [fold_of("spider", patient, 5) for patient in patients if split_of("spider", patient) == split]
        assert set(folds) == set(range(5)), f"the patients of {split} are not spread over the folds"
        assert max(map(folds.count, range(5))) < 2 * len(folds) / 5


def test_a_training_sees_every_patient_except_those_in_the_fold_that_it_leaves_out():
    records = tuple(Record("spider", str(n), f"{n}_t2", "T2", Path("absent.png"), None, {}) for n in range(60))
    kept = {item.patient for item in without_fold(records, {"folds": 5, "left_out": 3})}
    left = {item.patient for item in records if fold_of("spider", item.patient, 5) == 3}
    assert left and kept == {item.patient for item in records} - left
    assert without_fold(records, {"folds": 5}) == records
