"""Results: one sentence, one row per level with its worst finding and probability, and the row's point in the views."""

from __future__ import annotations

from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..base import anatomy
from ..base.errors import SpinalDiseaseAIError
from ..base.report import Report
from ..scene.chart import chartOf, writeChart
from ..scene.findingTable import levelOfRow, wideColumns
from ..scene.pointList import highlightPoint, structureOfPoint
from ..scene.results import ResultNodes, inputsOf, reportFromNode, resultFromNode
from ..scene.visibility import showAlone
from .host import Host
from .levelRows import LevelRow, abnormalProbability, detailText, findingText, levelRows
from .sentence import sentenceOf
from .sizes import fitHeight
from .surfacesButton import SurfacesButton

LEVEL, KIND, WORST, PROBABILITY = range(4)
"""Columns that are always shown; the user's choice of findings follows."""


class ResultsSection(VTKObservationMixin):  # type: ignore[misc]
    """The tables and the chart of the result that the parameter node names."""

    def __init__(self, host: Host) -> None:
        VTKObservationMixin.__init__(self)
        self._host = host
        self._rows: list[LevelRow] = []
        self._report: Report | None = None
        self._problem = ""  # why the result cannot be shown
        self._state: Any = ()
        self._filling = False
        self._actions: dict[str, Any] = {}
        self._surfaces = SurfacesButton(host)
        self._menu = qt.QMenu(host.ui.columnsButton)
        host.ui.columnsButton.setMenu(self._menu)
        host.ui.copySummaryButton.connect("clicked(bool)", self._onCopy)
        host.ui.chartButton.connect("clicked(bool)", self._onChart)
        host.ui.reportSelector.connect("nodeActivated(vtkMRMLNode*)", self._onResultChosen)
        host.ui.levelTable.connect("itemSelectionChanged()", self._onLevelSelected)
        host.ui.findingsTableView.connect("selectionChanged()", self._onFindingSelected)

    def cleanup(self) -> None:
        """Release the scene."""
        self.removeObservers()
        self._surfaces.cleanup()

    @property
    def report(self) -> Report | None:
        """The shown report; None if there is none."""
        return self._report

    def refresh(self) -> None:
        """Show the result that the parameter node names; nothing is rebuilt if it is already shown."""
        parameters = self._host.parameterNode
        reportNode = parameters.report if parameters is not None else None
        nodes, report, self._problem = None, None, ""
        if reportNode is not None:
            try:
                nodes, report = resultFromNode(reportNode), reportFromNode(reportNode)
            except SpinalDiseaseAIError as error:
                self._problem = str(error)
        state = (
            nodes,
            report,
            self._problem,
            parameters and (parameters.shownFindings, parameters.abnormalOnly, parameters.abnormalFrom, parameters.unsureBelow),
        )
        if state == self._state:
            return
        self._state, self._report = state, report
        if self._problem:
            self._host.log(self._problem)
        self._observe(nodes)
        self._showSentence()
        self._surfaces.refresh(nodes)
        self._fillMenu()
        self._fillTable()
        self._showDetails(nodes.tableNode if nodes is not None else None)
        if report is not None and chartOf(reportNode) is not None:
            writeChart(reportNode, report, abnormalProbability)

    def selectLevel(self, level: str) -> None:
        """Select the row of a level, if it has one."""
        for row, item in enumerate(self._rows):
            if item.level == level:
                self._host.ui.levelTable.selectRow(row)

    def showInViews(self, reportNode: Any) -> None:
        """Show the images of a result with its points and masks, and hide those of other results."""
        volumes = [node for node in inputsOf(reportNode) if node is not None]
        shown = {view.GetBackgroundVolumeID() for view in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}
        if volumes and not any(node.GetID() in shown for node in volumes):
            slicer.util.setSliceViewerLayers(background=volumes[0], fit=True)
        showAlone(reportNode)

    def _onResultChosen(self, reportNode: Any) -> None:
        if reportNode is not None:
            self.showInViews(reportNode)

    def _observe(self, nodes: ResultNodes | None) -> None:
        self.removeObservers()
        if nodes is None:
            return
        # Scripts and other modules may also change a result.
        self.addObserver(nodes.reportNode, vtk.vtkCommand.ModifiedEvent, self._onReportModified)
        if nodes.pointsNode is not None:
            self.addObserver(nodes.pointsNode, slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent, self._onPointClicked)

    def _onReportModified(self, caller: Any = None, event: Any = None) -> None:
        self._host.refresh()

    def _onPointClicked(self, pointsNode: Any, event: Any = None) -> None:
        self.selectLevel(structureOfPoint(pointsNode, pointsNode.GetDisplayNode().GetActiveControlPoint()))

    # -- the table of levels

    def _fillTable(self) -> None:
        table, parameters = self._host.ui.levelTable, self._host.parameterNode
        self._rows, chosen = [], []
        if self._report is not None:
            rows = levelRows(self._report, parameters.unsureBelow)
            self._rows = [row for row in rows if not parameters.abnormalOnly or row.suspicion >= parameters.abnormalFrom]
            chosen = [item for item in _findingsIn(self._report) if item.name in self._chosenFindings()]
        self._filling = True
        table.setColumnCount(PROBABILITY + 1 + len(chosen))
        for number, finding in enumerate(chosen, start=PROBABILITY + 1):
            table.setHorizontalHeaderItem(number, qt.QTableWidgetItem(finding.display))
        table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            self._fillRow(number, row, chosen)
        table.clearSelection()
        for column in range(PROBABILITY + len(chosen)):  # the last column stretches, which resizing would end
            table.resizeColumnToContents(column)
        if chosen:
            table.setColumnWidth(PROBABILITY, max(table.columnWidth(PROBABILITY), table.columnWidth(KIND)))
        fitHeight(table)
        # Widgets in cells come last, because they are laid out for the current columns and rows.
        for number, row in enumerate(self._rows):
            self._showBar(number, row)
        self._filling = False
        if parameters is not None and parameters.selectedLevel in [row.level for row in self._rows]:
            self._filling = True  # a saved scene's selection is shown, but its views stay as they were saved
            self.selectLevel(parameters.selectedLevel)
            self._filling = False

    def _fillRow(self, number: int, row: LevelRow, chosen: list[anatomy.Finding]) -> None:
        table = self._host.ui.levelTable
        worst = _("{finding}, not sure").format(finding=row.worst) if row.unsure else row.worst
        corrected = _("{kind}, by hand").format(kind=row.kind) if row.manual else row.kind
        texts = [row.level, corrected, worst or _("not assessed"), ""]
        item = self._report.structure(row.level) if self._report is not None else None
        for finding in chosen:
            result = item.finding(finding.name) if item is not None else None
            texts.append(findingText(result, self._host.parameterNode.unsureBelow) if result is not None else "")
        for column, text in enumerate(texts):
            cell = qt.QTableWidgetItem(text)
            cell.setToolTip(detailText(item) if item is not None and column == LEVEL else text)
            table.setItem(number, column, cell)

    def _showBar(self, number: int, row: LevelRow) -> None:
        table = self._host.ui.levelTable
        bar = table.cellWidget(number, PROBABILITY)
        if row.probability is None:
            if bar is not None:
                bar.visible = False
                table.removeCellWidget(number, PROBABILITY)
            return
        if bar is None:
            bar = qt.QProgressBar()
            bar.maximum = 100
            bar.focusPolicy = qt.Qt.NoFocus
            table.setCellWidget(number, PROBABILITY, bar)
        percent = round(100 * row.probability)
        bar.value = percent
        bar.accessibleName = _("Probability at {level}: {percent} %").format(level=row.level, percent=percent)
        bar.toolTip = _("{finding}: {percent} %").format(finding=row.worst, percent=percent)

    def _onLevelSelected(self) -> None:
        if not self._filling:
            rows = self._host.ui.levelTable.selectionModel().selectedRows()
            row = rows[0].row() if rows else -1
            if 0 <= row < len(self._rows):
                self._show(self._rows[row].level)

    def _show(self, level: str) -> None:
        parameters = self._host.parameterNode
        if parameters is None or parameters.report is None:
            return
        if parameters.selectedLevel != level:
            parameters.selectedLevel = level
        self._host.logic.jumpToLevel(parameters.report, level)
        pointsNode = resultFromNode(parameters.report).pointsNode
        if pointsNode is not None:
            highlightPoint(pointsNode, level)

    # -- columns that the user chose

    def _chosenFindings(self) -> list[str]:
        parameters = self._host.parameterNode
        return str(parameters.shownFindings).split() if parameters is not None else []

    def _fillMenu(self) -> None:
        findings, chosen = _findingsIn(self._report), self._chosenFindings()
        if [item.name for item in findings] != list(self._actions):  # never while one of the actions is being triggered
            self._menu.clear()
            self._actions = {item.name: self._menu.addAction(item.display) for item in findings}
            for name, action in self._actions.items():
                action.checkable = True
                action.connect("toggled(bool)", lambda checked, name=name: self._onColumnToggled(name, checked))
        for name, action in self._actions.items():
            action.blockSignals(True)
            action.checked = name in chosen
            action.blockSignals(False)

    def _onColumnToggled(self, name: str, checked: bool) -> None:
        names = {*self._chosenFindings(), name} if checked else {item for item in self._chosenFindings() if item != name}
        self._host.parameterNode.shownFindings = " ".join(item.name for item in anatomy.FINDINGS if item.name in names)

    # -- all probabilities

    def _showDetails(self, tableNode: Any) -> None:
        view = self._host.ui.findingsTableView
        if view.mrmlTableNode() is not tableNode:
            view.setMRMLTableNode(tableNode)
        if tableNode is not None:
            for index in range(tableNode.GetNumberOfColumns()):
                view.setColumnHidden(index, index in wideColumns(tableNode))
            view.resizeColumnsToContents()

    def _onFindingSelected(self) -> None:
        view = self._host.ui.findingsTableView
        tableNode = view.mrmlTableNode()
        # During a selection by keyboard, the current index is still the old one.
        indexes = view.selectionModel().selectedRows()
        if tableNode is not None and indexes:
            row = view.sortFilterProxyModel().mapToSource(indexes[0]).row()
            self._show(levelOfRow(tableNode, row))

    # -- sentence and chart

    def _showSentence(self) -> None:
        ui, report = self._host.ui, self._report
        nothing = self._problem or _("No result yet. Choose a study and click Analyze.")
        ui.summaryLabel.text = sentenceOf(report) if report is not None else nothing
        graded = report is not None and any(item.findings for item in report.structures)
        for button, enabled, tip in (
            (ui.copySummaryButton, report is not None, _("Copy the sentence to paste it into a report")),
            (ui.chartButton, graded, _("Show the probability of each finding at each level as a chart")),
            (ui.columnsButton, graded, _("Choose the findings that get their own column")),
            (ui.abnormalOnlyCheckBox, graded, _("Show only levels at which a finding is abnormal")),
        ):
            button.enabled = enabled
            button.toolTip = tip if enabled else _("Analyze a study first.")

    def _onCopy(self, checked: bool = False) -> None:
        qt.QApplication.clipboard().setText(self._host.ui.summaryLabel.text)
        self._host.say(_("The sentence is on the clipboard."))

    def _onChart(self, checked: bool = False) -> None:
        if self._report is not None:
            chart = writeChart(self._host.parameterNode.report, self._report, abnormalProbability)
            slicer.modules.plots.logic().ShowChartInLayout(chart)


def _findingsIn(report: Report | None) -> list[anatomy.Finding]:
    """The assessed findings, in the order of tables."""
    if report is None:
        return []
    return [item for item in anatomy.FINDINGS if any(result.finding(item.name) is not None for result in report.structures)]
