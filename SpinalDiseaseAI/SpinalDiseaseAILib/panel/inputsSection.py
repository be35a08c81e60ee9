"""Inputs: a study in the DICOM database and its series to use, or volumes that are already loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from ..base.errors import SpinalDiseaseAIError
from ..base.study import Role
from ..scene import application
from ..scene.volumes import suggestedT2Node
from .dicomStudies import DatabaseStudy, listingOf, loadSeries, openDatabase, roleText, studiesOf
from .host import Host
from .waiting import waiting

if TYPE_CHECKING:
    from ..reading.listing import SeriesEntry, SeriesListing

DATABASE_TAB, VOLUMES_TAB = 0, 1


class InputsSection:
    """The study list and the volume selectors."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._studies: list[DatabaseStudy] = []
        self._shown: list[DatabaseStudy] = []
        self._filling = False
        ui = host.ui
        ui.refreshStudiesButton.connect("clicked(bool)", self.fillStudies)
        ui.studyFilterLineEdit.connect("textChanged(QString)", self._showStudies)
        ui.studyTable.connect("itemSelectionChanged()", self._onStudySelected)
        ui.databaseT2ComboBox.connect("currentIndexChanged(int)", self._onSeriesChanged)
        ui.databaseT1ComboBox.connect("currentIndexChanged(int)", self._onSeriesChanged)
        ui.loadAndAnalyzeButton.connect("clicked(bool)", self._onLoadAndAnalyze)
        ui.sampleButton.connect("clicked(bool)", self._onSample)
        ui.inputTabWidget.connect("currentChanged(int)", self._onTabChanged)
        self._fitTab()

    def enter(self) -> None:
        """Show the database if no volume is loaded and it has studies, otherwise the loaded volumes."""
        parameters = self._host.parameterNode
        nothing = parameters.t2Volume is None and parameters.t1Volume is None and parameters.report is None
        # A scene that came with a choice or a result is left unchanged.
        if nothing:
            parameters.t2Volume = suggestedT2Node(slicer.mrmlScene)
        wanted = nothing and parameters.t2Volume is None
        if wanted or self._host.ui.inputTabWidget.currentIndex == DATABASE_TAB:
            self.fillStudies()  # only here, because a database may be large
        if wanted and self._studies:
            self._host.ui.inputTabWidget.currentIndex = DATABASE_TAB

    def refresh(self) -> None:
        """Enable what can be done, and explain what cannot."""
        ui, running = self._host.ui, self._host.logic.running
        ui.inputsCollapsibleButton.enabled = not running
        t2 = self._chosen(ui.databaseT2ComboBox)
        t1 = self._chosen(ui.databaseT1ComboBox)
        ui.loadAndAnalyzeButton.enabled = bool(t2 or t1) and not running
        ui.loadAndAnalyzeButton.toolTip = (
            _("Load these series, then find, name and grade every level.")
            if t2 or t1
            else _("No series of this study can be used; the reason is above.")
            if self._selectedStudy() is not None
            else _("Select a study first.")
        )
        ui.sampleButton.visible = suggestedT2Node(slicer.mrmlScene) is None

    def fillStudies(self, checked: bool = False) -> None:
        """Read the list of studies from the DICOM database."""
        database = openDatabase()
        self._studies = studiesOf(database) if database is not None else []
        self._host.ui.databaseLabel.text = (
            _("The DICOM database is not open. Open the DICOM module once, choose a database there, then press Refresh.")
            if database is None
            else ""
            if self._studies
            else _("The DICOM database contains no MR study. Import one in the DICOM module, then press Refresh.")
        )
        self._host.ui.databaseLabel.visible = not self._studies
        self._showStudies()

    def _showStudies(self, text: str = "") -> None:
        table = self._host.ui.studyTable
        before = self._selectedStudy()
        self._shown = [study for study in self._studies if study.matches(self._host.ui.studyFilterLineEdit.text)]
        self._filling = True
        table.setRowCount(len(self._shown))
        for row, study in enumerate(self._shown):
            for column, value in enumerate((study.patient, study.date, study.description)):
                table.setItem(row, column, qt.QTableWidgetItem(value))
        table.clearSelection()
        table.resizeColumnsToContents()
        self._filling = False
        again = next((row for row, study in enumerate(self._shown) if before is not None and study.uid == before.uid), -1)
        if again >= 0:
            table.selectRow(again)
        else:
            self._showListing(None)

    def _selectedStudy(self) -> DatabaseStudy | None:
        rows = self._host.ui.studyTable.selectionModel().selectedRows()
        row = rows[0].row() if rows else -1
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def _onStudySelected(self) -> None:
        if not self._filling:
            self._list()

    def _onSeriesChanged(self, index: int) -> None:
        if not self._filling:
            ui = self._host.ui
            self._list(self._chosen(ui.databaseT2ComboBox), self._chosen(ui.databaseT1ComboBox))

    def _fitTab(self) -> None:
        """Fit the height to the current page, so that the short page leaves no empty space."""
        ui = self._host.ui
        ui.databaseWidget.visible = ui.inputTabWidget.currentIndex == DATABASE_TAB
        ui.volumesWidget.visible = ui.inputTabWidget.currentIndex == VOLUMES_TAB

    def _onTabChanged(self, index: int) -> None:
        self._fitTab()
        if index == DATABASE_TAB and self._host.parameterNode is not None:
            self.fillStudies()

    def _list(self, t2: str = "", t1: str = "") -> None:
        """Show the series of the selected study, with the user's choices selected."""
        study, database = self._selectedStudy(), openDatabase()
        if study is None or database is None:
            self._showListing(None)
            return
        try:
            self._showListing(listingOf(database, study, t2, t1))
        except SpinalDiseaseAIError as error:
            self._showListing(None)
            self._host.ui.seriesReasonLabel.text = str(error)

    def _showListing(self, listing: SeriesListing | None) -> None:
        ui = self._host.ui
        used = {entry.role: entry for entry in listing.used} if listing is not None else {}
        self._filling = True
        for box, role in ((ui.databaseT2ComboBox, Role.SAGITTAL_T2), (ui.databaseT1ComboBox, Role.SAGITTAL_T1)):
            box.clear()
            box.addItem(_("None"), "")
            for entry in listing.entries if listing is not None else ():
                box.addItem(_title(entry), entry.uid)
                box.setItemData(box.count - 1, entry.reason, qt.Qt.ToolTipRole)
            box.currentIndex = max(0, box.findData(used[role].uid)) if role in used else 0
            box.enabled = listing is not None
        lines = [f"{roleText(role)}: {entry.reason}" for role, entry in used.items() if role is not None]
        if listing is not None:
            lines += [str(listing.problem)] if listing.problem is not None else []
            lines += [note.text for note in listing.notes if note.severity == "warning"]
        ui.seriesReasonLabel.text = "\n".join(lines)
        self._filling = False
        self.refresh()

    def _chosen(self, box: Any) -> str:
        return str(box.itemData(box.currentIndex) or "") if box.currentIndex >= 0 else ""

    def _onLoadAndAnalyze(self, checked: bool = False) -> None:
        ui, parameters = self._host.ui, self._host.parameterNode
        uids = self._chosen(ui.databaseT2ComboBox), self._chosen(ui.databaseT1ComboBox)
        self._host.say(_("Loading the series…"))
        slicer.app.processEvents()
        nodes = []
        with waiting(self._host, _("The series could not be loaded.")):
            nodes = [loadSeries(slicer.mrmlScene, uid) if uid else None for uid in uids]
            parameters.t2Volume, parameters.t1Volume = nodes
            slicer.util.setSliceViewerLayers(background=nodes[0] or nodes[1], fit=True)
        if nodes:
            self._host.analyze()

    def _onSample(self, checked: bool = False) -> None:
        self._host.say(_("Loading the sample study…"))
        slicer.app.processEvents()
        with waiting(self._host, _("The sample study could not be loaded.")):
            node = application.loadSampleStudy()[0]
            self._host.parameterNode.t2Volume = node
            slicer.util.setSliceViewerLayers(background=node, fit=True)
            self._host.say(_("The sample study is loaded. Click Analyze."))
            self._host.refresh()


def _title(entry: SeriesEntry) -> str:
    slices = entry.size[2]
    text = _("{description} · {weighting}, {orientation}, {slices} slices")
    description = entry.description or _("no description")
    return str(text.format(description=description, weighting=entry.weighting, orientation=entry.orientation, slices=slices))
