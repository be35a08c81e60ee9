"""What a scene with results lets go of before it is closed."""

from __future__ import annotations

from typing import Any

from .computedMasks import forgetComputedMasks
from .results import resultsInScene
from .segmentation import takeOutSegments


def releaseMasks(scene: Any) -> None:
    """Take the masks out of every result of a scene that is about to be closed, as deleting them one by one takes seconds."""
    for result in resultsInScene(scene):
        forgetComputedMasks(result.reportNode)
        if result.segmentationNode is not None:
            takeOutSegments(result.segmentationNode.GetSegmentation())
