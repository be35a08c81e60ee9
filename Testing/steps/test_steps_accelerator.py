"""What steps need from a GPU: Apple's have neither double precision nor border padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from drawn_spine import DrawnNetwork, drawn_spine
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS, finding
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.models.box_detector import BoxDetector
from SpinalDiseaseAILib.models.localizer_network import LocalizerEnsemble
from SpinalDiseaseAILib.models.region_network import RegionNetwork
from SpinalDiseaseAILib.models.segmentation_network import SegmentationNetwork
from SpinalDiseaseAILib.models.vnet2d import VNet2d
from SpinalDiseaseAILib.steps.classification import Classifier
from SpinalDiseaseAILib.steps.heads import Heads
from SpinalDiseaseAILib.steps.localization import ChainLocalizer
from SpinalDiseaseAILib.steps.published_localization import PublishedLocalizer
from SpinalDiseaseAILib.steps.regions import RegionLayout
from SpinalDiseaseAILib.steps.segmentation import Segmenter
from SpinalDiseaseAILib.steps.tissues import TissueSegmenter, View

SPINE = drawn_spine()
FINDINGS = {name: finding(name).class_names for name in ("disc_disease", "vertebra_disease")}
OUTPUTS = sum(map(len, FINDINGS.values()))
DEVICE = torch.device("meta")
"""A device other than the CPU: it runs every operation but has no values, so that a step ends where it needs them."""


class _Watch(TorchDispatchMode):
    """Counts results on the device, and refuses those in double precision."""

    count = 0

    def __torch_dispatch__(self, operation: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        result = operation(*arguments, **(options or {}))
        for item in result if isinstance(result, list | tuple) else (result,):
            if isinstance(item, torch.Tensor) and item.device == DEVICE:
                self.count += 1
                assert item.dtype != torch.float64, operation
        return result


def classify(network: RegionNetwork) -> object:
    volumes = {"T2": SagittalVolume.of(SPINE.image)}
    return Classifier(network, Heads(FINDINGS), "model", DEVICE, RegionLayout(32)).classify(volumes, SPINE.points, KEY_POINTS)


STEPS: dict[str, Callable[[], object]] = {
    "localization": lambda: ChainLocalizer(
        LocalizerEnsemble(len(KEY_POINTS), (2, 2), 1, (1.0, 0.75)).eval().to(DEVICE), DEVICE
    ).locate(SagittalVolume.of(SPINE.image)),
    "segmentation": lambda: Segmenter(TissueSegmenter(SegmentationNetwork().eval().to(DEVICE), DEVICE, 1.0), "").segment(
        SPINE.image, SPINE.points
    ),
    "classification": lambda: classify(RegionNetwork(2, len(KEY_POINTS), OUTPUTS, (2, 2), encoder_members=1).eval().to(DEVICE)),
    "published heat maps": lambda: PublishedLocalizer(VNet2d(len(KEY_POINTS)).eval().to(DEVICE), DEVICE, 64, 0.1).locate(
        SagittalVolume.of(SPINE.image)
    ),
    "published boxes": lambda: PublishedLocalizer(BoxDetector(len(KEY_POINTS)).eval().to(DEVICE), DEVICE, 64, 0.1).locate(
        SagittalVolume.of(SPINE.image)
    ),
}


@pytest.mark.parametrize("step", STEPS)
def test_nothing_on_the_device_uses_double_precision(step: str) -> None:
    with _Watch() as watch, pytest.raises((NotImplementedError, RuntimeError), match="meta"):
        STEPS[step]()
    assert watch.count > 20


def test_maps_are_resampled_to_the_plane_without_border_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    def sample(*arguments: Any, padding_mode: str = "zeros", **options: Any) -> torch.Tensor:
        if padding_mode == "border":
            raise RuntimeError("MPS: Unsupported Border padding mode")
        return whole(*arguments, padding_mode=padding_mode, **options)

    whole = functional.grid_sample
    monkeypatch.setattr(functional, "grid_sample", sample)
    masks = Segmenter(TissueSegmenter(DrawnNetwork(), torch.device("cpu"), 1.0), "drawn").segment(SPINE.image, SPINE.points)  # type: ignore[arg-type]
    assert masks.of("L3-L4").any()


@pytest.mark.parametrize("step", [0.4, 1.0, 2.3])
def test_a_map_at_the_border_of_the_plane_keeps_the_value_of_its_outer_pixels(step: float) -> None:
    maps = torch.rand((1, 2, 6, 5), generator=torch.Generator().manual_seed(0))
    size = (round(5 / step), round(6 / step))  # columns and rows of a plane that the view covers
    seen = View(np.array([[1 / step, 0, 0], [0, 1 / step, 0]]), (6, 5), (0, 0), size).in_plane(maps)[0, 0]
    x, y = ((np.arange(length) + 0.5) * step - 0.5 for length in size)
    x, y = np.clip(x, 0, 4), np.clip(y, 0, 5)
    values = np.array(maps[0, 0].tolist())
    rows = np.array([[np.interp(place, range(5), row) for place in x] for row in values])
    expected = np.array([[np.interp(place, range(6), rows[:, column]) for column in range(size[0])] for place in y])
    assert np.array(seen.tolist()) == pytest.approx(expected, abs=1e-5)
