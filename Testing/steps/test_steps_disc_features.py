"""Features of a disc are ratios: they do not depend on scanner, spacing or orientation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from spine_phantom import DISC_SIGNAL, FLUID, MARROW, Phantom, scan

from SpinalDiseaseAILib.base.geometry import Image, reorient
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.steps.disc_grades import LEVELS
from SpinalDiseaseAILib.steps.measurements.disc_features import FEATURES, disc_features
from SpinalDiseaseAILib.steps.measurements.segmented_spine import SegmentedSpine


def features(phantom: Phantom, gain: float = 1.0, codes: str = "LPI", **how) -> dict[str, np.ndarray]:
    volume, masks, points = scan(phantom, slices=1, **how)
    image = reorient(Image(volume.image.voxels * gain, volume.image.affine), codes)
    stored = replace(masks, image=reorient(masks.image, codes))
    return disc_features(SegmentedSpine(SagittalVolume.of(image), stored, points), LEVELS)


def test_every_disc_that_can_be_measured_has_every_feature() -> None:
    found = features(Phantom())
    assert set(found) == set(LEVELS)
    assert all(values.shape == (len(FEATURES),) and np.isfinite(values).all() for values in found.values())


def test_signals_are_logarithms_of_ratios() -> None:
    values = dict(zip(FEATURES, features(Phantom())["L3-L4"], strict=True))
    assert values["signal to fluid"] == pytest.approx(np.log(DISC_SIGNAL / FLUID))
    assert values["signal to marrow"] == pytest.approx(np.log(DISC_SIGNAL / MARROW))
    assert values["nucleus to annulus"] == pytest.approx(0)
    assert values["signal to the patient's brightest disc"] == pytest.approx(0)


def test_a_low_disc_stands_out_against_the_patients_others() -> None:
    values = features(Phantom(heights={"L4-L5": (4.5, 4.5)}))["L4-L5"]
    assert values[FEATURES.index("height index to the patient's usual disc")] == pytest.approx(np.log(0.5), abs=0.1)


def test_neither_the_scanners_gain_nor_the_orientation_matters() -> None:
    plain = features(Phantom())
    for other in (features(Phantom(), gain=7.0), features(Phantom(), codes="SAR")):
        assert all(other[name] == pytest.approx(plain[name], abs=1e-6) for name in LEVELS)


def test_a_disc_without_a_mask_has_no_features_and_the_others_keep_theirs() -> None:
    found = features(Phantom(missing=("L2-L3",)))
    assert set(found) == set(LEVELS) - {"L2-L3"}


def test_without_a_canal_there_is_no_fluid_to_compare_with() -> None:
    assert features(Phantom(missing=("canal",))) == {}
