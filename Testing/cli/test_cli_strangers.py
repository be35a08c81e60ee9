"""Terminals show untrusted names and headers without interpreting control characters."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from rich.text import Text

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.cli.failures import TRACEBACK_VARIABLE, reported
from SpinalDiseaseAILib.cli.main import app
from SpinalDiseaseAILib.cli.output import console, print_error, print_json

Command = Callable[..., "subprocess.CompletedProcess[str]"]

HIDE_AND_WRITE = "a\x1b[2J\x1b]0;title\x07\x9b31m\u202eb"


class Terminal(io.StringIO):
    """A standard output that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_no_escape_sequence_that_is_not_the_programs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    console().print(Text(HIDE_AND_WRITE))
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(terminal.getvalue())
    assert "[2J" in terminal.getvalue()  # shown as text


def test_styles_of_the_program_stay_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    text = Text.assemble(("\x1bT2", "bold"), " plain")
    console().print(text)
    assert [(span.start, span.end, str(span.style)) for span in text.spans] == [(0, 3, "bold")]


def test_an_error_about_a_file_with_such_a_name_is_shown_in_letters(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(InputError(f"There is no file {HIDE_AND_WRITE}.", remedy="Check the path."))
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(capsys.readouterr().err)


def test_json_says_the_same_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": HIDE_AND_WRITE})
    written = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(written)
    assert json.loads(written) == {"name": HIDE_AND_WRITE}


def test_the_text_of_an_unexpected_error_which_may_quote_a_header_is_not_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TRACEBACK_VARIABLE, raising=False)
    with pytest.raises(typer.Exit), reported(as_json=True):
        raise KeyError("Doe^Jane")
    said = capsys.readouterr()
    assert "KeyError" in said.err and "Doe" not in said.err + said.out


def test_on_request_an_error_shows_pythons_traceback_without_values_from_headers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: object) -> None:
        patient = "Doe^" + "Jane"
        raise KeyError(len(patient))

    monkeypatch.setenv(TRACEBACK_VARIABLE, "1")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # so that monkeypatch removes the command line's own hook again
    monkeypatch.setattr("SpinalDiseaseAILib.cli.series.listing_of", failing)
    with pytest.raises(KeyError) as raised:
        app(["series", "study"])
    sys.excepthook(raised.type, raised.value, raised.tb)
    said = capsys.readouterr().err
    assert said.startswith("Traceback (most recent call last)") and "in failing" in said and "Doe^Jane" not in said


def test_a_listed_series_cannot_write_over_the_lines_above_it(command: Command, tmp_path: Path) -> None:
    (tmp_path / "a\x1b[1A.nii").write_bytes(b"nothing")
    result = command("series", str(tmp_path))
    assert result.returncode == 3 and "\x1b" not in result.stdout + result.stderr
