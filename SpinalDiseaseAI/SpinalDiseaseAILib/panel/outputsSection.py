"""Outputs: the files of a result, written to a folder that the user chose."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..base.errors import ComputeError, OutputError
from ..base.report import Report
from ..scene.results import inputsOf, studyOfResult
from ..scene.shownMasks import masksOfResult
from . import settings
from .dicomFiles import addToDatabase, dicomFormats, obstacleToDicom
from .dicomPackages import mayWriteDicom
from .host import Host
from .sizes import fitListHeight
from .waiting import waiting


@dataclass(frozen=True)
class Output:
    """A kind of file that can be written.

    :param name: file name, as used in ``writing``.
    :param title: what it is, in words.
    :param images: True if it shows or measures the images, so that their volumes must be in the scene.
    :param masks: True if it contains the masks, as they are in the scene.
    :param dicom: True if it is filed under the patient, and therefore names the patient: it is written only on request.
    """

    name: str
    title: Callable[[], str]
    images: bool = False
    masks: bool = False
    dicom: bool = False


OUTPUTS = (
    Output("report.html", lambda: str(_("Report as a page, with the picture")), images=True),
    Output("overlay.png", lambda: str(_("Picture of the spine with its findings")), images=True),
    Output("report.tsv", lambda: str(_("Table for a spreadsheet"))),
    Output("measurements.png", lambda: str(_("Picture of the measurements")), images=True),
    Output("measurements.tsv", lambda: str(_("Measurements for a spreadsheet"))),
    Output("report.json", lambda: str(_("Report for programs"))),
    Output("points.mrk.json", lambda: str(_("Points as Slicer markups"))),
    Output("masks.seg.nrrd", lambda: str(_("Masks as a Slicer segmentation")), masks=True),
    Output("masks.nii.gz", lambda: str(_("Masks as NIfTI")), masks=True),
    Output("masks.tsv", lambda: str(_("Labels and volumes of the masks")), images=True, masks=True),
    Output("report.sr.dcm", lambda: str(_("DICOM structured report (names the patient)")), dicom=True),
    Output("masks.seg.dcm", lambda: str(_("DICOM segmentation (names the patient)")), masks=True, dicom=True),
)
"""The files that the panel offers to write, in the order of the list."""

_YES, _NO = "yes", "no"


class OutputsSection:
    """The list of files, the folder and the button, and whether DICOM files go into the database."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._report: Report | None = None
        ui = host.ui
        for output in OUTPUTS:
            item = qt.QListWidgetItem(f"{output.title()} ({output.name})")
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsSelectable)
            item.setCheckState(qt.Qt.Unchecked if output.dicom else qt.Qt.Checked)
            ui.outputList.addItem(item)
        fitListHeight(ui.outputList)
        ui.outputDirectoryButton.directory = settings.read(settings.OUTPUT_FOLDER, str(Path.home()))
        ui.outputDirectoryButton.connect("directoryChanged(QString)", self._onFolderChanged)
        ui.addToDatabaseCheckBox.checked = settings.read(settings.ADD_TO_DATABASE, _YES) == _YES
        ui.addToDatabaseCheckBox.connect("toggled(bool)", self._onAddToDatabase)
        ui.outputList.connect("itemChanged(QListWidgetItem*)", self._onChecked)
        ui.exportButton.connect("clicked(bool)", self._onExport)
        ui.openFolderButton.connect("clicked(bool)", self._onOpenFolder)

    def refresh(self, report: Report | None) -> None:
        """Enable writing, or say why it is not possible.

        :param report: report of the shown result; None if there is none.
        """
        self._report = report
        obstacle = self._obstacle()
        button = self._host.ui.exportButton
        button.enabled = not obstacle
        button.toolTip = obstacle or _("Write the checked files to the folder")
        self._host.ui.addToDatabaseCheckBox.enabled = any(output.dicom for output in self._chosen())
        self._host.ui.openFolderButton.enabled = os.path.isdir(self._host.ui.outputDirectoryButton.directory)

    def _obstacle(self) -> str:
        if self._report is None:
            return str(_("Analyze a study first."))
        chosen = self._chosen()
        if not chosen:
            return str(_("Check at least one file."))
        if any(output.images for output in chosen) and not any(self._volumes()):
            return str(
                _(
                    "The volumes of this result are no longer in the scene. Uncheck page, pictures and labels of masks, or load "
                    "them again."
                )
            )
        if not any(output.dicom for output in chosen):
            return ""
        return obstacleToDicom(self._host.parameterNode.report, self._report)

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

    def _onAddToDatabase(self, checked: bool) -> None:
        settings.write(settings.ADD_TO_DATABASE, _YES if checked else _NO)

    def _onExport(self, checked: bool = False) -> None:
        folder = Path(self._host.ui.outputDirectoryButton.directory)
        problems: list[str] = []
        with waiting(self._host, _("The files could not be written.")):
            problems.append(_filesInTheWay(folder))
        if not problems:  # otherwise the reason has been shown
            return
        if any(output.dicom for output in self._chosen()) and not mayWriteDicom(self._host):
            return
        if problems[0] and not slicer.util.confirmOkCancelDisplay(
            _("{problem} Replace these files?").format(problem=problems[0])
        ):
            return
        with waiting(self._host, _("The files could not be written.")):
            self._tell(folder, self._write(folder, overwrite=bool(problems[0])))
        self.refresh(self._report)

    def _tell(self, folder: Path, paths: dict[str, Path]) -> None:
        """Report what was written, and add DICOM files to the database if the user wants that."""
        if not paths:
            self._host.say(_("Nothing was written: this result has no masks or measurements."))
            return
        text = _("Written to {folder}: {names}.").format(folder=folder, names=", ".join(sorted(paths)))
        self._host.say(text)
        forDatabase = [paths[output.name] for output in OUTPUTS if output.dicom and output.name in paths]
        if forDatabase and self._host.ui.addToDatabaseCheckBox.checked:
            addToDatabase(forDatabase)
            self._host.say(_("{written} The DICOM files were added to the DICOM database.").format(written=text))

    def _write(self, folder: Path, overwrite: bool) -> dict[str, Path]:
        """Write the checked files.

        :returns: file name to path.
        """
        from ..writing import FORMATS, write_results

        report, reportNode, chosen = self._report, self._host.parameterNode.report, self._chosen()
        assert report is not None
        # Without its volumes, a result still has files that do not need images.
        study: Any = studyOfResult(reportNode) if any(self._volumes()) else None
        if any(output.masks for output in chosen):
            report = replace(report, masks=masksOfResult(reportNode))
        formats = {output.name: FORMATS[output.name] for output in chosen if not output.dicom}
        dicom = [output.name for output in chosen if output.dicom]
        if dicom:
            formats |= dicomFormats(reportNode, report, dicom)
        if not formats:
            return {}
        paths = write_results(report, study, folder, formats=formats, overwrite=overwrite)
        return {name: path for name, path in paths.items() if path.exists()}  # some are not written if they would be empty

    def _onOpenFolder(self, checked: bool = False) -> None:
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(self._host.ui.outputDirectoryButton.directory))


def _filesInTheWay(folder: Path) -> str:
    """A sentence about the files that the results would replace; empty if none.

    :raises SpinalDiseaseAIError: if results cannot be written there at all.
    """
    try:
        from ..writing import check_folder  # imports Pillow and Jinja
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
