"""Segmentations of recent studies, so that measuring at a corrected point does not repeat the segmentation."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from ..base.geometry import FloatArray
from ..base.planes import SagittalVolume
from ..base.report import SeriesIdentity
from ..base.study import Study
from ..steps.instances import Labels
from ..steps.measurements.segmented_spine import SegmentedSpine
from ..steps.segmentation import masks_at

_MOST = 32
"""Number of studies whose tissues are kept: a few hundred kilobytes each, compressed."""


@dataclass(frozen=True)
class Outlining:
    """The images that were outlined, and the model used.

    :param series: the outlined series, whose voxels are identified by its hash.
    :param segmenter: name of the bundle.
    :param folder: folder of the bundles; empty for the installed one.
    """

    series: SeriesIdentity
    segmenter: str
    folder: str


class OutlinedStudies:
    """Keeps the compressed tissues of studies, and the spine of a study as long as the study itself is in memory."""

    def __init__(self) -> None:
        self._tissues: OrderedDict[Outlining, tuple[bytes, tuple[int, ...]]] = OrderedDict()
        # Weak keys, because a spine holds the voxels of its study and must not outlive it.
        self._spines: WeakKeyDictionary[Study, tuple[Outlining, SegmentedSpine]] = WeakKeyDictionary()

    def keep(self, outlining: Outlining, study: Study, tissues: Labels, spine: SegmentedSpine) -> None:
        """Keep the segmentation of an analysis.

        :param tissues: of the study's primary series, before they were divided into structures.
        :param spine: its masks and points.
        """
        self._tissues[outlining] = zlib.compress(np.ascontiguousarray(tissues).data, 1), tissues.shape
        self._tissues.move_to_end(outlining)
        while len(self._tissues) > _MOST:
            self._tissues.popitem(last=False)
        self._spines[study] = outlining, spine

    def spine_at(
        self, outlining: Outlining, study: Study, volume: SagittalVolume, points: Mapping[str, FloatArray]
    ) -> tuple[SegmentedSpine, bool] | None:
        """The spine of a study at corrected points; None if the study was not outlined, or too long ago.

        If every corrected point still lies in the mask of its own structure, the masks stay the same. Otherwise the tissues are
        divided into structures again, according to the current points.

        :param volume: the sagittal stack of the study's primary series.
        :returns: the spine, and whether its masks differ from those at the previous points.
        :raises ValueError: if the points do not describe a spine.
        """
        packed = self._tissues.get(outlining)
        if packed is None:
            return None
        known, before = self._spines.get(study, (None, None))
        if known != outlining:
            before = None
        spine = before.at(points, volume) if before is not None else None
        if before is None or spine is None or not all(spine.holds(name) for name in before.moved(spine)):
            tissues = np.frombuffer(zlib.decompress(packed[0]), dtype=np.uint8).reshape(packed[1])
            masks = masks_at(tissues, study.primary.image, points, outlining.segmenter)
            if before is None or spine is None or not np.array_equal(masks.image.voxels, before.masks.image.voxels):
                spine = SegmentedSpine(volume, masks, points)
        self._spines[study] = outlining, spine
        return spine, before is None or spine.masks is not before.masks
