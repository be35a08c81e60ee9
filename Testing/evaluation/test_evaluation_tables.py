"""Tables, model cards and the command ``evaluate``."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plain_data_sets import points
from typer.testing import CliRunner

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS, finding, structure
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.options import DEFAULT_CLASSIFIER, DEFAULT_LOCALIZER, DEFAULT_SEGMENTER, DEFAULT_WEIGHER
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.base.report import FindingResult, Numbering
from SpinalDiseaseAILib.cli.main import app
from SpinalDiseaseAILib.datasets.records import SPLITS
from SpinalDiseaseAILib.evaluation import classification, key_points
from SpinalDiseaseAILib.evaluation.cli import write_card
from SpinalDiseaseAILib.evaluation.figures import Figures
from SpinalDiseaseAILib.evaluation.intervals import Figure
from SpinalDiseaseAILib.evaluation.key_points import PlaneErrors
from SpinalDiseaseAILib.evaluation.predictions import Graded
from SpinalDiseaseAILib.evaluation.published import PUBLISHED, with_published
from SpinalDiseaseAILib.evaluation.tables import Row, Table, csv_of
from SpinalDiseaseAILib.models.bundle import Bundle, read_bundle
from SpinalDiseaseAILib.pipelines.model_store import ModelStore
from SpinalDiseaseAILib.steps.device import choose_device
from SpinalDiseaseAILib.steps.heads import Heads
from SpinalDiseaseAILib.steps.localization import Localization

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


def test_further_baselines_are_further_columns_and_rows_of_the_csv() -> None:
    rows = [replace(TABLE.rows[0], further={"always normal": 0.5, "majority": None}), TABLE.rows[1]]
    table = replace(TABLE, rows=rows)
    assert "| n | always the same | always normal | majority |\n|---|---|---|---|---|---|\n" in table.markdown()
    assert "| accuracy | 0.750 (0.500–1.000) | 4 | 0.250 | 0.500 |  |" in table.markdown()
    found = list(csv.DictReader(io.StringIO(csv_of([table]))))
    assert [row["baseline"] for row in found] == ["always the same", "always normal", "majority", "always the same"]
    assert (found[1]["value"], found[1]["baseline_value"], found[2]["baseline_value"]) == ("0.75", "0.5", "")
    assert (found[3]["figure"], found[3]["value"], found[3]["high"]) == ("error", "", "")


def test_a_table_is_a_json_document_without_nan_or_infinity() -> None:
    document = json.loads(json.dumps(TABLE.document(), allow_nan=False))
    assert document["bundles"] == ["model"]
    assert document["rows"][0] == {
        "name": "accuracy",
        "value": 0.75,
        "low": 0.5,
        "high": 1.0,
        "count": 4,
        "baseline": 0.25,
        "further": {},
    }
    assert document["rows"][1] == {
        "name": "error",
        "value": None,
        "low": None,
        "high": None,
        "count": 4,
        "baseline": None,
        "further": {},
    }


def test_published_values_are_further_columns_of_tables_with_the_same_figure() -> None:
    accuracy = replace(TABLE.rows[0], name="Vertebra disease: accuracy", further={"always normal": 0.19})
    table = with_published(replace(TABLE, rows=[accuracy, TABLE.rows[1]]), "tianchi2020")
    assert table.further == ("always normal", "published: Spinal Disease 2020 system")
    assert table.rows[0].further["published: Spinal Disease 2020 system"] == 0.81
    assert with_published(TABLE, "tianchi2020").further == with_published(TABLE, "sudirman").further == ()


def test_every_published_figure_has_the_name_of_one_of_ours() -> None:
    errors = [PlaneErrors("1", dict.fromkeys(KEY_POINTS, 1.0), {}, 40.0, 512, 0, frozenset(), 1.0)]
    ours = set(key_points.summary(errors, repeats=0))
    for name in ("disc_disease", "vertebra_disease", "pfirrmann", "modic"):
        classes = len(finding(name).classes)
        graded = Graded(name, np.eye(classes), np.eye(classes), ("1",) * classes, ("L4-L5",) * classes)
        ours |= {f"{finding(name).display}: {key}" for key in classification.overall(graded, np.arange(classes))}
    assert {name for known in PUBLISHED.values() for name in known} - ours == set()


def test_only_the_text_between_the_markers_of_a_card_is_replaced(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("# Card – é\n\n<!-- figures -->\nold\n<!-- /figures -->\n\n## Limits\n", encoding="utf-8")
    write_card(card, [TABLE])
    first = card.read_text(encoding="utf-8")
    assert first.startswith("# Card – é\n\n<!-- figures -->\n") and first.endswith("<!-- /figures -->\n\n## Limits\n")
    assert "old" not in first and TABLE.markdown() in first and "spinal-disease-ai evaluate" in first
    write_card(card, [TABLE])
    assert card.read_text(encoding="utf-8") == first


@pytest.mark.parametrize("text", ["# Card\n", "<!-- figures -->\n", "<!-- /figures -->\n"])
def test_a_card_without_markers_is_refused_and_left_unchanged(text: str, tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="has no"):
        write_card(card, [TABLE])
    assert card.read_text(encoding="utf-8") == text


class Drawn:
    """Finds the points of the drawn spine in every slice: a network would be slow and would not recognize a drawing."""

    def locate(self, volume: SagittalVolume, *, spacing_known: bool = True) -> Localization:
        places = volume.to_ras(np.array([(0.0, *place) for place in points().values()]))
        return Localization(tuple(points()), places, np.ones(11), (Numbering(0, 1.0, ""),), True, 1.0, 34.0)


class Guessing:
    """Grades at random, but reproducibly, with the findings of a bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.heads = Heads(bundle.findings)

    def logits(self, volumes: object, points: object, names: tuple[str, ...], *told: object) -> dict[str, np.ndarray]:
        random = np.random.default_rng(0)
        outputs = sum(map(len, self.bundle.findings.values()))
        return {name: random.normal(size=outputs) for name in names}

    def results(self, logits: dict[str, np.ndarray]) -> dict[str, tuple[FindingResult, ...]]:
        found = self.heads.results(np.stack(list(logits.values())), self.bundle.name)
        return {
            name: tuple(items[index] for key, items in found.items() if finding(key).kind is structure(name).kind)
            for index, name in enumerate(logits)
        }

    def classify(self, volumes: object, points: object, names: tuple[str, ...]) -> dict[str, tuple[FindingResult, ...]]:
        return self.results(self.logits(volumes, points, names))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Points and grades without a network, and intervals from a few draws."""
    from SpinalDiseaseAILib.evaluation import challenge, classification, intervals, key_points, volumes

    def few(patients: Any, metrics: Any, **given: Any) -> Any:
        return intervals.bootstrap_figures(patients, metrics, repeats=2)

    for place in (challenge, classification, key_points):
        monkeypatch.setattr(place, "bootstrap_figures", few)
    monkeypatch.setattr(ModelStore, "localizer", lambda self, name, *of: (Drawn(), read_bundle(name)))
    monkeypatch.setattr(ModelStore, "classifier", lambda self, name, *of: (Guessing(read_bundle(name)), read_bundle(name)))
    monkeypatch.setattr(volumes, "patient_bootstrap", lambda patients, metric: few(patients, lambda i: {"": metric(i)})[""])


@pytest.mark.usefixtures("quick")
def test_the_command_prints_and_writes_the_tables_of_a_localizer(data: Path, tmp_path: Path) -> None:
    result = run("--data", data, "--bundle", DEFAULT_LOCALIZER, "--device", "cpu", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    document = json.loads((tmp_path / "out" / "figures.json").read_text(encoding="utf-8"))
    titles = [table["title"] for table in document["tables"]]
    assert len(titles) == len(set(titles)) == 9 and any("external" in title for title in titles)
    text = (tmp_path / "out" / "figures.md").read_text(encoding="utf-8")
    assert all(title in text for title in titles)
    assert all((title in result.output) is not title.endswith("by level") for title in titles), "long tables are not printed"
    assert "every point at the training mean" in text
    assert "tianchi2020, all patients: 4 planes of 4 patients" in text
    assert "spider, report patients: 2 planes of 2 patients" in text


def test_a_split_without_patients_is_refused_with_a_sentence(data: Path) -> None:
    figures = Figures(data, "tune", choose_device("cpu"))
    with pytest.raises(InputError, match="no planes of tune patients in the data set sudirman"):
        figures._with_points("sudirman", ("tune",), "T1")


@pytest.mark.usefixtures("quick")
def test_a_classifier_is_measured_with_and_without_t1_and_with_its_baselines(data: Path) -> None:
    figures = Figures(data, "report", choose_device("cpu"))
    tables = list(figures.tables_of(DEFAULT_CLASSIFIER, DEFAULT_LOCALIZER))
    plain = [table for table in tables if not table.detail]
    assert [table.title.rpartition("from ")[2] for table in plain] == ["T2 alone", "T2 and, where there is one, T1", "T2 alone"]
    assert ["end to end" in table.title for table in plain] == [True, True, False]
    assert len(tables) == 9 and {table.title.rpartition(", ")[2] for table in tables if table.detail} == {"by class", "by level"}
    assert all(row.baseline is not None for table in plain for row in table.rows if "plausible" not in row.name)
    assert plain[0].further[:2] == ("always the class most frequent in training", "always normal")
    assert {row.name.split(":")[0] for row in plain[0].rows} >= {"Pfirrmann grade", "Disc narrowing", "Modic type"}
    assert [run.title for run in figures.runs] == [table.title for table in plain]


@pytest.mark.usefixtures("quick")
def test_weighed_findings_are_measured_end_to_end_and_can_be_compared_with_the_networks_own(data: Path) -> None:
    figures = Figures(data, "report", choose_device("cpu"))
    tables = list(figures.tables_of(DEFAULT_WEIGHER, DEFAULT_LOCALIZER))
    weighed = read_bundle(DEFAULT_WEIGHER).findings
    assert {run.title for run in figures.runs} == {
        "Grades, end to end, from T2 alone",
        "Grades, end to end, from T2 and, where there is one, T1",
    }
    for run in figures.runs:
        assert [model.name for model in run.models] == [DEFAULT_WEIGHER, DEFAULT_CLASSIFIER, DEFAULT_SEGMENTER, DEFAULT_LOCALIZER]
        assert set(run.findings) <= set(weighed)
    assert all(table.bundles == (DEFAULT_WEIGHER,) for table in tables)
    own = Figures(data, "report", choose_device("cpu"))
    list(own.tables_of(DEFAULT_CLASSIFIER, DEFAULT_LOCALIZER))
    assert {run.key for run in figures.runs} < {run.key for run in own.runs}


def test_a_model_of_the_challenge_has_its_score(data: Path) -> None:
    tables = list(Figures(data, "report", choose_device("cpu")).tables_of("spinal-disease-2020", DEFAULT_LOCALIZER))
    scores = [table for table in tables if table.title.startswith("Score of the Spinal Disease 2020 challenge")]
    assert len(scores) == 2 and {"mAP, by probability", "mAP, as submitted"} <= {row.name for row in scores[0].rows}


@pytest.mark.usefixtures("quick")
def test_a_missing_data_set_is_left_out_with_a_sentence_and_the_rest_is_measured(data: Path, tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some/sudirman_t1").symlink_to(data / "sudirman_t1")
    result = run("--data", tmp_path / "some", "--bundle", DEFAULT_LOCALIZER, "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "left out: The data set spider is not in" in result.output
    assert "left out: The data set tianchi2020 is not in" in result.output
    assert "Sudirman T1, mid-sagittal" in result.output


def test_help_says_what_is_measured_with_an_example() -> None:
    result = run("--help")
    assert result.exit_code == 0 and "Example: spinal-disease-ai evaluate" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("arguments", "status", "because"),
    [
        (("--split", "report"), 2, "--data"),
        (("--data", "nowhere"), 2, "nowhere"),
        (("--data", ".", "--split", "test"), 2, SPLITS[0]),
        (("--data", ".", "--split", "tune", "--write-cards"), 2, "need all report patients"),
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
