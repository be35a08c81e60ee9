"""``train`` and ``evaluate`` are loaded on request."""

from __future__ import annotations

import sys
import types

import pytest
import typer
from typer.testing import CliRunner

from SpinalDiseaseAILib.cli.main import app


def wing() -> types.ModuleType:
    module = types.ModuleType("cli")
    application = typer.Typer()

    @application.command()
    def localizer(epochs: int = 1) -> None:
        print(f"{epochs} epochs")

    @application.command()
    def other() -> None:
        raise typer.Exit(7)

    module.app = application  # type: ignore[attr-defined]
    return module


@pytest.mark.parametrize(("command", "package"), [("train", "training"), ("evaluate", "evaluation")])
def test_the_rest_of_the_line_goes_to_the_wing(command: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, f"SpinalDiseaseAILib.{package}.cli", wing())
    assert CliRunner().invoke(app, [command, "localizer", "--epochs", "3"]).stdout == "3 epochs\n"
    assert CliRunner().invoke(app, [command, "other"]).exit_code == 7
    assert "localizer" in CliRunner().invoke(app, [command, "--help"]).stdout


def test_an_installation_without_the_wing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> types.ModuleType:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("importlib.import_module", absent)
    result = CliRunner().invoke(app, ["train", "localizer"])
    assert result.exit_code == 5
    assert result.stderr == "This installation has no training. Install SpinalDiseaseAI from its source.\n"


def test_a_package_that_the_wing_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def incomplete(name: str) -> types.ModuleType:
        raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")

    monkeypatch.setattr("importlib.import_module", incomplete)
    result = CliRunner().invoke(app, ["evaluate"])
    assert result.exit_code == 5
    assert "needs the package sklearn" in result.stderr
