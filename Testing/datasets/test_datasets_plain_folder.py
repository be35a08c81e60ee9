"""A conversion writes only in its own folder, and never over files that it did not make."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from SpinalDiseaseAILib.base.errors import InputError, OutputError
from SpinalDiseaseAILib.datasets.plain_folder import MARKER, PlainFolder, eight_bits, read_table


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "spider"
    folder.mkdir()
    (folder / "overview.csv").write_text("original")
    return folder


@pytest.mark.parametrize("inside", [".", "converted"])
def test_a_folder_within_the_original_data_is_refused(source: Path, inside: str) -> None:
    with pytest.raises(OutputError, match="lies in the original data"):
        PlainFolder(source / inside, source, "spider")
    assert [path.name for path in source.iterdir()] == ["overview.csv"]


def test_a_folder_with_other_files_is_refused(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "data"
    target.mkdir()
    (target / "keypoints.csv").write_text("reviewed by hand")
    with pytest.raises(OutputError, match="holds files that no conversion wrote"):
        PlainFolder(target, source, "spider")
    assert [path.name for path in target.iterdir()] == ["keypoints.csv"]


def test_a_source_that_is_not_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        PlainFolder(tmp_path / "data", tmp_path / "absent", "spider")


def test_a_file_that_cannot_be_written_is_named_and_leaves_the_earlier_one(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = PlainFolder(tmp_path / "data", source, "spider")
    folder.write_json("annotation.json", [1])

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match=r"annotation\.json cannot be written: No space left"):
        folder.write_json("annotation.json", [2])
    assert (tmp_path / "data/annotation.json").read_text() == "[\n 1\n]\n"
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["annotation.json", MARKER]


def test_zero_padding_by_the_scanner_does_not_affect_the_window() -> None:
    values = np.linspace(100, 200, 1001)
    padded = np.concatenate([np.zeros(100_000), values])
    assert (eight_bits(values, padded) == eight_bits(values, values)).all()
    assert eight_bits(np.array([0, 100, 150, 200, 9000]), values).tolist() == [0, 0, 128, 255, 255]


def test_a_picture_without_signal_is_black() -> None:
    assert not eight_bits(np.zeros((4, 4)), np.zeros((4, 4))).any()


def test_blanks_and_a_byte_order_mark_in_a_table_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("\ufeffname , sex\n7_t2 ,F \n8_t2\n".encode())
    assert read_table(path, ("name", "sex")) == (["name", "sex"], [{"name": "7_t2", "sex": "F"}, {"name": "8_t2", "sex": ""}])


def test_a_table_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="cannot be read"):
        read_table(path, ("name",))
