"""Messages between client and worker: one JSON object per line, UTF-8. Described in ``docs/developer/worker-protocol.md``.

This file must also run on a Python that is too old for the product, so that it can state its version in the handshake.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from typing import Any

from .. import __version__
from ..base import errors

PROTOCOL_VERSION = 1
MINIMUM_PYTHON = (3, 11)

MAX_LINE = 1 << 24
"""Maximum number of bytes of a line. A report has some ten thousand; a longer line is not of this protocol."""

_ERROR_CLASSES = {
    item.__name__: item
    for item in (errors.InputError, errors.SchemaError, errors.ModelError, errors.ComputeError, errors.SpinalDiseaseAIError)
}


def encode(message: dict[str, Any]) -> bytes:
    """A message as one line.

    :raises ValueError: if a number is not finite.
    :raises TypeError: if a value is not a JSON value.
    """
    return json.dumps(message, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The message in a line.

    :raises ValueError: if the line is truncated, not UTF-8, not JSON, too deeply nested or not an object.
    """
    if not line.endswith(b"\n"):
        raise ValueError("the line is cut")
    try:
        message = json.loads(line.decode("utf-8"))
    except RecursionError:
        raise ValueError("the line is nested too deeply") from None
    if not isinstance(message, dict):
        raise ValueError("the line is not a JSON object")
    return message


_EVENT_FIELDS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "hello": {"protocol": int, "software": str, "python": str, "missing": list},
    "ready": {},
    "study-read": {"job": str, "key": str},
    "progress": {"job": str, "stage": str, "fraction": (int, float), "message": str},
    "done": {"job": str, "result": dict},
    "error": {"job": str, "error": dict},
}


def decode_event(line: bytes) -> dict[str, Any]:
    """The event in a line sent by a worker, with all fields of its kind.

    :raises ValueError: if the line is not an event of this protocol.
    """
    event = decode(line)
    fields = _EVENT_FIELDS.get(str(event.get("event")))
    if fields is None or not all(isinstance(event.get(name), kind) for name, kind in fields.items()):
        raise ValueError("the line is not an event of the worker")
    return event


def hello(missing: Sequence[str] = ()) -> dict[str, Any]:
    """The worker's first event: its versions of protocol, product and Python.

    :param missing: required packages that its Python does not have; if there are any, the worker ends after this event.
    """
    return {
        "event": "hello",
        "protocol": PROTOCOL_VERSION,
        "software": __version__,
        "python": platform.python_version(),
        "missing": list(missing),
    }


def error_to_dict(error: errors.SpinalDiseaseAIError) -> dict[str, Any]:
    """An error as JSON values."""
    return {
        "class": type(error).__name__,
        "code": error.code,
        "found": error.found,
        "expected": error.expected,
        "remedy": error.remedy,
        "exit_status": error.exit_status,
    }


def error_from_dict(values: dict[str, Any]) -> errors.SpinalDiseaseAIError:
    """The error in the result of :func:`error_to_dict`, of the same class, or of the base class if the name is unknown."""
    name = values.get("class")
    if name == errors.Cancelled.__name__:
        return errors.Cancelled()
    kind = _ERROR_CLASSES.get(str(name), errors.SpinalDiseaseAIError)
    found, expected, remedy, code = (str(values.get(field, "")) for field in ("found", "expected", "remedy", "code"))
    return kind(found or "The analysis failed.", expected, remedy, code=code)
