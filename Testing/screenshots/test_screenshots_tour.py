"""The command that makes the pictures still finds its way through the panel."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the panel needs Qt")

TESTING = Path(__file__).resolve().parents[1]


@pytest.fixture
def screenshots(graphics, monkeypatch):
    """The command, with a worker that answers at once with a hand-made report."""
    monkeypatch.syspath_prepend(TESTING / "module")
    import screenshots

    made_worker = (str(TESTING / "module/made_worker.py"), "report")
    real = screenshots.WorkerClient
    monkeypatch.setattr(screenshots, "WorkerClient", lambda on_log: real(arguments=made_worker, on_log=on_log))
    monkeypatch.setattr(screenshots, "LONGEST_WAIT_SECONDS", 60)
    yield screenshots
    sys.modules.pop("SpinalDiseaseAI", None)


def right_edge(table):
    """Distance in pixels from the left edge of a table to the end of its last column."""
    last = table.columnCount - 1
    return table.columnViewportPosition(last) + table.columnWidth(last)


def test_every_picture_shows_what_its_step_of_the_tutorial_says(screenshots, monkeypatch, tmp_path):
    tour = screenshots.Tour(tmp_path, monkeypatch)
    seen = {}
    try:
        for name, picture in screenshots.pictures(tour):
            ui = tour.panel.ui
            seen[name] = (ui.analyzeButton.enabled, ui.statusLabel.text, ui.seriesReasonLabel.text)
            assert picture.pixels.std() > 5, f"{name} shows nothing"
            if ui.levelTable.isVisible():
                assert right_edge(ui.levelTable) == ui.levelTable.viewport().width, f"a gap beside the table in {name}"
        corrected = [item.structure for item in tour.panel.results.report.corrections]
    finally:
        tour.close()
    assert seen["panel-database.png"][2].startswith("T2: Used as sagittal T2")
    assert not seen["tutorial-start.png"][0]
    assert seen["tutorial-loaded.png"][:2] == (True, "The sample study is loaded. Click Analyze.")
    assert seen["panel.png"][1] == "The sentence is on the clipboard."
    assert corrected == [screenshots.DRAGGED_LEVEL]
    assert seen["tutorial-written.png"][1].startswith(f"Written to {screenshots.OUTPUT_FOLDER}: overlay.png")
    assert not [text for _, *texts in seen.values() for text in texts if str(tmp_path) in text], (
        "a path of this computer is shown"
    )
