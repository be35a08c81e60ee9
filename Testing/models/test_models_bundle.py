"""Bundles: what is listed, and what is refused before a network is built from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from SpinalDiseaseAILib.base.anatomy import finding
from SpinalDiseaseAILib.base.errors import EXIT_MODEL, ModelError
from SpinalDiseaseAILib.models.bundle import CARD, LICENCE, METADATA, WEIGHTS, list_bundles, read_bundle


def refusal(name: str, folder: Path) -> ModelError:
    """The error raised by reading a bundle and checking its weights."""
    with pytest.raises(ModelError) as caught:
        read_bundle(name, folder).checked_weights()
    assert caught.value.exit_status == EXIT_MODEL
    assert str(caught.value).endswith(".")
    return caught.value


def test_a_bundle_is_read_with_its_licence_its_classes_and_its_data(bundles: Path) -> None:
    bundle = read_bundle("small-classifier", bundles)
    assert (bundle.name, bundle.version, bundle.task, bundle.licence) == (
        "small-classifier",
        "1.2.3",
        "classification",
        "CC-BY-4.0",
    )
    assert bundle.findings == {name: finding(name).class_names for name in ("pfirrmann", "narrowing")}
    assert bundle.data_sets == ("spider",)
    provenance = bundle.provenance
    assert (provenance.name, provenance.sha256, provenance.research_only) == (bundle.name, bundle.sha256, False)


def test_bundles_are_listed_by_name_and_other_folders_are_skipped(bundles: Path) -> None:
    (bundles / "notes").mkdir()
    (bundles / "README.md").write_text("A file beside the bundles.")
    assert [item.name for item in list_bundles(bundles)] == ["small-classifier", "small-localizer"]


def test_an_empty_folder_has_no_bundles(tmp_path: Path) -> None:
    assert list_bundles(tmp_path) == []


def test_one_changed_byte_of_the_weights_is_refused(bundles: Path) -> None:
    path = bundles / "small-localizer" / WEIGHTS
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    error = refusal("small-localizer", bundles)
    assert error.code == "model-changed" and "SHA-256" in error.found


def test_weights_with_another_hash_are_refused_even_if_it_begins_alike(bundles: Path, edit: Any) -> None:
    named = read_bundle("small-localizer", bundles).sha256
    edit("small-localizer", weights_sha256=named[:-1] + ("0" if named[-1] != "0" else "1"))
    assert refusal("small-localizer", bundles).code == "model-changed"


@pytest.mark.parametrize("file", [METADATA, WEIGHTS, CARD, LICENCE], ids=str)
def test_a_missing_file_is_named(bundles: Path, file: Path) -> None:
    (bundles / "small-localizer" / file).unlink()
    error = refusal("small-localizer", bundles)
    assert error.code == "model-missing-file" and file.as_posix() in error.found


def test_weights_that_vanish_after_reading_the_metadata_are_refused(bundles: Path) -> None:
    bundle = read_bundle("small-localizer", bundles)
    bundle.weights.unlink()
    with pytest.raises(ModelError, match="no file"):
        bundle.checked_weights()


@pytest.mark.parametrize(
    "classes",
    [["5", "4", "3", "2", "1"], ["1", "2", "3", "4"], ["1", "2", "3", "4", "5", "6"], []],
    ids=["other order", "too few", "too many", "none"],
)
def test_a_wrong_class_list_is_refused_with_the_right_one(bundles: Path, edit: Any, classes: list[str]) -> None:
    edit("small-classifier", findings={"pfirrmann": classes})
    error = refusal("small-classifier", bundles)
    assert error.code == "model-classes" and "1, 2, 3, 4, 5" in error.expected


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_changed_byte_of_the_metadata_is_refused_or_makes_no_difference(bundles: Path, data: st.DataObject) -> None:
    before = read_bundle("small-classifier", bundles)
    path = bundles / "small-classifier" / METADATA
    whole = path.read_bytes()
    content = bytearray(whole)
    content[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        assert read_bundle("small-classifier", bundles) == before
    except ModelError as error:
        assert error.code in ("model-changed", "model-metadata")
    finally:
        path.write_bytes(whole)


def test_a_changed_number_of_the_metadata_is_refused_with_both_hashes(bundles: Path) -> None:
    path = bundles / "small-classifier" / METADATA
    document = json.loads(path.read_text(encoding="utf-8"))
    document["options"]["temperature"] = {"pfirrmann": 0.1}
    path.write_text(json.dumps(document), encoding="utf-8")
    error = refusal("small-classifier", bundles)
    assert error.code == "model-changed" and "metadata" in error.found and document["metadata_sha256"][:12] in error.found


def test_key_order_and_line_endings_do_not_count_as_changes_of_the_metadata(bundles: Path) -> None:
    path = bundles / "small-classifier" / METADATA
    before = read_bundle("small-classifier", bundles)
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_bytes(json.dumps(dict(reversed(document.items())), indent=3).replace("\n", "\r\n").encode())
    assert read_bundle("small-classifier", bundles) == before


def test_metadata_without_their_own_hash_are_refused(bundles: Path) -> None:
    path = bundles / "small-classifier" / METADATA
    document = json.loads(path.read_text(encoding="utf-8"))
    del document["metadata_sha256"]
    path.write_text(json.dumps(document), encoding="utf-8")
    error = refusal("small-classifier", bundles)
    assert error.code == "model-metadata" and "metadata_sha256" in error.found


def test_a_finding_that_the_anatomy_table_does_not_have_is_refused(bundles: Path, edit: Any) -> None:
    edit("small-classifier", findings={"stenosis": ["absent", "present"]})
    error = refusal("small-classifier", bundles)
    assert error.code == "model-classes" and "stenosis" in error.found


@pytest.mark.parametrize("name", ["nothing", "", ".", "..", "../models/small-localizer", "small-localizer/docs", "/etc"])
def test_a_name_without_a_bundle_is_refused_with_a_list_of_the_bundles(bundles: Path, name: str) -> None:
    error = refusal(name, bundles)
    assert error.code == "model-unknown" and "small-classifier, small-localizer" in error.expected


def test_an_absolute_path_is_not_a_name(bundles: Path, tmp_path: Path) -> None:
    shutil.copytree(bundles / "small-localizer", tmp_path / "small-localizer")
    assert refusal(str(tmp_path / "small-localizer"), bundles).code == "model-unknown"


def test_a_broken_bundle_does_not_hide_which_name_was_unknown(bundles: Path) -> None:
    (bundles / "small-localizer" / METADATA).write_text("{")
    error = refusal("nothing", bundles)
    assert error.code == "model-unknown" and "nothing" in error.found


def test_a_renamed_folder_is_refused(bundles: Path) -> None:
    (bundles / "small-localizer").rename(bundles / "other")
    error = refusal("other", bundles)
    assert error.code == "model-metadata" and "small-localizer" in error.found


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", "\ufeff{}"], ids=repr)
def test_metadata_that_cannot_be_read_is_refused(bundles: Path, text: str) -> None:
    (bundles / "small-localizer" / METADATA).write_text(text, encoding="utf-8")
    assert refusal("small-localizer", bundles).code == "model-metadata"


@pytest.mark.parametrize(
    "change",
    [
        {"version": ...},
        {"version": 1},
        {"weights_sha256": 5},
        {"weights_sha256": None},
        {"network": "LocalizerNetwork"},
        {"options": None},
        {"options": []},
        {"findings": []},
        {"training": {}},
        {"training": None},
        {"research_only": "no"},
    ],
    ids=str,
)
def test_a_field_that_is_missing_or_of_the_wrong_kind_is_refused(bundles: Path, edit: Any, change: dict[str, Any]) -> None:
    edit("small-localizer", **change)
    error = refusal("small-localizer", bundles)
    assert error.code == "model-metadata" and "small-localizer" in error.found


@pytest.mark.parametrize("content", ["[" * 200_000, " " * (1 << 24) + "{}"], ids=["deep", "long"])
def test_metadata_that_is_too_deep_or_too_long_is_refused(bundles: Path, content: str) -> None:
    (bundles / "small-classifier" / METADATA).write_text(content)
    assert refusal("small-classifier", bundles).code == "model-metadata"
