"""Bundles of other people: what would exhaust the memory is refused before memory is allocated for it."""

from __future__ import annotations

import hashlib
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from SpinalDiseaseAILib.base.errors import EXIT_MODEL, ModelError
from SpinalDiseaseAILib.models import network_size
from SpinalDiseaseAILib.models.bundle import CARD, MAXIMUM_WEIGHTS_BYTES, METADATA, WEIGHTS, list_bundles, read_bundle
from SpinalDiseaseAILib.models.loading import NETWORKS, build, load_network
from SpinalDiseaseAILib.models.network_size import MAXIMUM_PARAMETERS, MAXIMUM_TENSORS

CPU = torch.device("cpu")
LOCALIZER = {"key_points": 11, "widths": [4, 6]}


def too_large(error: ModelError) -> None:
    assert (error.code, error.exit_status) == ("model-too-large", EXIT_MODEL)
    assert error.found and error.expected and error.remedy


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("LocalizerNetwork", {"key_points": 11, "widths": [10**6, 10**6]}),
        ("LocalizerNetwork", {"key_points": 10**12}),
        ("LocalizerEnsemble", LOCALIZER | {"members": 10**9, "scales": [1.0]}),
        ("RegionNetwork", {"channels": 2, "structures": 10**12, "outputs": 7}),
        ("RegionNetwork", {"channels": 2, "structures": 11, "outputs": 7, "encoder_members": 10**9}),
        ("SegmentationNetwork", {"widths": [10**5] * 4}),
        ("VNet2d", {"key_points": 11, "kernel": 10**5}),
        ("VNet2d", {"key_points": 11, "widths": [1] * 10**5}),
        ("BoxDetector", {"key_points": 11, "width": 10**5}),
        ("DiscGradeModel", {"features": 10**11, "levels": 6, "classes": 3}),
        ("FindingWeights", {"findings": ["pfirrmann"] * 10**5, "features": 1, "levels": 6}),
    ],
    ids=lambda item: str(item)[:60],
)
def test_a_network_of_absurd_size_is_refused_before_memory_is_allocated(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ModelError) as caught:
        build({"name": name, "arguments": arguments})
    too_large(caught.value)
    assert name in caught.value.found


def test_limits_leave_room_for_every_bundle_of_the_product() -> None:
    for bundle in list_bundles():
        parameters = list(build(bundle.network).parameters())
        assert sum(item.numel() for item in parameters) < MAXIMUM_PARAMETERS / 10
        assert len(parameters) < MAXIMUM_TENSORS / 10
        assert bundle.weights.stat().st_size < MAXIMUM_WEIGHTS_BYTES / 10


def test_the_limits_count_the_weights_of_all_layers_together(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = list(build({"name": "LocalizerNetwork", "arguments": LOCALIZER}).parameters())
    limits = {"MAXIMUM_PARAMETERS": sum(item.numel() for item in parameters), "MAXIMUM_TENSORS": len(parameters)}
    for key, count in limits.items():
        with monkeypatch.context() as patch:
            patch.setattr(network_size, key, count)
            build({"name": "LocalizerNetwork", "arguments": LOCALIZER})
            patch.setattr(network_size, key, count - 1)
            with pytest.raises(ModelError) as caught:
                build({"name": "LocalizerNetwork", "arguments": LOCALIZER})
            too_large(caught.value)


def test_networks_are_counted_only_while_they_are_checked() -> None:
    with pytest.raises(ModelError):
        build({"name": "LocalizerNetwork", "arguments": {"key_points": 10**12}})
    large = torch.nn.Linear(MAXIMUM_PARAMETERS, 2, device="meta")
    assert large.weight.numel() > MAXIMUM_PARAMETERS


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("LocalizerNetwork", {"key_points": 11, "widths": [1] * 9}),
        ("LocalizerEnsemble", LOCALIZER | {"members": 0, "scales": [1.0]}),
        ("LocalizerEnsemble", LOCALIZER | {"members": 1, "scales": []}),
        ("LocalizerEnsemble", LOCALIZER | {"members": 1, "scales": [1e6]}),
        ("LocalizerEnsemble", LOCALIZER | {"members": 1, "scales": [0.01]}),
        ("LocalizerEnsemble", LOCALIZER | {"members": 1, "scales": [float("nan")]}),
        ("LocalizerEnsemble", LOCALIZER | {"members": 1, "scales": [1.0] * 9}),
        ("RegionNetwork", {"channels": 2, "structures": 11, "outputs": 7, "members": 0}),
        ("RegionNetwork", {"channels": 2, "structures": 10**4000, "outputs": 7}),
        ("VNet2d", {"key_points": 11, "widths": {"a": 1}}),
        ("VNet2d", {"key_points": 11, "kernel": 10**9}),
    ],
    ids=lambda item: str(item)[:60],
)
def test_arguments_with_which_no_network_can_work_are_refused(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ModelError) as caught:
        build({"name": name, "arguments": arguments})
    assert caught.value.code == "model-network"


