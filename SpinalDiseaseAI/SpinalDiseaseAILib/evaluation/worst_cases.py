"""The worst cases, with pictures: where a model fails says more than how often."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from ..base.anatomy import finding
from ..base.errors import InputError
from ..datasets.records import read_grey
from .key_points import errors_of
from .predictions import LOCALIZATION, Case, Run

_COUNT = 6
"""Number of cases shown per run."""

_HEIGHT = 420  # height of a picture in pixels
_TRUE, _FOUND = (64, 220, 140), (255, 140, 40)


@dataclass(frozen=True)
class WorstCase:
    """One plane and what went wrong on it.

    :param picture: data URI of a JPEG file; empty if the image cannot be read.
    """

    title: str
    faults: tuple[str, ...]
    picture: str


def worst_cases(run: Run) -> list[WorstCase]:
    """The worst cases of a run, the worst first; planes without a fault are left out."""
    badness = _badness_of_points if run.task == LOCALIZATION else _badness_of_grades
    ranked = sorted(((badness(case), case) for case in run.cases), key=lambda item: -item[0])
    result = []
    for value, case in ranked[:_COUNT]:
        if value > 0:
            faults, wrong = _faults_of_points(case) if run.task == LOCALIZATION else _faults_of_grades(case)
            result.append(WorstCase(f"{run.dataset} {case.series}", faults, picture_of(case, wrong)))
    return result


def _badness_of_points(case: Case) -> float:
    """Error in levels: the sum over points that are not hits; a point that was not found counts as one level."""
    errors = errors_of(case)
    if not errors.distance or not errors.spacing > 0:
        return 0.0
    return float(sum(min(value / errors.spacing, 1.0) for name, value in errors.distance.items() if not errors.is_hit(name)))


def _faults_of_points(case: Case) -> tuple[tuple[str, ...], set[str]]:
    """What is wrong, in words, and the affected points."""
    errors = errors_of(case)
    lost = [name for name, value in errors.distance.items() if not np.isfinite(value)]
    far = [name for name in errors.distance if name not in lost and not errors.is_hit(name)]
    if len(lost) == len(errors.distance):
        return ("no spine was found",), set()
    result = []
    if errors.shift:
        words = f"{abs(errors.shift)} level{'s' if abs(errors.shift) > 1 else ''} {'down' if errors.shift > 0 else 'up'}"
        result.append(f"named {words}; probability of the numbering {errors.confidence:.2f}")
    if lost:
        result.append(f"not found: {', '.join(lost)}")
    if far and not errors.shift:
        measured = {name: f"{value:.1f} mm" for name, value in errors.millimetres.items()}
        texts = [f"{name} {measured.get(name, f'{errors.distance[name]:.0f} px')}" for name in far]
        result.append(f"far off: {', '.join(texts)}")
    return tuple(result), {*lost, *far}


def _badness_of_grades(case: Case) -> float:
    """Sum of the log losses of assessed structures whose predicted class is wrong."""
    return sum(loss for loss, _, _ in _wrong(case))


def _faults_of_grades(case: Case) -> tuple[tuple[str, ...], set[str]]:
    """The most confident wrong predictions, in words, and their structures."""
    worst = sorted(_wrong(case), key=lambda item: -item[0])[:5]
    return tuple(text for _, _, text in worst), {structure for _, structure, _ in worst}


def _wrong(case: Case) -> list[tuple[float, str, str]]:
    """Log loss, structure and description of each wrong prediction; the more confident, the larger the loss."""
    result = []
    for structure, items in case.findings.items():
        for name, item in items.items():
            if not item.truth or not item.probabilities:
                continue
            best, probability = max(item.probabilities.items(), key=lambda pair: pair[1])
            if best in item.truth:
                continue
            info = finding(name)
            stated = max(item.probabilities[key] for key in item.truth)
            true = ", ".join(info.class_of(key).display for key in item.truth)
            words = f"{structure}, {info.display}: {info.class_of(best).display} ({probability:.2f}), is {true}"
            result.append((-float(np.log(max(stated, 1e-6))), structure, words))
    return result


def picture_of(case: Case, named: set[str]) -> str:
    """The part of a plane around its points, with true points as circles and predicted ones as crosses.

    :param named: structures whose names are written into the picture.
    :returns: a data URI; empty if the image is missing.
    """
    try:
        pixels = read_grey(case.image).astype(np.float32)
    except InputError:
        return ""
    places = [place for item in case.points.values() for place in (item.truth, item.predicted) if place is not None]
    left, top, right, bottom = _window(np.array(places), pixels.shape)
    part = pixels[top:bottom, left:right]
    bright = max(float(np.percentile(part, 99.5)), 1.0)
    grey = np.clip(part / bright * 255, 0, 255).astype(np.uint8)
    aspect = case.spacing[0] / case.spacing[1] if case.spacing else 1.0
    scale = _HEIGHT / grey.shape[0]
    size = (max(1, round(grey.shape[1] * scale * aspect)), _HEIGHT)
    picture = Picture.fromarray(grey).convert("RGB").resize(size, Picture.Resampling.BILINEAR)
    factor = np.array([size[0] / grey.shape[1], scale])
    draw = ImageDraw.Draw(picture)
    for name, point in case.points.items():
        if point.truth is not None:
            x, y = (np.array(point.truth) - (left, top) + 0.5) * factor
            draw.ellipse((x - 5, y - 5, x + 5, y + 5), outline=_TRUE, width=2)
        if point.predicted is not None:
            x, y = (np.array(point.predicted) - (left, top) + 0.5) * factor
            draw.line((x - 4, y - 4, x + 4, y + 4), fill=_FOUND, width=2)
            draw.line((x - 4, y + 4, x + 4, y - 4), fill=_FOUND, width=2)
        if name in named:
            draw.text((x + 10, y - 8), name, _FOUND, ImageFont.load_default(14), stroke_width=2, stroke_fill="black")
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _window(places: npt.NDArray[np.float64], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the shown part: all points plus a margin proportional to their height."""
    if not len(places):
        return 0, 0, shape[1], shape[0]
    low, high = places.min(0), places.max(0)
    margin = np.array([0.35, 0.12]) * max(high[1] - low[1], 40)
    left, top = np.maximum(low - margin, 0).astype(int)
    right, bottom = np.minimum(high + margin + 1, (shape[1], shape[0])).astype(int)
    return int(left), int(top), max(int(right), int(left) + 1), max(int(bottom), int(top) + 1)
