"""Two models on the same patients: the difference of each figure, with an interval from the same bootstrap draws for both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ..base.anatomy import finding
from ..base.errors import InputError
from . import challenge, classification, key_points
from .intervals import REPEATS, Figure, Indices, bootstrap_figures
from .predictions import GRADING, LOCALIZATION, Case, Graded, Run, collect

_CHALLENGE = {"disc_disease", "vertebra_disease"}


@dataclass(frozen=True)
class Compared:
    """One figure of two runs.

    :param first: value of the first run.
    :param second: value of the second run.
    :param difference: second minus first, with its paired interval.
    """

    name: str
    first: float
    second: float
    difference: Figure

    @property
    def clear(self) -> bool:
        """True if the interval of the difference excludes zero."""
        return self.difference.low > 0 or self.difference.high < 0


@dataclass(frozen=True)
class Comparison:
    """Two runs of one kind.

    :param title: what was done, and the measured models if ``first`` and ``second`` are not their names.
    :param data: the patients and items that both runs predict, in words.
    """

    title: str
    first: str
    second: str
    data: str
    rows: tuple[Compared, ...]

    def markdown(self) -> str:
        """The comparison as a table under its title."""
        lines = [
            f"**{self.title}** — {self.data}.",
            "",
            f"| figure | {self.first} | {self.second} | difference (95 % interval over patients) | n |",
            "|---|---|---|---|---|",
        ]
        for row in self.rows:
            mark = " *" if row.clear else ""
            lines.append(
                f"| {row.name} | {row.first:.3f} | {row.second:.3f} | {row.difference.text()}{mark} | {row.difference.count} |"
            )
        return "\n".join([*lines, "", "\\* the interval of the difference excludes 0"]) + "\n"

    def document(self) -> dict[str, Any]:
        """The comparison as JSON values; null for a figure that is not finite."""

        def number(value: float) -> float | None:
            return value if np.isfinite(value) else None

        return {
            "title": self.title,
            "data": self.data,
            "first": self.first,
            "second": self.second,
            "rows": [
                {
                    "name": row.name,
                    "first": number(row.first),
                    "second": number(row.second),
                    "difference": number(row.difference.value),
                    "low": number(row.difference.low),
                    "high": number(row.difference.high),
                    "count": row.difference.count,
                }
                for row in self.rows
            ],
        }


def compare(first: Sequence[Run], second: Sequence[Run], names: tuple[str, str], *, repeats: int = REPEATS) -> list[Comparison]:
    """Compare the runs of one kind pair by pair: runs of the same model if both sides have it, otherwise all other pairs.

    :param names: the labels of the two sides.
    :raises InputError: if there is no such pair, or the two sides have no patient in common.
    """
    pairs = [(run, other) for run in first for other in _counterparts(run, first, second)]
    result = [item for item in (_comparison(run, other, names, repeats) for run, other in pairs) if item is not None]
    if not result:
        raise InputError(
            f"{names[0]} and {names[1]} have nothing in common that could be compared.",
            f"The first has {_kinds(first)}; the second {_kinds(second)}.",
            "Compare models of one task on the same data set.",
            code="comparison",
        )
    return result


def _counterparts(run: Run, first: Sequence[Run], second: Sequence[Run]) -> list[Run]:
    """The runs to compare a run with: a file may hold several models of one kind, each of which is compared with itself."""
    like = [item for item in second if item.key == run.key and (item.task != GRADING or set(item.findings) & set(run.findings))]
    same = [item for item in like if _model(item) == _model(run)]
    paired = {_model(item) for item in first if item.key == run.key}
    return same[:1] or [item for item in like if _model(item) not in paired]


def _model(run: Run) -> str:
    return run.models[0].name


def _kinds(runs: Sequence[Run]) -> str:
    return "; ".join(dict.fromkeys(f"{run.title} ({run.dataset})" for run in runs)) or "nothing"


def _comparison(first: Run, second: Run, names: tuple[str, str], repeats: int) -> Comparison | None:
    both = [{case.series: case for case in run.cases} for run in (first, second)]
    shared = sorted(set(both[0]) & set(both[1]))
    if not shared:
        return None
    cases = ([both[0][series] for series in shared], [both[1][series] for series in shared])
    rows = _of_points(*cases, repeats) if first.task == LOCALIZATION else _of_grades(*cases, first.findings, repeats)
    patients = {case.patient for case in cases[0]}
    text = f"{first.dataset}: {len(shared)} planes of {len(patients)} patients that both predict"
    models = tuple(dict.fromkeys((_model(first), _model(second))))
    title = first.title if models == names else f"{first.title} ({' and '.join(models)})"
    return Comparison(title, *names, text, tuple(rows))


def _of_points(first: list[Case], second: list[Case], repeats: int) -> list[Compared]:
    errors = [[key_points.errors_of(case) for case in cases] for cases in (first, second)]
    known = [
        (index, name) for index in range(len(first)) for name in errors[0][index].distance if name in errors[1][index].distance
    ]
    (patients, one), (_, other) = (
        key_points.point_figures(part, [(part[index], name) for index, name in known]) for part in errors
    )
    (planes, whole), (_, other_whole) = (key_points.plane_figures(part) for part in errors)
    return [*_rows(patients, one, other, repeats), *_rows(planes, whole, other_whole, repeats)]


def _of_grades(first: list[Case], second: list[Case], findings: Sequence[str], repeats: int) -> list[Compared]:
    rows: list[Compared] = []
    graded = [collect(cases, findings) for cases in (first, second)]
    for name in graded[0]:
        if name not in graded[1]:
            continue
        one, other = _matched(graded[0][name], graded[1][name])
        found = _rows(one.patients, partial(classification.overall, one), partial(classification.overall, other), repeats)
        rows += [replace(row, name=f"{finding(name).display}: {row.name}") for row in found]
    if _CHALLENGE.issubset(graded[0]) and _CHALLENGE.issubset(graded[1]):
        planes = [[challenge.outcomes_of(case, named_only=False) for case in cases] for cases in (first, second)]
        one_score, other_score = (partial(_challenge_score, part) for part in planes)
        rows += _rows([case.patient for case in first], one_score, other_score, repeats)
    return rows


def _challenge_score(planes: list[dict[tuple[str, str], challenge.Outcome]], i: Indices) -> dict[str, float]:
    values = [challenge.average_precision([planes[index][key] for index in i]) for key in challenge.CLASSES]
    kept = [value for value in values if np.isfinite(value)]
    return {"challenge: mAP, by probability": float(np.mean(kept)) if kept else float("nan")}


def _matched(first: Graded, second: Graded) -> tuple[Graded, Graded]:
    """The structures that both runs assess, in the same order."""
    places = [{key: n for n, key in enumerate(zip(item.series, item.structures, strict=True))} for item in (first, second)]
    shared = [key for key in places[0] if key in places[1]]
    one, other = (_part(item, [place[key] for key in shared]) for item, place in zip((first, second), places, strict=True))
    return one, other


def _part(graded: Graded, items: list[int]) -> Graded:
    return replace(
        graded,
        truth=graded.truth[items],
        probability=graded.probability[items],
        patients=tuple(graded.patients[n] for n in items),
        structures=tuple(graded.structures[n] for n in items),
        plausible=None if graded.plausible is None else graded.plausible[items],
        series=tuple(graded.series[n] for n in items),
    )


Metrics = Callable[[Indices], dict[str, float]]


def _rows(patients: Sequence[str], first: Metrics, second: Metrics, repeats: int) -> list[Compared]:
    if not patients:
        return []
    everything = np.arange(len(patients))
    one, other = first(everything), second(everything)

    def differences(i: Indices) -> dict[str, float]:
        here, there = first(i), second(i)
        return {name: there[name] - here[name] for name in here if name in there}

    return [
        Compared(name, one[name], other[name], figure)
        for name, figure in bootstrap_figures(patients, differences, repeats=repeats).items()
    ]
