"""``train`` and ``evaluate``: commands in packages of their own, which are loaded only on request."""

from __future__ import annotations

import importlib

import typer

from ..base.errors import ComputeError

_LIBRARY = __name__.partition(".")[0]


def run_wing(name: str, command: str, arguments: list[str]) -> None:
    """Pass the rest of the command line to the Typer application ``app`` of ``<library>.<name>.cli``.

    :param name: ``"training"`` or ``"evaluation"``.
    :param command: the command that the user typed.
    :raises ComputeError: if the package, or one that it needs, is not installed.
    """
    module = f"{_LIBRARY}.{name}.cli"
    try:
        application: typer.Typer = importlib.import_module(module).app
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.startswith(_LIBRARY):
            raise ComputeError(f"This installation has no {name}.", remedy="Install SpinalDiseaseAI from its source.") from error
        raise ComputeError(
            f"The command {command} needs the package {missing}, which is not installed.",
            remedy=f"Install it: pip install 'spinal-disease-ai[training]', or pip install {missing}.",
        ) from error
    typer.main.get_command(application).main(args=arguments, prog_name=f"spinal-disease-ai {command}")
