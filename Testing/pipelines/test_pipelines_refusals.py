"""Studies, models and choices that are refused, each with its own sentence, and notes about doubtful ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from views_of_spine import study_of

from SpinalDiseaseAILib.base.anatomy import FINDINGS
from SpinalDiseaseAILib.base.errors import Cancelled, ComputeError, InputError, ModelError
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.locations import models_folder
from SpinalDiseaseAILib.base.options import Options
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Role, Series, Study
from SpinalDiseaseAILib.models.bundle import METADATA, read_bundle
from SpinalDiseaseAILib.models.metadata import read_metadata, write_metadata
from SpinalDiseaseAILib.pipelines.analyser import Analyser

SAGITTAL = np.diag([-4.0, -0.9, -0.9, 1.0])
AXIAL = np.diag([-0.8, -0.8, 4.4, 1.0])


def noise(shape: tuple[int, int, int], kind: type = np.int16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, shape).astype(kind)


def with_hole() -> np.ndarray:
    voxels = noise((5, 160, 200), np.float32)
    voxels[2, 50:60, 50:60] = np.nan
    return voxels


def box() -> np.ndarray:
    voxels = np.zeros((5, 160, 200), dtype=np.uint8)
    voxels[1:4, 40:90, 50:150] = 200
    return voxels


@pytest.mark.parametrize("factor", [0.45, 1.9])
def test_levels_that_do_not_have_the_size_of_lumbar_ones_are_refused(
    factor: float, sample: Study, analyser: Analyser, cpu: Options
) -> None:
    image = sample.primary.image
    with pytest.raises(InputError) as caught:
        analyser.analyse(study_of(Image(image.voxels, np.diag([1.0, factor, factor, 1.0]) @ image.affine)), cpu)
    assert caught.value.code in ("not-lumbar", "no-spine")


@pytest.mark.parametrize(
    ("voxels", "affine", "code"),
    [
        pytest.param(noise((5, 160, 200)), SAGITTAL, "no-spine", id="noise"),
        pytest.param(box(), SAGITTAL, "no-spine", id="a box"),
        pytest.param(np.full((5, 160, 200), 7), SAGITTAL, "constant", id="one value"),
        pytest.param(np.zeros((5, 160, 200), np.uint8), SAGITTAL, "constant", id="black"),
        pytest.param(with_hole(), SAGITTAL, "nan-voxels", id="NaN"),
        pytest.param(noise((160, 160, 25)), AXIAL, "not-sagittal", id="axial"),
        pytest.param(noise((5, 160, 60)), SAGITTAL, "field-of-view", id="54 mm high"),
        pytest.param(noise((5, 160, 1100)), SAGITTAL, "field-of-view", id="990 mm high"),
        pytest.param(noise((5, 160, 200)) > 100, SAGITTAL, "not-grey", id="a mask"),
        pytest.param(noise((5, 160, 200), np.complex64), SAGITTAL, "not-grey", id="complex"),
    ],
)
def test_an_image_without_a_lumbar_spine_is_refused_with_its_own_sentence(
    voxels: np.ndarray, affine: np.ndarray, code: str, analyser: Analyser, cpu: Options
) -> None:
    with pytest.raises(InputError) as caught:
        analyser.analyse(study_of(Image(voxels, affine)), cpu)
    assert caught.value.code == code and str(caught.value).endswith(".")


def test_a_classifier_does_not_find_points_and_a_localizer_does_not_grade(
    sample: Study, analyser: Analyser, cpu: Options
) -> None:
    for options in (replace(cpu, localizer=cpu.classifiers[0]), replace(cpu, classifiers=(cpu.localizer,))):
        with pytest.raises(ModelError, match="its task is") as caught:
            analyser.analyse(sample, options)
        assert caught.value.code == "model-task"


def test_a_missing_model_is_refused(sample: Study, analyser: Analyser, cpu: Options) -> None:
    with pytest.raises(ModelError, match="lumbar-mr-localizer") as caught:
        analyser.analyse(sample, replace(cpu, localizer="nothing"))
    assert caught.value.code == "model-unknown"


def test_an_unknown_pipeline_or_device_is_refused(sample: Study, analyser: Analyser, cpu: Options) -> None:
    with pytest.raises(InputError, match="lumbar-mr"):
        analyser.analyse(sample, replace(cpu, pipeline="brain"))
    with pytest.raises(ComputeError, match="tpu9"):
        analyser.analyse(sample, replace(cpu, device="tpu9"))


def test_a_missing_device_gives_a_warning_and_the_same_result(sample: Study, analyser: Analyser, cpu: Options) -> None:
    if torch.cuda.is_available():
        pytest.skip("There is a graphics card.")
    report = analyser.analyse(sample, replace(cpu, device="cuda"))
    assert report.device == "cpu"
    assert ["processor is used" in note.text for note in report.notes if note.code == "device"] == [True]


@pytest.fixture
def copied_models(tmp_path: Path) -> Path:
    """A copy of the default models."""
    defaults = Options()
    for name in (defaults.localizer, defaults.segmenter, *defaults.classifiers, defaults.weigher, defaults.grader):
        shutil.copytree(models_folder() / name, tmp_path / "models" / name)
    return tmp_path / "models"


Change = Callable[[dict[str, object]], object]


def changed(folder: Path, name: str, change: Change) -> None:
    path = folder / name / METADATA
    document = read_metadata(path)
    change(document)
    write_metadata(path, document)


def test_a_research_only_model_is_marked_in_the_report(sample: Study, cpu: Options, copied_models: Path) -> None:
    changed(copied_models, cpu.classifiers[0], lambda item: item.update(research_only=True))
    report = Analyser().analyse(sample, replace(cpu, models_folder=str(copied_models)))
    assert report.research_only
    texts = [note.text for note in report.notes if note.code == "research-only" and note.severity == "warning"]
    assert len(texts) == 1 and cpu.classifiers[0] in texts[0] and cpu.localizer not in texts[0]


def test_several_classifiers_grade_one_after_another(sample: Study, cpu: Options, copied_models: Path) -> None:
    first = cpu.classifiers[0]
    shutil.copytree(copied_models / first, copied_models / "second")
    changed(copied_models, "second", lambda item: item.update(name="second"))
    fractions: list[float] = []
    report = Analyser().analyse(
        sample,
        replace(cpu, models_folder=str(copied_models), classifiers=(first, "second")),
        lambda stage, fraction, message: fractions.append(fraction),
    )
    graders = [first, "second", cpu.weigher, cpu.grader]
    assert [model.name for model in report.models] == [cpu.localizer, cpu.segmenter, *graders]
    findings = [item for item in report.structure("L4-L5").findings if item.model != cpu.grader]
    names = list(read_bundle(first).findings)
    assert [item.name for item in findings if item.model == "second"] == names
    assert [item.name for item in findings if item.model != "second"] == names
    order = [item.name for item in FINDINGS]
    shown = [item.name for item in report.structure("L4-L5").findings]
    assert shown == sorted(shown, key=order.index), "one finding of both models stands in one place"
    assert fractions == sorted(fractions) and fractions[-1] == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda item: item["findings"].pop("modic"), "model-classes"),
        (lambda item: item["options"].pop("region_pixels"), "model-metadata"),
        (lambda item: item["options"].update(region_pixels=0), "model-metadata"),
        (lambda item: item["options"].update(region_pixels=100_000), "model-metadata"),
        (lambda item: item["options"].update(temperature={"modic": 0}), "model-metadata"),
        (lambda item: item["options"].update(temperature={"modic": "warm"}), "model-metadata"),
        (lambda item: item["options"].update(temperature=[1.0]), "model-metadata"),
        (lambda item: item["options"].update(temperature={"modic": [1.0, 1.0]}), "model-metadata"),
        (lambda item: item["options"].update(isotonic={"modic": {"0": [[0, 1], [1, 0]]}}), "model-metadata"),
        (lambda item: item["options"].update(plausible={"modic": {"rate": 0.9, "thresholds": {"0": 0.1}}}), "model-metadata"),
        (lambda item: item["options"].update(bias={"modic": [0.1, 0.2]}), "model-metadata"),
        (lambda item: item["options"].update(bias={"modic": 0.1}), "model-metadata"),
    ],
    ids=[
        "a finding too few",
        "no region size",
        "no region",
        "a huge region",
        "temperature 0",
        "temperature in words",
        "temperature as a list",
        "too few temperatures",
        "a falling curve",
        "too few thresholds",
        "too few biases",
        "one bias",
    ],
)
def test_a_classifier_whose_metadata_do_not_fit_its_network_is_refused(
    change: Change, code: str, sample: Study, cpu: Options, copied_models: Path
) -> None:
    changed(copied_models, cpu.classifiers[0], change)
    with pytest.raises(ModelError) as caught:
        Analyser().analyse(sample, replace(cpu, models_folder=str(copied_models)))
    assert caught.value.code == code


def test_a_series_in_another_frame_of_reference_is_left_out_with_a_warning(
    sample: Study, analyser: Analyser, cpu: Options, report
) -> None:
    image = sample.primary.image
    t1 = Series(Role.SAGITTAL_T1, image, frame_of_reference_uid="1.2.3")
    other = analyser.analyse(Study((replace(sample.primary), t1), sample.uid), cpu)
    assert [note.severity for note in other.notes if note.code == "other-frame"] == ["warning"]
    assert [item.findings for item in other.structures] == [item.findings for item in report.structures]


def test_a_t1_series_that_cannot_be_used_is_left_out_with_its_reason(
    sample: Study, analyser: Analyser, cpu: Options, report: Report
) -> None:
    broken = np.full(sample.primary.image.voxels.shape, np.nan, dtype=np.float32)
    t1 = replace(sample.primary, role=Role.SAGITTAL_T1, image=Image(broken, sample.primary.image.affine))
    found = analyser.analyse(replace(sample, series=(sample.primary, t1)), cpu)
    assert found.structures == report.structures
    (note,) = [item for item in found.notes if item.code == "series-not-used"]
    assert "NaN" in note.text and note.severity == "warning"


def test_a_t1_series_of_the_same_frame_is_used(sample: Study, analyser: Analyser, cpu: Options, report) -> None:
    inverted = Image(255 - sample.primary.image.voxels, sample.primary.image.affine)
    t1 = replace(sample.primary, role=Role.SAGITTAL_T1, image=inverted)
    other = analyser.analyse(Study((t1, sample.primary), sample.uid), cpu)
    assert [item.position for item in other.structures] == [item.position for item in report.structures]
    assert [item.findings for item in other.structures] != [item.findings for item in report.structures]
    assert [item.role for item in other.series] == ["sagittal T1", "sagittal T2"]


def test_progress_grows_from_zero_to_one(sample: Study, analyser: Analyser, cpu: Options) -> None:
    calls: list[tuple[str, float, str]] = []
    analyser.analyse(sample, cpu, lambda *event: calls.append(event))
    fractions = [fraction for _, fraction, _ in calls]
    assert fractions[0] == 0 and fractions[-1] == 1 and fractions == sorted(fractions)
    assert list(dict.fromkeys(stage for stage, _, _ in calls)) == [
        "models",
        "localization",
        "segmentation",
        "classification",
        "report",
    ]
    assert all(message for _, _, message in calls)


@pytest.mark.parametrize("stage", ["models", "localization", "segmentation", "classification", "report"])
def test_an_analysis_is_cancelled_in_each_stage(stage: str, sample: Study, analyser: Analyser, cpu: Options) -> None:
    def cancel(now: str, fraction: float, message: str) -> None:
        if now == stage:
            raise Cancelled

    with pytest.raises(Cancelled):
        analyser.analyse(sample, cpu, cancel)


def test_a_probe_states_the_requested_device_and_the_one_in_use(analyser: Analyser) -> None:
    assert analyser.probe("cpu") == {"requested": "cpu", "device": "cpu", "description": "cpu", "fallback": ""}
    with pytest.raises(ComputeError, match="tpu9"):
        analyser.probe("tpu9")
