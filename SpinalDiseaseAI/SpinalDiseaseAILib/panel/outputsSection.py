"""Outputs: the files of a result, written into a folder that the user chose."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..base.errors import ComputeError, OutputError
from ..base.report import Report
from ..scene.results import inputsOf, studyOfResult
from . import settings
from .host import Host
from .sizes import fitListHeight
from .waiting import waiting


@dataclass(frozen=True)
class Output:
    """A kind of file that can be written.

    :param name: file name, the one that ``writing`` knows it by.
    :param title: what it is, for a reader.
    :param images: True if it shows the images, so that their volumes must be in the scene.
    """

    name: str
    title: Callable[[], str]
    images: bool = False


OUTPUTS = (
    Output("report.html", lambda: str(_("Report as a page, with the picture")), images=True),
    Output("overlay.png", lambda: str(_("Picture of the spine with its findings")), images=True),
    Output("report.tsv", lambda: str(_("Table for a spreadsheet"))),
    Output("measurements.png", lambda: str(_("Picture of the measurements")), images=True),
    Output("measurements.tsv", lambda: str(_("Measurements for a spreadsheet"))),
    Output("report.json", lambda: str(_("Report for programs"))),
    Output("points.mrk.json", lambda: str(_("Points as Slicer markups"))),
)
"""What the panel offers to write, in the order of the list."""


class OutputsSection:
    """The list of files, the folder and the button."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._report: Report | None = None
        ui = host.ui
        for output in OUTPUTS:
            item = qt.QListWidgetItem(f"{output.title()} ({output.name})")
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsSelectable)
            item.setCheckState(qt.Qt.Checked)
            ui.outputList.addItem(item)
        fitListHeight(ui.outputList)
        ui.outputDirectoryButton.directory = settings.read(settings.OUTPUT_FOLDER, str(Path.home()))
        ui.outputDirectoryButton.connect("directoryChanged(QString)", self._onFolderChanged)
        ui.outputList.connect("itemChanged(QListWidgetItem*)", self._onChecked)
        ui.exportButton.connect("clicked(bool)", self._onExport)
        ui.openFolderButton.connect("clicked(bool)", self._onOpenFolder)

    def refresh(self, report: Report | None) -> None:
        """Enable writing, or say why it cannot be done.

        :param report: of the shown result; None if there is none.
        """
        self._report = report
        obstacle = self._obstacle()
        button = self._host.ui.exportButton
        button.enabled = not obstacle
        button.toolTip = obstacle or _("Write the checked files to the folder")
        self._host.ui.openFolderButton.enabled = os.path.isdir(self._host.ui.outputDirectoryButton.directory)

    def _obstacle(self) -> str:
        if self._report is None:
            return str(_("Analyze a study first."))
        chosen = self._chosen()
        if not chosen:
            return str(_("Check at least one file."))
        if any(output.images for output in chosen) and not any(self._volumes()):
            return str(_("The volumes of this result are no longer in the scene. Uncheck page and pictures, or load them again."))
        return ""

    def _chosen(self) -> list[Output]:
        items = self._host.ui.outputList
        return [output for row, output in enumerate(OUTPUTS) if items.item(row).checkState() == qt.Qt.Checked]

    def _volumes(self) -> tuple[Any, Any]:
        parameters = self._host.parameterNode
        return inputsOf(parameters.report) if parameters is not None and parameters.report is not None else (None, None)

    def _onChecked(self, item: Any) -> None:
        self.refresh(self._report)

    def _onFolderChanged(self, folder: str) -> None:
        settings.write(settings.OUTPUT_FOLDER, folder)
        self.refresh(self._report)

    def _onExport(self, checked: bool = False) -> None:
        folder = Path(self._host.ui.outputDirectoryButton.directory)
        problems: list[str] = []
        with waiting(self._host, _("The files could not be written.")):
            problems.append(_filesInTheWay(folder))
        if not problems:  # it was told why nothing can be written
            return
        if problems[0] and not slicer.util.confirmOkCancelDisplay(
            _("{problem} Replace these files?").format(problem=problems[0])
        ):
            return
        with waiting(self._host, _("The files could not be written.")):
            names = ", ".join(sorted(self._write(folder, overwrite=bool(problems[0]))))
            self._host.say(_("Written to {folder}: {names}.").format(folder=folder, names=names))
        self.refresh(self._report)

    def _write(self, folder: Path, overwrite: bool) -> dict[str, Path]:
        """Write the checked files.

        :returns: file name to path.
        """
        from ..writing import FORMATS, write_results

        assert self._report is not None
        # Without its volumes a result still has files that show no image.
        study: Any = studyOfResult(self._host.parameterNode.report) if any(self._volumes()) else None
        formats = {output.name: FORMATS[output.name] for output in self._chosen()}
        paths = write_results(self._report, study, folder, formats=formats, overwrite=overwrite)
        return {name: path for name, path in paths.items() if path.exists()}  # some are left out where there is nothing in them

    def _onOpenFolder(self, checked: bool = False) -> None:
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(self._host.ui.outputDirectoryButton.directory))


def _filesInTheWay(folder: Path) -> str:
    """Which files the results would replace, in a sentence; empty if none.

    :raises SpinalDiseaseAIError: if results cannot be written there at all.
    """
    try:
        from ..writing import check_folder  # it draws with Pillow and fills a page with Jinja
    except ModuleNotFoundError as error:
        raise ComputeError(
            _("The Python package {name} is not installed.").format(name=error.name),
            remedy=_("Install the missing packages under Setup."),
            code="missing-package",
        ) from error
    try:
        check_folder(folder)
    except OutputError as error:
        if error.code != "output-exists":
            raise
        return error.found
    return ""
