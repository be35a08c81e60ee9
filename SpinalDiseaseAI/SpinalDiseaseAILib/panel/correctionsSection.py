"""Corrections: dragging, placing or deleting a point, changing the numbering, and restoring the computed result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..base import anatomy
from ..base.correcting import NOT_MEASURED_AGAIN, shift_of
from ..base.corrections import ADDED, MOVED, REMOVED, Correction
from ..base.errors import Cancelled, SpinalDiseaseAIError
from ..base.report import Report
from ..scene.computed import computedText
from ..scene.corrections import pendingChanges, renumberResult, restoreComputed
from ..scene.pointList import preparePlacing, takeAwayPoint
from ..scene.results import ResultNodes, reportFromNode, resultFromNode
from . import settings
from .host import Host

_SHOWN_CORRECTIONS = 6
_LEAST_SHOWN = 0.005
"""Other numberings with a lower probability are not shown."""


class CorrectionsSection(VTKObservationMixin):  # type: ignore[misc]
    """Watches the points of the shown result and keeps its report up to date."""

    def __init__(self, host: Host) -> None:
        VTKObservationMixin.__init__(self)
        self._host = host
        self._report: Report | None = None
        self._pointsNode: Any = None
        self._sentence = ""
        self._locked = False
        self._told: Any = None  # the last error in a pop-up, and the points that it concerned
        # One edit causes several events, while the list is being written: their outcome is checked afterwards.
        self._later = qt.QTimer()
        self._later.singleShot = True
        self._later.setInterval(0)
        self._later.connect("timeout()", lambda: self.follow())
        ui = host.ui
        ui.pointComboBox.connect("currentIndexChanged(int)", self._refreshPointButtons)
        ui.placePointButton.connect("clicked(bool)", self._onPlace)
        ui.deletePointButton.connect("clicked(bool)", self._onDelete)
        ui.levelUpButton.connect("clicked(bool)", lambda checked=False: self._renumber(-1))
        ui.levelDownButton.connect("clicked(bool)", lambda checked=False: self._renumber(1))
        ui.restoreButton.connect("clicked(bool)", self._onRestore)

    def cleanup(self) -> None:
        """Release the scene."""
        self._later.stop()
        self._observe(None)

    def refresh(self, report: Report | None) -> None:
        """Offer the possible corrections of the shown result.

        :param report: None if there is no result.
        """
        ui, reportNode = self._host.ui, self._reportNode()
        self._report = report
        self._observe(resultFromNode(reportNode).pointsNode if report is not None else None)
        self._lockPoints(self._host.logic.running)
        self._fillPoints()
        self._showNumbering()
        ui.correctionsLabel.text = _correctionsText(report)
        ui.correctionsLabel.visible = bool(report is not None and report.corrections)
        corrected = report is not None and bool(report.corrections or computedText(reportNode))
        ui.restoreButton.enabled = corrected and not self._host.logic.running
        ui.restoreButton.toolTip = (
            self._obstacle()
            or (_("Undo all corrections and show the computed result") if corrected else "")
            or _("Nothing was corrected: this is what the analysis computed")
        )

    def follow(self, sentence: str = "", levels: Sequence[str] = ()) -> None:
        """Regrade points that a reader moved or placed, and drop those that a reader deleted.

        :param sentence: sentence to show when done; empty for a standard one.
        :param levels: structures to regrade although their point was not changed.
        """
        self._later.stop()
        reportNode = self._reportNode()
        if self._report is None or self._host.logic.running or not (levels or pendingChanges(reportNode)):
            return
        ui = self._host.ui
        if not self._host.logic.grading:
            self._sentence = sentence
            ui.statusLabel.text = _gradingText()
        try:
            self._host.logic.regrade(
                reportNode,
                levels,
                device=ui.deviceComboBox.itemData(ui.deviceComboBox.currentIndex),
                waitForCompletion=False,
                onFinished=self._onRegraded,
                onError=self._onError,
                models_folder=settings.read(settings.MODELS_FOLDER),
            )
        except SpinalDiseaseAIError as error:
            self._onError(error)

    # -- points

    def _observe(self, pointsNode: Any) -> None:
        if pointsNode is self._pointsNode:
            return
        self._lockPoints(False)
        self.removeObservers()
        self._pointsNode = pointsNode
        if pointsNode is not None:
            node = slicer.vtkMRMLMarkupsNode
            for event in (
                node.PointEndInteractionEvent,
                node.PointPositionDefinedEvent,
                node.PointPositionUndefinedEvent,
                node.PointRemovedEvent,
            ):
                self.addObserver(pointsNode, event, self._onPointsEdited)
            if not self._host.missingPackages:
                self._later.start()  # for edits made while another result, or none, was shown

    def _onPointsEdited(self, caller: Any = None, event: Any = None) -> None:
        self._later.start()

    def _lockPoints(self, wanted: bool) -> None:
        """Lock the points while the study is analysed: the new result would miss any edits. A user's own lock is kept."""
        node = self._pointsNode
        if node is None or wanted == self._locked or (wanted and node.GetLocked()):
            return
        self._locked = wanted
        node.SetLocked(wanted)

    def _fillPoints(self) -> None:
        box, found = self._host.ui.pointComboBox, self._report
        before = self._level()
        parameters = self._host.parameterNode
        names = _placeable(found) if found is not None else []
        box.blockSignals(True)
        box.clear()
        for name in names:
            missing = found is not None and found.structure(name) is None
            box.addItem(_("{level} (no point)").format(level=name) if missing else name, name)
        selected = parameters.selectedLevel if parameters is not None else ""
        box.currentIndex = max(0, box.findData(selected or before)) if names else -1
        box.blockSignals(False)
        box.enabled = bool(names)
        self._refreshPointButtons()

    def _refreshPointButtons(self, index: int = 0) -> None:
        ui, level = self._host.ui, self._level()
        obstacle = self._obstacle()
        idle = not obstacle
        present = self._report is not None and self._report.structure(level) is not None
        ui.placePointButton.enabled = idle and bool(level) and not present
        ui.deletePointButton.enabled = idle and present
        ui.placePointButton.toolTip = obstacle or (
            _("{level} has a point: drag it in a view.").format(level=level)
            if present
            else _("Click here, then in a slice view at the centre of {level}.").format(level=level)
        )
        ui.deletePointButton.toolTip = obstacle or (
            _("Leave {level} out of the result.").format(level=level)
            if present
            else _("{level} has no point.").format(level=level)
        )

    def _obstacle(self) -> str:
        """Why nothing can be corrected now; empty if corrections are possible."""
        if self._report is None:
            return str(_("Analyze a study first."))
        return str(_("Wait until the analysis has ended, or cancel it.")) if self._host.logic.running else ""

    def _level(self) -> str:
        box = self._host.ui.pointComboBox
        return str(box.itemData(box.currentIndex) or "") if box.currentIndex >= 0 else ""

    def _onPlace(self, checked: bool = False) -> None:
        pointsNode, level = self._pointsNode, self._level()
        if pointsNode is None:
            return
        preparePlacing(pointsNode, level)
        scene = pointsNode.GetScene()
        selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
        selection.SetReferenceActivePlaceNodeClassName("vtkMRMLMarkupsFiducialNode")
        selection.SetActivePlaceNodeID(pointsNode.GetID())
        interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
        interaction.SetPlaceModePersistence(0)
        interaction.SetCurrentInteractionMode(interaction.Place)
        self._host.say(_("Click in a slice view at the centre of {level}.").format(level=level))

    def _onDelete(self, checked: bool = False) -> None:
        if self._pointsNode is not None:
            takeAwayPoint(self._pointsNode, self._level())

    def _onRegraded(self, result: ResultNodes) -> None:
        self._host.refresh()
        missed = NOT_MEASURED_AGAIN in reportFromNode(result.reportNode).notes
        self._host.say(NOT_MEASURED_AGAIN.text if missed else self._sentence or _("The result follows the points."))

    def _onError(self, error: SpinalDiseaseAIError) -> None:
        self._host.refresh()
        # If another message was shown since, it explains why the grading was cancelled.
        if isinstance(error, Cancelled) and self._host.ui.statusLabel.text != _gradingText():
            return
        told = (str(error), pendingChanges(self._reportNode()) if self._report is not None else None)
        if told == self._told:
            self._host.say(str(error))  # the panel was opened again and nothing has changed: no second pop-up
        else:
            self._told = told
            self._host.fail(error)

    # -- numbering and the way back

    def _showNumbering(self) -> None:
        ui, report = self._host.ui, self._report
        byShift = {item.shift: item.probability for item in report.numberings} if report is not None else {}
        shown = [item for item in (report.numberings if report is not None else ()) if item.probability >= _LEAST_SHOWN]
        lines = [f"{round(100 * item.probability)} % {item.description}" for item in shown]
        if report is not None and not report.numberings:
            lines = [_("No other numbering was computed.")]
        ui.numberingLabel.text = "\n".join(lines)
        for button, shift, title, tip in (
            (ui.levelUpButton, -1, _("One level up"), _("Name every structure one level higher: L5 becomes L4")),
            (ui.levelDownButton, 1, _("One level down"), _("Name every structure one level lower: L4 becomes L5")),
        ):
            probability = byShift.get(shift)
            percent = f" ({round(100 * probability)} %)" if probability is not None else ""
            button.text = title + percent
            button.enabled = not self._obstacle()
            button.toolTip = self._obstacle() or tip

    def _renumber(self, shift: int) -> None:
        reportNode = self._reportNode()
        parameters = self._host.parameterNode
        level = anatomy.renumbered(parameters.selectedLevel, shift)
        try:
            renumberResult(reportNode, shift)
        except SpinalDiseaseAIError as error:
            self._host.fail(error)
            return
        parameters.selectedLevel = level
        self._host.refresh()
        text = _("Every structure is named one level lower.") if shift > 0 else _("Every structure is named one level higher.")
        self._host.say(text)

    def _onRestore(self, checked: bool = False) -> None:
        self._later.stop()
        self._host.logic.cancelGrading()  # its result would be for a point that no longer exists
        restoreComputed(self._reportNode())
        self._later.stop()
        self._host.refresh()
        self._host.say(_("The result is as the analysis computed it."))

    def _reportNode(self) -> Any:
        parameters = self._host.parameterNode
        return parameters.report if parameters is not None else None


def _gradingText() -> str:
    return str(_("Regrading the corrected level…"))


def _placeable(report: Report) -> list[str]:
    """Structures that a model can grade, by their names in a report."""
    names = (anatomy.renumbered(name, shift_of(report)) for name in anatomy.KEY_POINTS)
    return [name for name in names if name]


def _correctionsText(report: Report | None) -> str:
    corrections = report.corrections if report is not None else ()
    lines = [_correctionText(item) for item in corrections[-_SHOWN_CORRECTIONS:]]
    if len(corrections) > len(lines):
        lines.insert(0, _("{count} earlier corrections").format(count=len(corrections) - len(lines)))
    return "\n".join(lines)


def _correctionText(item: Correction) -> str:
    what = {
        MOVED: _("{level} moved"),
        ADDED: _("{level} placed"),
        REMOVED: _("{level} deleted"),
    }.get(item.kind, _("numbering moved by {shift:+d}"))
    text = what.format(level=item.structure, shift=item.shift)
    when = item.created.replace("T", " ").split("+")[0]
    return str(_("{what} by the {author}, {when} UTC").format(what=text, author=item.author, when=when))
