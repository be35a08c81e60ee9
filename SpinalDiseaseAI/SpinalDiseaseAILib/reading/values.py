"""Values of DICOM elements as plain Python: a missing, empty or malformed value is None or empty, never an exception."""

from __future__ import annotations

import logging
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from .slices import Vector

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""C0 and C1 control characters, and those that change the direction of text."""


@contextmanager
def silent_pydicom() -> Iterator[None]:
    """Keep pydicom's warnings out of logs and terminals: they quote values of the header, such as a patient's name."""
    logger = logging.getLogger("pydicom")
    disabled = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = disabled


def text(dataset: Dataset, keyword: str) -> str:
    """The text of an element; multiple values are joined by backslashes, as in DICOM."""
    return "\\".join(texts(dataset, keyword))


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """The values of an element as stripped texts; control characters, which a terminal would obey, become blanks."""
    try:
        value = dataset.get(keyword)
    except (ValueError, TypeError, NotImplementedError):
        return ()
    if value is None:
        return ()
    items = value if isinstance(value, MultiValue | list | tuple) else [value]
    found = (_CONTROL.sub(" ", str(item).strip(" \0")) for item in items)
    return tuple(item for item in found if item)


def numbers(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Exactly ``count`` finite numbers, None if the element holds anything else."""
    try:
        values = tuple(float(item) for item in texts(dataset, keyword))
    except ValueError:
        return None
    return values if len(values) == count and all(math.isfinite(item) for item in values) else None


def number(dataset: Dataset, keyword: str) -> float | None:
    """One finite number, the first if there are several; None if there is none."""
    for item in texts(dataset, keyword)[:1]:
        try:
            value = float(item)
        except ValueError:
            return None
        return value if math.isfinite(value) else None
    return None


def integer(dataset: Dataset, keyword: str) -> int | None:
    """One number, rounded to an integer; None if there is none."""
    value = number(dataset, keyword)
    return None if value is None else round(value)


def directions(dataset: Dataset, keyword: str) -> tuple[Vector, Vector] | tuple[None, None]:
    """Row and column direction as unit vectors, None if they are not two perpendicular directions."""
    values = numbers(dataset, keyword, 6)
    if values is None:
        return None, None
    lengths = [math.hypot(*values[start : start + 3]) for start in (0, 3)]
    if min(lengths) < 1e-3:
        return None, None
    rows = (values[0] / lengths[0], values[1] / lengths[0], values[2] / lengths[0])
    columns = (values[3] / lengths[1], values[4] / lengths[1], values[5] / lengths[1])
    return (rows, columns) if abs(sum(a * b for a, b in zip(rows, columns, strict=True))) <= 0.01 else (None, None)


def vector(dataset: Dataset, keyword: str) -> Vector | None:
    """Three finite numbers; None if the element holds anything else."""
    values = numbers(dataset, keyword, 3)
    return None if values is None else (values[0], values[1], values[2])
