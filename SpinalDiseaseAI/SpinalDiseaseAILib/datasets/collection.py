"""The development data sets by name, from the folder that holds them all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..base.errors import InputError
from .records import Imported, Record, plain_files
from .rsna2024 import read_rsna2024
from .spider import read_spider, read_spider_space
from .sudirman import read_sudirman
from .tianchi import read_tianchi

IMPORTERS: dict[str, tuple[str, Callable[[Path], Imported]]] = {
    "spider": ("spider", read_spider),
    "spider_space": ("spider", read_spider_space),
    "sudirman": ("sudirman_t1", read_sudirman),
    "tianchi2020": ("tianchi2020", read_tianchi),
    "rsna2024": ("rsna2024", read_rsna2024),
}
"""Name in configurations to (subfolder of the data folder, importer)."""


def read_dataset(name: str, data: Path, splits: tuple[str, ...]) -> tuple[Record, ...]:
    """The records of a data set in the given splits.

    :param data: folder with one subfolder per data set.
    :raises InputError: if the data set is unknown, its folder is missing, or a file in it is missing or damaged.
    """
    if name not in IMPORTERS:
        raise InputError(f"There is no data set {name!r}.", f"Known are {', '.join(IMPORTERS)}.", code="dataset")
    folder, importer = IMPORTERS[name]
    if not (data / folder).is_dir():
        raise InputError(
            f"The data set {name} is not in {data}.",
            f"A folder {folder}/ is needed there.",
            "Pass the folder of the data sets with --data.",
            code="dataset",
        )
    with plain_files(data / folder):
        imported = importer(data / folder)
    return tuple(record for record in imported.records if record.split in splits)
