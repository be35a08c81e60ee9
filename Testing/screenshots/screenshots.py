"""The pictures of README and tutorial: the real panel, driven through an analysis of the sample, next to Slicer's slice view.

``make screenshots`` makes them. The panel is the shipped ``.ui`` file with its code, using the stand-ins of ``Testing/module``
for Slicer's own widgets; the real worker analyses the study, and the mouse drags the point in the slice view. The rest of
Slicer's window is missing. A picture is rewritten only if it differs outside the texts that state times.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pydicom
import pytest
import slicer
from picture import Picture
from PySide6 import QtCore, QtGui, QtWidgets
from slice_view import SceneLogics, SliceView
from standins import application, widgets
from standins.python_qt import unwrap, wrap

from SpinalDiseaseAILib.base.locations import sample_folder
from SpinalDiseaseAILib.base.study import Role
from SpinalDiseaseAILib.reading import open_study
from SpinalDiseaseAILib.scene.mrb import add_study
from SpinalDiseaseAILib.scene.pointList import pointOf
from SpinalDiseaseAILib.worker.client import WorkerClient

PANEL_WIDTH = 500
VIEW_WIDTH = 500
OVERLAY_WIDTH = 960
LONGEST_WAIT_SECONDS = 900
SHOWN_LEVEL = "L4-L5"
DRAGGED_LEVEL = "L2-L3"
DRAGGED_PIXELS = (-9, 4)
OUTPUT_FOLDER = "lumbar-spine"
VIEW_CENTRE = (0.0, -15.0, 0.0)
"""Centre of the slice view, RAS millimetres: the spine of the sample."""
VIEW_MILLIMETRES = 300.0
"""Height of the slice view in millimetres: the whole sample."""
STATES_TIMES = ("correctionsLabel",)
SECTIONS = ("inputs", "results", "details", "corrections", "outputs", "advanced", "setup", "log")


class Tour:
    """One panel in one scene, from an empty scene to written files."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Open the panel.

        :param home: empty folder for the application's settings and the files that the panel writes.
        """
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        self._application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
        self._application.setStyle("Fusion")
        self._application.setFont(QtGui.QFont("DejaVu Sans", 9))
        logics = SceneLogics()
        self._scene = logics.scene
        self._errors = application.install(monkeypatch, self._scene, home)
        self.view = SliceView(logics, "Yellow", (VIEW_WIDTH, VIEW_WIDTH))
        monkeypatch.setattr(slicer, "dicomDatabase", wrap(_database()), raising=False)
        monkeypatch.delitem(sys.modules, "SpinalDiseaseAI", raising=False)
        module = importlib.import_module("SpinalDiseaseAI")
        services = importlib.import_module("SpinalDiseaseAILib.scene.application")
        monkeypatch.setattr(services, "missingRequirements", list)  # this Python has them
        monkeypatch.setattr(services, "loadSampleStudy", self._load_sample)
        self.panel = module.SpinalDiseaseAIWidget(application.module_parent())
        self.panel.setup()
        self.panel.logic.client = WorkerClient(on_log=self.panel.log)
        self.ui = self.panel.ui
        # The application's folder, and one in it, so that no path of this computer appears in a picture.
        monkeypatch.chdir(home)
        self.ui.outputDirectoryButton.directory = OUTPUT_FOLDER

    def close(self) -> None:
        """End the worker."""
        self.panel.cleanup()

    def select_study(self) -> None:
        """Click the first study of the DICOM database."""
        self.ui.studyTable.selectRow(0)

    def show_volumes(self) -> None:
        """Click the tab of the loaded volumes."""
        self.ui.inputTabWidget.currentIndex = 1

    def load_sample(self) -> None:
        """Click the button that loads the sample study."""
        self.ui.sampleButton.click()
        self.view.show(self.panel.parameterNode.t2Volume)

    def analyze(self) -> None:
        """Click Analyze and wait for the result."""
        self.ui.analyzeButton.click()
        self._wait(lambda: self.panel.parameterNode.report is not None and not self.panel.logic.running)

    def select(self, level: str) -> None:
        """Click the row of a level."""
        table = self.ui.levelTable
        rows = [row for row in range(table.rowCount) if table.item(row, 0).text() == level]
        table.selectRow(rows[0])

    def copy_sentence(self) -> None:
        """Click the button that copies the sentence; its message replaces the one about the duration."""
        self.ui.copySummaryButton.click()

    def drag(self, level: str, pixels: tuple[int, int]) -> None:
        """Drag a level's point with the mouse, and wait until it is regraded."""
        self.select(level)
        position = pointOf(self._points(), level)
        assert position is not None
        start = self.view.place_of(position)
        self.view.pixels()
        self.view.drag(start, (start[0] + pixels[0], start[1] + pixels[1]))
        self._wait(lambda: bool(self.panel.results.report.corrections))
        self.view.move_mouse((0, 0))

    def write_files(self) -> None:
        """Click the button that writes the files."""
        self.ui.exportButton.click()
        self._wait(lambda: Path(OUTPUT_FOLDER).is_dir())

    def picture(self, *open_sections: str, with_view: bool) -> Picture:
        """The panel with some sections open and the others collapsed, and the slice view to its right.

        :param open_sections: names from :data:`SECTIONS`.
        """
        for name in SECTIONS:
            unwrap(getattr(self.ui, f"{name}CollapsibleButton"))._collapse(name not in open_sections)
        widget = unwrap(self.panel.parent)
        widget.show()
        for _ in range(2):  # the height of a wrapping label depends on its width
            self._settle()
            widget.resize(PANEL_WIDTH, widget.layout().totalHeightForWidth(PANEL_WIDTH))
        picture = Picture.of(widget, [unwrap(getattr(self.ui, name)) for name in STATES_TIMES]).cropped()
        if with_view:
            self.view.resize((VIEW_WIDTH, picture.height))
            self.view.look_at(VIEW_CENTRE, VIEW_MILLIMETRES)
            picture = picture.beside(self.view.pixels())
        return picture

    def _load_sample(self, source: Any = None) -> list[Any]:
        # Like the application, but without its DICOM database.
        return [add_study(self._scene, open_study([sample_folder()]))[Role.SAGITTAL_T2]]

    def _points(self) -> Any:
        return self._scene.GetFirstNodeByClass("vtkMRMLMarkupsFiducialNode")

    def _wait(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + LONGEST_WAIT_SECONDS
        while not condition():
            if self._errors or time.monotonic() > end:
                raise RuntimeError(f"The panel did not get there: {self._errors or self.ui.statusLabel.text}")
            self._application.processEvents()
            time.sleep(0.02)
        self._settle()

    def _settle(self) -> None:
        for _ in range(3):
            self._application.processEvents()
            self._application.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)


