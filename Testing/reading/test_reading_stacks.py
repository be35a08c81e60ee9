"""A series with several images of the same position: parts of a Dixon acquisition, phase, inversion, acquisitions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import planes, series, set_pixels, uid, write
from pydicom.dataset import Dataset

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.reading import open_study


def part(name: str, divisor: int, *, shift: Sequence[float] = (0, 0, 0), **elements: Any) -> list[Dataset]:
    """The slices of the plain series again, darker and optionally shifted, as further objects of the same series."""
    made = series(**elements)
    for index, dataset in enumerate(made):
        dataset.SOPInstanceUID = uid(name, index)
        dataset.ImagePositionPatient = [float(a) + b for a, b in zip(dataset.ImagePositionPatient, shift, strict=True)]
        set_pixels(dataset, planes()[index] // divisor)
    return made


def kind(value: str) -> list[str]:
    return ["ORIGINAL", "PRIMARY", "DIXON", value]


@pytest.mark.parametrize("names", [("W", "F", "IP", "OP"), ("WATER", "FAT", "IN_PHASE", "OUT_PHASE")])
@pytest.mark.parametrize("numbered", [True, False])
def test_of_a_dixon_series_the_whole_in_phase_image_is_used(
    folder: Path, plain_study: Study, names: tuple[str, ...], numbered: bool
) -> None:
    parts = [part(name, 1 if name.startswith("I") else 2 + place, ImageType=kind(name)) for place, name in enumerate(names)]
    if not numbered:
        for dataset in (dataset for item in parts for dataset in item):
            dataset.InstanceNumber = 0
    write([dataset for item in parts for dataset in item], folder)
    study = open_study([folder])
    assert np.array_equal(study.primary.image.voxels, plain_study.primary.image.voxels)
    assert next(note for note in study.notes if note.code == "slices-left-out").text.endswith(": 27.")


@pytest.mark.parametrize(
    "elements",
    [
        {"ImageType": ["ORIGINAL", "PRIMARY", "P"]},
        {"InversionTime": 160, "ScanningSequence": ["SE", "IR"]},
        {"ScanOptions": "FS"},
    ],
    ids=["phase", "inversion", "fat suppression"],
)
def test_other_images_at_the_same_positions_do_not_displace_the_t2(
    folder: Path, plain_study: Study, elements: dict[str, Any]
) -> None:
    write([*part("other", 3, **elements), *series()], folder)
    assert np.array_equal(open_study([folder]).primary.image.voxels, plain_study.primary.image.voxels)


@pytest.mark.parametrize("shift", [(0.5, 0, 0), (0.5, 8, 3)])
def test_two_acquisitions_without_a_common_grid_are_kept_separate(
    folder: Path, plain_study: Study, shift: tuple[float, ...]
) -> None:
    write([*series(AcquisitionNumber=1), *part("again", 2, shift=shift, AcquisitionNumber=2)], folder)
    study = open_study([folder])
    assert np.array_equal(study.primary.image.voxels, plain_study.primary.image.voxels)
    assert np.allclose(study.primary.image.affine, plain_study.primary.image.affine)
    assert next(note for note in study.notes if note.code == "slices-left-out").text.endswith(": 9.")


def test_two_acquisitions_that_interleave_are_one_stack(folder: Path, plain_study: Study) -> None:
    write([dataset for start in (0, 1) for dataset in series(AcquisitionNumber=start)[start::2]], folder)
    assert np.array_equal(open_study([folder]).primary.image.voxels, plain_study.primary.image.voxels)


def test_an_irregular_series_whose_slices_are_each_an_acquisition_is_not_split(folder: Path) -> None:
    datasets = series()
    for index, dataset in enumerate(datasets):
        dataset.AcquisitionNumber = index + 1
        dataset.ImagePositionPatient[0] += 1.5 * (index % 2)
    write(datasets, folder)
    with pytest.raises(InputError, match="not evenly spaced"):
        open_study([folder])


@pytest.mark.parametrize(
    "description", ["FAT: Sag T2 IDEAL", "t2_tse_dixon_sag_F", "t2_tse_dixon_sag_opp", "OutPhase: Sag T2 FLEX", "T2 out of phase"]
)
def test_a_part_of_a_dixon_acquisition_named_only_in_its_description_is_not_used(folder: Path, description: str) -> None:
    write(series(SeriesDescription=description), folder)
    with pytest.raises(InputError, match="fat") as error:
        open_study([folder])
    assert error.value.code == "derived"


@pytest.mark.parametrize("description", ["InPhase: Sag T2 IDEAL", "t2_tse_dixon_sag_in", "T2 TSE sag F 2"])
def test_a_description_of_an_in_phase_image_or_without_dixon_is_accepted(folder: Path, description: str) -> None:
    write(series(SeriesDescription=description), folder)
    assert open_study([folder]).primary.description == description