NUMBERS = st.one_of(st.integers(-2, 40), st.integers(), st.floats(), st.booleans())
VALUES = st.recursive(st.one_of(NUMBERS, st.none(), st.text(max_size=3)), lambda item: st.lists(item, max_size=4), max_leaves=6)
KEYS = ["key_points", "widths", "members", "scales", "kernel", "channels", "structures", "outputs", "findings", "features"]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(name=st.sampled_from(sorted(NETWORKS)), arguments=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4) | VALUES)
def test_any_arguments_make_a_network_or_an_error_for_the_user(name: str, arguments: Any) -> None:
    try:
        build({"name": name, "arguments": arguments})
    except ModelError as error:
        assert error.code in ("model-network", "model-too-large")


def test_a_weights_file_of_gigabytes_is_refused_unread(bundles: Path) -> None:
    bundle = read_bundle("small-localizer", bundles)
    os.truncate(bundle.weights, 1 << 33)
    tracemalloc.start()
    with pytest.raises(ModelError) as caught:
        load_network(bundle, CPU)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    too_large(caught.value)
    assert "8590 MB" in caught.value.found and peak < 1 << 20


def test_a_header_that_states_huge_tensors_is_refused_without_memory_for_them(bundles: Path, edit: Any) -> None:
    header = json.dumps({"stem.0.weight": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}}).encode()
    for content in (len(header).to_bytes(8, "little") + header, (1 << 62).to_bytes(8, "little") + header):
        (bundles / "small-localizer" / WEIGHTS).write_bytes(content)
        edit("small-localizer", weights_sha256=hashlib.sha256(content).hexdigest())
        with pytest.raises(ModelError) as caught:
            load_network(read_bundle("small-localizer", bundles), CPU)
        assert caught.value.code == "model-weights"


def test_a_header_of_many_megabytes_is_refused_unparsed(bundles: Path, edit: Any) -> None:
    content = (5 << 20).to_bytes(8, "little") + b" " * (5 << 20)
    (bundles / "small-localizer" / WEIGHTS).write_bytes(content)
    edit("small-localizer", weights_sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(ModelError, match="a header of 5242880 bytes") as caught:
        load_network(read_bundle("small-localizer", bundles), CPU)
    assert caught.value.code == "model-weights" and caught.value.expected and caught.value.remedy


def test_metadata_of_many_megabytes_are_refused_with_the_limit(bundles: Path) -> None:
    os.truncate(bundles / "small-localizer" / METADATA, 1 << 33)
    with pytest.raises(ModelError, match="at most 16 MB") as caught:
        read_bundle("small-localizer", bundles)
    assert caught.value.code == "model-metadata"


@pytest.mark.parametrize("content", [b"\xff\xfe", b" " * ((1 << 20) + 1), None], ids=["not UTF-8", "too long", "missing"])
def test_a_card_that_cannot_be_shown_is_an_error_for_the_user(bundles: Path, content: bytes | None) -> None:
    bundle = read_bundle("small-localizer", bundles)
    assert bundle.card_text() == "# Card\n"
    (bundle.folder / CARD).unlink()
    if content is not None:
        (bundle.folder / CARD).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        bundle.card_text()
    assert caught.value.code == "model-card" and "small-localizer" in caught.value.found and caught.value.remedy
