"""A folder without the models that an analysis can do without."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from views_of_spine import cropped, study_of

from SpinalDiseaseAILib.base.errors import ModelError
from SpinalDiseaseAILib.base.locations import models_folder
from SpinalDiseaseAILib.base.options import DEFAULT_GRADER, DEFAULT_SEGMENTER, DEFAULT_WEIGHER, Options
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.models.bundle import WEIGHTS
from SpinalDiseaseAILib.pipelines.analyser import Analyser
from SpinalDiseaseAILib.pipelines.model_store import ModelStore
from SpinalDiseaseAILib.pipelines.optional_models import NOTE_CODE, without_absent

NEEDED = (Options().localizer, *Options().classifiers)


def folder_with(place: Path, names: Iterable[str]) -> Options:
    for name in names:
        shutil.copytree(models_folder() / name, place / name)
    return Options(device="cpu", models_folder=str(place))


def absent(report: Report) -> list[str]:
    return [note.text for note in report.notes if note.code == NOTE_CODE and note.severity == "warning"]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Options:
    """The defaults with a folder that contains only the localizer and the classifier."""
    return folder_with(tmp_path_factory.mktemp("bare"), NEEDED)


@pytest.fixture(scope="module")
def analysed(sample: Study, bare: Options) -> tuple[Analyser, Study, Report]:
    """The analyser, a slice of the sample, and its report with that folder."""
    study, analyser = study_of(cropped(sample.primary.image, (10, 0, 0), (11, None, None))), Analyser()
    return analyser, study, analyser.analyse(study, bare)


def test_without_the_optional_models_levels_are_found_and_graded_all_the_same(
    analysed: tuple[Analyser, Study, Report],
) -> None:
    _, _, report = analysed
    disc = report.structure("L4-L5")
    assert disc.finding("pfirrmann") is not None and disc.finding("degeneration") is None
    assert report.masks is None and not report.measured


def test_the_report_says_which_models_are_absent_and_what_is_missing_as_a_result(
    analysed: tuple[Analyser, Study, Report],
) -> None:
    masks, grade = absent(analysed[2])
    assert DEFAULT_SEGMENTER in masks and "nothing was measured" in masks
    assert DEFAULT_GRADER in grade and "no grade of mild, moderate or severe" in grade


def test_a_corrected_level_is_graded_without_them_too(analysed: tuple[Analyser, Study, Report], bare: Options) -> None:
    analyser, study, report = analysed
    points = {item.name: item.position for item in report.structures}
    again = analyser.regrade(study, points, ("L4-L5",), bare)
    assert again.structure("L4-L5").finding("pfirrmann") is not None
    assert any(DEFAULT_GRADER in text for text in absent(again))


def test_if_every_model_is_installed_there_is_no_note() -> None:
    assert without_absent(Options()) == (Options(), ())


def test_one_absent_model_leaves_the_other_in_use(tmp_path: Path) -> None:
    options = folder_with(tmp_path, (*NEEDED, DEFAULT_GRADER))
    usable, notes = without_absent(options)
    assert (usable.segmenter, usable.grader) == ("", DEFAULT_GRADER)
    assert len(notes) == 1


def test_without_masks_or_its_classifier_a_weigher_is_neither_used_nor_noted_as_absent(tmp_path: Path) -> None:
    options = folder_with(tmp_path, (*NEEDED, DEFAULT_SEGMENTER, DEFAULT_GRADER))
    for idle in (replace(options, segmenter=""), replace(options, classifiers=("another",))):
        usable, notes = without_absent(idle)
        assert usable.weigher == "" and notes == ()


def test_an_absent_weigher_leaves_the_findings_of_the_network_and_the_report_says_so(
    analysed: tuple[Analyser, Study, Report], tmp_path: Path
) -> None:
    options = folder_with(tmp_path, (*NEEDED, DEFAULT_SEGMENTER, DEFAULT_GRADER))
    report = Analyser().analyse(analysed[1], options)
    (text,) = absent(report)
    assert DEFAULT_WEIGHER in text and "those of the region network" in text
    models = {item.model for part in report.structures for item in part.findings}
    assert models == {*options.classifiers, DEFAULT_GRADER}


def test_models_that_the_user_left_out_are_not_noted_as_absent(bare: Options) -> None:
    chosen = replace(bare, segmenter="", weigher="", grader="")
    assert without_absent(chosen) == (chosen, ())


def test_a_model_requested_by_name_that_is_absent_is_an_error(bare: Options) -> None:
    store = ModelStore()
    options, notes = without_absent(replace(bare, segmenter="my-masks", weigher="my-weigher", grader="my-grade"))
    assert notes == ()
    with pytest.raises(ModelError, match="There is no model 'my-masks'"):
        store.segmenter(options.segmenter, options.models_folder, store.device("cpu"))
    with pytest.raises(ModelError, match="There is no model 'my-weigher'"):
        store.weigher(options.weigher, options.models_folder)
    with pytest.raises(ModelError, match="There is no model 'my-grade'"):
        store.grader(options.grader, options.models_folder)


@pytest.mark.parametrize(("damage", "code"), [("lost", "model-missing-file"), ("changed", "model-changed")])
def test_a_default_model_that_is_installed_but_damaged_is_an_error(damage: str, code: str, tmp_path: Path) -> None:
    optional = (DEFAULT_SEGMENTER, DEFAULT_WEIGHER, DEFAULT_GRADER)
    options = folder_with(tmp_path, optional)
    for name in optional:
        weights = tmp_path / name / WEIGHTS
        if damage == "lost":
            weights.unlink()
        else:
            weights.write_bytes(weights.read_bytes()[:-1] + b"\0\0")
    options, notes = without_absent(options)
    assert notes == ()
    store = ModelStore()
    for load in (
        lambda: store.segmenter(options.segmenter, options.models_folder, store.device("cpu")),
        lambda: store.weigher(options.weigher, options.models_folder),
        lambda: store.grader(options.grader, options.models_folder),
    ):
        with pytest.raises(ModelError) as caught:
            load()
        assert caught.value.code == code


def test_a_named_model_that_is_absent_ends_the_analysis(analysed: tuple[Analyser, Study, Report], bare: Options) -> None:
    analyser, study, _ = analysed
    with pytest.raises(ModelError, match="There is no model 'my-masks'"):
        analyser.analyse(study, replace(bare, segmenter="my-masks"))


def test_a_localizer_or_classifier_is_never_optional(analysed: tuple[Analyser, Study, Report], tmp_path: Path) -> None:
    analyser, study, _ = analysed
    options = Options(device="cpu", models_folder=str(tmp_path))
    with pytest.raises(ModelError, match=f"There is no model '{options.localizer}'"):
        analyser.analyse(study, options)
