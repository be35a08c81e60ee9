"""Configurations of trainings: reading and checking them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..base.anatomy import FINDINGS
from ..base.documents import read_json
from ..base.errors import InputError
from ..datasets.records import SPLITS

CONFIGS = Path(__file__).with_name("configs")

_Check = tuple[Callable[[Any], bool], str]


def read_configuration(path: Path) -> dict[str, Any]:
    """Read a configuration from a file.

    :raises InputError: if it is not a JSON object, is too long, or names no task.
    """
    try:
        document = read_json(path)
    except (OSError, ValueError) as error:
        raise _refused(f"The configuration {path} cannot be read as JSON ({error}).", "A JSON object is needed.") from error
    if not isinstance(document, dict) or not isinstance(document.get("task"), str):
        raise _refused(f"The configuration {path} names no task.", 'A JSON object is needed whose "task" is a text.')
    return document


def configuration_of_run(run: Path) -> dict[str, Any]:
    """The configuration that a finished run was trained with.

    :raises InputError: if the folder holds no finished run.
    """
    missing = [name for name in ("config.json", "weights.safetensors") if not (run / name).is_file()]
    if missing:
        raise InputError(
            f"{run} is no finished run: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not there.",
            "The folder of a run that train fit has ended is needed.",
            "Train it with train fit --run, or name another folder.",
            code="run",
        )
    return read_configuration(run / "config.json")


def check_trainable(settings: Mapping[str, Any]) -> None:
    """Refuse a configuration with which no network can be trained.

    :raises InputError: if its task belongs to another command, or a key that its training reads is missing or invalid.
    """
    task = settings.get("network") or settings["task"]
    if task not in _KEYS:
        raise _refused(f"The task {task!r} is not fitted by train fit.", f"It fits {', '.join(_KEYS)}.")
    for key, (is_right, words) in {**_COMMON, **_KEYS[task]}.items():
        if key not in settings:
            raise _refused(f"The configuration has no {key!r}.", f"It should be {words}.")
        if not is_right(settings[key]):
            raise _refused(f"{key!r} of the configuration is {settings[key]!r}.", f"It should be {words}.")


def _refused(found: str, expected: str) -> InputError:
    return InputError(found, expected, "The developer guide on training lists the keys of a configuration.", code="configuration")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_share(value: object) -> bool:
    return _is_number(value) and 0 <= value <= 1  # type: ignore[operator]


def _all(values: object, kind: type, of: Callable[[Any], bool]) -> bool:
    return isinstance(values, kind) and len(values) > 0 and all(map(of, values))  # type: ignore[arg-type, call-overload]


_COUNT: _Check = (_is_count, "a whole number of 1 or more")
_ABOVE_0: _Check = (lambda value: _is_number(value) and value > 0, "a number above 0")
_SHARE: _Check = (_is_share, "a number from 0 to 1")
_COUNTS: _Check = (lambda value: _all(value, list, _is_count), "a list of whole numbers of 1 or more")
_NUMBER: _Check = (_is_number, "a number")

_COMMON: dict[str, _Check] = {
    "datasets": (
        lambda value: isinstance(value, dict) and _all(list(value.values()), list, lambda item: _is_number(item) and item > 0),
        "data sets and their weights, above 0",
    ),
    "splits": (lambda value: _all(value, list, lambda item: item in SPLITS), f"a list of some of {', '.join(SPLITS)}"),
    "steps": _COUNT,
    "batch": _COUNT,
    "learning_rate": _ABOVE_0,
    "weight_decay": (lambda value: _is_number(value) and value >= 0, "a number of 0 or more"),
    "average": _SHARE,
    "seed": (lambda value: _is_count(value) or (value == 0 and value is not False), "a whole number of 0 or more"),
}

_NAMES = tuple(item.name for item in FINDINGS)
_GRADING: dict[str, _Check] = {
    "findings": (lambda value: _all(value, list, lambda item: item in _NAMES), f"a list of some of {', '.join(_NAMES)}"),
    "widths": _COUNTS,
    "contrast": _NUMBER,
    "drop_contrast": _SHARE,
}
_KEYS: dict[str, dict[str, _Check]] = {
    "localization": {"widths": _COUNTS, "size": _COUNT, "sigma": _ABOVE_0, "cut": _SHARE},
    "segmentation": {"widths": _COUNTS, "view": _COUNTS, "spacing": _ABOVE_0, "painted": _SHARE},
    "classification": _GRADING
    | {"weights": (lambda value: isinstance(value, dict) and all(map(_is_number, value.values())), "findings and their weights")},
    "RegionResNet": _GRADING,
    "VNet2d": {"widths": _COUNTS, "size": _COUNT, "sigma": _ABOVE_0, "kernel": _COUNT},
    "BoxDetector": {"size": _COUNT, "width": _COUNT, "encoder_stages": _COUNT},
}
"""The keys that each training reads, with their checks; by network if the configuration names one, otherwise by task."""
