"""Tables, model cards and the command ``evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.options import DEFAULT_CLASSIFIER, DEFAULT_LOCALIZER
from SpinalDiseaseAILib.cli.main import app
from SpinalDiseaseAILib.datasets.records import SPLITS
from SpinalDiseaseAILib.evaluation import figures as module
from SpinalDiseaseAILib.evaluation.cli import write_card
from SpinalDiseaseAILib.evaluation.figures import Figures
from SpinalDiseaseAILib.evaluation.intervals import Figure
from SpinalDiseaseAILib.evaluation.tables import Row, Table
from SpinalDiseaseAILib.steps.device import choose_device

TABLE = Table(
    "Grades",
    ("model",),
    "spider, report patients: 4 planes of 2 patients",
    "always the same",
    [Row("accuracy", Figure(0.75, 0.5, 1.0, 4), 0.25), Row("error", Figure(float("nan"), float("nan"), float("inf"), 4))],
)


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def test_a_table_shows_every_figure_with_interval_count_and_baseline() -> None:
    assert TABLE.markdown() == (
        "**Grades** — spider, report patients: 4 planes of 2 patients.\n"
        "\n"
        "| figure | value (95 % interval over patients) | n | always the same |\n"
        "|---|---|---|---|\n"
        "| accuracy | 0.750 (0.500–1.000) | 4 | 0.250 |\n"
        "| error | nan (nan–inf) | 4 |  |\n"
    )


def test_a_table_is_a_json_document_without_numbers_that_json_lacks() -> None:
    document = json.loads(json.dumps(TABLE.document(), allow_nan=False))
    assert document["bundles"] == ["model"]
    assert document["rows"][0] == {"name": "accuracy", "value": 0.75, "low": 0.5, "high": 1.0, "count": 4, "baseline": 0.25}
    assert document["rows"][1] == {"name": "error", "value": None, "low": None, "high": None, "count": 4, "baseline": None}


def test_only_what_lies_between_the_marks_of_a_card_is_replaced(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("# Card – é\n\n<!-- figures -->\nold\n<!-- /figures -->\n\n## Limits\n", encoding="utf-8")
    write_card(card, [TABLE])
    first = card.read_text(encoding="utf-8")
    assert first.startswith("# Card – é\n\n<!-- figures -->\n") and first.endswith("<!-- /figures -->\n\n## Limits\n")
    assert "old" not in first and TABLE.markdown() in first and "spinal-disease-ai evaluate" in first
    write_card(card, [TABLE])
    assert card.read_text(encoding="utf-8") == first


@pytest.mark.parametrize("text", ["# Card\n", "<!-- figures -->\n", "<!-- /figures -->\n"])
def test_a_card_without_marks_is_refused_and_left_alone(text: str, tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="has no"):
        write_card(card, [TABLE])
    assert card.read_text(encoding="utf-8") == text


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals by a few draws."""
    from SpinalDiseaseAILib.evaluation import grades, intervals, key_points, volumes

    def few(patients: Any, metric: Any) -> Figure:
        return intervals.patient_bootstrap(patients, metric, repeats=5)

    for place in (grades, key_points, volumes):
        monkeypatch.setattr(place, "patient_bootstrap", few)


@pytest.mark.usefixtures("quick")
def test_the_command_prints_and_writes_the_tables_of_a_localizer(data: Path, tmp_path: Path) -> None:
    result = run("--data", data, "--bundle", DEFAULT_LOCALIZER, "--device", "cpu", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    titles = [table["title"] for table in json.loads((tmp_path / "out" / "figures.json").read_text(encoding="utf-8"))]
    assert len(titles) == len(set(titles)) == 5 and any("external" in title for title in titles)
    text = (tmp_path / "out" / "figures.md").read_text(encoding="utf-8")
    assert all(title in text and title in result.output for title in titles)
    assert "every point at the training mean" in text
    assert "tianchi2020, all patients: 4 planes of 4 patients" in text
    assert "spider, report patients: 2 planes of 2 patients" in text


def test_a_split_without_patients_is_refused_with_a_sentence(data: Path) -> None:
    figures = Figures(data, "tune", choose_device("cpu"))
    with pytest.raises(InputError, match="no planes of tune patients in the data set sudirman"):
        figures._with_points("sudirman", ("tune",), "T1")


@pytest.mark.usefixtures("quick")
def test_a_classifier_is_measured_with_and_without_t1_beside_the_shares_of_the_level(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = module.grades.predictions
    # The drawn spines are none to the shipped localizer: the data set's own points take its place.
    monkeypatch.setattr(
        module.grades, "predictions", lambda records, localizer, classifier, **use: real(records, None, classifier, **use)
    )
    tables = list(Figures(data, "report", choose_device("cpu")).tables_of(DEFAULT_CLASSIFIER, DEFAULT_LOCALIZER))
    assert [table.title.rpartition("from ")[2] for table in tables] == ["T2 alone", "T2 and, where there is one, T1", "T2 alone"]
    assert ["end to end" in table.title for table in tables] == [True, True, False]
    assert all(row.baseline is not None for table in tables for row in table.rows)
    assert {row.name.split(":")[0] for row in tables[0].rows} >= {"Pfirrmann grade", "Disc narrowing", "Modic type"}


def test_help_says_what_is_measured_with_an_example() -> None:
    result = run("--help")
    assert result.exit_code == 0 and "Example: spinal-disease-ai evaluate" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("arguments", "status", "because"),
    [
        (("--split", "report"), 2, "--data"),
        (("--data", "nowhere"), 2, "nowhere"),
        (("--data", ".", "--split", "test"), 2, SPLITS[0]),
        (("--data", ".", "--split", "tune", "--write-cards"), 2, "report patients only"),
        (("--data", ".", "--bundle", "nothing"), 4, "There is no model 'nothing'."),
        (("--data", ".", "--device", "tpu9"), 5, "tpu9"),
        (("--data", ".", "--bundle", DEFAULT_LOCALIZER), 3, "A folder spider/ is needed there."),
    ],
    ids=["no data", "no folder", "no split", "cards of tuning patients", "no model", "no device", "no data set"],
)
def test_a_wrong_choice_is_refused_with_a_sentence_and_its_exit_status(
    arguments: tuple[str, ...], status: int, because: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == status and because in " ".join(result.output.split())
    assert "Traceback" not in result.output and list(tmp_path.iterdir()) == []
