"""The report of an evaluation: page, charts, worst cases, comparison."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from parsed_page import Page
from PIL import Image as Picture
from typer.testing import CliRunner

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS, finding
from SpinalDiseaseAILib.base.errors import InputError, OutputError
from SpinalDiseaseAILib.base.report import DISCLAIMER, ModelProvenance
from SpinalDiseaseAILib.cli.main import app
from SpinalDiseaseAILib.evaluation import charts
from SpinalDiseaseAILib.evaluation.comparison import compare
from SpinalDiseaseAILib.evaluation.intervals import Figure
from SpinalDiseaseAILib.evaluation.outputs import write_outputs
from SpinalDiseaseAILib.evaluation.page import page_of, side_by_side
from SpinalDiseaseAILib.evaluation.prediction_file import read_predictions, write_predictions
from SpinalDiseaseAILib.evaluation.predictions import (
    GRADING,
    LOCALIZATION,
    Assessment,
    Case,
    FoundPoint,
    Run,
    collect,
)
from SpinalDiseaseAILib.evaluation.provenance import Provenance, provenance_of
from SpinalDiseaseAILib.evaluation.tables import Row, Table
from SpinalDiseaseAILib.evaluation.worst_cases import worst_cases

MODEL = ModelProvenance("model", "1.0.0", "ab" * 32, "CC-BY-4.0")
TITLE = "Grades, end to end, from T2 alone"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "plane.png"
    Picture.fromarray(np.random.default_rng(0).integers(0, 255, (260, 120)).astype(np.uint8)).save(path)
    return path


def case(patient: str, image: Path, *, off: float = 0.0, right: float = 0.9, seed: int = 0) -> Case:
    """A plane whose points are off by some pixels of 1 mm, and whose discs are graded correctly at a given rate."""
    random = np.random.default_rng(seed + int(patient))
    points, findings = {}, {}
    for index, name in enumerate(KEY_POINTS):
        place = (60.0, 20.0 + 20 * index)
        points[name] = FoundPoint(place, (place[0] + off, place[1]))
        if "-" in name:
            findings[name] = {}
            for key in ("pfirrmann", "narrowing"):
                names = finding(key).class_names
                true = int(random.integers(len(names)))
                said = true if random.random() < right else int(random.integers(len(names)))
                values = {label: 0.1 / len(names) + 0.9 * (index == said) for index, label in enumerate(names)}
                findings[name][key] = Assessment((names[true],), values)
    return Case(patient, f"{patient}_t2", image, (120, 260), (1.0, 1.0), points, findings)


def run_of(image: Path, task: str = GRADING, model: str = "model", **given: float) -> Run:
    cases = tuple(case(str(n), image, **given) for n in range(12))  # type: ignore[arg-type]
    title = TITLE if task == GRADING else "SPIDER T2, mid-sagittal"
    return Run(title, task, "spider", ("report",), (replace(MODEL, name=model),), cases)


def table(title: str = TITLE, model: str = "model", value: float = 0.75) -> Table:
    rows = [Row("Pfirrmann grade: accuracy", Figure(value, 0.6, 0.9, 72), 0.3, {"always normal": 0.2})]
    return Table(title, (model,), "spider, report patients: 12 planes of 12 patients", "class shares", rows)


PROVENANCE = Provenance("spinal-disease-ai evaluate --data data", "2026-01-02", "cpu", {"SpinalDiseaseAI": "0.1.0"}, (MODEL,))


def test_the_page_has_tables_charts_worst_cases_and_how_it_was_made(image: Path) -> None:
    runs = [run_of(image, right=0.4), run_of(image, LOCALIZATION, off=7.0)]
    page = Page(page_of([table(), replace(table("SPIDER T2, mid-sagittal"))], runs, PROVENANCE))
    assert page.open == []
    for text in (TITLE, "0.750", "0.600 to 0.900", "class shares", "always normal", "spider, report patients", DISCLAIMER):
        assert text in page.text
    for text in ("ab" * 32, "spinal-disease-ai evaluate --data data", "Pfirrmann grade: true and predicted classes"):
        assert text in page.text
    for text in ("Pfirrmann grade: stated and observed", "Disc narrowing by level", "Hits by level", "far off: T12-L1 7.0 mm"):
        assert text in page.text
    sources = [str(attributes["src"]) for tag, attributes in page.elements if tag == "img"]
    assert sum(source.startswith("data:image/jpeg") for source in sources) == 12, "six worst cases a run"


def test_the_page_says_what_its_words_mean(image: Path) -> None:
    text = Page(page_of([table()], [run_of(image)], PROVENANCE)).text
    for words in ("px at 512", "Plausible classes", "not sure", "Expected calibration error", "A dash"):
        assert words in text


def test_nothing_is_loaded_from_outside_and_text_cannot_become_markup(image: Path) -> None:
    hostile = replace(PROVENANCE, left_out=("<script>alert(1)</script>",))
    text = page_of([table()], [run_of(image)], hostile)
    assert "<script>" not in text and "&lt;script&gt;" in text
    assert not re.search(r"(https?:)?//[a-z]", re.sub(r'base64,[^"]*', "", text))


def test_pictures_can_be_left_out(image: Path) -> None:
    assert "image/jpeg" not in page_of([table()], [run_of(image, right=0.2)], PROVENANCE, pictures=False)


def test_models_with_the_same_measurement_appear_side_by_side(image: Path) -> None:
    tables = [table(), table(model="other", value=0.8), table("Another measurement")]
    (both,) = side_by_side(tables)
    assert both.models == ("model", "other")
    assert [row.figure.value for row in both.rows[0][1] if row] == [0.75, 0.8]
    assert "Side by side" in Page(page_of(tables, [], PROVENANCE)).text


def test_published_figures_are_columns_next_to_the_models() -> None:
    source = "published: Spinal Disease 2020 system"
    tables = [
        replace(item, rows=[replace(item.rows[0], further={source: 0.81, "always normal": 0.2}), *item.rows[1:]])
        for item in (table(), table(model="other"))
    ]
    (both,) = side_by_side(tables)
    assert both.published == (source,)
    assert [both.published_values(rows) for _, rows in both.rows] == [(0.81,), *[(None,)] * (len(both.rows) - 1)]
    assert source in Page(page_of(tables, [], PROVENANCE)).text


def test_long_tables_are_collapsed_under_the_table_they_belong_to(image: Path) -> None:
    tables = [table(), replace(table(f"{TITLE}, by class"), detail=True), table(TITLE, "other")]
    page = Page(page_of(tables, [], PROVENANCE))
    assert [tag for tag, _ in page.elements].count("details") == 1
    assert [tag for tag, _ in page.elements].count("h2") == 4, "two sections, both side by side, provenance"


def graded(image: Path, name: str) -> object:
    return collect(run_of(image, right=0.5).cases, [name])[name]


@pytest.mark.parametrize("name", ["pfirrmann", "narrowing"])
def test_charts_are_svg_with_their_text_as_text(image: Path, name: str) -> None:
    item = graded(image, name)
    confusion = charts.confusion_chart(item)  # type: ignore[arg-type]
    texts = ["".join(element.itertext()) for element in ElementTree.fromstring(confusion).iter() if element.tag.endswith("text")]
    matrix = np.zeros((len(finding(name).classes),) * 2, int)
    np.add.at(matrix, (item.truth.argmax(1), item.probability.argmax(1)), 1)  # type: ignore[attr-defined]
    assert [text for text in texts if text.isdigit()][-matrix.size :] == [str(value) for value in matrix.ravel()]
    assert "stated probability" in charts.reliability_chart(item)  # type: ignore[arg-type]


def test_equal_charts_give_equal_files(image: Path) -> None:
    assert charts.reliability_chart(graded(image, "narrowing")) == charts.reliability_chart(graded(image, "narrowing"))


def test_a_chart_copes_with_undefined_figures(image: Path) -> None:
    nothing = Figure(float("nan"), float("nan"), float("nan"), 0)
    assert "<svg" in charts.level_chart({"L4-L5": {"accuracy": nothing}, "L5-S1": {}}, ("accuracy",), "share")


def test_worst_cases_are_the_most_confident_errors(image: Path) -> None:
    wrong, right = case("1", image, right=0.0, seed=3), case("2", image, right=1.0)
    run = replace(run_of(image), cases=(right, wrong))
    (worst,) = worst_cases(run)
    assert worst.title == "spider 1_t2" and 1 <= len(worst.faults) <= 5
    assert re.fullmatch(r"\S+, (Pfirrmann grade|Disc narrowing): .+ \(0\.9\d\), is .+", worst.faults[0])
    assert base64.b64decode(worst.picture.partition(",")[2]).startswith(b"\xff\xd8")


def test_worst_points_say_what_is_wrong(image: Path) -> None:
    fine, far = case("1", image, off=5.9), case("2", image, off=9.0)
    lost = replace(far, points=far.points | {"L3": FoundPoint((60.0, 120.0), None, 0.0)})
    shifted = {
        name: FoundPoint(point.truth, (60.0, 20.0 + 20 * (index + 2))) for index, (name, point) in enumerate(fine.points.items())
    }
    blind = {name: FoundPoint(point.truth, None, 0.0) for name, point in fine.points.items()}
    cases = (fine, lost, replace(fine, patient="3", points=shifted), replace(fine, patient="4", points=blind, numbering=0.0))
    found = worst_cases(replace(run_of(image, LOCALIZATION), cases=cases))
    named = "named 1 level down; probability of the numbering 1.00"
    assert {item.faults[0] for item in found[:2]} == {"no spine was found", named}
    assert found[2].faults[0] == "not found: L3" and "far off: T12-L1 9.0 mm" in found[2].faults[1]
    assert len(found) == 3, "a plane without a fault is no worst case"


def test_a_case_whose_image_is_gone_has_no_picture(image: Path) -> None:
    gone = replace(case("1", image, right=0.0), image=Path("nowhere.png"))
    assert worst_cases(replace(run_of(image), cases=(gone,)))[0].picture == ""


def test_a_better_model_differs_clearly_and_a_model_does_not_differ_from_itself(image: Path) -> None:
    weak, strong = run_of(image, right=0.3), run_of(image, right=0.95)
    (comparison,) = compare([weak], [strong], ("weak", "strong"), repeats=200)
    rows = {row.name: row for row in comparison.rows}
    accuracy = rows["Pfirrmann grade: accuracy"]
    assert accuracy.clear and accuracy.difference.value == pytest.approx(accuracy.second - accuracy.first)
    assert accuracy.difference.count == 72 and "12 planes of 12 patients" in comparison.data
    assert " *" in comparison.markdown() and "| weak | strong |" in comparison.markdown()
    (same,) = compare([weak], [weak], ("a", "b"), repeats=50)
    assert all((row.difference.value, row.difference.low, row.difference.high) == (0, 0, 0) for row in same.rows)


def test_a_paired_difference_is_more_precise_than_two_intervals(image: Path) -> None:
    """Both models fail on the same patients, so the gain of one over the other does not depend on the draw."""
    first, second = run_of(image, right=0.5), run_of(image, right=0.5)
    one = replace(
        second.cases[0].findings["L4-L5"]["narrowing"], truth=("absent",), probabilities={"absent": 0.9, "present": 0.1}
    )
    better = replace(second.cases[0], findings=second.cases[0].findings | {"L4-L5": {"narrowing": one}})
    (comparison,) = compare([first], [replace(second, cases=(better, *second.cases[1:]))], ("a", "b"), repeats=200)
    row = next(row for row in comparison.rows if row.name == "Disc narrowing: accuracy")
    assert row.difference.high - row.difference.low < 0.06


def test_of_several_models_in_a_file_each_is_compared_with_itself(image: Path) -> None:
    old = [run_of(image, model="one", right=0.3), run_of(image, model="two", right=0.9)]
    new = [run_of(image, model="one", right=0.3), run_of(image, model="two", right=0.95)]
    one, two = compare(old, new, ("old", "new"), repeats=20)
    assert one.title == f"{TITLE} (one)" and two.title == f"{TITLE} (two)"
    assert all(row.first == row.second for row in one.rows)
    assert next(row for row in two.rows if row.name == "Pfirrmann grade: accuracy").first > 0.7


def test_a_model_without_a_counterpart_is_compared_with_every_other_such_model(image: Path) -> None:
    first = [run_of(image, model="one"), run_of(image, model="former")]
    second = [run_of(image, model="one"), run_of(image, model="later"), run_of(image, model="last")]
    titles = [item.title.removeprefix(TITLE) for item in compare(first, second, ("old", "new"), repeats=5)]
    assert titles == [" (one)", " (former and later)", " (former and last)"]
    (named,) = compare(first[:1], second[1:2], ("one", "later"), repeats=5)
    assert named.title == TITLE, "what the columns say is not said twice"


def test_a_model_that_a_file_holds_twice_is_compared_with_its_first_run_only(image: Path) -> None:
    first, second = [run_of(image, right=0.3)], [run_of(image, right=0.3), run_of(image, right=0.9)]
    (comparison,) = compare(first, second, ("old", "new"), repeats=5)
    assert all(row.first == row.second for row in comparison.rows)


def without(run: Run, *discs: str) -> Run:
    """The same run without the findings of some discs."""
    cases = tuple(
        replace(item, findings={name: found for name, found in item.findings.items() if name not in discs}) for item in run.cases
    )
    return replace(run, cases=cases)


def test_only_structures_that_both_runs_assess_are_compared(image: Path) -> None:
    run = run_of(image, right=0.5)
    (comparison,) = compare([without(run, "L1-L2")], [without(run, "L4-L5", "L5-S1")], ("old", "new"), repeats=5)
    (shared,) = compare([without(run, "L1-L2", "L4-L5", "L5-S1")], [run], ("old", "new"), repeats=5)
    assert [(row.name, row.first) for row in comparison.rows] == [(row.name, row.first) for row in shared.rows]
    assert all(row.first == row.second for row in comparison.rows)


def test_figures_that_only_one_run_has_are_left_out_of_a_comparison(image: Path) -> None:
    plain = run_of(image)
    cases = tuple(
        replace(
            item,
            findings={
                name: {key: replace(found, plausible=found.truth) for key, found in items.items()}
                for name, items in item.findings.items()
            },
        )
        for item in plain.cases
    )
    stated = replace(plain, cases=cases)
    names = [{row.name for row in compare([one], [stated], ("a", "b"), repeats=5)[0].rows} for one in (stated, plain)]
    assert any("plausible" in name for name in names[0]) and not any("plausible" in name for name in names[1])
    assert {row.name for row in compare([stated], [plain], ("a", "b"), repeats=5)[0].rows} == names[1]


def test_points_are_compared_if_both_runs_know_the_truth(image: Path) -> None:
    near, far = run_of(image, LOCALIZATION, off=1.0), run_of(image, LOCALIZATION, off=8.0)
    (comparison,) = compare([near], [replace(far, cases=far.cases[3:])], ("near", "far"), repeats=50)
    rows = {row.name: row for row in comparison.rows}
    assert rows["mean error, mm"].difference.value == pytest.approx(7)
    assert rows["points within 6 mm (or 1/6 spacing)"].difference.value == -1
    assert rows["mean error, mm"].difference.count == 9 * 11 and "9 planes of 9 patients" in comparison.data


def test_runs_without_anything_in_common_are_refused_with_a_sentence(image: Path) -> None:
    with pytest.raises(InputError, match="nothing in common"):
        compare([run_of(image)], [run_of(image, LOCALIZATION)], ("a", "b"))
    elsewhere = replace(run_of(image), cases=(case("99", image),))
    with pytest.raises(InputError, match="nothing in common"):
        compare([run_of(image)], [elsewhere], ("a", "b"))


def test_every_file_is_written_and_the_figures_say_how_they_were_made(image: Path, tmp_path: Path) -> None:
    written = write_outputs(tmp_path / "out", [table()], [run_of(image)], PROVENANCE, data=image.parent)
    assert set(written) == {"report.html", "figures.md", "figures.json", "figures.csv", "predictions.json"}
    document = json.loads(written["figures.json"].read_text(encoding="utf-8"))
    assert document["made"]["models"][0]["sha256"] == "ab" * 32 and document["tables"][0]["title"] == TITLE
    text = written["figures.md"].read_text(encoding="utf-8")
    assert "## model" in text and f"SHA-256 of its weights `{'ab' * 32}`" in text and "Command: `spinal-disease-ai" in text
    assert len(list(csv.DictReader(io.StringIO(written["figures.csv"].read_text(encoding="utf-8"))))) == 2
    assert read_predictions(tmp_path / "out", image.parent)[0].cases[0].image == image


def test_a_folder_that_is_a_file_is_refused_with_a_sentence(image: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_outputs(tmp_path / "out", [table()], [], PROVENANCE)


def test_the_command_is_recorded_without_folders_of_the_computer(tmp_path: Path) -> None:
    made = provenance_of(["--data", tmp_path / "my data", "--split", "report"], "cpu", [MODEL, MODEL])
    assert made.command == "spinal-disease-ai evaluate --data 'my data' --split report"
    assert made.models == (MODEL,) and {"Python", "numpy", "torch"} <= set(made.software)


def test_two_folders_of_predictions_are_compared_without_data(image: Path, tmp_path: Path) -> None:
    for name, right in (("old", 0.3), ("new", 0.95)):
        (tmp_path / name).mkdir()
        write_predictions(tmp_path / name / "predictions.json", [run_of(image, right=right)])
    arguments = ["evaluate", "--compare", tmp_path / "old", tmp_path / "new" / "predictions.json", "-o", tmp_path / "out"]
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    assert "| figure | old | new | difference" in result.output
    text = Page((tmp_path / "out/report.html").read_text(encoding="utf-8")).text
    assert "Comparison" in text and "new minus old" in text
    (item,) = json.loads((tmp_path / "out/figures.json").read_text(encoding="utf-8"))["comparisons"]
    row = next(row for row in item["rows"] if row["name"] == "Pfirrmann grade: accuracy")
    assert (item["first"], item["second"]) == ("old", "new")
    assert row["difference"] == pytest.approx(row["second"] - row["first"]) and row["low"] <= row["difference"] <= row["high"]


@pytest.mark.parametrize("place", ["file", "file/inside", "x" * 300])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_measured(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(app, ["evaluate", "--data", str(tmp_path), "-o", str(tmp_path / place)])
    assert result.exit_code == 6 and "cannot be written to" in result.output and "##" not in result.output


@pytest.mark.parametrize(
    ("arguments", "status", "because"),
    [
        (("--compare", "one", "two"), 2, "--data"),
        (("--compare", "one", "two", "--bundle", "three"), 2, "leave --bundle"),
        (("--compare", "old", "broken.json"), 3, "cannot be read as JSON"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused_with_a_sentence(
    arguments: tuple[str, ...], status: int, because: str, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").mkdir()
    write_predictions(tmp_path / "old/predictions.json", [run_of(image)])
    (tmp_path / "broken.json").write_text("{")
    result = CliRunner().invoke(app, ["evaluate", *arguments])
    assert result.exit_code == status and because in " ".join(result.output.split())
