"""Lumbar MR: from a study with sagittal T2 (and T1) to named levels with the probability of each finding."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from .. import __version__
from ..base.correcting import NOT_MEASURED_AGAIN
from ..base.errors import InputError
from ..base.options import Options, Progress
from ..base.planes import SagittalVolume
from ..base.report import Note, Numbering, Point, Report, SeriesIdentity, StructureResult
from ..base.study import Role, Study
from ..models.bundle import Bundle
from ..steps.device import Device
from ..steps.measurements.measuring import Measurements, measure_spine
from ..steps.measurements.segmented_spine import SegmentedSpine
from ..steps.quality import check_localization, check_series, notes_of, notes_of_masks
from ..steps.segmentation import masks_at
from .corrected_points import check_shown, names_to_grade
from .grading import Grading
from .model_store import ModelStore
from .outlined_studies import OutlinedStudies, Outlining

_CONTRAST = {Role.SAGITTAL_T2: "T2", Role.SAGITTAL_T1: "T1"}
_LOCALIZED, _SEGMENTED = 0.45, 0.7  # progress when the points, and when the masks, are known


class LumbarMr:
    """The pipeline ``lumbar-mr``."""

    def analyse(
        self, study: Study, options: Options, models: ModelStore, outlined: OutlinedStudies, progress: Progress
    ) -> Report:
        """Find, name and grade those of the 11 key structures that are in view.

        :param outlined: keeps the segmentation for :meth:`regrade`.
        :raises InputError: if the study cannot be analysed.
        :raises ModelError: if a bundle cannot be used.
        """
        clock = _Clock()
        progress("models", 0.0, "Loading models")
        device = models.device(options.device)
        localizer, bundle = models.localizer(options.localizer, options.models_folder, device)
        grading, options, absent = Grading.of(_for_contrast(options, study), models, device)
        segmenter = models.segmenter(options.segmenter, options.models_folder, device) if options.segmenter else None
        clock.lap("models")
        volumes, notes = _volumes(study)
        primary = volumes[_CONTRAST[study.primary.role]]
        found = localizer.locate(
            primary,
            spacing_known=study.primary.spacing_known,
            slices=options.slices,
            progress=lambda stage, fraction, message: progress(stage, 0.05 + fraction * (_LOCALIZED - 0.05), message),
        )
        check_localization(found, spacing_known=study.primary.spacing_known)
        clock.lap("localization")
        points = dict(zip(found.names, found.positions, strict=True))
        spine = None
        series = tuple(item.identity() for item in study.series)
        if segmenter is not None:
            tissues = segmenter[0].outlined(
                study.primary.image,
                points,
                lambda stage, fraction, message: progress(stage, _LOCALIZED + fraction * (_SEGMENTED - _LOCALIZED), message),
            )
            spine = SegmentedSpine(primary, masks_at(tissues, study.primary.image, points, segmenter[0].model), points)
            outlined.keep(_outlining(study, series, options), study, tissues, spine)
            clock.lap("segmentation")
        contrast = _CONTRAST[study.primary.role]
        stated = grading.stated(volumes, points, found.names, _last_part(progress))
        graded = grading.findings(stated, spine, contrast)
        clock.lap("classification")
        measured = Measurements({}, ())
        if spine is not None:
            measured = measure_spine(spine, contrast=contrast, spacing_known=study.primary.spacing_known)
            clock.lap("measurements")
        structures = tuple(
            StructureResult(
                name,
                _point(points[name]),
                float(confidence),
                graded.get(name, ()),
                measurements=measured.structures.get(name, ()),
            )
            for name, confidence in zip(found.names, found.confidence, strict=True)
        )
        bundles = [bundle, *([segmenter[1]] if segmenter else []), *grading.bundles]
        notes = [
            *study.notes,
            *notes,
            *notes_of(study, found),
            *(notes_of_masks(spine) if spine is not None else ()),
            *absent,
            *_notes_of_models(device, bundles),
        ]
        report = _report(study, series, structures, found.numberings, bundles, device, clock, notes, progress)
        return replace(report, masks=spine.masks if spine else None, measurements=measured.spine)

    def regrade(
        self,
        study: Study,
        points: dict[str, Point],
        changed: tuple[str, ...],
        options: Options,
        models: ModelStore,
        outlined: OutlinedStudies,
        progress: Progress,
    ) -> Report:
        """Grade structures at given points, and measure them if the study was outlined before.

        :param points: every key point, RAS millimetres; the neighbours determine the size of a region.
        :param changed: structures to grade; empty for all.
        :param outlined: segmentations of earlier analyses.
        :returns: a report with the changed structures only, marked as placed by a person, and with the measurements of other
            structures in ``remeasured``. Its masks are those at the points; None if they did not change, or there are none.
        :raises InputError: if a name is not a key point, or the points are not at least two finite positions of a spine in the
            image.
        """
        names = names_to_grade(points, changed)
        clock = _Clock()
        device = models.device(options.device)
        grading, options, absent = Grading.of(_for_contrast(options, study), models, device)
        clock.lap("models")
        volumes, notes = _volumes(study)
        places = {name: np.array(point, dtype=np.float64) for name, point in points.items()}
        primary = volumes[_CONTRAST[study.primary.role]]
        check_shown(primary, places, names)
        series = tuple(item.identity() for item in study.series)
        try:
            stated = grading.stated(volumes, places, names, _last_part(progress))
            clock.lap("classification")
            outlining = _outlining(study, series, options)
            spine, renamed = (options.segmenter and outlined.spine_at(outlining, study, primary, places)) or (None, False)
        except ValueError as error:
            raise InputError(
                f"The points do not describe a spine: {error}",
                "Each point needs a neighbour at a different position.",
                code="points",
            ) from error
        contrast = _CONTRAST[study.primary.role]
        graded = grading.findings(stated, spine, contrast)
        measured = Measurements({}, ())
        if spine is not None:
            measured = measure_spine(spine, contrast=contrast, spacing_known=study.primary.spacing_known)
            clock.lap("measurements")
        elif options.segmenter:
            notes.append(NOT_MEASURED_AGAIN)
        structures = tuple(
            StructureResult(
                name, points[name], 1.0, graded.get(name, ()), manual=True, measurements=measured.structures.get(name, ())
            )
            for name in names
        )
        notes = [*notes, *absent, *_notes_of_models(device, grading.bundles)]
        report = _report(study, series, structures, (), grading.bundles, device, clock, notes, progress)
        return replace(
            report,
            masks=spine.masks if spine is not None and renamed else None,
            measurements=measured.spine,
            remeasured={name: items for name, items in measured.structures.items() if name not in names},
        )


def _for_contrast(options: Options, study: Study) -> Options:
    """Options without the weigher if the study has no T2: it cannot be used then, and its absence needs no note."""
    return options if study.primary.role is Role.SAGITTAL_T2 else replace(options, weigher="")


def _outlining(study: Study, series: tuple[SeriesIdentity, ...], options: Options) -> Outlining:
    return Outlining(series[study.series.index(study.primary)], options.segmenter, options.models_folder)


def _volumes(study: Study) -> tuple[dict[str, SagittalVolume], list[Note]]:
    """Contrast to sagittal stack, for the series in the primary's patient space; notes explain why another is left out."""
    primary = study.primary
    check_series(primary)
    volumes = {_CONTRAST[primary.role]: SagittalVolume.of(primary.image)}
    notes = []
    for series in study.series:
        if series is primary:
            continue
        if series.frame_of_reference_uid != primary.frame_of_reference_uid:
            notes.append(
                Note(
                    "other-frame",
                    f"The {series.role.value} series has another frame of reference than the {primary.role.value} series "
                    "and was not used.",
                    "warning",
                )
            )
            continue
        try:
            check_series(series)
        except InputError as error:
            notes.append(Note("series-not-used", f"{error} The {series.role.value} series was not used.", "warning"))
            continue
        volumes[_CONTRAST[series.role]] = SagittalVolume.of(series.image)
    return volumes, notes


