"""Figures of localization: distances, hits, and how often the numbering is off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..base.anatomy import KEY_POINTS, structure
from ..base.errors import InputError
from ..base.planes import SagittalVolume, assumed_spacing, image_of_plane
from ..datasets.records import Record
from ..steps.localization import Localization, Localizer
from .intervals import REPEATS, Figure, Indices, bootstrap_figures
from .metrics import mean
from .predictions import Case, FoundPoint, Place, mean_level

FloatArray = npt.NDArray[np.float64]

HIT_MILLIMETRES = 6.0


@dataclass(frozen=True)
class PlaneErrors:
    """Errors on one plane.

    :param distance: pixels from each known key point to its prediction, infinite if it was not found; by key point name.
    :param millimetres: the same in millimetres, by the spacing of columns and rows; empty if the spacing is unknown.
    :param spacing: pixels from a structure to the next of its kind, the mean over the plane's known points.
    :param side: longer side of the plane in pixels.
    :param shift: number of levels by which the whole prediction is shifted; 0 if it is not.
    :param elsewhere: key points whose prediction lies nearer to another structure of the same kind than to their own.
    :param confidence: probability of the reported numbering.
    """

    patient: str
    distance: dict[str, float]
    millimetres: dict[str, float]
    spacing: float
    side: int
    shift: int
    elsewhere: frozenset[str]
    confidence: float

    def is_hit(self, name: str) -> bool:
        """True if a point is off by less than 6 mm, or by less than a sixth of ``spacing`` if millimetres are unknown."""
        return self.millimetres[name] < HIT_MILLIMETRES if self.millimetres else self.distance[name] < self.spacing / 6


def plane_of(record: Record) -> SagittalVolume:
    """A record as a stack of one slice."""
    pixels = record.pixels()
    return SagittalVolume.of(image_of_plane(pixels, record.spacing or assumed_spacing((pixels.shape[0], pixels.shape[1]))))


def located(record: Record, localizer: Localizer, volume: SagittalVolume | None = None) -> Case:
    """A plane with the points that a localizer finds; no points if it finds no spine.

    :param volume: the result of :func:`plane_of`, if the plane was already read.
    """
    volume = volume or plane_of(record)
    try:
        found: Localization | None = localizer.locate(volume, spacing_known=record.spacing is not None)
    except InputError:
        found = None
    predicted: dict[str, tuple[Place, float]] = {}
    numbering = 0.0
    if found is not None:
        places = volume.to_pixel(found.positions)[:, 1:]
        predicted = {
            name: ((float(place[0]), float(place[1])), float(confidence))
            for name, place, confidence in zip(found.names, places, found.confidence, strict=True)
        }
        numbering = max((item.probability for item in found.numberings if item.shift == 0), default=0.0)
    return _case(record, predicted, numbering)


def at_constant(record: Record, constant: dict[str, FloatArray]) -> Case:
    """A plane with points at constant fractions of width and height: the trivial localizer."""
    rows, columns = record.pixels().shape
    return _case(record, {name: ((float(x * columns), float(y * rows)), 1.0) for name, (x, y) in constant.items()}, 1.0)


def _case(record: Record, predicted: dict[str, tuple[Place, float]], numbering: float) -> Case:
    rows, columns = record.pixels().shape
    points = {
        name: FoundPoint(record.points.get(name), *predicted.get(name, (None, 0.0)))
        for name in KEY_POINTS
        if name in predicted or name in record.points
    }
    return Case(
        record.patient, record.series, record.path, (columns, rows), record.spacing, points, {}, float(np.clip(numbering, 0, 1))
    )


def errors_of(case: Case) -> PlaneErrors:
    """Errors of the predicted points of a plane."""
    truth = {name: np.array(item.truth) for name, item in case.points.items() if item.truth is not None}
    predicted = {name: np.array(item.predicted) for name, item in case.points.items() if item.predicted is not None}
    offset = {name: predicted[name] - place if name in predicted else np.full(2, np.inf) for name, place in truth.items()}
    millimetres = {} if case.spacing is None else {name: float(np.hypot(*(v * case.spacing))) for name, v in offset.items()}
    return PlaneErrors(
        case.patient,
        {name: float(np.hypot(*value)) for name, value in offset.items()},
        millimetres,
        mean_level(truth),
        max(case.size),
        level_shift(truth, predicted),
        frozenset(name for name in truth if name in predicted and _nearest_like(name, predicted[name], truth) != name),
        case.numbering,
    )


def _nearest_like(name: str, place: FloatArray, truth: dict[str, FloatArray]) -> str:
    like = [other for other in truth if structure(other).kind is structure(name).kind]
    return min(like, key=lambda other: float(np.linalg.norm(truth[other] - place)))


def level_shift(truth: dict[str, FloatArray], predicted: dict[str, FloatArray]) -> int:
    """Levels by which predicted names lie below the true ones: the shift in -2 … 2 with the smallest median distance."""
    best = {}
    for shift in range(-2, 3):
        pairs = [
            float(np.linalg.norm(predicted[name] - truth[KEY_POINTS[index + 2 * shift]]))
            for index, name in enumerate(KEY_POINTS)
            if name in predicted and 0 <= index + 2 * shift < len(KEY_POINTS) and KEY_POINTS[index + 2 * shift] in truth
        ]
        if len(pairs) >= 3:
            best[shift] = float(np.median(pairs))
    return min(best, key=lambda shift: best[shift]) if best else 0


def mean_points(records: Sequence[Record]) -> dict[str, FloatArray]:
    """Mean position of each key point, as fractions of width and height: the trivial localizer."""
    places: dict[str, list[FloatArray]] = {name: [] for name in KEY_POINTS}
    for record in records:
        rows, columns = record.pixels().shape
        for name, place in record.points.items():
            places[name].append(np.array(place) / (columns, rows))
    return {name: np.mean(values, axis=0) for name, values in places.items() if values}


def summary(errors: Sequence[PlaneErrors], *, repeats: int = REPEATS) -> dict[str, Figure]:
    """The table of localization over planes, with intervals over patients."""
    chosen = [(item, name) for item in errors for name in item.distance]
    points = bootstrap_figures(*point_figures(errors, chosen), repeats=repeats)
    return points | bootstrap_figures(*plane_figures(errors), repeats=repeats)


def level_summary(errors: Sequence[PlaneErrors], *, repeats: int = REPEATS) -> dict[str, dict[str, Figure]]:
    """The same for each key point, from cranial to caudal: key point to figures."""
    result = {}
    for name in KEY_POINTS:
        chosen = [(item, name) for item in errors if name in item.distance]
        if chosen:
            result[name] = bootstrap_figures(*point_figures(errors, chosen), repeats=repeats)
    return result


def plane_figures(errors: Sequence[PlaneErrors]) -> tuple[list[str], Callable[[Indices], dict[str, float]]]:
    """The patient of each plane, and a function from indices of planes to their figures."""
    right = np.array([all(value < item.spacing / 4 for value in item.distance.values()) for item in errors])
    shifted = np.array([item.shift != 0 for item in errors])
    return [item.patient for item in errors], lambda i: {
        "studies with all points right (1/4 spacing)": float(right[i].mean()),
        "studies numbered one or more levels off": float(shifted[i].mean()),
    }


def point_figures(
    errors: Sequence[PlaneErrors], chosen: list[tuple[PlaneErrors, str]]
) -> tuple[list[str], Callable[[Indices], dict[str, float]]]:
    """The patient of each point, and a function from indices of points to their figures.

    :param chosen: pairs of a plane and a key point on it.
    """
    hit = np.array([item.is_hit(name) for item, name in chosen])
    sixth = np.array([item.distance[name] < item.spacing / 6 for item, name in chosen])
    elsewhere = np.array([name in item.elsewhere for item, name in chosen])
    at512 = np.array([item.distance[name] * 512 / item.side for item, name in chosen])
    millimetres = np.array([item.millimetres.get(name, np.nan) for item, name in chosen])
    known = any(item.millimetres for item in errors)

    def figures(i: Indices) -> dict[str, float]:
        found = np.isfinite(at512[i])
        result = {
            "points within 6 mm (or 1/6 spacing)": float(hit[i].mean()),
            "points within 1/6 spacing": float(sixth[i].mean()),
            "points nearer to another level": float(elsewhere[i].mean()),
            "points not found": float((~found).mean()),
            "mean error, px at 512": mean(at512[i]),
            "median error, px at 512": float(np.median(at512[i])),
            # No interpolation: the distance of a point that was not found is infinite.
            "95th percentile, px at 512": float(np.percentile(at512[i], 95, method="inverted_cdf")),
        }
        if known:
            measured = millimetres[i][~np.isnan(millimetres[i])]
            result |= {
                "mean error, mm": mean(measured),
                "median error, mm": float(np.median(measured)) if measured.size else float("nan"),
                "95th percentile, mm": (
                    float(np.percentile(measured, 95, method="inverted_cdf")) if measured.size else float("nan")
                ),
            }
        return result

    return [item.patient for item, _ in chosen], figures
