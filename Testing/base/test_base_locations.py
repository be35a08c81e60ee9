from __future__ import annotations

from pathlib import Path

import pytest

from SpinalDiseaseAILib.base import locations
from SpinalDiseaseAILib.base.errors import InputError, ModelError


@pytest.fixture(autouse=True)
def no_chosen_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(locations.MODELS_VARIABLE, raising=False)


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Root of an installation that contains only the library."""
    library = tmp_path / "SpinalDiseaseAI/SpinalDiseaseAILib"
    library.mkdir(parents=True)
    monkeypatch.setattr(locations, "_LIBRARY", library)
    return tmp_path


def test_in_the_source_tree_the_resources_are_in_the_root(installation: Path) -> None:
    (installation / "Resources/Models").mkdir(parents=True)
    (installation / "Resources/SampleData").mkdir()
    assert locations.models_folder() == installation / "Resources/Models"
    assert locations.sample_folder() == installation / "Resources/SampleData"


def test_in_an_installed_tree_they_are_inside_the_library_and_take_precedence(installation: Path) -> None:
    for parent in (installation, installation / "SpinalDiseaseAI/SpinalDiseaseAILib"):
        (parent / "Resources/Models").mkdir(parents=True)
        (parent / "Resources/SampleData").mkdir()
    assert locations.models_folder() == installation / "SpinalDiseaseAI/SpinalDiseaseAILib/Resources/Models"
    assert locations.sample_folder() == installation / "SpinalDiseaseAI/SpinalDiseaseAILib/Resources/SampleData"


def test_the_environment_names_another_folder_of_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "my models é"
    folder.mkdir()
    monkeypatch.setenv(locations.MODELS_VARIABLE, str(folder))
    assert locations.models_folder() == folder


def test_a_named_folder_that_is_not_there_is_refused_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(locations.MODELS_VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(ModelError, match="SPINAL_DISEASE_AI_MODELS names .*gone, which is not a folder") as error:
        locations.models_folder()
    assert error.value.code == "no-models"


def test_an_installation_without_models_or_sample_is_refused_with_a_sentence(installation: Path) -> None:
    with pytest.raises(ModelError, match="has no folder of models. Install SpinalDiseaseAI again"):
        locations.models_folder()
    with pytest.raises(InputError, match="has no sample study"):
        locations.sample_folder()


def test_this_tree_has_models_and_a_sample() -> None:
    assert locations.models_folder().is_dir()
    assert list(locations.sample_folder().rglob("*.dcm"))
