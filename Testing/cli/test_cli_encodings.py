"""Output in the encodings of Windows: text for people may lose a letter, JSON loses nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]

LIBRARY_FOLDER = Path(__file__).parents[2] / "SpinalDiseaseAI"
COUNTRIES = ["cp1252", "cp932", "cp1251", "ascii"]
"""Encodings of pipes and files on Windows in some countries."""


@pytest.fixture
def study(small_study: Path, tmp_path: Path) -> Path:
    """A study whose name cannot be encoded except in UTF-8."""
    return Path(shutil.copy(small_study, tmp_path / "腰椎-é-Ж t2.nii.gz"))


@pytest.mark.parametrize("encoding", COUNTRIES)
def test_json_is_complete_and_utf8_whatever_the_encoding_of_the_output(command: Command, study: Path, encoding: str) -> None:
    result = command("series", study, "--json", PYTHONUTF8="0", PYTHONIOENCODING=encoding)  # read as UTF-8 here
    assert result.returncode == 0
    assert json.loads(result.stdout)["series"][0]["description"] == study.name


def test_json_in_utf8_keeps_its_letters_readable(command: Command, study: Path) -> None:
    assert study.name in command("series", study, "--json").stdout


@pytest.mark.parametrize("encoding", ["cp1252", "cp932"])
@pytest.mark.parametrize(("words", "status"), [("--help", 0), ("series", 0), ("models", 0), ("missing", 3)])
def test_text_in_a_regional_encoding_loses_at_most_a_letter(study: Path, encoding: str, words: str, status: int) -> None:
    arguments = {"series": ["series", str(study)], "missing": ["series", str(study / "x")]}.get(words, [words])
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY_FOLDER), "PYTHONUTF8": "0", "PYTHONIOENCODING": encoding}
    result = subprocess.run(
        [sys.executable, "-m", "SpinalDiseaseAILib", *arguments], env=environment, capture_output=True, check=False
    )
    assert result.returncode == status
    text = (result.stdout + result.stderr).decode(encoding)
    assert text and "Traceback" not in text
