"""From logits to findings: which output belongs to which class, and what a probability is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS, finding
from SpinalDiseaseAILib.base.errors import Cancelled
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.models.region_network import RegionNetwork
from SpinalDiseaseAILib.steps.classification import Classifier
from SpinalDiseaseAILib.steps.heads import Heads
from SpinalDiseaseAILib.steps.regions import RegionLayout

FINDINGS = {name: finding(name).class_names for name in ("pfirrmann", "disc_disease", "vertebra_disease")}
OUTPUTS = sum(map(len, FINDINGS.values()))


class Recorder(RegionNetwork):
    """Records its inputs, and returns logits that encode the structure's number and the mean grey value of its region."""

    def __init__(self) -> None:
        super().__init__(2, len(KEY_POINTS), OUTPUTS, (2, 2))
        self.regions = torch.zeros(0)

    def forward(self, regions: torch.Tensor, structures: torch.Tensor) -> torch.Tensor:
        self.regions = regions
        logits = torch.zeros(len(regions), OUTPUTS)
        logits[:, 0] = regions.mean((1, 2, 3))
        logits[:, 5] = structures.argmax(1)
        return logits


def stack(slices: int = 9) -> SagittalVolume:
    """Noise that becomes brighter from slice to slice."""
    voxels = np.random.default_rng(0).uniform(20, 60, (slices, 60, 220)) + 20 * np.arange(slices)[:, None, None]
    affine = np.diag([-4.0, -1.0, -1.0, 1.0])
    affine[:3, 3] = (slices - 1) * 2.0, 30, 110
    return SagittalVolume.of(Image(voxels.astype(np.float32), affine))


POINTS = {name: np.array([0.0, 0.0, (5 - index) * 16.0]) for index, name in enumerate(KEY_POINTS)}


@pytest.fixture
def network() -> Recorder:
    return Recorder().eval()


@pytest.fixture
def classifier(network: Recorder) -> Classifier:
    return Classifier(network, Heads(FINDINGS), "model", torch.device("cpu"), RegionLayout(16))


def test_each_structure_gets_the_findings_of_its_kind_and_its_own_logits(classifier: Classifier) -> None:
    graded = classifier.classify({"T2": stack()}, POINTS, KEY_POINTS)
    assert list(graded) == list(KEY_POINTS)
    assert [item.name for item in graded["L4"]] == ["vertebra_disease"]
    assert [item.name for item in graded["L4-L5"]] == ["pfirrmann", "disc_disease"]
    for index, name in enumerate(KEY_POINTS):
        if "-" in name:
            logit = graded[name][1].probabilities["v1"]
            assert np.log(logit / (1 - logit)) == pytest.approx(index, abs=1e-4)


def test_a_structure_is_graded_alike_alone_and_among_all(classifier: Classifier) -> None:
    everything = classifier.classify({"T2": stack()}, POINTS, KEY_POINTS)
    assert classifier.classify({"T2": stack()}, POINTS, ("L4-L5",))["L4-L5"] == everything["L4-L5"]


def test_structures_without_a_finding_are_left_out(network: Recorder) -> None:
    discs = Classifier(network, Heads({"pfirrmann": FINDINGS["pfirrmann"]}), "model", torch.device("cpu"), RegionLayout(16))
    assert discs.classify({"T2": stack()}, POINTS, ("L3", "L4")) == {}
    assert list(discs.classify({"T2": stack()}, POINTS, ("L3", "L3-L4"))) == ["L3-L4"]


def test_the_own_slice_and_one_to_each_side_are_used(classifier: Classifier, network: Recorder) -> None:
    classifier.classify({"T2": stack()}, POINTS, ("L4-L5",))
    assert network.regions.shape == (3, 2, 16, 16)
    own = network.regions[:, 0].mean((1, 2))
    assert own[0] != own[1] and own[1] != own[2] and (own[0] - own[1]) * (own[1] - own[2]) > 0
    classifier.classify({"T2": stack(1)}, POINTS, ("L4-L5",))
    assert network.regions.shape == (1, 2, 16, 16)


def test_an_absent_contrast_is_all_zero(classifier: Classifier, network: Recorder) -> None:
    classifier.classify({"T2": stack()}, POINTS, ("L4-L5",))
    assert network.regions[:, 0].min() >= 0 and network.regions[:, 0].any() and not network.regions[:, 1].any()
    classifier.classify({"T1": stack()}, POINTS, ("L4-L5",))
    assert network.regions[:, 1].any() and not network.regions[:, 0].any()
    classifier.classify({"T1": stack(), "T2": stack()}, POINTS, ("L4-L5",))
    assert torch.equal(network.regions[:, 0], network.regions[:, 1])


def test_classification_is_cancelled_through_its_progress(classifier: Classifier) -> None:
    def cancel(stage: str, fraction: float, message: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        classifier.logits({"T2": stack()}, POINTS, KEY_POINTS, cancel)
