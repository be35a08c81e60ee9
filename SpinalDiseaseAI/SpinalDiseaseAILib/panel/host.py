"""What a section of the panel may ask of the panel."""

from __future__ import annotations

from typing import Any, Protocol

from .analysisLogic import AnalysisLogic


class Host(Protocol):
    """The module's widget, as its sections see it.

    :param ui: widgets of the ``.ui`` file by name.
    :param parameterNode: choices that belong to the scene; None while the panel is closed.
    """

    ui: Any
    logic: AnalysisLogic
    parameterNode: Any

    @property
    def missingPackages(self) -> list[str]:
        """Python packages that the analysis needs and that were not found when the panel last looked."""

    def lookForPackages(self) -> None:
        """Look again which packages are missing."""

    def log(self, line: str) -> None:
        """Add a line to the log."""

    def say(self, text: str) -> None:
        """Show a sentence below the progress bar, and log it."""

    def fail(self, error: Exception) -> None:
        """Show an error in its own words, in a pop-up too unless the user asked for it by cancelling."""

    def refresh(self) -> None:
        """Bring every section up to date with the scene and with what is running."""

    def analyze(self) -> None:
        """Start the analysis of the chosen volumes, as the button does."""
