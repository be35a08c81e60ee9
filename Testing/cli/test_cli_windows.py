"""Paths as passed by the shells of Windows."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from SpinalDiseaseAILib.cli import main, options


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyze", 'D:\\my study" -o results'],  # from: analyze "D:\my study\" -o results
        ["analyze", "study", "-o", 'D:\\my study"'],
        ["series", 'D:\\my study"'],
        ["demo", "-o", 'D:\\my study"'],
    ],
)
def test_a_backslash_before_the_closing_quotation_mark_is_named(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "_on_windows", lambda: True)
    result = CliRunner().invoke(main.app, arguments, env={"COLUMNS": "300"})
    assert result.exit_code == 2
    assert "Leave out the backslash before the quotation mark" in result.output and "D:\\my study" in result.output


def test_elsewhere_a_path_may_contain_a_quotation_mark() -> None:
    result = CliRunner().invoke(main.app, ["series", 'my "study"'])
    assert result.exit_code == 3 and 'There is no file or folder my "study"' in result.output
