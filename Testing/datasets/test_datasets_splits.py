"""The patients of every split are written down, and the rule that makes the splits gives just these."""

from __future__ import annotations

import json
from pathlib import Path

from SpinalDiseaseAILib.datasets.records import SAMPLE_PATIENTS, SPLITS, split_of

WRITTEN = json.loads((Path(__file__).parents[2] / "docs" / "developer" / "splits.json").read_text(encoding="utf-8"))


def test_the_rule_gives_every_patient_the_split_that_is_written_down():
    for dataset, splits in WRITTEN.items():
        assert set(splits) == set(SPLITS)
        for split, patients in splits.items():
            assert {split_of(dataset, patient) for patient in patients} == {split}


def test_no_patient_stands_in_two_splits():
    for splits in WRITTEN.values():
        patients = [patient for listed in splits.values() for patient in listed]
        assert len(patients) == len(set(patients))


def test_the_patients_of_the_sample_are_held_aside():
    assert all(patient in WRITTEN[dataset]["report"] for dataset, patient in SAMPLE_PATIENTS)
