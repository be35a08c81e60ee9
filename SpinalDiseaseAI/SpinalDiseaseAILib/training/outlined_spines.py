"""Planes with known findings, located and segmented as in an analysis, to fit models that use masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..base.errors import InputError
from ..datasets.collection import read_dataset
from ..datasets.records import Record
from ..evaluation.key_points import plane_of
from ..pipelines.model_store import ModelStore
from ..steps.measurements.segmented_spine import SegmentedSpine


def outlined_spines(
    config: dict[str, Any], names: tuple[str, str], data: Path, told: Callable[[str], None]
) -> Iterator[tuple[Record, SegmentedSpine]]:
    """The T2 planes with findings in a configuration's data sets and splits.

    :param names: the localizer and the segmenter that find and outline the discs.
    :param data: folder of the data sets.
    :param told: called with a message about each plane that is left out.
    """
    store = ModelStore()
    device = store.device("cpu")
    localizer, _ = store.localizer(names[0], "", device)
    segmenter, _ = store.segmenter(names[1], "", device)
    for record in (item for name in config["datasets"] for item in read_dataset(name, data, tuple(config["splits"]))):
        if record.contrast != "T2" or not record.findings:
            continue
        volume = plane_of(record)
        try:
            found = localizer.locate(volume, spacing_known=record.spacing is not None)
        except InputError as error:
            told(f"{record.series}: {error.found}")
            continue
        points = dict(zip(found.names, found.positions, strict=True))
        yield record, SegmentedSpine(volume, segmenter.segment(volume.image, points), points)
