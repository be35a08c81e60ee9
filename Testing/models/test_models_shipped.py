"""The bundles that are part of the product."""

from __future__ import annotations

import json

import pytest
import torch

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.options import Options
from SpinalDiseaseAILib.models.bundle import CARD, METADATA, Bundle, list_bundles, read_bundle
from SpinalDiseaseAILib.models.loading import load_network

BUNDLES = list_bundles()
EVERY = pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.name)
RESEARCH_DATA = {"tianchi2020"}


@EVERY
def test_every_bundle_loads_with_the_weights_that_its_metadata_name(bundle: Bundle) -> None:
    network = load_network(bundle, torch.device("cpu"))
    assert all(torch.isfinite(value).all() for value in network.state_dict().values())


@EVERY
def test_weights_are_at_most_eight_megabytes(bundle: Bundle) -> None:
    assert bundle.weights.stat().st_size <= 8_000_000


@EVERY
def test_the_layout_is_that_of_a_monai_bundle(bundle: Bundle) -> None:
    data = json.loads((bundle.folder / METADATA).read_text(encoding="utf-8"))
    required = {"version", "changelog", "task", "description", "authors", "copyright", "network_data_format", "pytorch_version"}
    assert required <= set(data)
    assert set(data["network_data_format"]) == {"inputs", "outputs"}
    assert next(iter(data["changelog"])) == bundle.version and data["changelog"][bundle.version]
    assert (bundle.folder / "LICENSE").read_text(encoding="utf-8").strip()


@EVERY
def test_the_card_says_what_it_is_for_what_it_was_trained_on_and_where_it_fails(bundle: Bundle) -> None:
    card = (bundle.folder / CARD).read_text(encoding="utf-8").lower()
    for word in (bundle.name, "## training", "## figures", "## limits", "not a medical device", "<!-- figures -->"):
        assert word in card, word


@EVERY
def test_research_data_make_a_bundle_research_only_in_metadata_licence_and_card(bundle: Bundle) -> None:
    limited = bool(RESEARCH_DATA & set(bundle.data_sets))
    assert bundle.research_only is limited and bundle.provenance.research_only is limited
    card = (bundle.folder / CARD).read_text(encoding="utf-8").lower()
    licence = (bundle.folder / "LICENSE").read_text(encoding="utf-8").lower()
    assert ("for research only" in card) is limited
    assert ("research use only" in licence.replace("\n", " ")) is limited


def test_the_default_models_are_installed_and_free_of_research_only_data() -> None:
    options = Options()
    assert read_bundle(options.localizer).task == "localization"
    for name in (options.localizer, options.segmenter, *options.classifiers, options.weigher, options.grader):
        assert not read_bundle(name).research_only


@EVERY
def test_a_bundle_covers_the_key_points(bundle: Bundle) -> None:
    arguments = bundle.network["arguments"]
    if bundle.task == "localization":
        assert arguments["key_points"] == len(KEY_POINTS)
    elif bundle.task == "disc grade":
        assert arguments["levels"] == sum("-" in name for name in KEY_POINTS)
        assert arguments["classes"] == len(bundle.findings["degeneration"])
    elif bundle.task == "disc findings":
        weighed = read_bundle(bundle.options["weighs"]["name"])
        assert arguments["findings"] == list(weighed.findings) and set(bundle.findings) < set(weighed.findings)
        assert bundle.options["weighs"]["sha256"] == weighed.sha256, "fitted to other weights: run train weigh again"
    elif bundle.task == "classification":
        assert arguments["structures"] == len(KEY_POINTS)
        assert arguments["outputs"] == sum(len(classes) for classes in bundle.findings.values())
