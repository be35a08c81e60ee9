"""Shows one result at a time: points and masks of two patients over one image could be confused."""

from __future__ import annotations

from typing import Any

from .results import ResultNodes, resultsInScene

HIDDEN = "SpinalDiseaseAI.HiddenForAnotherResult"
"""Attribute of points and masks hidden by :func:`showAlone`. Those hidden by a user do not have it, and stay hidden."""


def showAlone(reportNode: Any) -> None:
    """Hide the points and masks of every other result in the scene, and show those of this one that this function had hidden."""
    for result in resultsInScene(reportNode.GetScene()):
        for node in _drawn(result):
            if result.reportNode is not reportNode and node.GetDisplayVisibility():
                node.SetAttribute(HIDDEN, "yes")
                node.SetDisplayVisibility(False)
            elif result.reportNode is reportNode and node.GetAttribute(HIDDEN):
                node.RemoveAttribute(HIDDEN)
                node.SetDisplayVisibility(True)


def _drawn(result: ResultNodes) -> list[Any]:
    return [node for node in (result.pointsNode, result.segmentationNode) if node is not None]
