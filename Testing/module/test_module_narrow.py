"""The panel in a narrow dock, with a large font, and with names that are long or look like markup."""

import pytest
import shiboken6
from panel_helpers import analyze
from PySide6 import QtGui, QtWidgets
from PySide6.QtCore import Qt
from scene_examples import make_study
from standins.python_qt import unwrap

from SpinalDiseaseAILib.base.study import Role
from SpinalDiseaseAILib.scene.mrb import add_study

LONG_NAME = "5: t2_tse_sag_p2_320_very_long_description_of_a_series_of_the_lumbar_spine_0123456789"
NARROW = 380
"""Maximum pixels that the panel may need at 9 points: Slicer makes the dock as wide as the panel's minimum width."""


@pytest.fixture
def font_of(qt_application):
    before = qt_application.font()
    yield lambda points: qt_application.setFont(QtGui.QFont("DejaVu Sans", points))
    qt_application.setFont(before)


@pytest.fixture
def unfolded(panel_of, scene, wait_until, font_of):
    """The widget of a panel with all sections open, showing a result on volumes with long names."""
    areas = []

    def make(points):
        font_of(points)
        nodes = add_study(scene, make_study(with_t1=True))
        for node in nodes.values():
            node.SetName(LONG_NAME)
        panel = panel_of()
        panel.parameterNode.t1Volume = nodes[Role.SAGITTAL_T1]
        analyze(panel, wait_until)
        for name in ("inputs", "results", "details", "corrections", "outputs", "advanced", "setup", "log"):
            getattr(panel.ui, f"{name}CollapsibleButton").collapsed = False
        areas.append(QtWidgets.QScrollArea())
        areas[-1].setWidgetResizable(True)
        areas[-1].setWidget(unwrap(panel.parent))
        areas[-1].resize(300, 800)
        areas[-1].show()
        QtWidgets.QApplication.processEvents()
        return panel

    yield make
    for area in areas:
        area.takeWidget()
        shiboken6.delete(area)


@pytest.mark.parametrize(("points", "most"), [(9, NARROW), (18, 1.6 * NARROW)])
def test_long_names_do_not_widen_the_panel(unfolded, points, most):
    panel = unfolded(points)
    assert unwrap(panel.parent).minimumSizeHint().width() <= most


def test_every_file_that_can_be_written_is_visible_in_a_narrow_panel(unfolded):
    panel = unfolded(9)
    items = unwrap(panel.ui.outputList)
    last = items.visualItemRect(items.item(items.count() - 1))
    assert items.horizontalScrollBar().isVisible() and last.bottom() <= items.viewport().height()


def test_a_name_that_looks_like_markup_is_shown_unchanged(panel_of):
    panel = panel_of()
    for label in (panel.ui.statusLabel, panel.ui.seriesReasonLabel):
        assert unwrap(label).textFormat() == Qt.TextFormat.PlainText
