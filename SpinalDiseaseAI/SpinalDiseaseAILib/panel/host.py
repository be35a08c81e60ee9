"""The interface of the panel for its sections."""

from __future__ import annotations

from typing import Any, Protocol

from .analysisLogic import AnalysisLogic


class Host(Protocol):
    """The module's widget, as its sections see it.

    :param ui: widgets of the ``.ui`` file by name.
    :param parameterNode: choices for the scene; None while the panel is closed.
    """

    ui: Any
    logic: AnalysisLogic
    parameterNode: Any

    @property
    def missingPackages(self) -> list[str]:
        """Python packages that the analysis needs and that were missing at the last check."""

    def lookForPackages(self) -> None:
        """Check again which packages are missing."""

    def log(self, line: str) -> None:
        """Add a line to the log."""

    def say(self, text: str) -> None:
        """Show a sentence below the progress bar, and log it."""

    def fail(self, error: Exception) -> None:
        """Show the text of an error, also in a pop-up unless the user caused it by cancelling."""

    def refresh(self) -> None:
        """Update every section from the scene and the running work."""

    def analyze(self) -> None:
        """Start the analysis of the chosen volumes, like the button."""
