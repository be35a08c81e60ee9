"""Releases the masks of a scene before it is closed."""

from __future__ import annotations

from typing import Any

from .computedMasks import forgetComputedMasks
from .results import resultsInScene
from .segmentation import takeOutSegments


def releaseMasks(scene: Any) -> None:
    """Remove the masks from every result of a scene that is about to be closed; deleting them one by one would take seconds."""
    for result in resultsInScene(scene):
        forgetComputedMasks(result.reportNode)
        if result.segmentationNode is not None:
            takeOutSegments(result.segmentationNode.GetSegmentation())
