"""The published localizers in the tables: measured like any other, with the published figures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from plain_data_sets import COLUMNS, ROWS, points
from typer.testing import CliRunner

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.errors import ModelError
from SpinalDiseaseAILib.base.options import DEFAULT_LOCALIZER, SHORT_NAMES
from SpinalDiseaseAILib.cli.main import app
from SpinalDiseaseAILib.evaluation.figures import Figures
from SpinalDiseaseAILib.evaluation.tables import Table
from SpinalDiseaseAILib.steps import published_localization
from SpinalDiseaseAILib.steps.device import choose_device
from SpinalDiseaseAILib.steps.point_scores import PointScores
from SpinalDiseaseAILib.steps.whole_plane import square_view

sys.path.append(str(Path(__file__).parents[1] / "models"))

from published_bundles import SIDE, maps_of, written


@pytest.fixture
def knowing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that know the position of the drawn spine of Spinal Disease 2020 to a pixel."""
    view = square_view((ROWS, COLUMNS), (1.0, 1.0), SIDE)
    drawn = points(1.0)
    places = np.array([(np.array(drawn[name]) - view[:, 2]) @ np.linalg.inv(view[:, :2]).T for name in KEY_POINTS])

    def scores(network: Any, images: torch.Tensor) -> PointScores:
        return maps_of(torch.from_numpy(places).float(), len(images))

    monkeypatch.setattr(published_localization, "point_scores", scores)


def challenge_table(tables: list[Table]) -> Table:
    return next(table for table in tables if table.title == "Tianchi T2, held aside")


@pytest.mark.parametrize("short", SHORT_NAMES)
def test_a_published_localizer_has_the_published_figures_in_its_table(
    short: str, data: Path, tmp_path: Path, knowing: None
) -> None:
    figures = Figures(data, "report", choose_device("cpu"), str(written(tmp_path, short)))
    table = challenge_table(list(figures.tables_of(short, DEFAULT_LOCALIZER)))
    assert table.bundles == (SHORT_NAMES[short],)
    rows = {row.name: row for row in table.rows}
    assert rows["points within 6 mm (or 1/6 spacing)"].figure.value == 1
    error = rows["mean error, px at 512"]
    assert error.figure.value < 2 * 512 / ROWS
    assert error.further["published: Spinal Disease 2020 system, heat map"] == 18.6
    assert error.further["published: Spinal Disease 2020 system, box detector"] == 4.3


def test_both_appear_side_by_side_in_a_comparison_by_their_short_names(
    data: Path, tmp_path: Path, knowing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SHORT_NAMES:
        models = written(tmp_path, name)
    monkeypatch.setenv("SPINAL_DISEASE_AI_MODELS", str(models))
    arguments = ["evaluate", "--data", str(data), "--compare", "heatmap", "detector", "--patients", "2", "--device", "cpu"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "| figure | heatmap | detector | difference" in result.output
    assert "**Tianchi T2, held aside (spinal-disease-2020-heatmap and spinal-disease-2020-detector)**" in result.output


def test_a_published_localizer_that_is_not_installed_is_refused_with_what_to_do(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not in") as error:
        list(Figures(data, "report", choose_device("cpu"), str(tmp_path)).tables_of("heatmap", DEFAULT_LOCALIZER))
    assert "train fit spinal-disease-2020-heatmap" in error.value.remedy
