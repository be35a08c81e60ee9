"""From frames of an enhanced (multi-frame) MR object to slices: functional groups, PS3.3 C.7.6.16 and C.8.13."""

from __future__ import annotations

from dataclasses import replace

from pydicom.dataset import Dataset

from .slices import Acquisition, Slice
from .values import directions, integer, number, numbers, text, texts, vector

FAT_SUPPRESSION = {"FAT", "FAT_AND_WATER"}
"""Values of SpectrallySelectedSuppression that make fat dark."""


def frame_slices(dataset: Dataset, common: Slice) -> list[Slice]:
    """The slices of a data set with per-frame functional groups.

    :param common: the values that hold for all its frames.
    """
    shared = _first(dataset, "SharedFunctionalGroupsSequence")
    return [
        _frame_slice(Groups(item, shared), replace(common, frame=index))
        for index, item in enumerate(dataset.PerFrameFunctionalGroupsSequence)
    ]


class Groups:
    """The functional groups of one frame: its own if it has them, else those shared by all frames."""

    def __init__(self, own: Dataset, shared: Dataset) -> None:
        self._own = own
        self._shared = shared

    def __getitem__(self, keyword: str) -> Dataset:
        """The item of a functional group; empty if there is none."""
        return _first(self._own, keyword) or _first(self._shared, keyword)


def _first(dataset: Dataset, keyword: str) -> Dataset:
    sequence = dataset.get(keyword)
    return sequence[0] if sequence else Dataset()


def _frame_slice(groups: Groups, common: Slice) -> Slice:
    row_direction, column_direction = directions(groups["PlaneOrientationSequence"], "ImageOrientationPatient")
    content = groups["FrameContentSequence"]
    measures = groups["PixelMeasuresSequence"]
    spacing = numbers(measures, "PixelSpacing", 2)
    transformation = groups["PixelValueTransformationSequence"]
    slope, intercept = number(transformation, "RescaleSlope"), number(transformation, "RescaleIntercept")
    return replace(
        common,
        position=vector(groups["PlanePositionSequence"], "ImagePositionPatient"),
        row_direction=row_direction,
        column_direction=column_direction,
        pixel_spacing=(spacing[0], spacing[1]) if spacing else None,
        thickness=number(measures, "SliceThickness"),
        spacing_between=number(measures, "SpacingBetweenSlices"),
        slope=common.slope if slope is None else slope,
        intercept=common.intercept if intercept is None else intercept,
        acquisition_number=integer(content, "TemporalPositionIndex")
        or integer(content, "FrameAcquisitionNumber")
        or common.acquisition_number,
        instance_number=(common.frame or 0) + 1,
        acquisition=_acquisition(groups, common.acquisition),
    )


def _acquisition(groups: Groups, common: Acquisition) -> Acquisition:
    frame_type = groups["MRImageFrameTypeSequence"]
    modifier = groups["MRModifierSequence"]
    inversion_time = number(modifier, "InversionTimes") if text(modifier, "InversionRecovery").upper() == "YES" else None
    return replace(
        common,
        repetition_time=number(groups["MRTimingAndRelatedParametersSequence"], "RepetitionTime"),
        echo_time=number(groups["MREchoSequence"], "EffectiveEchoTime"),
        inversion_time=inversion_time,
        fat_suppressed=common.fat_suppressed or text(modifier, "SpectrallySelectedSuppression").upper() in FAT_SUPPRESSION,
        image_type=common.image_type + tuple(item.upper() for item in texts(frame_type, "FrameType")),
        contrast=text(frame_type, "AcquisitionContrast").upper() or common.contrast,
    )
