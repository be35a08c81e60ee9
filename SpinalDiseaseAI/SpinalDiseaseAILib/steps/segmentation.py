"""Segmentation: the masks of a study's vertebrae, discs and spinal canal, from its images and key points."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ..base.geometry import Image, reorient
from ..base.masks import Masks, masks_of
from ..base.options import Progress, no_progress
from ..base.planes import SagittalVolume
from .instances import Labels, named
from .spine_curve import SpineCurve
from .tissues import TissueSegmenter


class Segmenter:
    """Segments structures.

    :param tissues: labels pixels as vertebra, disc and canal.
    :param model: name of the bundle, kept with the masks.
    """

    def __init__(self, tissues: TissueSegmenter, model: str) -> None:
        self.tissues = tissues
        self.model = model

    def segment(self, image: Image, points: Mapping[str, npt.ArrayLike]) -> Masks:
        """Masks of the structures of an image.

        :param image: sagittal planes, stored in any axis order.
        :param points: structure name to RAS millimetres; two or more.
        :returns: masks on the image's own voxel grid. Structures without a point, such as T12, are included if they are in view.
        :raises ValueError: if the points do not describe a spine.
        """
        return masks_at(self.outlined(image, points), image, points, self.model)

    def outlined(self, image: Image, points: Mapping[str, npt.ArrayLike], progress: Progress = no_progress) -> Labels:
        """Tissues of an image, before :func:`masks_at` divides them into structures, at these or other points.

        :param image: sagittal planes, stored in any axis order.
        :param points: structure name to RAS millimetres; two or more.
        :returns: numbers of ``TISSUES``, shape (slices, columns, rows) of the image's sagittal stack.
        :raises ValueError: if the points do not describe a spine.
        """
        volume = SagittalVolume.of(image)
        slices = volume.to_pixel(np.array([np.asarray(point, dtype=np.float64) for point in points.values()]))[:, 0]
        return self.tissues.label(volume, SpineCurve.of(volume, points), (float(slices.min()), float(slices.max())), progress)


def masks_at(tissues: Labels, image: Image, points: Mapping[str, npt.ArrayLike], model: str) -> Masks:
    """Masks of structures, from the tissues of an image and named points.

    :param tissues: from :meth:`Segmenter.outlined`, of the same image.
    :param points: structure name to RAS millimetres; two or more.
    :param model: name of the bundle that labelled the tissues.
    :returns: masks on the image's own voxel grid.
    :raises ValueError: if the points do not describe a spine.
    """
    volume = SagittalVolume.of(image)
    labels = named(tissues, volume, SpineCurve.of(volume, points))
    stored = reorient(Image(labels, volume.image.affine), image.codes).voxels
    return masks_of(Image(np.ascontiguousarray(stored), image.affine), model)
