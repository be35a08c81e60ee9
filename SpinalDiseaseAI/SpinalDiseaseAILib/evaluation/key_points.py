"""Figures of localization: how far, how often right, how often one level off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..base.anatomy import KEY_POINTS
from ..base.errors import InputError
from ..base.planes import SagittalVolume, assumed_spacing, image_of_plane
from ..datasets.records import Record
from ..steps.localization import Localization, Localizer
from .intervals import Figure, patient_bootstrap

FloatArray = npt.NDArray[np.float64]

HIT_MILLIMETRES = 6.0


@dataclass(frozen=True)
class PlaneErrors:
    """Errors on one plane.

    :param distance: pixels of each known key point to its prediction, infinite where it was not found; key point name to value.
    :param spacing: pixels from a structure to the next like one, the mean over the plane's known points.
    :param millimetres: millimetres a pixel; None where the data set does not tell.
    :param side: longer side of the plane in pixels.
    :param shift: levels by which the prediction as a whole is moved; 0 if it is not.
    :param confidence: probability of the reported numbering.
    """

    record: Record
    distance: dict[str, float]
    spacing: float
    millimetres: float | None
    side: int
    shift: int
    confidence: float

    def hit_radius(self) -> float:
        """Pixels of 6 mm, or a sixth of the spacing where millimetres are not known."""
        return HIT_MILLIMETRES / self.millimetres if self.millimetres else self.spacing / 6


def errors_on(record: Record, localizer: Localizer | None, constant: dict[str, FloatArray] | None = None) -> PlaneErrors:
    """Errors of a localizer on a plane, or of constant points (fractions of width and height) as the trivial baseline."""
    pixels = record.pixels()
    rows, columns = pixels.shape
    truth = {name: np.array(place) for name, place in record.points.items()}
    confidence = 1.0
    if localizer is not None:
        spacing = record.spacing or assumed_spacing((rows, columns))
        volume = SagittalVolume.of(image_of_plane(pixels, spacing))
        try:
            found: Localization | None = localizer.locate(volume, spacing_known=record.spacing is not None)
        except InputError:
            found = None
        predicted = {} if found is None else dict(zip(found.names, volume.to_pixel(found.positions)[:, 1:], strict=True))
        confidence = 0.0 if found is None else max((n.probability for n in found.numberings if n.shift == 0), default=0.0)
    else:
        assert constant is not None
        predicted = {name: place * np.array([columns, rows]) for name, place in constant.items()}
    distance = {
        name: float(np.linalg.norm(predicted[name] - place)) if name in predicted else np.inf for name, place in truth.items()
    }
    steps = [
        np.linalg.norm(truth[KEY_POINTS[i + 2]] - truth[KEY_POINTS[i]])
        for i in range(9)
        if {KEY_POINTS[i], KEY_POINTS[i + 2]} <= set(truth)
    ]
    return PlaneErrors(
        record,
        distance,
        float(np.mean(steps)),
        float(np.sqrt(np.prod(record.spacing))) if record.spacing else None,
        max(rows, columns),
        level_shift(truth, predicted),
        confidence,
    )


def level_shift(truth: dict[str, FloatArray], predicted: dict[str, FloatArray]) -> int:
    """Whole levels by which predicted names lie below the true ones: the shift of -2 … 2 with the smallest median distance."""
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
    """Mean place of each key point, as fractions of width and height: the trivial localizer."""
    places: dict[str, list[FloatArray]] = {name: [] for name in KEY_POINTS}
    for record in records:
        rows, columns = record.pixels().shape
        for name, place in record.points.items():
            places[name].append(np.array(place) / (columns, rows))
    return {name: np.mean(values, axis=0) for name, values in places.items() if values}


def summary(errors: Sequence[PlaneErrors]) -> dict[str, Figure]:
    """The table of localization over planes, with intervals over patients."""
    point_patients = [item.record.patient for item in errors for _ in item.distance]
    distance = np.array([value for item in errors for value in item.distance.values()])
    radius = np.array([item.hit_radius() for item in errors for _ in item.distance])
    sixth = np.array([item.spacing / 6 for item in errors for _ in item.distance])
    at512 = np.array([value * 512 / item.side for item in errors for value in item.distance.values()])
    finite = np.isfinite(distance)
    patients = [item.record.patient for item in errors]
    right = np.array([all(value < item.spacing / 4 for value in item.distance.values()) for item in errors])
    shifted = np.array([item.shift != 0 for item in errors])
    millimetres = np.array([value * (item.millimetres or np.nan) for item in errors for value in item.distance.values()])
    result = {
        "points within 6 mm (or 1/6 spacing)": patient_bootstrap(point_patients, lambda i: float((distance < radius)[i].mean())),
        "points within 1/6 spacing": patient_bootstrap(point_patients, lambda i: float((distance < sixth)[i].mean())),
        "studies with all points right (1/4 spacing)": patient_bootstrap(patients, lambda i: float(right[i].mean())),
        "studies numbered one or more levels off": patient_bootstrap(patients, lambda i: float(shifted[i].mean())),
        "points not found": patient_bootstrap(point_patients, lambda i: float((~finite)[i].mean())),
        "mean error, px at 512": patient_bootstrap(point_patients, lambda i: _mean(at512[i][finite[i]])),
        "median error, px at 512": patient_bootstrap(point_patients, lambda i: float(np.median(at512[i]))),
        "95th percentile, px at 512": patient_bootstrap(
            # No interpolation: beside a point that was not found there is nothing between.
            point_patients,
            lambda i: float(np.percentile(at512[i], 95, method="inverted_cdf")),
        ),
    }
    if np.isfinite(millimetres).any():
        result["mean error, mm"] = patient_bootstrap(point_patients, lambda i: _mean(millimetres[i][np.isfinite(millimetres[i])]))
    return result


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else float("nan")
