"""Advanced: pipeline, model with its card and licence, device, thresholds, folder of models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from ..base.errors import SpinalDiseaseAIError
from ..base.locations import models_folder
from ..models.bundle import Bundle, list_bundles
from ..pipelines.registry import PIPELINES
from . import settings
from .cardText import cardText
from .host import Host


class AdvancedSection:
    """The choices that most users never change."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._bundles: dict[str, Bundle] = {}
        ui = host.ui
        for name in PIPELINES:
            ui.pipelineComboBox.addItem(_pipelineTitle(name), name)
        for name, title in (("auto", _("Automatic")), ("cuda", _("NVIDIA GPU")), ("mps", _("Apple GPU")), ("cpu", _("CPU"))):
            ui.deviceComboBox.addItem(title, name)
        ui.deviceComboBox.currentIndex = max(0, ui.deviceComboBox.findData(settings.read(settings.DEVICE, "auto")))
        self._showFound("")
        self._fillBundles()
        ui.classifierComboBox.connect("currentIndexChanged(int)", self._onClassifierChanged)
        ui.deviceComboBox.connect("currentIndexChanged(int)", self._onDeviceChanged)
        ui.cardButton.connect("toggled(bool)", self._onCardToggled)
        ui.probeButton.connect("clicked(bool)", self._onProbe)
        ui.modelsDirectoryButton.connect("directoryChanged(QString)", self._onFolderChanged)
        ui.shippedModelsButton.connect("clicked(bool)", self._onShipped)

    def refresh(self) -> None:
        """Show the choices of the parameter node."""
        ui, running, parameters = self._host.ui, self._host.logic.running, self._host.parameterNode
        ui.advancedCollapsibleButton.enabled = not running
        if parameters is not None:
            # A model that is not installed is shown as none, so that no other model looks like the chosen one.
            index = ui.classifierComboBox.findData(parameters.classifier)
            if index != ui.classifierComboBox.currentIndex:
                ui.classifierComboBox.currentIndex = index
        bundle = self._bundle()
        ui.licenceLabel.text = _licenceText(bundle) if bundle is not None else ""
        ui.cardButton.enabled = bundle is not None
        ui.shippedModelsButton.enabled = bool(settings.read(settings.MODELS_FOLDER))
        missing = self._host.missingPackages
        ui.probeButton.enabled = not missing and not running
        ui.probeButton.toolTip = (
            _("Install the missing packages under Setup first.")
            if missing
            else _("Find out which device this choice uses by running a small network on it")
        )
        self._showCard()

    def _fillBundles(self) -> None:
        ui, folder = self._host.ui, settings.read(settings.MODELS_FOLDER)
        try:
            place = Path(folder) if folder else models_folder()
            ui.modelsDirectoryButton.blockSignals(True)
            ui.modelsDirectoryButton.directory = str(place)
            ui.modelsDirectoryButton.blockSignals(False)
            bundles = [bundle for bundle in list_bundles(place) if bundle.task == "classification"]
        except SpinalDiseaseAIError as error:
            bundles = []
            ui.statusLabel.text = str(error)  # no pop-up while the panel opens
        except OSError as error:
            bundles = []
            self._host.log(_("The folder {folder} cannot be read: {reason}.").format(folder=folder, reason=error.strerror))
        self._bundles = {bundle.name: bundle for bundle in bundles}
        ui.classifierComboBox.blockSignals(True)
        ui.classifierComboBox.clear()
        for bundle in bundles:
            title = _("{title} (research only)").format(title=bundle.title) if bundle.research_only else bundle.title
            ui.classifierComboBox.addItem(title, bundle.name)
        ui.classifierComboBox.blockSignals(False)
        if folder and not bundles:
            ui.statusLabel.text = _(
                "The folder {folder} holds no model that grades. Choose another one, or the shipped models."
            ).format(folder=folder)

    def _bundle(self) -> Bundle | None:
        box = self._host.ui.classifierComboBox
        return self._bundles.get(str(box.itemData(box.currentIndex))) if box.currentIndex >= 0 else None

    def _onClassifierChanged(self, index: int) -> None:
        if self._host.parameterNode is not None and index >= 0:
            self._host.parameterNode.classifier = self._host.ui.classifierComboBox.itemData(index)
        self.refresh()

    def _onDeviceChanged(self, index: int) -> None:
        settings.write(settings.DEVICE, self.device)
        self._showFound("")
        self._host.refresh()

    def _onCardToggled(self, checked: bool) -> None:
        self._showCard()

    def _showCard(self) -> None:
        ui, bundle = self._host.ui, self._bundle()
        shown = bool(ui.cardButton.checked) and bundle is not None
        ui.cardTextBrowser.visible = shown
        if shown and bundle is not None:
            try:
                card = bundle.card_text()
            except SpinalDiseaseAIError as error:
                card = str(error)
            ui.cardTextBrowser.setMarkdown(cardText(card))

    def _onProbe(self, checked: bool = False) -> None:
        ui = self._host.ui
        self._showFound(_("Trying the device…"))
        try:
            self._host.logic.probe(
                ui.deviceComboBox.itemData(ui.deviceComboBox.currentIndex), self._onProbed, self._onProbeFailed
            )
        except SpinalDiseaseAIError as error:
            self._onProbeFailed(error)

    @property
    def device(self) -> str:
        """The chosen device, as named by :class:`base.options.Options`."""
        box = self._host.ui.deviceComboBox
        return str(box.itemData(box.currentIndex))

    def _onProbed(self, found: dict[str, Any]) -> None:
        settings.rememberDevice(found["requested"], found["description"])
        text = _("The models run on {device}.").format(device=found["description"])
        self._showFound(f"{text} {found['fallback']}".strip())
        self._host.refresh()

    def _onProbeFailed(self, error: SpinalDiseaseAIError) -> None:
        self._showFound(str(error))

    def _showFound(self, text: str) -> None:
        self._host.ui.deviceFoundLabel.text = text
        self._host.ui.deviceFoundLabel.visible = bool(text)

    def _onFolderChanged(self, folder: str) -> None:
        settings.write(settings.MODELS_FOLDER, folder)
        self._fillBundles()
        self._host.refresh()

    def _onShipped(self, checked: bool = False) -> None:
        self._onFolderChanged("")


def _pipelineTitle(name: str) -> str:
    titles = {"lumbar-mr": _("Lumbar spine MR")}
    return str(titles.get(name, name))


def _licenceText(bundle: Bundle) -> str:
    if bundle.research_only:
        return str(_("{licence}; research only: you are asked once for your consent").format(licence=bundle.licence))
    return bundle.licence
