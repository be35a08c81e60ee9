"""Masks as a DICOM segmentation: one binary segment per structure, on the pixels of the analysed images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
from highdicom import seg
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import MRImageStorage

from ...base.anatomy import Structure
from ...base.concepts import KIND_CODES
from ...base.errors import InputError
from ...base.masks import Masks
from ...base.report import Report
from ...base.terminology import CATEGORY
from .grid import Frame, Plane, frames_of, planes_of
from .lab_colours import lab_of
from .product import coded, common_elements, lasting_uid, new_uid, short, software_of, stamp
from .sources import Sources, refusing_headers, silent_dicom

SERIES_NUMBER = 7002
DESCRIPTION = "SpinalDiseaseAI masks"

_INTERPOLATED = "missing-slices"
"""Code of the note about slices missing in the files: their masks have no image and are left out."""

_OF_FRAMES = (
    "SOPClassUID",
    "SOPInstanceUID",
    "NumberOfFrames",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
)
"""Elements that :func:`_images` sets or leaves out."""


def planes_of_masks(report: Report, sources: Sources) -> tuple[Plane, ...]:
    """The frames of the analysed series on which the masks of a report lie, in the order of the masks' planes.

    :raises InputError: code ``"grid-mismatch"`` if the masks do not lie on the pixels of the series, ``"missing-source"`` if some
        of its instances are missing.
    """
    assert report.masks is not None
    image = report.masks.image
    series = next(iter(sources.series.values()))
    planes = planes_of(frames_of(series, sources.frames), image)
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
    return tuple(planes[index] for index in sorted(planes))


def write_segmentation(report: Report, sources: Sources, planes: Sequence[Plane], path: Path) -> None:
    """Write the masks of a report as a DICOM file; nothing if no structure has a voxel on the planes.

    :param planes: result of :func:`planes_of_masks`.
    :raises InputError: if a header's values cannot be copied.
    :raises OSError: if it cannot be written.
    """
    with silent_dicom():
        dataset = segmentation(report, sources, planes)
        if dataset is not None:
            with refusing_headers():
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
    images = _images(instances, planes, masks)
    with refusing_headers():
        dataset: Dataset = seg.Segmentation(
            source_images=images,
            pixel_array=numbers[labels],
            segmentation_type=seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[_segment(number, item, report, series_uid) for number, item in enumerate(structures, 1)],
            series_number=SERIES_NUMBER,
            series_description=DESCRIPTION,
            content_label="SPINE",
            content_description="Vertebrae, discs and spinal canal",
            omit_empty_frames=True,
            **common_elements(report),
        )
    sources_of = [(instances[plane.frame.instance], plane.frame) for plane in planes]
    _refer(dataset, {image.SOPInstanceUID: source for image, source in zip(images, sources_of, strict=True)})
    stamp(dataset)
    return dataset


def _images(instances: Sequence[Dataset], planes: Sequence[Plane], masks: Masks) -> list[Dataset]:
    """One single-slice image per plane, with a UID of its own, whatever the files are.

    highdicom accepts a single multi-frame image at most, of which no two frames may lie at the same place, and images whose
    orientation and spacing do not differ even in insignificant digits.
    """
    first = planes[0].frame
    images = []
    for plane in planes:
        image = Dataset()
        for element in instances[plane.frame.instance]:
            if element.keyword not in _OF_FRAMES:
                image.add(element)
        image.SOPClassUID, image.SOPInstanceUID = MRImageStorage, new_uid()
        image.ImagePositionPatient = list(plane.frame.position)
        image.ImageOrientationPatient = list(first.orientation)
        image.PixelSpacing = list(first.spacing)
        image.SliceThickness = first.thickness if first.thickness > 0 else _step(masks, planes[0])
        image.SpacingBetweenSlices = _step(masks, planes[0])
        images.append(image)
    return images


def _refer(dataset: Dataset, to: Mapping[str, tuple[Dataset, Frame]]) -> None:
    """Replace references to the images of :func:`_images` by references to the files' instances and frames.

    :param to: UID of an image to the instance and the frame that it stands for.
    """
    for element in dataset:
        if element.VR != "SQ":
            continue
        kept: dict[str, Dataset] = {}
        for number, item in enumerate(element.value):
            key = str(number)
            if item.get("ReferencedSOPInstanceUID") in to:
                instance, frame = to[item.ReferencedSOPInstanceUID]
                key = item.ReferencedSOPInstanceUID = instance.SOPInstanceUID
                item.ReferencedSOPClassUID = instance.SOPClassUID
                if frame.number is not None and "SpatialLocationsPreserved" in item:
                    item.ReferencedFrameNumber = frame.number + 1
            else:
                _refer(item, to)
            kept.setdefault(key, item)  # a file with several slices is listed once
        if len(kept) < len(element.value):
            element.value = list(kept.values())


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
            name=short(f"{name}, {masks.model}" if masks.model else name),
            family=codes.DCM.ArtificialIntelligence,
            version=version,
            source=name,
        ),
        tracking_uid=lasting_uid(series_uid, item.name),
        tracking_id=item.name,
    )
    described.RecommendedDisplayCIELabValue = list(highdicom.color.CIELabColor(*lab_of(item.colour)).value)
    return described
