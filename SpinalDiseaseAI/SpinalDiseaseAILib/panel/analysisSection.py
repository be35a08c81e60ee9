"""Analyze and Cancel, and the progress and duration of the analysis."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..base.errors import SchemaError, SpinalDiseaseAIError
from ..base.options import DEFAULT_SEGMENTER
from ..models.bundle import read_bundle
from ..scene import application
from ..scene.results import ResultNodes, reportFromNode, resultOf
from . import settings
from .host import Host

_TICK_MILLISECONDS = 500
_FORETELL_FROM = 0.15
"""Progress (0 … 1) from which the remaining time is shown; earlier it would be a guess."""


class AnalysisSection:
    """The button, the progress bar and the sentences below."""

    def __init__(self, host: Host, onFinished: Any) -> None:
        """Connect the widgets.

        :param onFinished: called with the result of a successful analysis.
        """
        self._host = host
        self._onFinishedCallback = onFinished
        self._started = 0.0
        self._fraction = 0.0
        self._device = ""
        self._cancelling = False
        self._clock = qt.QTimer()
        self._clock.setInterval(_TICK_MILLISECONDS)
        self._clock.connect("timeout()", self._showTime)
        host.ui.analyzeButton.connect("clicked(bool)", self._onClicked)

    def cleanup(self) -> None:
        """Stop the clock."""
        self._clock.stop()

    def refresh(self) -> None:
        """Set the button to what can be done now, or say why nothing can be done."""
        button, running = self._host.ui.analyzeButton, self._host.logic.running
        obstacle = self._obstacle()
        button.text = button.accessibleName = _("Cancel") if running else _("Analyze")
        button.enabled = not self._cancelling if running else not obstacle
        button.toolTip = (
            (_("The analysis is being stopped.") if self._cancelling else _("Stop the analysis."))
            if running
            else obstacle or _("Find, name and grade every level.")
        )
        self._host.ui.progressBar.visible = running
        self._host.ui.stageLabel.visible = running
        self._host.ui.timeLabel.visible = running

    def start(self) -> None:
        """Analyse the chosen volumes; first ask the user about missing packages, consent or existing corrections."""
        with slicer.util.tryWithErrorDisplay(_("The analysis could not be started.")):
            try:
                if self._maySetUp() and self._mayUseModel():
                    self._start(self._mayOverwrite())
            except SpinalDiseaseAIError as error:
                self._onError(error)
        self._host.refresh()

    def _onClicked(self, checked: bool = False) -> None:
        if self._host.logic.running:
            self._cancelling = True
            self._host.ui.stageLabel.text = _("Stopping the analysis…")
            self._host.logic.cancel()
            self.refresh()
        else:
            self.start()

    def _obstacle(self) -> str:
        parameters = self._host.parameterNode
        if parameters is None or (parameters.t2Volume is None and parameters.t1Volume is None):
            return str(_("Choose a sagittal T2 or T1 volume first."))
        if parameters.t2Volume is parameters.t1Volume:
            return str(_("One volume is chosen both as T2 and as T1. Choose two volumes, or one of them alone."))
        return ""

    def _maySetUp(self) -> bool:
        missing = application.missingRequirements()
        if not missing:
            return True
        text = _("The analysis needs these Python packages: {packages}. Install them now? This downloads up to 3 GB.")
        if not slicer.util.confirmOkCancelDisplay(text.format(packages=", ".join(missing))):
            self._host.say(_("Without these packages nothing can be analyzed: {packages}.").format(packages=", ".join(missing)))
            return False
        self._host.say(_("Installing Python packages…"))
        slicer.app.processEvents()
        application.installRequirements(missing)
        self._host.lookForPackages()
        return True

    def _mayUseModel(self) -> bool:
        folder = settings.read(settings.MODELS_FOLDER)
        bundle = read_bundle(self._host.parameterNode.classifier, Path(folder) if folder else None)
        if not bundle.research_only or settings.hasConsent(bundle.name, bundle.licence):
            return True
        text = _("The model “{title}” may be used for research only: {licence}. Use it for research?")
        if not slicer.util.confirmOkCancelDisplay(text.format(title=bundle.title, licence=bundle.licence)):
            self._host.say(_("The analysis was not started. Another model can be chosen under Advanced."))
            return False
        settings.rememberConsent(bundle.name, bundle.licence)
        return True

    def _mayOverwrite(self) -> bool:
        """True if corrections of an earlier result, or an unreadable earlier result, may be replaced."""
        parameters = self._host.parameterNode
        earlier = resultOf(parameters.t2Volume or parameters.t1Volume, self._pipeline())
        if earlier is None:
            return False
        try:
            count = len(reportFromNode(earlier.reportNode).corrections)
        except SchemaError as error:
            text = _(
                "The result of this study, “{name}”, cannot be read: {problem} Replace it? If you answer No, it is kept beside "
                "the new one."
            )
            return bool(slicer.util.confirmYesNoDisplay(text.format(name=earlier.reportNode.GetName(), problem=error)))
        if not count:
            return False
        text = _(
            "A reader corrected the result of this study ({count}). Replace the corrections? If you answer No, they are kept."
        )
        return bool(slicer.util.confirmYesNoDisplay(text.format(count=count)))

    def _start(self, overwriteEdits: bool) -> None:
        ui, parameters = self._host.ui, self._host.parameterNode
        ui.logTextEdit.clear()
        ui.statusLabel.text = ""
        self._started = time.monotonic()
        self._cancelling = False
        self._device = str(ui.deviceComboBox.itemData(ui.deviceComboBox.currentIndex))
        self._onProgress("", 0.0, _("Starting…"))
        self._host.logic.process(
            parameters.t2Volume,
            parameters.t1Volume,
            classifiers=(parameters.classifier,),
            device=self._device,
            overwriteEdits=overwriteEdits,
            waitForCompletion=False,
            onProgress=self._onProgress,
            onFinished=self._onFinished,
            onError=self._onError,
            pipeline=self._pipeline(),
            models_folder=settings.read(settings.MODELS_FOLDER),
            slices=parameters.slices,
            segmenter=DEFAULT_SEGMENTER if parameters.segmentation else "",
        )
        self._clock.start()

    def _pipeline(self) -> str:
        box = self._host.ui.pipelineComboBox
        return str(box.itemData(box.currentIndex))

    def _onProgress(self, stage: str, fraction: float, message: str) -> None:
        ui = self._host.ui
        self._fraction = fraction
        ui.progressBar.value = round(100 * fraction)
        if message != ui.stageLabel.text and not self._cancelling:
            ui.stageLabel.text = message
            self._host.log(message)
        self._showTime()

    def _showTime(self) -> None:
        elapsed = time.monotonic() - self._started
        text = _("{seconds} s").format(seconds=round(elapsed))
        if _FORETELL_FROM <= self._fraction < 1:
            left = elapsed * (1 - self._fraction) / self._fraction
            text = _("{seconds} s, about {left} s left").format(seconds=round(elapsed), left=max(1, round(left)))
        self._host.ui.timeLabel.text = text

    def _onFinished(self, result: ResultNodes) -> None:
        self._end()
        report = reportFromNode(result.reportNode)
        abnormal = sum(any(finding.abnormal for finding in item.findings) for item in report.structures)
        lines = [
            _("{count} structures named, {abnormal} of them with an abnormal finding ({seconds:.1f} s on {device}).").format(
                count=len(report.structures), abnormal=abnormal, seconds=report.seconds.get("total", 0.0), device=report.device
            )
        ]
        if result.kept:
            lines.append(_("Points that you edited were left as they are: {count}.").format(count=len(result.kept)))
        if report.corrections:
            lines.append(_("Corrections of a reader were kept: {count}.").format(count=len(report.corrections)))
        if report.research_only:
            lines.append(_("A research-only model was used."))
        lines += [note.text for note in report.notes if note.severity == "warning"]
        self._host.say("\n".join(lines))
        settings.rememberDevice(self._device, report.device)
        self._onFinishedCallback(result)
        self._host.refresh()

    def _onError(self, error: SpinalDiseaseAIError) -> None:
        self._end()
        self._host.refresh()
        self._host.fail(error)

    def _end(self) -> None:
        self._clock.stop()
        self._cancelling = False
        self._host.ui.progressBar.value = 0
