"""Findings are refined with the masks only by a model that was fitted to the very weights that gave them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from views_of_spine import cropped, study_of

from SpinalDiseaseAILib.base.errors import ModelError
from SpinalDiseaseAILib.base.locations import models_folder
from SpinalDiseaseAILib.base.options import DEFAULT_WEIGHER, Options
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Role, Study
from SpinalDiseaseAILib.models.bundle import METADATA, read_bundle
from SpinalDiseaseAILib.models.metadata import read_metadata, write_metadata
from SpinalDiseaseAILib.pipelines.analyser import Analyser
from SpinalDiseaseAILib.pipelines.grading import OTHER_WEIGHTS
from SpinalDiseaseAILib.pipelines.model_store import ModelStore

WEIGHED = tuple(read_bundle(DEFAULT_WEIGHER).findings)


def words_of(report: Report) -> set[str]:
    """Models that gave the final results of findings that can be refined."""
    return {item.model for part in report.structures for item in part.findings if item.name in WEIGHED}


@pytest.fixture
def slice_of_sample(sample: Study) -> Study:
    return study_of(cropped(sample.primary.image, (10, 0, 0), (11, None, None)))


@pytest.fixture
def changed_models(tmp_path: Path):
    """Makes a folder of models whose weigher has changed metadata."""

    def make(change) -> str:
        shutil.copytree(models_folder(), tmp_path / "models")
        path = tmp_path / "models" / DEFAULT_WEIGHER / METADATA
        document = read_metadata(path)
        change(document)
        write_metadata(path, document)
        return str(tmp_path / "models")

    return make


def test_masks_change_only_the_findings_that_are_refined(slice_of_sample: Study, analyser: Analyser, cpu: Options) -> None:
    weighed = analyser.analyse(slice_of_sample, cpu)
    own = analyser.analyse(slice_of_sample, replace(cpu, weigher=""))
    assert words_of(weighed) == {DEFAULT_WEIGHER} and words_of(own) == set(cpu.classifiers)
    for disc in ("L1-L2", "L4-L5"):
        for item, other in zip(weighed.structure(disc).findings, own.structure(disc).findings, strict=True):
            assert (item.probabilities == other.probabilities) is (item.name not in WEIGHED), item.name


@pytest.mark.parametrize("without", ["masks", "T2"])
def test_without_masks_of_a_t2_the_results_of_the_network_stay_and_there_is_no_warning(
    without: str, slice_of_sample: Study, analyser: Analyser, cpu: Options
) -> None:
    t1 = Study((replace(slice_of_sample.primary, role=Role.SAGITTAL_T1),), slice_of_sample.uid)
    report = analyser.analyse(*((slice_of_sample, replace(cpu, segmenter="")) if without == "masks" else (t1, cpu)))
    assert words_of(report) == set(cpu.classifiers)
    assert not [note for note in report.notes if DEFAULT_WEIGHER in note.text]
    assert DEFAULT_WEIGHER not in [model.name for model in report.models], "it took no part"


def test_the_masks_of_a_t1_do_not_affect_the_degeneration_of_a_disc(
    slice_of_sample: Study, analyser: Analyser, cpu: Options
) -> None:
    t1 = Study((replace(slice_of_sample.primary, role=Role.SAGITTAL_T1),), slice_of_sample.uid)
    found, alone = (analyser.analyse(t1, options) for options in (cpu, replace(cpu, segmenter="")))
    assert found.masks is not None and alone.masks is None
    for disc in ("L1-L2", "L4-L5"):
        result = found.structure(disc).finding("degeneration")
        assert result is not None and result == alone.structure(disc).finding("degeneration")


def test_a_level_regraded_at_the_same_point_has_the_results_of_the_analysis(
    slice_of_sample: Study, analyser: Analyser, cpu: Options
) -> None:
    report = analyser.analyse(slice_of_sample, cpu)
    points = {item.name: item.position for item in report.structures}
    for item in analyser.regrade(slice_of_sample, points, ("L2-L3", "L4-L5"), cpu).structures:
        for again, before in zip(item.findings, report.structure(item.name).findings, strict=True):
            assert (again.name, again.model, again.plausible) == (before.name, before.model, before.plausible)
            assert again.probabilities == pytest.approx(before.probabilities, abs=1e-5)


def test_a_model_that_was_fitted_to_other_weights_is_not_used_and_the_report_says_so(
    slice_of_sample: Study, cpu: Options, changed_models
) -> None:
    folder = changed_models(lambda item: item["options"]["weighs"].update(sha256="0" * 64))
    report = Analyser().analyse(slice_of_sample, replace(cpu, models_folder=folder))
    (note,) = [note for note in report.notes if note.code == OTHER_WEIGHTS]
    assert note.severity == "warning" and DEFAULT_WEIGHER in note.text and cpu.classifiers[0] in note.text
    assert words_of(report) == set(cpu.classifiers)
    assert DEFAULT_WEIGHER not in [model.name for model in report.models]


@pytest.mark.parametrize(
    "change",
    [
        lambda item: item["options"].pop("weighs"),
        lambda item: item["options"].update(weighs="lumbar-mr-degeneration"),
        lambda item: item["options"].update(temperature={WEIGHED[0]: 0}),
        lambda item: item["network"]["arguments"].update(findings=["bulging"]),
        lambda item: item["network"]["arguments"].update(features=3),
        lambda item: item.update(findings={}),
    ],
)
def test_a_weigher_whose_metadata_cannot_be_used_is_refused(change, changed_models) -> None:
    with pytest.raises(ModelError):
        ModelStore().weigher(DEFAULT_WEIGHER, changed_models(change))


def test_another_kind_of_model_is_refused_as_a_weigher() -> None:
    with pytest.raises(ModelError, match="does not weigh findings"):
        ModelStore().weigher("lumbar-mr-disc-grade", "")
