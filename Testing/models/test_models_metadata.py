"""The metadata file can be read by every JSON reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from SpinalDiseaseAILib.models.metadata import read_metadata, write_metadata


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused_before_anything_is_written(tmp_path: Path, value: float) -> None:
    path = tmp_path / "metadata.json"
    with pytest.raises(ValueError, match="JSON compliant"):
        write_metadata(path, {"name": "model", "options": {"temperature": value}})
    assert not path.exists()


def test_a_hash_that_the_document_already_states_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "metadata.json"
    write_metadata(path, {"name": "model", "metadata_sha256": "0" * 64})
    assert read_metadata(path)["metadata_sha256"] != "0" * 64
