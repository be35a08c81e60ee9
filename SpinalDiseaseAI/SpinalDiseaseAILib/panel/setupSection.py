"""Setup: whether the packages for the analysis are installed, where they come from, and a button that installs them."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..scene import application
from . import settings
from .host import Host
from .waiting import waiting


class SetupSection:
    """Installed packages. Checking imports nothing, and nothing is installed without a click and a confirmation."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.missing: list[str] = []
        self._forDicom: list[str] = []
        self._found: list[str] = []
        host.ui.installButton.connect("clicked(bool)", self._onInstall)
        self.look()
        # Initially collapsed if there is nothing to do; afterwards the user decides.
        host.ui.setupCollapsibleButton.collapsed = not self.missing

    def look(self) -> None:
        """Check what is installed and what is missing, and show it."""
        self.missing = application.missingRequirements()
        self._forDicom = application.missingForDicom()
        lines = [_torchState(), _extensionState()]
        others = [name for name in self.missing if name != "torch"]
        if others:
            lines.append(_("Missing: {packages}.").format(packages=", ".join(others)))
        if self._forDicom:
            lines.append(_("To write DICOM files, install: {packages}.").format(packages=", ".join(self._forDicom)))
        self._found = lines

    def refresh(self) -> None:
        """Show what is installed, and offer to install what is missing."""
        ui, missing = self._host.ui, self.missing
        ui.setupLabel.text = "\n".join([*self._found, *([] if missing else [_deviceState(ui)])])
        installable = bool(missing or self._forDicom)
        ui.installButton.visible = installable
        ui.installButton.enabled = installable and not self._host.logic.running
        ui.installButton.text = _("Install PyTorch…") if "torch" in missing else _("Install missing packages…")

    def _onInstall(self, checked: bool = False) -> None:
        missing = [*self.missing, *self._forDicom]
        text = (
            _("Install these Python packages into Slicer: {packages}? This downloads up to 3 GB and can take some minutes.")
            if "torch" in missing
            else _("Install these Python packages into Slicer: {packages}?")
        )
        if not slicer.util.confirmOkCancelDisplay(text.format(packages=", ".join(missing))):
            return
        self._host.say(_("Installing Python packages…"))
        slicer.app.processEvents()
        with waiting(self._host, _("The packages could not be installed.")):
            application.installRequirements(missing)
            self._host.say(
                _("The packages are installed. Studies can be analyzed now.")
                if self.missing
                else _("The packages are installed. DICOM files can be written now.")
            )
        self.look()
        self._host.refresh()


def _deviceState(ui: Any) -> str:
    found = settings.deviceFound(str(ui.deviceComboBox.itemData(ui.deviceComboBox.currentIndex)))
    if found:
        return str(_("The models run on {device}.").format(device=found))
    return str(_("The first analysis, or Try under Advanced, shows which device the models run on."))


def _torchState() -> str:
    if not application.isInstalled("torch"):
        return str(_("PyTorch is not installed. It runs the models."))
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return str(_("PyTorch is installed; its version is not known."))
    return str(_("PyTorch {version} is installed.").format(version=version))


def _extensionState() -> str:
    if not application.isInstalled("PyTorchUtils"):
        return str(_("The PyTorch extension, which installs it, is missing. Install it in the Extensions Manager."))
    return str(_("The PyTorch extension is available; it installs and updates PyTorch."))
