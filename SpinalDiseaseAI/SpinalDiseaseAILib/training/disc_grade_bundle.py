"""Makes the bundle of the disc grade model from out-of-fold predictions and masks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from ..base.anatomy import finding
from ..base.documents import read_text
from ..base.errors import InputError
from ..evaluation.predictions import GRADING, Run
from ..models.bundle import CARD, WEIGHTS, read_bundle
from ..steps.calibration import Calibration
from ..steps.disc_grades import LEVELS
from ..steps.measurements.disc_features import disc_features
from .bundle_files import pack
from .disc_grades import Features, examples_of, fitted, log_losses
from .outlined_spines import outlined_spines
from .packing import CARDS, LICENCES, metadata_of


def fit_grader(
    config: dict[str, Any],
    runs: list[Run],
    classifier: str,
    names: tuple[str, str],
    data: Path,
    output: Path,
    told: Callable[[str], None] = lambda text: None,
) -> Path:
    """Fit the model on every patient in the predictions, choose the variant on tuning patients, and write the bundle.

    :param runs: out-of-fold predictions of the classifier's networks, not calibrated.
    :param classifier: bundle whose calibrated probabilities will be weighed.
    :param names: the localizer and the segmenter that find and outline the discs.
    :param data: folder of the data sets.
    :param output: folder of the bundles.
    :returns: the bundle's folder.
    :raises InputError: if no run has out-of-fold grades.
    """
    features = {
        (record.series, disc): values
        for record, spine in outlined_spines(config, names, data, told)
        for disc, values in disc_features(spine, LEVELS).items()
    }
    return pack_grader(config, runs, classifier, features, output, told)


def pack_grader(
    config: dict[str, Any], runs: list[Run], classifier: str, features: Features, output: Path, told: Callable[[str], None]
) -> Path:
    """The same with features that were already extracted."""
    bundle = read_bundle(classifier)
    calibration = Calibration.of_options(finding("pfirrmann"), bundle.options)
    grading = [run for run in runs if run.task == GRADING and not run.calibrated]
    examples = [item for run in grading for item in examples_of(run, calibration, features)]
    if not any(item.features is not None for item in examples):
        raise InputError(
            "The predictions hold no out-of-fold Pfirrmann grades of discs that can be measured.",
            "`train predict` writes them.",
            code="predictions",
        )
    losses = log_losses(examples)
    variant = min(losses, key=lambda name: losses[name])
    told("Log loss on tuning patients: " + ", ".join(f"{name} {value:.3f}" for name, value in losses.items()))
    model = fitted(examples)
    metadata = metadata_of(config, [config])
    metadata["training"] |= {"discs": len(examples), "patients": len({item.patient for item in examples})}
    metadata["training"] |= {"tune_log_loss": {name: round(value, 4) for name, value in losses.items()}, "weighs": classifier}
    metadata["options"] = {"variant": variant, "without_masks": "region"}
    previous = output / config["name"] / CARD
    card = previous if previous.is_file() else CARDS / f"{config['name']}.md"
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / WEIGHTS.name
        save_file(model.state_dict(), weights)
        return pack(metadata, [weights], read_text(card), LICENCES[config["license"]], output)
