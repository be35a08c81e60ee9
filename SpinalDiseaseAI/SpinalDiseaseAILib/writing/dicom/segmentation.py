"""Masks as a DICOM segmentation: one binary segment per structure, on the pixels of the analysed images."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
from highdicom import seg
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from ...base.anatomy import Structure
from ...base.concepts import KIND_CODES
from ...base.errors import InputError
from ...base.masks import Masks
from ...base.report import Report
from ...base.terminology import CATEGORY
from .grid import Plane, frames_of, planes_of
from .lab_colours import lab_of
from .product import coded, common_elements, lasting_uid, software_of, stamp
from .sources import Sources, silent_dicom, unusable_header

SERIES_NUMBER = 7002
DESCRIPTION = "SpinalDiseaseAI masks"

_INTERPOLATED = "missing-slices"
"""Code of the note about slices missing in the files: their masks have no image and are left out."""


def planes_of_masks(report: Report, sources: Sources) -> tuple[Plane, ...]:
    """The frames of the analysed series on which the masks of a report lie, in the order of the masks' planes.

    :raises InputError: code ``"grid-mismatch"`` if the masks do not lie on the pixels of the series, ``"missing-source"`` if some
        of its instances are missing, ``"several-multi-frame-files"`` if they are multi-frame images.
    """
    assert report.masks is not None
    image = report.masks.image
    series = next(iter(sources.series.values()))
    planes = planes_of(frames_of(series), image)
    if not planes:
        raise InputError(
            "The masks do not lie on the pixels of the analyzed DICOM images.",
            "A DICOM segmentation has the rows, columns and slices of the images that it refers to.",
            "Analyze the study's DICOM files again, or leave out the DICOM segmentation.",
            code="grid-mismatch",
        )
    count = image.voxels.shape[next(iter(planes.values())).axis]
    if len(planes) < count and not any(note.code == _INTERPOLATED for note in report.notes):
        raise InputError(
            f"Of the {count} slices that were analyzed, {count - len(planes)} are not among the DICOM files.",
            "A DICOM segmentation refers to every slice.",
            "Give all files of the series that was analyzed.",
            code="missing-source",
        )
    found = tuple(planes[index] for index in sorted(planes))
    files = {plane.frame.instance for plane in found}
    if len(files) > 1 and any(plane.frame.number is not None for plane in found):
        raise InputError(
            f"The slices that were analyzed are spread over {len(files)} files, of which at least one has several slices.",
            "A DICOM segmentation refers to one multi-frame file, or to files of one slice each.",
            "Leave out the DICOM segmentation.",
            code="several-multi-frame-files",
        )
    return found


def write_segmentation(report: Report, sources: Sources, planes: Sequence[Plane], path: Path) -> None:
    """Write the masks of a report as a DICOM file; nothing if no structure has a voxel on the planes.

    :param planes: result of :func:`planes_of_masks`.
    :raises InputError: if a header's values cannot be copied.
    :raises OSError: if it cannot be written.
    """
    with silent_dicom():
        dataset = segmentation(report, sources, planes)
        if dataset is not None:
            dataset.save_as(path)


def segmentation(report: Report, sources: Sources, planes: Sequence[Plane]) -> Dataset | None:
    """The masks of a report as a data set; None if no structure has a voxel on the planes.

    Segments are numbered from 1, from cranial to caudal, the canal last. Frames without a voxel are left out.

    :raises InputError: if a header's values cannot be copied.
    """
    masks = report.masks
    assert masks is not None
    labels = np.stack([plane.pixels(masks.image.voxels) for plane in planes])
    structures = [item for item in masks.structures if np.any(labels == masks.label(item.name))]
    if not structures:
        return None
    numbers = np.zeros(256, dtype=np.uint8)
    for number, item in enumerate(structures, 1):
        numbers[masks.label(item.name)] = number
    series_uid, instances = next(iter(sources.series.items()))
    images, pixels = _aligned(instances, planes, numbers[labels], masks)
    try:
        dataset: Dataset = seg.Segmentation(
            source_images=images,
            pixel_array=pixels,
            segmentation_type=seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[_segment(number, item, report, series_uid) for number, item in enumerate(structures, 1)],
            series_number=SERIES_NUMBER,
            series_description=DESCRIPTION,
            content_label="SPINE",
            content_description="Vertebrae, discs and spinal canal",
            omit_empty_frames=True,
            **common_elements(report),
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise unusable_header(error) from error
    stamp(dataset)
    return dataset


def _aligned(instances: Sequence[Dataset], planes: Sequence[Plane], pixels: Any, masks: Masks) -> tuple[list[Dataset], Any]:
    """The source images of planes, and their pixels in the order of the images' frames.

    Headers differ in insignificant digits, and multi-frame images state what all frames share in either of two places, of which
    highdicom accepts one. Frames of a multi-frame image that were not analysed are empty.
    """
    first = planes[0]
    if first.frame.number is None:
        images = [deepcopy(instances[plane.frame.instance]) for plane in planes]
        for image in images:
            image.ImageOrientationPatient = images[0].ImageOrientationPatient
            image.PixelSpacing = images[0].PixelSpacing
            image.SliceThickness = images[0].SliceThickness
            image.SpacingBetweenSlices = _step(masks, first)
        return images, pixels
    source = deepcopy(instances[first.frame.instance])
    frames = source.PerFrameFunctionalGroupsSequence
    shared = source.SharedFunctionalGroupsSequence[0]
    own = frames[first.frame.number]
    for keyword in ("PlaneOrientationSequence", "PixelMeasuresSequence"):
        if own.get(keyword):
            setattr(shared, keyword, own[keyword].value)
    measures = shared.PixelMeasuresSequence[0]
    measures.SliceThickness = measures.get("SliceThickness") or _step(masks, first)
    measures.SpacingBetweenSlices = _step(masks, first)
    whole = np.zeros((len(frames), *pixels.shape[1:]), dtype=pixels.dtype)
    for plane, found in zip(planes, pixels, strict=True):
        assert plane.frame.number is not None
        whole[plane.frame.number] = found
    for frame in frames:
        if not frame.get("PlanePositionSequence"):
            frame.PlanePositionSequence = own.PlanePositionSequence
    return [source], whole


def _step(masks: Masks, plane: Plane) -> float:
    """Millimetres from slice to slice."""
    return round(float(masks.image.spacing[plane.axis]), 6)


def _segment(number: int, item: Structure, report: Report, series_uid: str) -> Any:
    name, version = software_of(report)
    masks = report.masks
    assert masks is not None
    # Masks without a model are a model's that a person edited.
    kinds = seg.SegmentAlgorithmTypeValues
    described = seg.SegmentDescription(
        segment_number=number,
        segment_label=item.display,
        segmented_property_category=coded(CATEGORY),
        segmented_property_type=coded(item.code or KIND_CODES[item.kind]),
        algorithm_type=kinds.AUTOMATIC if masks.model else kinds.SEMIAUTOMATIC,
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name=f"{name}, {masks.model}" if masks.model else name,
            family=codes.DCM.ArtificialIntelligence,
            version=version,
            source=name,
        ),
        tracking_uid=lasting_uid(series_uid, item.name),
        tracking_id=item.name,
    )
    described.RecommendedDisplayCIELabValue = list(highdicom.color.CIELabColor(*lab_of(item.colour)).value)
    return described
