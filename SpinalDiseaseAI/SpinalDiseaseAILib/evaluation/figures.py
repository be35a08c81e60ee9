"""The tables of the shipped models: which model, on which patients, against which baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from pathlib import Path

from ..base.anatomy import finding
from ..base.errors import InputError
from ..datasets.collection import read_dataset
from ..datasets.records import SPLITS, Record
from ..models.bundle import Bundle, read_bundle
from ..pipelines.model_store import ModelStore
from ..steps.device import Device
from . import grades, key_points, volumes
from .tables import Row, Table

ALL = SPLITS


class Figures:
    """Makes the tables of bundles on the data sets.

    :param data: folder of the data sets.
    :param split: patients to measure on: ``"report"`` for stated figures, ``"tune"`` while choosing.
    :param models_folder: folder of the bundles; empty for the product's own.
    """

    def __init__(self, data: Path, split: str, device: Device, models_folder: str = "") -> None:
        self.data = data
        self.split = split
        self.device = device
        self.folder = models_folder
        self.store = ModelStore()

    def tables_of(self, name: str, localizer: str) -> Iterator[Table]:
        """The tables of a bundle, one after another as they are ready.

        :param localizer: bundle that finds the points for a classifier.
        :raises ModelError: if a bundle cannot be used.
        """
        bundle = read_bundle(name, Path(self.folder) if self.folder else None)
        if bundle.task == "localization":
            yield from self._localization(bundle)
        else:
            yield from self._grading(bundle, localizer)

    def _localization(self, bundle: Bundle) -> Iterator[Table]:
        trained_on_tianchi = "tianchi2020" in bundle.data_sets
        yield self._key_points(bundle, "SPIDER T2, mid-sagittal", "spider", "T2", (self.split,))
        yield self._key_points(bundle, "SPIDER T1, mid-sagittal", "spider", "T1", (self.split,))
        yield self._stacks(bundle)
        yield self._key_points(bundle, "Sudirman T1, mid-sagittal", "sudirman", "T1", (self.split,))
        if trained_on_tianchi:
            yield self._key_points(bundle, "Tianchi T2, held aside", "tianchi2020", "T2", (self.split,))
        else:
            yield self._key_points(bundle, "Tianchi T2, every study, none trained on (external)", "tianchi2020", "T2", ALL)

    def _key_points(self, bundle: Bundle, title: str, dataset: str, contrast: str, splits: tuple[str, ...]) -> Table:
        localizer, _ = self.store.localizer(bundle.name, self.folder, self.device)
        records = self._with_points(dataset, splits, contrast)
        constant = key_points.mean_points(self._with_points(dataset, ("train",), contrast))
        found = key_points.summary([key_points.errors_on(record, localizer) for record in records])
        trivial = key_points.summary([key_points.errors_on(record, None, constant) for record in records])
        rows = [Row(name, figure, trivial[name].value) for name, figure in found.items()]
        return Table(title, (bundle.name,), _data(records, splits), "every point at the training mean", rows)

    def _stacks(self, bundle: Bundle) -> Table:
        localizer, _ = self.store.localizer(bundle.name, self.folder, self.device)
        found = volumes.stacks(self._read("spider_space", (self.split,)))
        _check(found, f"T2-SPACE stacks of {self.split} patients without a gap")
        errors = [volumes.errors_of(planes, localizer) for planes in found.values()]
        rows = [Row(name, figure) for name, figure in volumes.summary(errors).items()]
        text = f"SPIDER T2-SPACE stacks, {self.split} patients: {len(errors)} stacks of {len(errors)} patients"
        return Table("SPIDER T2-SPACE, three dimensions", (bundle.name,), text, "no baseline", rows)

    def _grading(self, bundle: Bundle, localizer: str) -> Iterator[Table]:
        classifier, _ = self.store.classifier(bundle.name, self.folder, self.device)
        points, _ = self.store.localizer(localizer, self.folder, self.device)
        dataset = next(name for name in bundle.data_sets if name != "spider_space")
        records = self._read(dataset, (self.split,))
        training = self._read(dataset, ("train",))
        with_t1 = any(record.contrast == "T1" for record in records)
        for finder, use_t1 in ((points, False), *(((points, True),) if with_t1 else ()), (None, False)):
            found = grades.predictions(records, finder, classifier, use_t1=use_t1)
            source = f"points by {localizer}" if finder else "points of the data set"
            _check(found, f"graded planes of {self.split} patients in the data set {dataset}, {source}")
            rows = []
            for name, graded in grades.collect(found, list(bundle.findings)).items():
                trivial = grades.summary(grades.prior(graded, training))
                rows += [
                    Row(f"{finding(name).display}: {key}", figure, trivial[key].value)
                    for key, figure in grades.summary(graded).items()
                ]
            seen = [record for record in records if record.series in found]
            way = "end to end, " if finder else "at the data set's own points, "
            title = f"Grades, {way}from {'T2 and, where there is one, T1' if use_t1 else 'T2 alone'}"
            text = f"{_data(seen, (self.split,))}; {source}"
            yield Table(title, (bundle.name,), text, "class shares of the level among training patients", rows)

    def _with_points(self, dataset: str, splits: tuple[str, ...], contrast: str) -> list[Record]:
        records = [item for item in self._read(dataset, splits) if item.points and item.contrast == contrast]
        _check(records, f"{contrast} planes with key points of {' and '.join(splits)} patients in the data set {dataset}")
        return records

    def _read(self, dataset: str, splits: tuple[str, ...]) -> tuple[Record, ...]:
        records = read_dataset(dataset, self.data, splits)
        _check(records, f"planes of {' and '.join(splits)} patients in the data set {dataset}")
        return records


def _check(items: Sized, what: str) -> None:
    if not items:
        raise InputError(f"There are no {what}.", "Figures need some.", "Check that the data set is complete.", code="dataset")


def _data(records: Sequence[Record], splits: tuple[str, ...]) -> str:
    patients = {record.patient for record in records}
    part = "all patients" if set(splits) == set(ALL) else f"{', '.join(splits)} patients"
    return f"{records[0].dataset}, {part}: {len(records)} planes of {len(patients)} patients"
