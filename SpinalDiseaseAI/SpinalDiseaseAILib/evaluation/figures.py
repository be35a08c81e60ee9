"""The tables of the shipped models: which model is measured, on which patients, and against which baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Sized
from pathlib import Path

from ..base.errors import InputError
from ..base.options import DEFAULT_CLASSIFIER, DEFAULT_SEGMENTER
from ..datasets.collection import read_dataset
from ..datasets.records import SPLITS, Record
from ..models.bundle import Bundle, read_bundle
from ..pipelines.grading import Grading
from ..pipelines.model_store import ModelStore
from ..steps.classification import Classifier
from ..steps.device import Device
from ..steps.heads import Heads
from . import grades, key_points, three_grades, volumes
from .grade_tables import tables_of_grades
from .intervals import DETAIL_REPEATS
from .predictions import GRADING, LOCALIZATION, Run
from .published import with_published
from .segmentation_tables import segmentation_tables
from .tables import Row, Table
from .weighed import WeighedClassifier

ALL = SPLITS


class Figures:
    """Makes the tables of bundles on the data sets.

    :param data: folder of the data sets.
    :param split: patients to measure on: ``"report"`` for published figures, ``"tune"`` for making choices.
    :param models_folder: folder of the bundles; empty for the product's own.
    :param calibrated: False to measure the networks without the calibration of their bundles.
    :param patients: maximum number of patients per data set; 0 for all.
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
        """The predictions for the tables made so far."""
        self.skipped: list[InputError] = []
        """What could not be measured, and why."""

    def tables_of(self, name: str, localizer: str) -> Iterator[Table]:
        """Yield each table of a bundle as soon as it is ready; missing or empty data sets are left out and listed in ``skipped``.

        :param localizer: the bundle that locates the points for a classifier.
        :raises ModelError: if a bundle cannot be used.
        """
        bundle = self._bundle(name)
        if bundle.task == "localization":
            yield from self._localization(bundle)
        elif bundle.task == "segmentation":
            yield from self._tried(lambda: self._segmentation(bundle, self._bundle(localizer)))
        elif bundle.task == "disc grade":
            yield from self._tried(lambda: self._three_grades(bundle, self._bundle(localizer)))
        elif bundle.task == "disc findings":
            yield from self._weighed(bundle, self._bundle(localizer))
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
        """The tables of every variant of a grader, with the default models for its inputs."""
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
        models = (bundle,) if given else (bundle, localizer)
        return self._grades(classifier, models, None if given else localizer, dataset, use_t1=use_t1)

    def _weighed(self, bundle: Bundle, localizer: Bundle) -> Iterator[Table]:
        """The tables of a weigher, with the default model for the masks; titled like the classifier's, for comparison."""
        weigher = self.store.weigher(bundle.name, self.folder)
        classifier = self.store.classifier(weigher[0].classifier, self.folder, self.device)
        segmenter, outlining = self.store.segmenter(DEFAULT_SEGMENTER, self.folder, self.device)
        weighed = WeighedClassifier(Grading((classifier,), weigher, None), segmenter, weigher[0].weighed)
        models = (bundle, classifier[1], outlining, localizer)
        for use_t1 in (False, True):
            yield from self._tried(lambda way=use_t1: self._grades(weighed, models, localizer, "spider", use_t1=way))  # type: ignore[misc]

    def _grades(
        self,
        classifier: Classifier | WeighedClassifier,
        models: tuple[Bundle, ...],
        localizer: Bundle | None,
        dataset: str,
        *,
        use_t1: bool,
    ) -> Iterator[Table]:
        """The tables of a classifier.

        :param models: the models that take part, the measured one first.
        :param localizer: None for the data set's own points.
        """
        finder = self.store.localizer(localizer.name, self.folder, self.device)[0] if localizer else None
        records = self._read(dataset, (self.split,))
        training = read_dataset(dataset, self.data, ("train",))
        cases = grades.predictions(records, finder, classifier, use_t1=use_t1)
        source = f"points by {localizer.name}" if localizer else "points of the data set"
        _check(cases, f"graded planes of {self.split} patients in the data set {dataset}, {source}")
        way = "end to end, " if localizer else "at the data set's own points, "
        title = f"Grades, {way}from {'T2 and, where there is one, T1' if use_t1 else 'T2 alone'}"
        provenance = tuple(item.provenance for item in models)
        self.runs.append(Run(title, GRADING, dataset, (self.split,), provenance, cases, self.calibrated))
        seen = {case.series for case in cases}
        words = f"{_data([record for record in records if record.series in seen], (self.split,))}; {source}"
        for table in tables_of_grades(title, models[0].name, words, cases, tuple(models[0].findings), training):
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


def _check(items: Sized, what: str) -> None:
    if not items:
        raise InputError(f"There are no {what}.", "Figures need some.", "Check that the data set is complete.", code="dataset")


def _data(records: Sequence[Record], splits: tuple[str, ...]) -> str:
    patients = {record.patient for record in records}
    part = "all patients" if set(splits) == set(ALL) else f"{', '.join(splits)} patients"
    return f"{records[0].dataset}, {part}: {len(records)} planes of {len(patients)} patients"
