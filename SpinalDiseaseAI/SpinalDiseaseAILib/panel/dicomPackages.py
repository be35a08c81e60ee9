"""Packages for DICOM files that the application may lack: they are installed when first needed, after asking."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from ..scene import application
from .host import Host
from .waiting import waiting


def mayWriteDicom(host: Host) -> bool:
    """True if everything for DICOM files is available, possibly because the user agreed to install it now."""
    missing = application.missingForDicom()
    return not missing or _install(host, missing)


def _install(host: Host, missing: list[str]) -> bool:
    packages = ", ".join(missing)
    text = _("DICOM files need these Python packages: {packages}. Install them into Slicer now?").format(packages=packages)
    if not slicer.util.confirmOkCancelDisplay(text):
        host.say(_("Nothing was written: DICOM files need {packages}.").format(packages=packages))
        return False
    host.say(_("Installing Python packages…"))
    slicer.app.processEvents()
    with waiting(host, _("The packages could not be installed.")):
        application.installRequirements(missing)
    host.lookForPackages()
    return not application.missingForDicom()
