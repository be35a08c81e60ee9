"""Helpers for tests of the panel, in terms of a user."""

import slicer
from PySide6.QtCore import Qt
from standins.python_qt import unwrap

from SpinalDiseaseAILib.base.locations import sample_folder
from SpinalDiseaseAILib.reading import open_study
from SpinalDiseaseAILib.scene.mrb import add_study


def finding_rows(panel):
    """Rows of the table of all probabilities."""
    return panel.ui.findingsTableView.sortFilterProxyModel().rowCount()


def cells(panel, column):
    """Texts of a column of the table of levels."""
    table = panel.ui.levelTable
    return [table.item(row, column).text() for row in range(table.rowCount)]


def levels(panel):
    return cells(panel, 0)


def bar(panel, level):
    """Percentage of a level's bar; None if it has none."""
    widget = panel.ui.levelTable.cellWidget(levels(panel).index(level), 3)
    return None if widget is None else widget.value


def analyze(panel, wait_until):
    """Click Analyze and wait for the result."""
    panel.ui.analyzeButton.click()
    wait_until(lambda: panel.ui.analyzeButton.text == "Analyze" and not panel.logic.grading)
    return panel.parameterNode.report


def check(panel, *names):
    """Tick these files under Outputs, and no others."""
    for row in range(panel.ui.outputList.count):
        item = panel.ui.outputList.item(row)
        wanted = any(f"({name})" in item.text() for name in names)
        item.setCheckState(Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)


def points_of(panel):
    return panel.parameterNode.report.GetNodeReference("SpinalDiseaseAI.points")


def index_of(node, label):
    return next(index for index in range(node.GetNumberOfControlPoints()) if node.GetNthControlPointLabel(index) == label)


def drag(node, label, offset):
    """Move a point like a reader does: every step is an event, and the release is the last one."""
    index = index_of(node, label)
    position = node.GetNthControlPointPositionWorld(index)
    node.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)
    for part in (0.5, 1.0):
        node.SetNthControlPointPositionWorld(index, *[value + part * step for value, step in zip(position, offset, strict=True)])
    node.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent)
    return tuple(node.GetNthControlPointPositionWorld(index))


def pick(selector, node):
    """Choose a node in a node selector, like a user does."""
    box = unwrap(selector)._box
    box.setCurrentIndex(box.findData(node.GetID()))
    box.activated.emit(box.currentIndex())


def sample_loader(scene, loaded):
    """A stand-in for loading series from Slicer's DICOM database: loads the sample, and appends the UIDs to a list."""

    def load(uids):
        loaded.extend(uids)
        return [node.GetID() for node in add_study(scene, open_study([sample_folder()])).values()]

    return load
