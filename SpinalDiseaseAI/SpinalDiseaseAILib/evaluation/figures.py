"""The tables of the shipped models: which model, on which patients, against which baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Sized
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..base.anatomy import finding
from ..base.errors import InputError
from ..base.options import DEFAULT_CLASSIFIER, DEFAULT_SEGMENTER
from ..datasets.collection import read_dataset
from ..datasets.records import SPLITS, Record
from ..models.bundle import Bundle, read_bundle
from ..pipelines.model_store import ModelStore
from ..steps.device import Device
from ..steps.heads import Heads
from . import challenge, classification, grades, key_points, three_grades, volumes
from .baselines import LEVEL_SHARES, baselines
from .predictions import GRADING, LOCALIZATION, Case, Run, collect
from .published import with_published
from .segmentation_tables import segmentation_tables
from .tables import Row, Table

ALL = SPLITS

DETAIL_REPEATS = 300
"""Draws for the intervals of tables by level and by class, of which there are many."""

_CHALLENGE = ("disc_disease", "vertebra_disease")


class Figures:
    """Makes the tables of bundles on the data sets.

    :param data: folder of the data sets.
    :param split: patients to measure on: ``"report"`` for stated figures, ``"tune"`` while choosing.
    :param models_folder: folder of the bundles; empty for the product's own.
    :param calibrated: False to measure the networks without the calibration of their bundles.
    :param patients: measure on no more patients of each data set; 0 for all.
    """

    def __init__(
        self, data: Path, split: str, device: Device, models_folder: str = "", *, calibrated: bool = True, patients: int = 0
    ) -> None:
        self.data = data
        self.split = split
        self.device = device
        self.folder = models_folder
        self.calibrated = calibrated
        self.patients = patients
        self.store = ModelStore()
        self.runs: list[Run] = []
        """What was predicted for the tables so far."""
        self.skipped: list[InputError] = []
        """What could not be measured, and why."""

    def tables_of(self, name: str, localizer: str) -> Iterator[Table]:
        """The tables of a bundle, one after another as they are ready; a data set that is missing or empty is left out and told.

        :param localizer: bundle that finds the points for a classifier.
        :raises ModelError: if a bundle cannot be used.
        """
        bundle = self._bundle(name)
        if bundle.task == "localization":
            yield from self._localization(bundle)
        elif bundle.task == "segmentation":
            yield from self._tried(lambda: self._segmentation(bundle, self._bundle(localizer)))
        elif bundle.task == "disc grade":
            yield from self._tried(lambda: self._three_grades(bundle, self._bundle(localizer)))
        else:
            yield from self._grading(bundle, self._bundle(localizer))

    def _bundle(self, name: str) -> Bundle:
        return read_bundle(name, Path(self.folder) if self.folder else None)

    def _tried(self, tables: Callable[[], Iterator[Table]]) -> Iterator[Table]:
        try:
            yield from tables()
        except InputError as error:
            if error.code != "dataset":
                raise
            self.skipped.append(error)

    def _localization(self, bundle: Bundle) -> Iterator[Table]:
        external = "tianchi2020" not in bundle.data_sets
        own = (self.split,)
        for title, dataset, contrast, splits in (
            ("SPIDER T2, mid-sagittal", "spider", "T2", own),
            ("SPIDER T1, mid-sagittal", "spider", "T1", own),
            ("SPIDER T2-SPACE, three dimensions", "spider_space", "T2", own),
            ("Sudirman T1, mid-sagittal", "sudirman", "T1", own),
            ("Tianchi T2, every study, none trained on (external)", "tianchi2020", "T2", ALL)
            if external
            else ("Tianchi T2, held aside", "tianchi2020", "T2", own),
        ):
            if dataset == "spider_space":
                yield from self._tried(lambda title=title: self._stacks(bundle, title))  # type: ignore[misc]
            else:
                yield from self._tried(
                    lambda where=(title, dataset, contrast, splits): self._key_points(bundle, *where)  # type: ignore[misc]
                )

    def _key_points(self, bundle: Bundle, title: str, dataset: str, contrast: str, splits: tuple[str, ...]) -> Iterator[Table]:
        localizer, _ = self.store.localizer(bundle.name, self.folder, self.device)
        records = self._with_points(dataset, splits, contrast)
        constant = key_points.mean_points(self._with_points(dataset, ("train",), contrast))
        cases = tuple(key_points.located(record, localizer) for record in records)
        self.runs.append(Run(title, LOCALIZATION, dataset, splits, (bundle.provenance,), cases))
        errors = [key_points.errors_of(case) for case in cases]
        trivial = [key_points.errors_of(key_points.at_constant(record, constant)) for record in records]
        words, baseline = _data(records, splits), "every point at the training mean"
        beside = {name: figure.value for name, figure in key_points.summary(trivial, repeats=0).items()}
        rows = [Row(name, figure, beside[name]) for name, figure in key_points.summary(errors).items()]
        table = Table(title, (bundle.name,), words, baseline, rows)
        yield with_published(table, dataset) if contrast == "T2" else table
        by_level = key_points.level_summary(trivial, repeats=0)
        rows = [
            Row(f"{level}: {name}", figure, by_level[level][name].value)
            for level, figures in key_points.level_summary(errors, repeats=DETAIL_REPEATS).items()
            for name, figure in figures.items()
        ]
        yield Table(f"{title}, by level", (bundle.name,), words, baseline, rows, detail=True)

    def _stacks(self, bundle: Bundle, title: str) -> Iterator[Table]:
        localizer, _ = self.store.localizer(bundle.name, self.folder, self.device)
        found = volumes.stacks(self._read("spider_space", (self.split,)))
        _check(found, f"T2-SPACE stacks of {self.split} patients without a gap")
        errors = [volumes.errors_of(planes, localizer) for planes in found.values()]
        rows = [Row(name, figure) for name, figure in volumes.summary(errors).items()]
        text = f"SPIDER T2-SPACE stacks, {self.split} patients: {len(errors)} stacks of {len(errors)} patients"
        yield Table(title, (bundle.name,), text, "no baseline", rows)

    def _grading(self, bundle: Bundle, localizer: Bundle) -> Iterator[Table]:
        dataset = next(name for name in bundle.data_sets if name != "spider_space")
        with_t1 = dataset == "spider"
        for given, use_t1 in ((False, False), *(((False, True),) if with_t1 else ()), (True, False)):
            yield from self._tried(
                lambda way=(given, use_t1): self._graded(bundle, localizer, dataset, given=way[0], use_t1=way[1])  # type: ignore[misc]
            )

    def _segmentation(self, bundle: Bundle, localizer: Bundle) -> Iterator[Table]:
        segmenter, _ = self.store.segmenter(bundle.name, self.folder, self.device)
        finder, _ = self.store.localizer(localizer.name, self.folder, self.device)
        names = (bundle.name, localizer.name)
        return segmentation_tables(self.data, self.split, names, finder, segmenter, patients=self.patients)

    def _three_grades(self, bundle: Bundle, localizer: Bundle) -> Iterator[Table]:
        """The tables of every variant of a grader, with the default models for what it weighs."""
        grader, _ = self.store.grader(bundle.name, self.folder)
        finder, _ = self.store.localizer(localizer.name, self.folder, self.device)
        segmenter, _ = self.store.segmenter(DEFAULT_SEGMENTER, self.folder, self.device)
        classifier, weighed = self.store.classifier(DEFAULT_CLASSIFIER, self.folder, self.device)
        records = self._read("spider", (self.split,))
        found = three_grades.graded_cases(records, finder, segmenter, classifier, grader)
        training = read_dataset("spider", self.data, ("train",))
        for variant, cases in found.items():
            _check(cases, f"graded planes of {self.split} patients in the data set spider")
            seen = {case.series for case in cases}
            words = f"{_data([record for record in records if record.series in seen], (self.split,))}; points by {localizer.name}"
            table = three_grades.table_of_variant(variant, grader.variant, (bundle.name,), words, cases, training)
            models = (bundle.provenance, weighed.provenance, localizer.provenance)
            self.runs.append(Run(table.title, GRADING, "spider", (self.split,), models, cases))
            yield table

    def _graded(self, bundle: Bundle, localizer: Bundle, dataset: str, *, given: bool, use_t1: bool) -> Iterator[Table]:
        classifier, _ = self.store.classifier(bundle.name, self.folder, self.device)
        if not self.calibrated:
            classifier.heads = Heads(bundle.findings)
        finder = None if given else self.store.localizer(localizer.name, self.folder, self.device)[0]
        records = self._read(dataset, (self.split,))
        training = read_dataset(dataset, self.data, ("train",))
        cases = grades.predictions(records, finder, classifier, use_t1=use_t1)
        source = "points of the data set" if given else f"points by {localizer.name}"
        _check(cases, f"graded planes of {self.split} patients in the data set {dataset}, {source}")
        way = "at the data set's own points, " if given else "end to end, "
        title = f"Grades, {way}from {'T2 and, where there is one, T1' if use_t1 else 'T2 alone'}"
        models = (bundle.provenance,) if given else (bundle.provenance, localizer.provenance)
        self.runs.append(Run(title, GRADING, dataset, (self.split,), models, cases, self.calibrated))
        seen = {case.series for case in cases}
        words = f"{_data([record for record in records if record.series in seen], (self.split,))}; {source}"
        for table in tables_of_grades(title, bundle.name, words, cases, tuple(bundle.findings), training):
            yield with_published(table, dataset)

    def _with_points(self, dataset: str, splits: tuple[str, ...], contrast: str) -> list[Record]:
        records = [item for item in self._read(dataset, splits) if item.points and item.contrast == contrast]
        _check(records, f"{contrast} planes with key points of {' and '.join(splits)} patients in the data set {dataset}")
        return records

    def _read(self, dataset: str, splits: tuple[str, ...]) -> tuple[Record, ...]:
        records = read_dataset(dataset, self.data, splits)
        _check(records, f"planes of {' and '.join(splits)} patients in the data set {dataset}")
        if not self.patients or splits == ("train",):
            return records
        first = sorted({record.patient for record in records})[: self.patients]
        return tuple(record for record in records if record.patient in first)


def tables_of_grades(
    title: str, model: str, data: str, cases: Sequence[Case], findings: tuple[str, ...], training: Sequence[Record]
) -> Iterator[Table]:
    """The tables of graded planes: as a whole, by class and by level.

    :param data: the data set in words.
    :param training: records that the baselines are made of.
    """
    rows, classes, levels = [], [], []
    for name, graded in collect(cases, findings).items():
        display = finding(name).display
        trivial = baselines(graded, training)
        everything = np.arange(len(graded.truth))
        beside = {key: classification.overall(item, everything) for key, item in trivial.items()}
        level_shares = beside.pop(LEVEL_SHARES)
        for key, figure in classification.summary(graded).items():
            further = {other: values.get(key) for other, values in beside.items()}
            rows.append(Row(f"{display}: {key}", figure, level_shares.get(key), further))
        of_class = classification.by_class(trivial[LEVEL_SHARES], everything)
        for label, figures in classification.class_summary(graded, repeats=DETAIL_REPEATS).items():
            shown = finding(name).class_of(label).display
            classes += [Row(f"{display}, {shown}: {key}", figure, of_class[label].get(key)) for key, figure in figures.items()]
        for level, figures in classification.level_summary(graded, repeats=DETAIL_REPEATS).items():
            chosen = np.flatnonzero(np.array(graded.structures) == level)
            of_level = classification.leading(trivial[LEVEL_SHARES], chosen)
            levels += [Row(f"{display}, {level}: {key}", figure, of_level.get(key)) for key, figure in figures.items()]
    yield Table(title, (model,), data, LEVEL_SHARES, rows)
    yield Table(f"{title}, by class", (model,), data, LEVEL_SHARES, classes, detail=True)
    yield Table(f"{title}, by level", (model,), data, LEVEL_SHARES, levels, detail=True)
    if set(_CHALLENGE) <= set(findings):
        yield _challenge_table(title, model, data, cases, training)


def _challenge_table(title: str, model: str, data: str, cases: Sequence[Case], training: Sequence[Record]) -> Table:
    """The challenge's score, beside that of the classes' shares at each level, claimed at the same points."""
    shares = {name: baselines(graded, training)[LEVEL_SHARES] for name, graded in collect(cases, _CHALLENGE).items()}
    values = {
        (graded.series[n], graded.structures[n], name): dict(
            zip(finding(name).class_names, map(float, graded.probability[n]), strict=True)
        )
        for name, graded in shares.items()
        for n in range(len(graded.truth))
    }
    constant = [
        replace(
            case,
            findings={
                place: {
                    name: replace(item, probabilities=values.get((case.series, place, name), {})) for name, item in items.items()
                }
                for place, items in case.findings.items()
            },
        )
        for case in cases
    ]
    beside = challenge.summary(constant, repeats=0)
    rows = [Row(name, figure, beside[name].value) for name, figure in challenge.summary(cases).items()]
    return Table(f"Score of the Spinal Disease 2020 challenge, {title[0].lower()}{title[1:]}", (model,), data, LEVEL_SHARES, rows)


def _check(items: Sized, what: str) -> None:
    if not items:
        raise InputError(f"There are no {what}.", "Figures need some.", "Check that the data set is complete.", code="dataset")


def _data(records: Sequence[Record], splits: tuple[str, ...]) -> str:
    patients = {record.patient for record in records}
    part = "all patients" if set(splits) == set(ALL) else f"{', '.join(splits)} patients"
    return f"{records[0].dataset}, {part}: {len(records)} planes of {len(patients)} patients"
