"""The settings of a batch: everything that results depend on, apart from the images."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..base.documents import read_json
from ..base.errors import InputError, OutputError
from ..base.files import move, work_folder
from ..base.options import Options
from ..base.report import DISCLAIMER
from ..models.bundle import is_installed, read_bundle

SETTINGS_FILE = "batch.json"
_SCHEMA = "spinal-disease-ai/batch"
_SCHEMA_VERSION = "1.0"


@dataclass(frozen=True)
class Settings:
    """What must stay the same in all studies of a batch.

    :param software: name and version of the product.
    :param models: role, such as ``"localizer"``, to the models: name, version and SHA-256 of the weights, separated by blanks.
    :param slices: :attr:`Options.slices`.
    :param dicom: whether DICOM files are written.
    :param scene: whether scenes are written.
    """

    software: str
    pipeline: str
    models: dict[str, list[str]]
    slices: int
    dicom: bool
    scene: bool

    def differences(self, earlier: Settings) -> list[str]:
        """What differs from the settings of an earlier run, in words."""
        mine, its = self._facts(), earlier._facts()
        return [
            f"{name}: {its.get(name, 'none')}, now {mine.get(name, 'none')}"
            for name in {**its, **mine}
            if mine.get(name) != its.get(name)
        ]

    def _facts(self) -> dict[str, str]:
        models = {role: ", ".join(_short(text) for text in texts) or "none" for role, texts in self.models.items()}
        others = {"pipeline": self.pipeline, "slices": str(self.slices or "as many as needed")}
        files = {"DICOM files": "yes" if self.dicom else "no", "scenes": "yes" if self.scene else "no"}
        return {"software": self.software, **models, **others, **files}


def settings_of(options: Options, *, dicom: bool, scene: bool) -> Settings:
    """The settings of a batch with some options. The device is not among them: each report names its own.

    :raises ModelError: if a model is missing or its metadata were changed.
    """
    folder = Path(options.models_folder) if options.models_folder else None
    # Which of the optional models are installed matters too: without them, the analysis does without.
    optional = {"segmenter": options.segmenter, "weigher": options.weigher, "grader": options.grader}
    models = {"localizer": [options.localizer], "classifiers": list(options.classifiers)}
    models |= {role: [name] if name and is_installed(name, folder) else [] for role, name in optional.items()}
    return Settings(
        f"SpinalDiseaseAI {__version__}",
        options.pipeline,
        {role: [_identity(name, folder) for name in names] for role, names in models.items()},
        options.slices,
        dicom,
        scene,
    )


def read_settings(folder: Path) -> Settings | None:
    """The settings of the batch in a folder; None if there is none.

    :raises OutputError: if the file is not one of this product, or is damaged.
    """
    path = folder / SETTINGS_FILE
    try:
        document = read_json(path)
        if document["schema"] != _SCHEMA or str(document["schema_version"]).split(".")[0] != _SCHEMA_VERSION.split(".")[0]:
            raise ValueError("other schema")
        return Settings(**document["settings"])
    except FileNotFoundError:
        return None
    except (InputError, OSError, ValueError, TypeError, KeyError) as error:
        raise OutputError(
            f"{path} cannot be read, or was not written by this version of SpinalDiseaseAI.",
            "It holds the settings with which the batch in this folder was started.",
            "Choose another folder.",
            code="batch-settings",
        ) from error


def write_settings(folder: Path, settings: Settings) -> None:
    """Write the settings of a new batch.

    :raises OSError: if that is not possible.
    """
    document: dict[str, Any] = {
        "schema": _SCHEMA,
        "schema_version": _SCHEMA_VERSION,
        "settings": asdict(settings),
        "disclaimer": DISCLAIMER,
    }
    with work_folder(folder, ".unfinished-") as work:
        path = work / SETTINGS_FILE
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8", newline="\n")
        move(path, folder / SETTINGS_FILE)


def _identity(name: str, folder: Path | None) -> str:
    model = read_bundle(name, folder).provenance
    return f"{model.name} {model.version} {model.sha256}"


def _short(text: str) -> str:
    name, version, sha256 = text.split(" ")
    return f"{name} {version} ({sha256[:12]})"
