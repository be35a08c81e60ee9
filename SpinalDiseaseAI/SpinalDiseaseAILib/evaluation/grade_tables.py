"""The tables of graded planes: overall, by class, by level, and the challenge's score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..base.anatomy import finding
from ..datasets.records import Record
from . import challenge, classification
from .baselines import LEVEL_SHARES, baselines
from .intervals import DETAIL_REPEATS
from .predictions import Case, collect
from .tables import Row, Table

_CHALLENGE = ("disc_disease", "vertebra_disease")


def tables_of_grades(
    title: str, model: str, data: str, cases: Sequence[Case], findings: tuple[str, ...], training: Sequence[Record]
) -> Iterator[Table]:
    """The tables of graded planes: overall, by class and by level.

    :param data: description of the data set.
    :param training: records from which the baselines are made.
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
    """The challenge's score, with the score of the class shares of each level, claimed at the same points, as its baseline."""
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