def _database() -> Any:
    """A DICOM database with the sample study, like after an import in the application."""
    files = sorted(sample_folder().rglob("*.dcm"))
    header = pydicom.dcmread(files[0], stop_before_pixels=True)
    study = {
        "uid": header.StudyInstanceUID,
        "patient": str(header.PatientName),
        "date": header.get("StudyDate", ""),
        "description": header.get("StudyDescription", ""),
        "series": {header.SeriesInstanceUID: (header.Modality, files)},
    }
    return widgets.ctkDICOMDatabase(studies=[study])


def pictures(tour: Tour) -> Iterable[tuple[str, Picture]]:
    """The pictures of the documents with their file names, in the order of the tutorial."""
    tour.select_study()
    yield "panel-database.png", tour.picture("inputs", with_view=False)
    tour.show_volumes()
    yield "tutorial-start.png", tour.picture("inputs", with_view=False)
    tour.load_sample()
    yield "tutorial-loaded.png", tour.picture("inputs", with_view=True)
    tour.analyze()
    tour.select(SHOWN_LEVEL)
    tour.copy_sentence()
    yield "panel.png", tour.picture("results", with_view=True)
    tour.write_files()
    yield "demo-overlay.png", Picture.of_file(Path(OUTPUT_FOLDER) / "overlay.png", OVERLAY_WIDTH)
    tour.drag(DRAGGED_LEVEL, DRAGGED_PIXELS)
    yield "tutorial-corrected.png", tour.picture("results", "corrections", with_view=True)
    tour.write_files()
    yield "tutorial-written.png", tour.picture("outputs", with_view=False)


def main() -> int:
    """Make every picture again."""
    parser = argparse.ArgumentParser(description="Make the pictures of the documents anew.")
    parser.add_argument("folder", type=Path, help="where they are written")
    folder = parser.parse_args().folder.resolve()
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as monkeypatch:
        tour = Tour(Path(home), monkeypatch)
        try:
            for name, picture in pictures(tour):
                changed = picture.write(folder / name)
                print(
                    f"{folder / name}  {(folder / name).stat().st_size / 1e3:.0f} KB{'' if changed else ', as it was'}",
                    flush=True,
                )
        finally:
            tour.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
