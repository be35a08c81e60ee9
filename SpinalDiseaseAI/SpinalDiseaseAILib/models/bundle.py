"""Model bundles: folders in MONAI bundle layout whose weights are safetensors, verified by SHA-256.

::

    <name>/configs/metadata.json   inputs, classes, training data, licence, version, SHA-256 of the weights and of itself
    <name>/models/model.safetensors
    <name>/docs/README.md          model card
    <name>/LICENSE

This file does not import torch, so listing bundles is cheap.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from ..base import anatomy
from ..base.documents import read_text
from ..base.errors import InputError, ModelError
from ..base.locations import MODELS_VARIABLE, models_folder
from ..base.options import SHORT_NAMES
from ..base.report import ModelProvenance
from .metadata import ChangedMetadataError, read_metadata

METADATA = Path("configs") / "metadata.json"
WEIGHTS = Path("models") / "model.safetensors"
CARD = Path("docs") / "README.md"
LICENCE = Path("LICENSE")

Value = TypeVar("Value")

MAXIMUM_WEIGHTS_BYTES = 1 << 29
"""Size of a weights file: the largest network that is loaded, in full precision. Those of the product have at most 8 MB."""

_LONGEST_CARD = 1 << 20  # bytes

REINSTALL = "Install SpinalDiseaseAI again, or copy the bundle again."
"""What a user should do about a bundle that differs from what was packed."""

OTHER_MODEL = "Choose another model."
"""What a user should do about a bundle that is larger than any that this product loads."""


@dataclass(frozen=True)
class Bundle:
    """A bundle whose metadata was read; its weights are verified when they are loaded.

    :param task: ``"localization"``, ``"segmentation"``, ``"classification"``, ``"disc findings"`` or ``"disc grade"``.
    :param network: name and arguments of the network.
    :param findings: finding name to class names, in the order of the network's outputs; empty for a localizer or a
        segmenter. For a model that refines findings, those that it corrects.
    :param options: what the steps need in addition to the network, such as calibration.
    :param data_sets: names of the data sets that it was trained on.
    """

    name: str
    version: str
    title: str
    description: str
    task: str
    licence: str
    research_only: bool
    sha256: str
    folder: Path
    network: dict[str, Any]
    findings: dict[str, tuple[str, ...]]
    options: dict[str, Any]
    data_sets: tuple[str, ...] = ()

    @property
    def weights(self) -> Path:
        """Path of the weights."""
        return self.folder / WEIGHTS

    @property
    def provenance(self) -> ModelProvenance:
        """The entry about this bundle in a report."""
        return ModelProvenance(self.name, self.version, self.sha256, self.licence, self.research_only)

    def checked_weights(self) -> bytes:
        """The content of the weights file, after verification.

        :raises ModelError: if it is missing or too large, or its hash is not the one in the metadata.
        """
        if not self.weights.is_file():
            raise ModelError(
                f"The model {self.name} has no file {WEIGHTS.as_posix()}.", remedy=REINSTALL, code="model-missing-file"
            )
        with self.weights.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAXIMUM_WEIGHTS_BYTES:
                raise ModelError(
                    f"The weights of the model {self.name} have {size / 1e6:.0f} MB.",
                    f"At most {MAXIMUM_WEIGHTS_BYTES / 1e6:.0f} MB are loaded.",
                    OTHER_MODEL,
                    code="model-too-large",
                )
            content = file.read(size)
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise ModelError(
                f"The weights of the model {self.name} were changed: their SHA-256 is {found[:12]}…",
                f"Its metadata names {self.sha256[:12]}…",
                REINSTALL,
                code="model-changed",
            )
        return content

    def card_text(self) -> str:
        """The model card, Markdown.

        :raises ModelError: if it cannot be read, is not UTF-8 or is too long.
        """
        try:
            return read_text(self.folder / CARD, _LONGEST_CARD)
        except (OSError, ValueError, InputError) as error:
            reason = "it is too long" if isinstance(error, InputError) else error
            raise ModelError(
                f"The card of the model {self.name} cannot be read: {reason}.", remedy=REINSTALL, code="model-card"
            ) from error


def read_bundle(name: str, folder: Path | None = None) -> Bundle:
    """The bundle with a name or short name (:data:`~..base.options.SHORT_NAMES`).

    :param folder: folder of the bundles; None for the installed one.
    :raises ModelError: if there is no such bundle, a file is missing, its metadata were changed, or its findings do not match the
        anatomy table.
    """
    whole = folder or models_folder()
    name = SHORT_NAMES.get(name, name)
    place = whole / name
    if name in SHORT_NAMES.values() and not place.is_dir():
        raise ModelError(
            f"The model {name} is not in {whole}.",
            "Its weights are for research only and are not always installed.",
            f"Train and pack it (spinal-disease-ai train fit {name} --data DATA --run RUN; spinal-disease-ai train pack {name} "
            f"RUN --data DATA --output MODELS), or copy it there; {MODELS_VARIABLE} names another folder of models.",
            code="model-not-installed",
        )
    if name in ("", "..") or Path(name).name != name or not place.is_dir():
        known = ", ".join(_names(whole)) or "none"
        raise ModelError(f"There is no model {name!r}.", f"Installed are: {known}.", "Choose one of them.", code="model-unknown")
    path = place / METADATA
    for file in (METADATA, WEIGHTS, CARD, LICENCE):
        if not (place / file).is_file():
            raise ModelError(f"The model {name} has no file {file.as_posix()}.", remedy=REINSTALL, code="model-missing-file")
    try:
        data = read_metadata(path)
        bundle = Bundle(
            name=_value(data, "name", str),
            version=_value(data, "version", str),
            title=_value(data, "title", str),
            description=_value(data, "description", str),
            task=_value(data, "task", str),
            licence=_value(data, "license", str),
            research_only=_value(data, "research_only", bool),
            sha256=_value(data, "weights_sha256", str),
            folder=place,
            network=_value(data, "network", dict),
            findings={key: tuple(value) for key, value in data["findings"].items()},
            options=_value(data, "options", dict),
            data_sets=tuple(data["training"]["datasets"]),
        )
    except ChangedMetadataError as error:
        raise ModelError(
            f"The metadata of the model {name} were changed: {error}.",
            "Both should be the same.",
            REINSTALL,
            code="model-changed",
        ) from error
    except InputError as error:
        raise ModelError(
            f"The metadata of the model {name} are too long.", error.expected, REINSTALL, code="model-metadata"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"The metadata of the model {name} cannot be read: {error!r}.", remedy=REINSTALL, code="model-metadata"
        ) from error
    if bundle.name != name:
        raise ModelError(
            f"The folder {name} holds the model {bundle.name}.", "Both names should be the same.", code="model-metadata"
        )
    _check_findings(bundle)
    return bundle


def is_installed(name: str, folder: Path | None = None) -> bool:
    """True if there is a folder for the bundle, even a damaged one.

    :param folder: folder of the bundles; None for the installed one.
    """
    return ((folder or models_folder()) / name).is_dir()


def list_bundles(folder: Path | None = None) -> list[Bundle]:
    """Every bundle in a folder, sorted by name. Folders without metadata are not bundles."""
    place = folder or models_folder()
    return [read_bundle(name, place) for name in _names(place)]


def _names(folder: Path) -> list[str]:
    return [path.parents[1].name for path in sorted(folder.glob(f"*/{METADATA.as_posix()}"))]


def _value(data: dict[str, Any], key: str, kind: type[Value]) -> Value:
    value = data[key]
    if not isinstance(value, kind):
        raise TypeError(f"{key} is {value!r}, not of type {kind.__name__}")
    return value


@lru_cache(maxsize=1)
def _known_findings() -> dict[str, tuple[str, ...]]:
    return {finding.name: finding.class_names for finding in anatomy.FINDINGS}


def _check_findings(bundle: Bundle) -> None:
    known = _known_findings()
    for name, classes in bundle.findings.items():
        if name not in known:
            raise ModelError(
                f"The model {bundle.name} names a finding {name!r} that this version does not know.",
                f"Known are {', '.join(known)}.",
                "Update SpinalDiseaseAI, or choose another model.",
                code="model-classes",
            )
        if classes != known[name]:
            raise ModelError(
                f"The model {bundle.name} lists the classes {', '.join(classes)} for {name}.",
                f"They should be {', '.join(known[name])}, in this order.",
                REINSTALL,
                code="model-classes",
            )
