"""Figures of masks for each structure, with intervals over patients and a baseline that needs no image."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.masks import LABELS
from SpinalDiseaseAILib.datasets.space_stacks import SpaceStack, read_space_stacks
from SpinalDiseaseAILib.evaluation.outlines import UsualSpine, outlined, thick
from SpinalDiseaseAILib.evaluation.segmentation import MEASURED, level_summary, outlines_of, segmented, summary, usual
from SpinalDiseaseAILib.evaluation.segmentation_tables import THICK, segmentation_tables


class AtTheTruth:
    """A localizer and a tissue labeller that return the truth of drawn stacks, or fail."""

    def __init__(self, spines, fails=False, shift=0):
        self.spines = {spine.volume.image.voxels.tobytes(): spine for spine in spines}
        self.fails = fails
        self.shift = shift
        self.tissues = self

    def of(self, volume):
        return self.spines[volume.image.voxels.tobytes()]

    def locate(self, volume):
        if self.fails:
            raise InputError("No lumbar spine was found in the image.", code="no-spine")
        spine = self.of(volume)
        known = np.flatnonzero(spine.curve.known)
        known = known[-2 * self.shift :] if self.shift else known
        names = tuple(spine.curve.names[index + 2 * self.shift] for index in known)
        pixels = np.concatenate([np.full((len(known), 1), 2.0), spine.curve.places[known] / volume.pixel_spacing], 1)
        return SimpleNamespace(names=names, positions=volume.to_ras(pixels))

    def label(self, volume, curve, lateral):
        return self.of(volume).tissues


@pytest.fixture(scope="module")
def stacks(data) -> list[SpaceStack]:
    return list(read_space_stacks(data, ("train", "tune", "report")))


@pytest.fixture(scope="module")
def spines(stacks):
    return [outlined(stack) for stack in stacks]


def test_true_masks_are_named_from_their_own_key_points(spines):
    present = set(np.unique(spines[0].labels)) - {0}
    assert {LABELS[name] for name in MEASURED} <= present


def test_what_is_found_at_the_truth_is_the_truth(spines):
    models = AtTheTruth(spines)
    found = outlines_of(spines[0], *segmented(spines[0], models, models))
    assert {item.name for item in found} >= set(MEASURED)
    assert all(item.likeness.dice == 1 for item in found)


def test_a_stack_in_which_no_spine_is_found_counts_as_missed(spines):
    models = AtTheTruth(spines, fails=True)
    found = outlines_of(spines[0], *segmented(spines[0], models, models))
    assert found and all(item.likeness.dice == 0 and np.isnan(item.likeness.surface) for item in found)


def test_a_spine_numbered_one_level_off_is_wrong_at_every_level_but_its_outlines_are_right(data, stacks):
    report = [stack for stack in stacks if stack.split == "report"]
    models = AtTheTruth([outlined(stack, thickness) for stack in report for thickness in (1, THICK)], shift=-1)
    table = next(segmentation_tables(data, "report", ("masks", "points"), models, models))
    rows = {row.name: row for row in table.rows}
    assert rows["disc: Dice"].figure.value < 0.05
    assert rows["disc, named by the masks' own points: Dice"].figure.value == 1


def test_figures_are_means_over_structures_with_intervals_over_patients(spines):
    models = AtTheTruth(spines)
    good = outlines_of(spines[0], *segmented(spines[0], models, models))
    nothing = np.zeros_like(spines[1].labels)
    bad = outlines_of(spines[1], nothing, nothing)
    figure = summary([*good, *bad], repeats=50)["disc"]["Dice"]
    assert figure.value == pytest.approx(0.5) and (figure.low, figure.high) == (0, 1) and figure.count == 12
    assert summary([*good, *bad], repeats=0)["disc"]["mean surface distance, mm"].value == 0  # over those that were found
    assert level_summary(good, repeats=0)["L4-L5"]["IoU"].value == 1


def test_the_usual_spine_is_better_than_nothing_and_worse_than_the_truth(spines):
    models = AtTheTruth(spines)
    shape = UsualSpine.of(spines[1:])
    beside = summary(outlines_of(spines[0], *usual(spines[0], models, shape)), repeats=0)
    assert 0.2 < beside["disc"]["Dice"].value < 0.98
    assert 0.2 < beside["canal"]["Dice"].value < 1


def test_thick_slices_are_means_of_neighbours_with_the_most_common_tissue(stacks):
    pixels = np.arange(5, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), dtype=np.uint8)
    tissues = np.array([0, 1, 1, 1, 3], dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), dtype=np.uint8)
    grey, commonest = thick(pixels, tissues, 4)
    assert grey.shape == (1, 2, 2) and (grey == 1.5).all() and (commonest == 1).all()


def test_the_distance_of_thick_slices_is_their_thickness(stacks):
    spine = outlined(stacks[0], 2)
    assert spine.volume.slice_spacing == pytest.approx(2.0) and spine.volume.slice_count == 3


def test_a_stack_without_key_points_is_left_out(stacks):
    empty = SpaceStack("1", stacks[0].pixels, np.zeros_like(stacks[0].tissues), stacks[0].spacing)
    assert outlined(empty) is None


def test_tables_give_thin_and_thick_slices_with_the_baseline(data, stacks):
    report = [stack for stack in stacks if stack.split == "report"]
    models = AtTheTruth([outlined(stack, thickness) for stack in report for thickness in (1, THICK)])
    tables = list(segmentation_tables(data, "report", ("masks", "points"), models, models))
    assert [table.detail for table in tables] == [False, True, False, True]
    rows = {row.name: row for row in tables[0].rows}
    assert rows["disc: Dice"].figure.value == 1 and rows["disc: Dice"].baseline < 1
    assert "canal: 95 % Hausdorff distance, mm" in rows
    assert rows["vertebra, named by the masks' own points: IoU"].figure.value == 1
    assert tables[0].bundles == ("masks",) and "points by points" in tables[0].data
