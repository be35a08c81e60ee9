"""Quality checks before and after localization: refuse what cannot be analysed, and add notes about what is doubtful."""

from __future__ import annotations

import numpy as np

from ..base.anatomy import KEY_POINTS
from ..base.errors import InputError
from ..base.planes import SagittalVolume
from ..base.report import Note
from ..base.study import Series, Study
from .localization import Localization
from .measurements.segmented_spine import SegmentedSpine
from .spine_curve import SpineCurve

_COARSEST_PIXEL = 2.5  # millimetres
_SMALLEST_FIELD = 90.0  # millimetres head to foot: three levels
_LARGEST_FIELD = 900.0
_LEAST_CONFIDENCE = 0.35  # on the tuning patients, whole lumbar images reach 0.70, cropped ones 0.41; noise has 0.22 on average
_LEVEL_LENGTHS = (20.0, 55.0)  # millimetres; the mean in SPIDER is 34, cervical levels are 15 to 19 apart
_DOUBTFUL_POINT = 0.5
_DOUBTFUL_NUMBERING = 0.8


def check_series(series: Series) -> None:
    """Refuse a series that cannot be analysed.

    :raises InputError: if it has no grey values, has voxels without a number, is constant, is not sagittal, or its field of view
        is too small or too large.
    """
    name = f"The {series.role.value} series"
    voxels = series.image.voxels
    if not np.issubdtype(voxels.dtype, np.number) or np.iscomplexobj(voxels):
        raise InputError(f"{name} holds {voxels.dtype} values.", "Grey values are needed, not colours.", code="not-grey")
    if np.issubdtype(voxels.dtype, np.floating) and not np.isfinite(voxels).all():
        raise InputError(
            f"{name} has voxels without a number (NaN or infinite).",
            "Every voxel needs a grey value.",
            "Export the series again, or repair it with a filter first.",
            code="nan-voxels",
        )
    if voxels.min() == voxels.max():
        raise InputError(f"{name} is empty: every voxel has the value {voxels.flat[0]}.", code="constant")
    volume = SagittalVolume.of(series.image)
    coarse = float(volume.pixel_spacing.max())
    if coarse > _COARSEST_PIXEL:
        raise InputError(
            f"{name} is not sagittal: its sagittal planes have pixels of {coarse:.1f} mm.",
            f"A sagittal series with pixels of at most {_COARSEST_PIXEL} mm is needed.",
            "Choose the sagittal T2 series of the study.",
            code="not-sagittal",
        )
    height = volume.image.voxels.shape[2] * float(volume.pixel_spacing[1])
    if not _SMALLEST_FIELD <= height <= _LARGEST_FIELD:
        raise InputError(
            f"{name} shows {height:.0f} mm from head to foot.",
            f"A lumbar field of view has {_SMALLEST_FIELD:.0f} to {_LARGEST_FIELD:.0f} mm.",
            "Check the pixel spacing of the file.",
            code="field-of-view",
        )


def check_localization(found: Localization, *, spacing_known: bool) -> None:
    """Refuse an image that is not of a lumbar spine, although a chain of levels was found in it.

    :raises InputError: if the points have a low confidence, or the levels do not have the size of lumbar ones.
    """
    confidence = float(np.mean(found.confidence))
    if confidence < _LEAST_CONFIDENCE:
        raise InputError(
            f"No lumbar spine was found in the image: the best chain of levels has a mean confidence of {confidence:.2f}.",
            "A sagittal lumbar MR that shows the L5-S1 disc is needed.",
            "Check that the series is sagittal, of the lumbar spine, and not disturbed by metal or motion.",
            code="no-spine",
        )
    low, high = _LEVEL_LENGTHS
    if spacing_known and not low <= found.level_length <= high:
        raise InputError(
            f"The levels found are {found.level_length:.0f} mm apart.",
            f"Lumbar levels are {low:.0f} to {high:.0f} mm apart.",
            "Check that the series is of the lumbar spine, and the pixel spacing of the file.",
            code="not-lumbar",
        )


def notes_of(study: Study, found: Localization) -> list[Note]:
    """Notes for a reader about a localization."""
    notes = []
    best = found.numberings[0]
    if best.shift is None:
        notes.append(
            Note(
                "cannot-number",
                "The levels cannot be numbered: no sacrum is in view. The names are a guess from the appearance of the levels.",
                "warning",
            )
        )
    elif best.probability < _DOUBTFUL_NUMBERING:
        notes.append(
            Note(
                "numbering-unsure",
                f"The numbering is uncertain (probability {best.probability:.2f}). Check the lowest level against the sacrum.",
                "warning",
            )
        )
    missing = [name for name in KEY_POINTS if name not in found.names]
    if missing:
        notes.append(Note("out-of-view", f"Not graded, because not completely in the field of view: {', '.join(missing)}."))
    doubtful = [name for name, value in zip(found.names, found.confidence, strict=True) if value < _DOUBTFUL_POINT]
    if doubtful:
        notes.append(
            Note(
                "points-unsure",
                f"The position of {', '.join(doubtful)} is uncertain. Check the points before using the grades.",
                "warning",
            )
        )
    if not found.lateral_known:
        notes.append(
            Note(
                "slice-unsure", "The spinal canal was not recognised: every structure is assessed on the middle slice.", "warning"
            )
        )
    said = {note.code for note in study.notes}  # the file's reader may have noted the same in words that suit the file
    if SagittalVolume.of(study.primary.image).slice_count == 1 and "single-slice" not in said:
        notes.append(Note("single-slice", "The input is a single slice: structures are assessed on that slice alone."))
    if not study.primary.spacing_known and "spacing-guessed" not in said:
        text = "The pixel spacing is not known, so every length is a guess. Do not measure on the image."
        notes.append(Note("spacing-unknown", text, "warning"))
    return notes


def notes_of_masks(spine: SegmentedSpine) -> list[Note]:
    """Notes for a reader from the masks: front and back seem to be swapped, as in a mirrored image."""
    curve = SpineCurve.of(spine.volume, spine.points)
    slices = sorted({spine.slice_of(name) for name in spine.points})
    canal = np.concatenate([spine.canal_grains(index).points for index in slices])
    if not len(canal) or np.median(curve.coordinates(canal)[1]) >= 0:
        return []
    text = "The spinal canal was found in front of the vertebrae: front and back of the image seem to be swapped. "
    text += "Do not use its measurements; mirror the image and analyze it again."
    return [Note("mirrored", text, "warning")]
