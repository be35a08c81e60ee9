"""Documents of other people: text and JSON are read up to a limit, whatever a file states about itself."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from SpinalDiseaseAILib.base.documents import LONGEST_DOCUMENT, read_json, read_text
from SpinalDiseaseAILib.base.errors import EXIT_INPUT, InputError, SchemaError
from SpinalDiseaseAILib.base.json_io import read_study, report_from_json


def hollow(path: Path, size: int = LONGEST_DOCUMENT + 1) -> Path:
    """A file of a size, which takes no space on most disks."""
    path.touch()
    os.truncate(path, size)
    return path


def test_a_document_up_to_the_limit_is_read_and_a_longer_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text("[1, 2]")
    assert read_json(path, longest=6) == [1, 2]
    with pytest.raises(InputError, match="too long"):
        read_json(path, longest=5)


def test_a_document_that_is_too_long_is_refused_with_its_name_the_limit_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_json(hollow(tmp_path / "predictions.json"))
    error = caught.value
    assert (error.code, error.exit_status) == ("document-too-long", EXIT_INPUT)
    assert "predictions.json" in error.found and "64 MB" in error.expected and error.remedy


def test_a_huge_document_is_not_read_into_memory(tmp_path: Path) -> None:
    path = hollow(tmp_path / "huge.json", 1 << 33)
    tracemalloc.start()
    with pytest.raises(InputError):
        read_text(path, longest=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 23


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no such devices")
def test_a_device_without_an_end_is_refused() -> None:
    with pytest.raises(InputError, match="too long"):
        read_text(Path("/dev/zero"), longest=1 << 16)


def test_text_is_read_with_or_without_a_byte_order_mark_and_with_any_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "text"
    for content in ("é\nb\nc".encode(), "é\r\nb\rc".encode("utf-8-sig")):
        path.write_bytes(content)
        assert read_text(path) == "é\nb\nc"


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000, b"", b"1" * 5000], ids=lambda item: repr(item[:8]))
def test_a_document_that_is_not_json_is_a_value_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="."):
        read_json(path)


def test_a_missing_document_is_an_error_of_the_file_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "absent.json")


def test_a_report_that_is_too_long_is_not_parsed() -> None:
    with pytest.raises(InputError, match="too long") as caught:
        report_from_json(" " * (LONGEST_DOCUMENT + 1))
    assert not isinstance(caught.value, SchemaError)


def test_a_study_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too long"):
        read_study(hollow(tmp_path / "study.json"))
