"""The surroundings of a disc: canal and slip as ratios, and unknown values for what cannot be measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from spine_phantom import CANAL, DEPTH, Phantom, scan

from SpinalDiseaseAILib.base.geometry import Image, reorient
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.steps.disc_findings import MASK_FEATURES, mask_features
from SpinalDiseaseAILib.steps.disc_grades import LEVELS
from SpinalDiseaseAILib.steps.measurements.disc_features import FEATURES
from SpinalDiseaseAILib.steps.measurements.disc_surroundings import SURROUNDINGS, disc_surroundings
from SpinalDiseaseAILib.steps.measurements.segmented_spine import SegmentedSpine


def spine(phantom: Phantom, codes: str = "LPI", **how) -> SegmentedSpine:
    volume, masks, points = scan(phantom, slices=1, **how)
    image = SagittalVolume.of(reorient(volume.image, codes))
    return SegmentedSpine(image, replace(masks, image=reorient(masks.image, codes)), points)


def surroundings(phantom: Phantom, **how) -> dict[str, dict[str, float]]:
    found = disc_surroundings(spine(phantom, **how), LEVELS)
    return {name: dict(zip(SURROUNDINGS, values, strict=True)) for name, values in found.items()}


def test_the_canal_is_given_as_a_ratio_to_the_disc_and_to_the_patients_usual_canal() -> None:
    found = surroundings(Phantom(narrow={"L4-L5": CANAL / 2}))
    assert found["L2-L3"]["canal to the disc's depth"] == pytest.approx(np.log(CANAL / DEPTH), abs=0.05)
    assert found["L2-L3"]["canal to the patient's usual canal"] == pytest.approx(0, abs=0.05)
    assert found["L4-L5"]["canal to the patient's usual canal"] == pytest.approx(np.log(0.5), abs=0.12)


def test_a_slip_is_a_fraction_of_the_depth_of_the_vertebra_below() -> None:
    found = surroundings(Phantom(shift={"L5": 0.2 * DEPTH}))
    assert found["L4-L5"]["slip to the front"] == pytest.approx(0.2, abs=0.04)
    assert found["L4-L5"]["slip either way"] == pytest.approx(0.2, abs=0.04)
    assert found["L2-L3"]["slip either way"] == pytest.approx(0, abs=0.04)


def test_a_posterior_slip_is_negative_and_has_a_positive_size() -> None:
    found = surroundings(Phantom(shift={"L4": -0.2 * DEPTH}))["L3-L4"]
    assert found["slip to the front"] == pytest.approx(-0.2, abs=0.04)
    assert found["slip either way"] == pytest.approx(0.2, abs=0.04)


def test_neither_pixel_size_nor_orientation_matters() -> None:
    phantom = Phantom(narrow={"L3-L4": 10.0}, shift={"L5": 5.0})
    plain = disc_surroundings(spine(phantom), LEVELS)
    for other in (spine(phantom, codes="SAR"), spine(phantom, pixel=(0.5, 0.5))):
        for name, values in disc_surroundings(other, LEVELS).items():
            assert values == pytest.approx(plain[name], abs=0.06, nan_ok=True)


def test_features_that_cannot_be_measured_are_unknown_and_the_others_are_given() -> None:
    beside = surroundings(Phantom(missing=("L5",)))["L4-L5"]
    assert np.isnan(beside["slip to the front"]) and np.isfinite(beside["canal to the disc's depth"])
    assert all(np.isnan(value) for value in surroundings(Phantom(missing=("canal",)))["L4-L5"].values())


def test_a_disc_has_every_feature_of_the_masks_in_their_order() -> None:
    found = mask_features(spine(Phantom()))
    assert set(found) == set(LEVELS)
    assert all(values.shape == (len(MASK_FEATURES),) for values in found.values())
    assert len(set(MASK_FEATURES)) == len(MASK_FEATURES)


def test_a_disc_that_cannot_be_measured_has_unknown_features_and_one_without_a_point_none() -> None:
    phantom = spine(Phantom(missing=("L2-L3",)))
    found = mask_features(phantom)
    assert np.isnan(found["L2-L3"]).all() and np.isfinite(found["L4-L5"][: len(FEATURES)]).all()
    points = {name: point for name, point in phantom.points.items() if name != "L4-L5"}
    assert "L4-L5" not in mask_features(phantom.at(points, phantom.volume))


def test_an_image_of_another_brightness_has_the_same_features() -> None:
    volume, masks, points = scan(Phantom(), slices=1)
    bright = SagittalVolume.of(Image(volume.image.voxels * 3, volume.image.affine))
    found, plain = (mask_features(SegmentedSpine(item, masks, points)) for item in (bright, volume))
    assert all(found[name] == pytest.approx(plain[name], abs=1e-6, nan_ok=True) for name in LEVELS)
