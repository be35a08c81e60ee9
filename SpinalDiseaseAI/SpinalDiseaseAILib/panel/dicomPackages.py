"""Packages for DICOM files that the application may lack: they are installed when first needed, after asking."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from ..base.errors import ComputeError
from ..scene import application
from .host import Host
from .waiting import waiting


def mayWriteDicom(host: Host) -> bool:
    """True if everything for DICOM files is available, possibly because the user agreed to install it now."""
    missing = application.missingForDicom()
    if missing and not _install(host, missing):
        return False
    if application.needsRestart():
        host.fail(
            ComputeError(
                _("The Python package pydicom was replaced while Slicer was running."),
                remedy=_("Restart Slicer, then write the DICOM files."),
                code="restart",
            )
        )
        return False
    return True


def replacementText() -> str:
    """Sentences about what the installation replaces, for a question to the user; empty if nothing."""
    if not application.replacesPydicom():
        return ""
    return str(
        _(
            "This replaces the Python package pydicom of this version of Slicer with a newer one, also for other modules. "
            "Restart Slicer afterwards. Slicer 5.12 and newer need no installation."
        )
    )


def _install(host: Host, missing: list[str]) -> bool:
    packages = ", ".join(missing)
    text = _("DICOM files need these Python packages: {packages}. Install them into Slicer now?").format(packages=packages)
    if not slicer.util.confirmOkCancelDisplay(f"{text} {replacementText()}".strip()):
        host.say(_("Nothing was written: DICOM files need {packages}.").format(packages=packages))
        return False
    host.say(_("Installing Python packages…"))
    slicer.app.processEvents()
    with waiting(host, _("The packages could not be installed.")):
        application.installRequirements(missing)
    host.lookForPackages()
    return not application.missingForDicom()
