"""Makes the bundle of the model that weighs findings, from out-of-fold predictions and masks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save_file

from ..base.anatomy import finding
from ..base.documents import read_text
from ..base.errors import InputError
from ..base.geometry import FloatArray
from ..evaluation.predictions import GRADING, Graded, Run, collect
from ..models.bundle import CARD, WEIGHTS, Bundle, read_bundle
from ..steps.disc_findings import mask_features
from .bundle_files import pack
from .calibrating import write_calibration
from .calibration import METHODS, RATE, cross_fitted, fit
from .finding_weights import crossed, discs_of, fitted, with_logits
from .outlined_spines import outlined_spines
from .packing import CARDS, LICENCES, metadata_of

LEAST_GAIN = 0.01
"""Weighing is used for a finding only if it lowers the log loss by at least this share."""

_LEAST = 1e-4  # smallest probability used in a log loss


@dataclass(frozen=True)
class Weighing:
    """The result of fitting.

    :param folder: folder of the bundle.
    :param run: the out-of-fold predictions with weighed findings, each by a model that had not seen the patient; not calibrated.
    :param losses: finding to the log loss of the classifier and of the weighed predictions, both calibrated and cross-fitted.
    """

    folder: Path
    run: Run
    losses: dict[str, tuple[float, float]]

    @property
    def text(self) -> str:
        """The losses, one line per finding."""
        rows = [
            f"| {finding(name).display} | {own:.4f} | {weighed:.4f} | {'weighed' if helps(own, weighed) else 'as it is'} |"
            for name, (own, weighed) in self.losses.items()
        ]
        return "\n".join(["| finding | log loss of the network's own word | weighed | used |", "|---|---|---|---|", *rows]) + "\n"


def fit_weigher(
    config: dict[str, Any],
    runs: list[Run],
    classifier: str,
    names: tuple[str, str],
    data: Path,
    output: Path,
    told: Callable[[str], None] = lambda text: None,
) -> Weighing:
    """Fit the model on every patient in the predictions, choose the findings to weigh, calibrate it, and write the bundle.

    :param runs: out-of-fold predictions of the classifier's networks, not calibrated.
    :param names: the localizer and the segmenter that find and outline the discs.
    :param data: folder of the data sets.
    :param output: folder of the bundles.
    :raises InputError: if no run has out-of-fold grades, or weighing does not help any finding.
    """
    features = {
        (record.series, disc): values
        for record, spine in outlined_spines(config, names, data, told)
        for disc, values in mask_features(spine).items()
    }
    return pack_weigher(config, runs, read_bundle(classifier), features, output)


def pack_weigher(
    config: dict[str, Any], runs: list[Run], classifier: Bundle, features: Mapping[tuple[str, str], FloatArray], output: Path
) -> Weighing:
    """The same with features that were already extracted."""
    findings = tuple(classifier.findings)
    grading = [run for run in runs if run.task == GRADING and not run.calibrated]
    cases = tuple(case for run in grading for case in run.cases)
    discs = discs_of(cases, findings, features)
    if not discs.places:
        raise InputError(
            f"The predictions hold no out-of-fold findings of {classifier.name} at discs that were outlined.",
            "`train predict` writes them.",
            code="predictions",
        )
    corrected = crossed(discs)
    own, weighed = (collect(items, findings) for items in (cases, with_logits(cases, discs, corrected, findings)))
    losses = {name: (log_loss(own[name]), log_loss(weighed[name])) for name in findings}
    used = tuple(name for name in findings if helps(*losses[name]))
    if not used:
        raise InputError("Weighing helps for no finding.", "The findings are better as they are.", code="predictions")
    metadata = metadata_of(config, [{**config, "findings": findings, "weighed": used}])
    metadata["training"] |= {
        "discs": len(discs.places),
        "patients": len(set(discs.patients)),
        "log_loss": {name: {"own": round(before, 4), "weighed": round(after, 4)} for name, (before, after) in losses.items()},
    }
    metadata["options"] = {"weighs": {"name": classifier.name, "sha256": classifier.sha256}}
    previous = output / config["name"] / CARD
    card = previous if previous.is_file() else CARDS / f"{config['name']}.md"
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / WEIGHTS.name
        save_file(fitted(discs).state_dict(), weights)
        place = pack(metadata, [weights], read_text(card), LICENCES[config["license"]], output)
    bundle = read_bundle(place.name, output)
    write_calibration(bundle, [fit(weighed[name]) for name in used], RATE, len(set(discs.patients)))
    run = replace(
        grading[0], title=f"{grading[0].title}, weighed with the masks", cases=with_logits(cases, discs, corrected, used)
    )
    return Weighing(place, run, losses)


def log_loss(graded: Graded) -> float:
    """The smallest cross-fitted log loss of a finding over all calibration methods."""
    losses = []
    for method in METHODS.values():
        found = cross_fitted(graded, method)
        losses.append(float(-np.log(np.clip((found.probability * found.truth).sum(1), _LEAST, 1)).mean()))
    return min(losses)


def helps(own: float, weighed: float) -> bool:
    """True if weighing lowers a log loss by more than could easily be chance."""
    return weighed < (1 - LEAST_GAIN) * own
