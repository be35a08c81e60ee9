"""How a report was made: the command, the software and the models. It never names a folder of the computer."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .. import __version__
from ..base.report import ModelProvenance

_PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "SimpleITK", "pydicom", "pillow", "matplotlib")


@dataclass(frozen=True)
class Provenance:
    """What a reader needs to reproduce the report.

    :param command: command line, with paths shortened to their last part.
    :param software: package to version.
    :param models: bundles that took part, with the SHA-256 of their weights.
    :param left_out: what could not be measured, one sentence each.
    """

    command: str
    created: str
    device: str
    software: dict[str, str]
    models: tuple[ModelProvenance, ...]
    left_out: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """The provenance as JSON values."""
        return {
            "command": self.command,
            "created": self.created,
            "device": self.device,
            "software": self.software,
            "models": [
                {"name": model.name, "version": model.version, "sha256": model.sha256, "licence": model.licence}
                for model in self.models
            ],
            "left_out": list(self.left_out),
        }

    def markdown(self) -> str:
        """The provenance as a Markdown list for the end of a page."""
        software = ", ".join(f"{name} {number}" for name, number in self.software.items())
        lines = [f"* Command: `{self.command}`", f"* Made {self.created} on {self.device}", f"* Software: {software}"]
        lines += [f"* Model {model.name} {model.version}, SHA-256 of its weights `{model.sha256}`" for model in self.models]
        lines += [f"* Left out: {text}" for text in self.left_out]
        return "\n".join(lines) + "\n"


def provenance_of(
    arguments: Sequence[str | Path], device: str, models: Sequence[ModelProvenance], left_out: Sequence[str] = ()
) -> Provenance:
    """The provenance of a report that is being made.

    :param arguments: arguments of the command; only the last part of a path is recorded.
    """
    words = [item.resolve().name if isinstance(item, Path) else item for item in arguments]
    return Provenance(
        shlex.join(["spinal-disease-ai", "evaluate", *words]),
        datetime.now(UTC).isoformat(timespec="seconds"),
        device,
        {"SpinalDiseaseAI": __version__, "Python": platform.python_version(), **_versions()},
        tuple(dict.fromkeys(models)),
        tuple(left_out),
    )


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a minimal installation lacks some of them
            continue
    return found
