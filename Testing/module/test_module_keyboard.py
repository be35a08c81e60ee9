"""The panel without a mouse: the Tab key moves through it from top to bottom and gets stuck nowhere."""

import pytest
from panel_helpers import analyze
from PySide6 import QtWidgets
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from standins.python_qt import unwrap

IN_ORDER = ("t2Selector", "analyzeButton", "reportSelector", "levelTable", "findingsTableView", "pointComboBox", "levelUpButton",
            "exportButton", "deviceComboBox", "logTextEdit")  # fmt: skip
"""Some widgets that the keyboard can reach, from top to bottom."""
SECTIONS = ("inputs", "results", "details", "corrections", "outputs", "advanced", "setup", "log")


@pytest.fixture
def window(panel_of, nodes, wait_until):
    """The widget of a panel that shows a result, with every section open."""
    panel = panel_of()
    analyze(panel, wait_until)
    for name in SECTIONS:
        getattr(panel.ui, f"{name}CollapsibleButton").collapsed = False
    widget = unwrap(panel.parent)
    widget.resize(500, 2400)
    widget.show()
    widget.activateWindow()
    QtWidgets.QApplication.processEvents()
    yield widget
    widget.hide()


def named(widget):
    """The widget or its closest ancestor with a name from the panel."""
    while not widget.objectName() or widget.objectName().startswith("qt_"):
        widget = widget.parentWidget()
    return widget


def test_the_tab_key_goes_from_top_to_bottom_through_the_whole_panel(window):
    visited = []
    for _ in range(60):
        QTest.keyClick(QtWidgets.QApplication.focusWidget() or window, Qt.Key.Key_Tab)
        visited.append(named(QtWidgets.QApplication.focusWidget()))
        if len(visited) > 1 and visited[-1] is visited[0]:
            break
    names = [widget.objectName() for widget in visited]
    buttons = [name for name in names if name in IN_ORDER]
    assert list(dict.fromkeys(buttons)) == list(IN_ORDER)


@pytest.mark.parametrize("name", ["levelTable", "findingsTableView"])
def test_the_tab_key_leaves_a_table_and_selects_no_other_row(window, name):
    table = window.findChild(QtWidgets.QTableView, name)
    table.setFocus()
    table.selectRow(2)
    QTest.keyClick(table, Qt.Key.Key_Tab)
    assert QtWidgets.QApplication.focusWidget() is not table
    assert [index.row() for index in table.selectionModel().selectedRows()] == [2]
