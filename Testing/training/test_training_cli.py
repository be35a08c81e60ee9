"""``spinal-disease-ai train``: help, choices and refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from SpinalDiseaseAILib.base.anatomy import finding
from SpinalDiseaseAILib.cli.main import app
from SpinalDiseaseAILib.training.cli import configuration
from SpinalDiseaseAILib.training.configuration import CONFIGS, check_trainable
from SpinalDiseaseAILib.training.packing import CARDS, LICENCES

NAMES = sorted(path.stem for path in CONFIGS.glob("*.json"))


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["train", *map(str, arguments)])


@pytest.mark.parametrize("command", [(), ("fit",), ("pack",)], ids=str)
def test_help_says_what_a_command_does_with_an_example(command: tuple[str, ...]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0 and "Usage: spinal-disease-ai train" in result.output
    assert not command or "Example: spinal-disease-ai train" in " ".join(result.output.split())


def test_without_arguments_the_help_is_shown() -> None:
    assert "fit" in run().output and "pack" in run().output


@pytest.mark.parametrize(
    ("arguments", "because"),
    [
        (("fit", "localizer", "--run", "run"), "--data"),
        (("fit", "localizer", "--data", "nowhere", "--run", "run"), "nowhere"),
        (("fit", "nothing", "--data", ".", "--run", "run"), "localizer"),
        (("fit", "nothing.json", "--data", ".", "--run", "run"), "nothing.json"),
        (("fit", "localizer", "--data", ".", "--run", "run", "--steps", "many"), "--steps"),
        (("fit", "localizer", "--data", ".", "--run", "run", "--steps", "-3"), "--steps"),
        (("fit", "localizer", "--data", ".", "--run", "run", "--threads", "-1"), "--threads"),
        (("pack", "localizer", "--data", "."), "runs"),
        (("tune",), "tune"),
    ],
)
def test_a_wrong_argument_is_named_with_exit_status_2(
    arguments: tuple[str, ...], because: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2 and because in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_without_the_data_sets_is_refused_with_a_sentence(tmp_path: Path) -> None:
    result = run("fit", "localizer", "--data", tmp_path, "--run", tmp_path / "run")
    assert result.exit_code == 3 and "A folder spider/ is needed there." in result.output
    assert "Traceback" not in result.output and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "because"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "names no task"),
        ('{"task": "localization"}', "has no 'datasets'"),
        ({"task": "dreaming"}, "'dreaming' is not fitted by train fit"),
        ({"batch": "many"}, "'batch' of the configuration is 'many'. It should be a whole number of 1 or more."),
        ({"learning_rate": True}, "It should be a number above 0."),
        ({"splits": ["holiday"]}, "a list of some of train, tune, report"),
        ({"datasets": {}}, "data sets and their weights"),
        ({"widths": [16, 0]}, "a list of whole numbers"),
        ({"network": "BoxDetector"}, "has no 'width'"),
    ],
)
def test_a_configuration_that_cannot_be_trained_is_refused_with_a_sentence(
    content: str | dict[str, Any], because: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.json"
    text = content if isinstance(content, str) else json.dumps(configuration("localizer") | content)
    path.write_text(text, encoding="utf-8")
    result = run("fit", path, "--data", tmp_path, "--run", tmp_path / "run")
    assert result.exit_code == 3 and because in " ".join(result.output.split())
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("disc-findings", "disc-grade")])
def test_every_packaged_configuration_of_a_network_can_be_trained(name: str) -> None:
    check_trainable(configuration(name))


def test_a_configuration_of_another_command_is_refused_by_fit(tmp_path: Path) -> None:
    result = run("fit", "disc-grade", "--data", tmp_path, "--run", tmp_path / "run")
    assert result.exit_code == 3 and "'disc grade' is not fitted by train fit" in result.output


@pytest.mark.parametrize("command", [("pack", "localizer"), ("predict",)])
def test_a_folder_without_a_finished_run_is_refused_with_a_sentence(command: tuple[str, ...], tmp_path: Path) -> None:
    result = run(*command, tmp_path, "--data", tmp_path, "--output", tmp_path / "out")
    said = " ".join(result.output.split())
    assert result.exit_code == 3 and "is no finished run: config.json and weights.safetensors are not there." in said
    assert list(tmp_path.iterdir()) == []


def test_a_place_for_predictions_that_cannot_be_written_is_refused_before_anything_is_predicted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    inside = run("predict", tmp_path, "--data", tmp_path, "--output", tmp_path / "file" / "out.json")
    assert inside.exit_code == 6 and "is no folder" in inside.output
    folder = run("predict", tmp_path, "--data", tmp_path, "--output", tmp_path)
    assert folder.exit_code == 2 and "is a folder" in " ".join(folder.output.split())


def test_a_run_that_cannot_be_written_is_refused_with_a_sentence(
    localizer_config: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(localizer_config | {"datasets": {"sudirman": 1.0}}), encoding="utf-8")
    result = run("fit", path, "--data", data, "--run", path, "--threads", 1)
    assert result.exit_code == 6 and "cannot be written" in result.output


def test_a_configuration_file_is_trained_and_resumed_only_if_unchanged(
    localizer_config: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(localizer_config | {"datasets": {"sudirman": 1.0}}), encoding="utf-8")
    arguments = ("fit", path, "--data", data, "--run", tmp_path / "run", "--steps", 1, "--threads", 1)
    first = run(*arguments)
    assert first.exit_code == 0 and first.output.strip().endswith("weights.safetensors")
    assert json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))["steps"] == 1
    other = run(*arguments, "--seed", 9)
    assert other.exit_code == 3 and "another configuration" in other.output


@pytest.mark.parametrize("name", NAMES)
def test_a_packaged_configuration_has_findings_licence_and_card(name: str) -> None:
    config = configuration(name)
    # Models that are chosen or calibrated on the tuning patients must not be fitted on them. Exceptions are the last step of the
    # localizer, and the default grading networks, which are trained in folds and calibrated on the patients that each fold leaves
    # out. Nothing is fitted on the report patients.
    assert config["license"] in LICENCES
    both = name in ("localizer-3", "degeneration", "degeneration-detail", "disc-findings", "disc-grade")
    assert config["splits"] == (["train", "tune"] if both else ["train"])
    assert config["research_only"] is ("tianchi2020" in config["datasets"])
    assert (CARDS / f"{config['name']}.md").is_file()
    for item in config.get("findings", ()):
        finding(item)
