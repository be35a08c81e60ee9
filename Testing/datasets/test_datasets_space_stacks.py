"""Reading of T2-SPACE stacks: slices in order, tissues by number, nothing missing."""

from __future__ import annotations

import numpy as np
import pytest
from plain_data_sets import DOWN, SPACING, drawn, points, write_spider

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.datasets.records import SPLITS
from SpinalDiseaseAILib.datasets.space_stacks import read_space_stacks, tissues_of
from SpinalDiseaseAILib.models.segmentation_network import TISSUES


@pytest.fixture
def data(tmp_path):
    write_spider(tmp_path)
    return tmp_path


def test_slices_are_in_the_order_of_their_numbers_with_matching_tissues(data):
    stack = read_space_stacks(data, SPLITS)[0]
    assert stack.pixels.shape == stack.tissues.shape and len(stack.pixels) == 6
    assert stack.spacing == SPACING
    shift = next(value for value in range(3) if np.array_equal(stack.pixels[0], drawn(float(value), 10)))
    assert np.array_equal(stack.pixels[3], drawn(float(shift), 13))
    column, row = points(float(shift))["L3"]
    assert TISSUES[stack.tissues[0, round(row), round(column)]] == "vertebra"
    assert TISSUES[stack.tissues[0, round(row + DOWN), round(column)]] == "disc"


def test_slice_9_comes_before_slice_10(data):
    before = next(stack for stack in read_space_stacks(data, SPLITS) if stack.patient == "3")
    for path in sorted((data / "spider" / "t2_space").rglob("3_t2_SPACE_slice*.png")):
        path.rename(path.with_name(f"3_t2_SPACE_slice{int(path.stem[-2:]) - 3}.png"))  # 7 … 12
    stack = next(stack for stack in read_space_stacks(data, SPLITS) if stack.patient == "3")
    assert np.array_equal(stack.pixels, before.pixels)


def test_a_patient_is_read_only_for_the_patients_own_split(data):
    found = {split: {stack.patient for stack in read_space_stacks(data, (split,))} for split in SPLITS}
    assert all(stack.split == split for split in SPLITS for stack in read_space_stacks(data, (split,)))
    assert sum(map(len, found.values())) == len(set.union(*found.values()))


def test_grey_values_of_masks_become_the_numbers_of_the_tissues():
    found = tissues_of(np.array([[0, 29, 76, 150, 7]], dtype=np.uint8))
    assert [TISSUES[value] for value in found[0]] == ["background", "disc", "vertebra", "canal", "background"]


def test_a_missing_slice_is_reported(data):
    images = sorted((data / "spider" / "t2_space" / "images").glob("3_*"))
    images[2].unlink()
    with pytest.raises(InputError, match="Slices are missing"):
        read_space_stacks(data, SPLITS)


def test_a_missing_mask_is_reported(data):
    next((data / "spider" / "t2_space" / "masks").glob("*.png")).unlink()
    with pytest.raises(InputError, match="no mask"):
        read_space_stacks(data, SPLITS)


def test_a_folder_without_stacks_is_reported(tmp_path):
    (tmp_path / "spider").mkdir()
    with pytest.raises(InputError, match="no T2-SPACE slices"):
        read_space_stacks(tmp_path, SPLITS)
