"""``train calibrate``: calibrates the probabilities and plausible classes of a bundle with out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from ..base.anatomy import finding
from ..base.documents import read_text
from ..base.errors import InputError
from ..evaluation.prediction_file import read_predictions
from ..evaluation.predictions import GRADING, Case, Run, collect
from ..models.bundle import CARD, METADATA, Bundle, read_bundle
from ..models.metadata import read_metadata, write_metadata
from .calibration import RATE, Fitted, fit

_OPTIONS = ("bias", "temperature", "unsureness", "isotonic", "plausible")
_START, _END = "<!-- calibration -->", "<!-- /calibration -->"
_FEWEST_PATIENTS = 10


def calibrate_bundle(files: Sequence[Path], folder: Path, *, rate: float = RATE, title: str = "") -> list[Fitted]:
    """Fit the calibration of a bundle and write it into its metadata and card.

    :param files: predictions of networks for patients they were not trained on; together the files contain each patient once.
    :param folder: the bundle's folder.
    :param rate: share of structures whose true class is to be plausible.
    :param title: title of the run to use from the files; empty for the first grading run.
    :raises InputError: if the predictions are already calibrated, lack findings of this bundle, or have too few patients.
    :raises ModelError: if the bundle cannot be used.
    """
    bundle = read_bundle(folder.name, folder.parent)
    cases = _cases([run for path in files for run in read_predictions(path)], title)
    graded = collect(cases, tuple(bundle.findings))
    if not graded:
        raise InputError(
            f"The predictions hold no finding of the model {bundle.name}.",
            f"It grades {', '.join(bundle.findings) or 'nothing'}.",
            "Choose predictions of the same findings.",
            code="predictions",
        )
    few = len({case.patient for case in cases})
    if few < _FEWEST_PATIENTS:
        raise InputError(
            f"The predictions are of {few} patients.",
            f"Calibration needs {_FEWEST_PATIENTS} or more.",
            "Add the predictions of the other folds.",
            code="predictions",
        )
    fitted = [fit(item, rate) for item in graded.values()]
    write_calibration(bundle, fitted, rate, few)
    return fitted


def write_calibration(bundle: Bundle, fitted: Sequence[Fitted], rate: float, patients: int) -> None:
    """Write a fitted calibration into the metadata and the card of a bundle."""
    _write_metadata(bundle.folder / METADATA, fitted, patients)
    _write_card(bundle, card_text(fitted, rate))


def _cases(runs: Sequence[Run], title: str) -> list[Case]:
    """Cases of the chosen run from every file; a plane that two files predict is refused."""
    grading = [run for run in runs if run.task == GRADING]
    titles = list(dict.fromkeys(run.title for run in grading))
    if not titles or (title and title not in titles):
        raise InputError(
            f"The predictions hold {'no run ' + repr(title) if title else 'no run that grades'}.",
            f"Their runs are {', '.join(map(repr, titles or [run.title for run in runs])) or 'none'}.",
            "Choose one with --title.",
            code="predictions",
        )
    chosen = [run for run in grading if run.title == (title or titles[0])]
    if any(run.calibrated for run in chosen):
        raise InputError(
            "The predictions are calibrated already.",
            "Calibration is fitted on what the networks state themselves.",
            "Make them with evaluate --uncalibrated.",
            code="predictions",
        )
    cases = [case for run in chosen for case in run.cases]
    seen = [(run.dataset, case.series) for run in chosen for case in run.cases]
    if len(set(seen)) < len(seen):
        raise InputError(
            "A plane is predicted more than once.",
            "Each patient belongs to one fold.",
            "Pass one file of predictions a fold.",
            code="predictions",
        )
    return cases


def _write_metadata(path: Path, fitted: Sequence[Fitted], patients: int) -> None:
    document = read_metadata(path)
    options: dict[str, Any] = document["options"]
    for item in fitted:
        new = item.calibration.options(finding(item.name))
        for key in _OPTIONS:
            options.setdefault(key, {}).pop(item.name, None)
            if key in new:
                options[key][item.name] = new[key]
        options.setdefault("calibration", {})[item.name] = _summary(item)
    document["options"] = {key: value for key, value in options.items() if value != {}}
    document["options"]["calibrated_on"] = f"out-of-fold predictions of {patients} patients"
    write_metadata(path, document)


def _summary(item: Fitted) -> dict[str, Any]:
    """The fitted calibration and its cross-fitted figures, as JSON values."""
    return {
        "method": item.method,
        "patients": item.patients,
        "brier": {key: round(value, 5) for key, value in item.brier.items()},
        "expected_calibration_error": {"before": round(item.error[0], 5), "after": round(item.error[1], 5)},
        "coverage": {key: round(value, 4) if isfinite(value) else None for key, value in item.coverage.items()},
        "support": item.support,
        "plausible_classes_mean": round(item.set_size, 3),
        "not_sure": round(item.unsure, 4),
    }


def card_text(fitted: Sequence[Fitted], rate: float) -> str:
    """Two tables for the model card: calibration of each finding, coverage of each class."""
    patients = max(item.patients for item in fitted)
    lines = [
        f"Fitted on out-of-fold predictions of {patients} patients. All figures below are cross-fitted by patient: fitted on",
        "four fifths of the patients and measured on the others. Plausible classes should include the true class at a rate of",
        f"{rate:g}, for patients with each class; a class that too few patients had is always plausible.",
        "",
        "| finding | method | Brier score before | after | calibration error before | after | plausible classes | not sure |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for item in fitted:
        info = finding(item.name)
        lines.append(
            f"| {info.display} | {item.method} | {item.brier['none']:.3f} | {item.brier[item.method]:.3f} "
            f"| {item.error[0]:.3f} | {item.error[1]:.3f} | {item.set_size:.2f} of {len(info.classes)} | {item.unsure:.0%} |"
        )
    lines += ["", "| finding | class: coverage (structures) |", "|---|---|"]
    for item in fitted:
        info = finding(item.name)
        cells = [
            f"{info.class_of(key).display} {'—' if not isfinite(value) else f'{value:.3f}'} ({item.support[key]})"
            for key, value in item.coverage.items()
        ]
        lines.append(f"| {info.display} | {', '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _write_card(bundle: Bundle, text: str) -> None:
    """Put the tables between the markers of the card, or, if it has none, under a heading at its end."""
    path = bundle.folder / CARD
    card = read_text(path)
    body = f"{_START}\n{text}{_END}"
    if _START in card and _END in card:
        before, rest = card.split(_START, 1)
        card = before + body + rest.split(_END, 1)[1]
    else:
        card = f"{card.rstrip()}\n\n## Calibration\n\n{body}\n"
    path.write_text(card, encoding="utf-8")
