"""What was outlined in the last studies, so that a corrected point is measured without outlining the study again."""

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
"""Studies whose tissues are kept: some hundred kilobytes each, packed."""


@dataclass(frozen=True)
class Outlining:
    """Which images were outlined, and by what.

    :param series: the series that was outlined: its voxels are in its hash.
    :param segmenter: name of the bundle, :param folder: folder of the bundles; empty for the product's own.
    """

    series: SeriesIdentity
    segmenter: str
    folder: str


class OutlinedStudies:
    """Keeps the tissues of studies, packed, and the spine of a study for as long as the study itself is in memory."""

    def __init__(self) -> None:
        self._tissues: OrderedDict[Outlining, tuple[bytes, tuple[int, ...]]] = OrderedDict()
        # A spine holds the voxels of its study. Weak keys: it must not outlive the study.
        self._spines: WeakKeyDictionary[Study, tuple[Outlining, SegmentedSpine]] = WeakKeyDictionary()

    def keep(self, outlining: Outlining, study: Study, tissues: Labels, spine: SegmentedSpine) -> None:
        """Keep what an analysis outlined.

        :param tissues: of the study's primary series, before they were parted into structures.
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
        """The spine of a study at corrected points; None if it was not outlined, or too long ago.

        Where every corrected point still lies in the mask of its own structure, the masks are as they were. Otherwise tissues
        are parted into structures anew, and named by the points as they are now.

        :param volume: the sagittal stack of the study's primary series.
        :returns: the spine, and whether its masks are others than at the points before.
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
