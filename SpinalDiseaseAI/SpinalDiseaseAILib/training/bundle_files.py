"""Trained weights to a bundle in MONAI layout."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ..models.bundle import CARD, METADATA, WEIGHTS
from ..models.metadata import write_metadata


def half_precision(states: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The tensors of a network, or of several as its members, in 16 bits: half the download; figures are measured on these.

    A single grading network has keys ``members.0.…``; further states are numbered after it. Localizers become members only if
    there are several.
    """
    result = {}
    for number, state in enumerate(states):
        for key, value in state.items():
            name = key.replace("members.0.", f"members.{number}.", 1)
            if len(states) > 1 and not key.startswith("members."):
                name = f"members.{number}.{key}"
            # The running variance of a batch norm can be too small for 16 bits.
            small = value.is_floating_point() and "running_var" not in key
            result[name] = (value.half() if small else value).contiguous()
    return result


def mean_of(states: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """One network whose weights are the means of several, each trained further from the one before.

    Such networks lie in one basin of the loss, where averaging the weights is as good as averaging the predictions, at the cost
    of one network (Izmailov et al., Averaging weights leads to wider optima, 2018).
    """
    return {
        key: torch.stack([state[key] for state in states]).mean(0) if value.is_floating_point() else value
        for key, value in states[-1].items()
    }


def pack(metadata: dict[str, Any], weights: list[Path], card: str, licence: str, folder: Path, *, averaged: bool = False) -> Path:
    """Write a bundle.

    :param metadata: everything except the hashes; ``name`` becomes the folder's name.
    :param weights: one file per member.
    :param averaged: True to average the files to one network instead of making them members.
    :param card: model card, Markdown.
    :param licence: text of the licence of the weights.
    :param folder: folder of the bundles.
    :returns: the bundle's folder.
    """
    place = folder / str(metadata["name"])
    for file in (METADATA, WEIGHTS, CARD):
        (place / file).parent.mkdir(parents=True, exist_ok=True)
    states = [load_file(path) for path in weights]
    save_file(half_precision([mean_of(states)] if averaged else states), place / WEIGHTS, metadata={"format": "pt"})
    with (place / WEIGHTS).open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    write_metadata(place / METADATA, {**metadata, "weights_sha256": digest})
    (place / CARD).write_text(card, encoding="utf-8")
    (place / "LICENSE").write_text(licence, encoding="utf-8")
    return place
