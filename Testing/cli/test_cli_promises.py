"""Small promises of the command line: progress, the size of a series, and a closed pipe."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from SpinalDiseaseAILib.base.options import Options, Progress, no_progress
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.cli import analysis
from SpinalDiseaseAILib.cli.analysis import Request, run_analysis
from SpinalDiseaseAILib.cli.failures import reported
from SpinalDiseaseAILib.cli.output import console
from SpinalDiseaseAILib.cli.progress import part, progress_bar
from SpinalDiseaseAILib.cli.series import listing_of, print_listing


def test_progress_of_a_part_is_reported_as_part_of_the_whole() -> None:
    told: list[float] = []
    progress = part(lambda stage, fraction, message: told.append(fraction), 0.2, 0.6)
    for fraction in (0.0, 0.5, 1.0):
        progress("stage", fraction, "message")
    assert told == pytest.approx([0.2, 0.4, 0.6])


@pytest.mark.parametrize(("message", "shown"), [("Finding the levels", "Finding the levels"), ("", "localization")])
def test_a_terminal_shows_the_stage_and_the_progress(message: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal := io.StringIO())
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    with progress_bar() as progress:
        progress("localization", 0.4, message)
    assert shown in terminal.getvalue() and "40%" in terminal.getvalue()


def test_a_line_is_not_wrapped_in_a_pipe_and_is_as_wide_as_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = {}
    for is_terminal in (False, True):
        monkeypatch.setattr(sys, "stdout", stream := io.StringIO())
        monkeypatch.setattr(stream, "isatty", lambda is_terminal=is_terminal: is_terminal)
        console().print(Text("word " * 40))
        lines[is_terminal] = stream.getvalue().count("\n")
    assert lines == {False: 1, True: 3}


def test_progress_never_goes_back_and_the_analysis_is_most_of_it(
    small_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, float]] = []

    class Whole:
        """Reports the progress of a whole analysis, and fails at its end."""

        def analyse(self, study: Study, options: Options = Options(), progress: Progress = no_progress) -> Report:
            for fraction in (0.0, 0.5, 1.0):
                progress("stage", fraction, "message")
            raise KeyboardInterrupt

    monkeypatch.setattr(analysis, "_analyser", Whole)
    with pytest.raises(KeyboardInterrupt):
        run_analysis(Request((small_study,), tmp_path / "out"), lambda stage, fraction, message: told.append((stage, fraction)))
    assert [stage for stage, _ in told] == ["read", "load", "stage", "stage", "stage"]
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions) and fractions[-3:] == pytest.approx([0.1, 0.5, 0.9])


def test_the_size_of_a_series_is_columns_times_rows(small_study: Path) -> None:
    listing = listing_of([small_study])
    entry = replace(listing.entries[0], size=(512, 640, 1))
    stream = io.StringIO()
    print_listing(Console(file=stream, width=200), replace(listing, entries=(entry,)))
    assert "1 slice of 512 x 640" in stream.getvalue()


def test_a_closed_pipe_is_not_reported_as_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BrokenPipeError), reported(as_json=True):
        raise BrokenPipeError
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")
