"""Other versions of an image: cropped, rotated, stored in another order; and the positions in a report."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK

from SpinalDiseaseAILib.base.geometry import Image, reorient
from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.base.study import Role, Series, Study

KEY_POINTS_OF_MASKS: dict[str, tuple[float, float]] = {
    "T12-L1": (-22.1, 86.6),
    "L1": (-19.1, 70.6),
    "L1-L2": (-12.4, 54.6),
    "L2": (-8.8, 36.6),
    "L2-L3": (-1.3, 21.0),
    "L3": (0.5, 4.2),
    "L3-L4": (3.6, -12.6),
    "L4": (2.6, -29.9),
    "L4-L5": (0.8, -47.3),
    "L5": (-4.4, -63.8),
    "L5-S1": (-8.4, -80.4),
}
"""Key points of the sample from SPIDER's masks of its three central slices, RAS (anterior, superior) in millimetres."""


def study_of(image: Image, **series: Any) -> Study:
    """A study of one sagittal T2 series."""
    return Study((Series(Role.SAGITTAL_T2, image, **series),))


def cropped(image: Image, start: tuple[int, int, int], stop: tuple[int | None, int | None, int | None]) -> Image:
    """Part of an image, at the same position in the patient."""
    affine = np.eye(4)
    affine[:3, 3] = start
    voxels = image.voxels[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
    return Image(voxels, image.affine @ affine)


def rows_between(image: Image, upper: float, lower: float) -> Image:
    """The part of an LPI image between two heights, RAS millimetres."""
    first, last = (round((image.affine[2, 3] - height) / image.spacing[2]) for height in (upper, lower))
    return cropped(image, (0, 0, max(first, 0)), (None, None, last + 1))


def resampled_obliquely(image: Image, degrees: tuple[float, float, float]) -> Image:
    """The image on a grid that is rotated around its centre about the patient's x, y and z axes."""
    turn = SimpleITK.Euler3DTransform((0, 0, 0), *np.radians(degrees).tolist())
    matrix = np.array(turn.GetMatrix()).reshape(3, 3)
    middle = (np.array(image.voxels.shape) - 1) / 2
    affine = np.eye(4)
    affine[:3, :3] = matrix @ image.affine[:3, :3]
    affine[:3, 3] = image.to_ras(middle) - affine[:3, :3] @ middle
    source = SimpleITK.GetImageFromArray(np.ascontiguousarray(image.voxels.transpose(2, 1, 0)).astype(np.float32))
    _place(source, image.affine)
    target = SimpleITK.Image([int(size) for size in image.voxels.shape], SimpleITK.sitkFloat32)
    _place(target, affine)
    result = SimpleITK.Resample(source, target, SimpleITK.Transform(3, SimpleITK.sitkIdentity), SimpleITK.sitkLinear, 0.0)
    return Image(SimpleITK.GetArrayFromImage(result).transpose(2, 1, 0), affine)


def stored_as(study: Study, codes: str) -> Study:
    """The same study with its voxels in another axis order."""
    return Study(tuple(Series(item.role, reorient(item.image, codes), item.uid) for item in study.series))


def positions(report: Report) -> dict[str, np.ndarray]:
    """Structure name to RAS millimetres."""
    return {item.name: np.array(item.position) for item in report.structures}


def _place(image: SimpleITK.Image, affine: np.ndarray) -> None:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