def _last_part(progress: Progress) -> Progress:
    """Progress of the part after the masks."""
    return lambda stage, fraction, message: progress(stage, _SEGMENTED + fraction * (1 - _SEGMENTED), message)


def _notes_of_models(device: Device, bundles: list[Bundle]) -> list[Note]:
    notes = [Note("device", device.fallback, "warning")] if device.fallback else []
    limited = [bundle.name for bundle in bundles if bundle.research_only]
    if limited:
        notes.append(
            Note(
                "research-only",
                f"For research only, because of the licence of the training data: {', '.join(limited)}.",
                "warning",
            )
        )
    return notes


def _report(
    study: Study,
    series: tuple[SeriesIdentity, ...],
    structures: tuple[StructureResult, ...],
    numberings: tuple[Numbering, ...],
    bundles: list[Bundle],
    device: Device,
    clock: _Clock,
    notes: list[Note],
    progress: Progress,
) -> Report:
    report = Report(
        pipeline="lumbar-mr",
        structures=structures,
        numberings=numberings,
        models=tuple(bundle.provenance for bundle in bundles),
        series=series,
        study_uid=study.uid,
        device=device.description,
        seconds=clock.total(),
        notes=tuple(notes),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        software=f"SpinalDiseaseAI {__version__}",
    )
    progress("report", 1.0, "Done")
    return report


def _point(position: npt.NDArray[np.float64]) -> Point:
    return float(position[0]), float(position[1]), float(position[2])


class _Clock:
    """Wall time by stage."""

    def __init__(self) -> None:
        self.start = self.last = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(now - self.last, 4)
        self.last = now

    def total(self) -> dict[str, float]:
        return {**self.seconds, "total": round(time.perf_counter() - self.start, 4)}
