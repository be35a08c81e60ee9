"""The button that shows the masks of a result as surfaces in the 3-D views."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..scene.results import ResultNodes
from ..scene.segmentation import showsSurfaces, showSurfaces
from .host import Host
from .waiting import waiting

_EVENTS = (slicer.vtkSegmentation.ContainedRepresentationNamesModified, slicer.vtkMRMLDisplayableNode.DisplayModifiedEvent)


class SurfacesButton(VTKObservationMixin):  # type: ignore[misc]
    """Checked while the surfaces of the shown result are visible, whichever module showed or hid them."""

    def __init__(self, host: Host) -> None:
        VTKObservationMixin.__init__(self)
        self._host = host
        self._node: Any = None
        host.ui.surfacesButton.connect("toggled(bool)", self._onToggled)

    def cleanup(self) -> None:
        """Release the scene."""
        self.removeObservers()

    def refresh(self, nodes: ResultNodes | None) -> None:
        """Follow the masks of a result; None if there is no result."""
        self.removeObservers()
        self._node = nodes.segmentationNode if nodes is not None else None
        if self._node is not None:
            for event in _EVENTS:
                self.addObserver(self._node, event, self._showState)
        self._host.ui.surfacesButton.toolTip = (
            _("Show the masks as surfaces in the 3-D views")
            if self._node is not None
            else _("The result has no masks.")
            if nodes is not None
            else _("Analyze a study first.")
        )
        self._showState()

    def _showState(self, caller: Any = None, event: Any = None) -> None:
        button = self._host.ui.surfacesButton
        button.enabled = self._node is not None
        button.blockSignals(True)
        button.checked = self._node is not None and showsSurfaces(self._node)
        button.blockSignals(False)

    def _onToggled(self, checked: bool) -> None:
        with waiting(self._host, _("The surfaces could not be made.")):
            showSurfaces(self._node, checked)
