"""Masks of structures: labels, names, and what is refused."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from SpinalDiseaseAILib.base.anatomy import CANAL, STRUCTURES, Kind
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.json_io import report_from_json, report_to_json
from SpinalDiseaseAILib.base.masks import LABELS, Masks, box_of, label_counts, masks_of
from SpinalDiseaseAILib.base.numbering import renumbered_report
from SpinalDiseaseAILib.base.report import Report, StructureResult


def labels(*values: int) -> Image:
    """One voxel per value, in a row."""
    return Image(np.array(values, dtype=np.uint8).reshape(-1, 1, 1), np.diag([4.0, 1.0, 1.0, 1.0]))


def test_labels_are_those_of_verse_and_spineps() -> None:
    assert [LABELS[name] for name in ("T12", "L1", "L5", "L6", "S1")] == [19, 20, 24, 25, 26]
    assert [LABELS[name] for name in ("T12-L1", "L4-L5", "L5-S1", "L6-S1")] == [119, 123, 124, 125]
    assert LABELS["canal"] == 61


def test_every_structure_has_a_label_and_only_the_two_discs_below_l5_share_one() -> None:
    assert set(LABELS) == {item.name for item in (*STRUCTURES, CANAL)}
    shared = [name for name, value in LABELS.items() if list(LABELS.values()).count(value) > 1]
    assert sorted(shared) == ["L5-L6", "L5-S1"]


def test_the_canal_is_not_a_level_but_has_a_code_and_a_name() -> None:
    assert CANAL.kind is Kind.CANAL and CANAL not in STRUCTURES
    assert CANAL.code is not None and CANAL.code.value == "61853006"
    assert CANAL.display == "Spinal canal"


def test_voxels_of_a_structure_are_found_by_its_name() -> None:
    masks = masks_of(labels(0, 24, 124, 24, 61))
    assert masks.of("L5").ravel().tolist() == [False, True, False, True, False]
    assert masks.of("canal").sum() == 1
    assert not masks.of("L1").any()
    assert [item.name for item in masks.structures] == ["L5", "L5-S1", "canal"]


def test_renumbering_moves_labels_with_names_and_keeps_the_canal() -> None:
    moved = masks_of(labels(0, 23, 123, 24, 124, 61), "m").renamed({"L4": "L5", "L4-L5": "L5-S1"})
    assert moved.image.voxels.ravel().tolist() == [0, 24, 124, 0, 0, 61]
    assert [item.name for item in moved.structures] == ["L5", "L5-S1", "canal"]
    assert moved.model == "m"


def test_a_label_without_a_name_is_refused() -> None:
    with pytest.raises(InputError, match="label 7"):
        masks_of(labels(0, 7))


def test_a_name_that_is_not_a_structure_is_refused() -> None:
    with pytest.raises(InputError, match="'L9'"):
        Masks(labels(0, 7), {7: "L9"})


def test_voxels_that_are_not_bytes_are_refused() -> None:
    with pytest.raises(InputError, match="int16"):
        masks_of(Image(np.zeros((1, 1, 1), dtype=np.int16), np.eye(4)))


def report_with(masks: Masks) -> Report:
    """A report of one disc, with masks."""
    return Report("lumbar-mr", (StructureResult("L4-L5", (0.0, 0.0, 0.0), 1.0),), (), (), (), masks=masks)


def test_masks_are_part_neither_of_the_document_nor_of_equality() -> None:
    report = report_with(masks_of(labels(0, 123)))
    text = report_to_json(report)
    assert "masks" not in text
    again = report_from_json(text)
    assert again == report and again.masks is None


def test_renumbering_a_report_renames_its_masks_even_of_levels_that_are_not_key_points() -> None:
    report, _ = renumbered_report(report_with(masks_of(labels(19, 123, 124, 61))), 1)
    assert report.masks is not None
    assert report.masks.image.voxels.ravel().tolist() == [20, 124, 0, 61]


def test_voxels_of_each_label_are_counted_without_a_copy_of_them() -> None:
    labels = np.random.default_rng(0).choice(np.array([0, 20, 21, 61, 255], dtype=np.uint8), (40, 60, 70))
    tracemalloc.start()
    counts = label_counts(labels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counts.shape == (256,) and {value: int(counts[value]) for value in np.flatnonzero(counts)} == {
        int(value): int((labels == value).sum()) for value in np.unique(labels)
    }
    assert peak < labels.nbytes


@pytest.mark.parametrize("seed", range(5))
def test_the_box_of_a_mask_is_the_smallest_that_holds_it(seed):
    mask = np.random.default_rng(seed).random((6, 7, 8)) > 0.985
    mask[3, 2, 5] = True
    where = np.argwhere(mask)
    low, high = where.min(0), where.max(0) + 1
    assert box_of(mask) == tuple(slice(int(first), int(end)) for first, end in zip(low, high, strict=True))


def test_an_empty_mask_has_no_box():
    assert box_of(np.zeros((2, 3, 4), dtype=bool)) is None


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_boxes_and_counts_do_not_depend_on_memory_order(order):
    labels = np.zeros((6, 7, 8), dtype=np.uint8)
    labels[2:4, 3:5, 1:7] = 20
    stored = np.ascontiguousarray(labels.transpose(order)).transpose(np.argsort(order))
    assert box_of(stored == 20) == (slice(2, 4), slice(3, 5), slice(1, 7))
    assert box_of((stored == 20)[::-1]) == (slice(2, 4), slice(3, 5), slice(1, 7))
    counts = label_counts(stored)
    assert (counts[20], counts[0], counts.sum()) == (24, labels.size - 24, labels.size)
