"""Training examples on disk: made once per run and memory-mapped, so that memory does not grow with the number of studies.

An example is a frozen dataclass whose fields are tensors and plain values (text, numbers, booleans, tuples of these). A file
holds the examples of a data set one after another, each as a line of JSON followed by its tensors, then the offset of each
example, and their number. It gets its final name only when it is complete.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import shutil
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import IO, Any, Generic, TypeVar, overload

import numpy as np
import torch
from torch import Tensor

from .. import __version__
from ..base.errors import InputError
from .hardware import PROCESSOR, Hardware

Example = TypeVar("Example")

_LAYOUT = 1  # version of the file layout, raised when it changes
_ALIGNMENT = 64  # bytes
_RESIDENT = 64 << 20  # bytes read before the mapped pages are released


class Examples(Sequence[Example], Generic[Example]):
    """The examples of a file, each created from mapped memory on request; never write to their tensors.

    :param path: a file made by :meth:`ExampleFolder.stored`.
    :param kind: the dataclass of the examples.
    """

    def __init__(self, path: Path, kind: type[Example]) -> None:
        self.path = path
        self.kind = kind
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        count = int(np.frombuffer(self._map, np.int64, 1, len(self._map) - 8)[0])
        self._starts = np.frombuffer(self._map, np.int64, count, len(self._map) - 8 * (count + 1)).copy()
        self._seen = 0
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # no sampler writes to an example

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...

    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        start = int(self._starts[index])
        length = int(np.frombuffer(self._map, np.int64, 1, start)[0])
        values, tensors = json.loads(self._map[start + 8 : start + 8 + length])
        begin = _aligned(start + 8 + length)
        for name, dtype, shape in tensors:
            array = np.frombuffer(self._map, dtype, int(np.prod(shape)), begin).reshape(shape)
            values[name] = torch.from_numpy(array)
            begin = _aligned(begin + array.nbytes)
        self._give_back(begin - start)
        return self.kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})

    def chosen(self, indices: Sequence[int]) -> Sequence[Example]:
        """Some of the examples."""
        return _Chosen(self, tuple(indices))

    def _give_back(self, seen: int) -> None:
        """Release mapped pages now and then; they stay in the system's cache as long as there is room."""
        self._seen += seen
        if self._seen > _RESIDENT and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)
            self._seen = 0


class _Chosen(Sequence[Example], Generic[Example]):
    def __init__(self, examples: Examples[Example], indices: tuple[int, ...]) -> None:
        self._examples = examples
        self._indices = indices

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...

    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return [self._examples[number] for number in self._indices[index]]
        return self._examples[self._indices[index]]


class ExampleFolder:
    """A run's folder of examples, shared by its processes.

    :param path: created if absent.
    """

    def __init__(self, path: Path, hardware: Hardware = PROCESSOR) -> None:
        self.path = path
        self.hardware = hardware

    def stored(self, name: str, key: str, kind: type[Example], examples: Iterable[Example]) -> Examples[Example]:
        """Examples from disk, which the first process makes if they do not exist yet.

        :param name: name of the data set, for the file.
        :param key: identifies the sources of the examples, see :func:`key_of`; examples with another key are replaced.
        :param examples: yields the examples; called only by the first process, and only if they do not exist. Random numbers
            that it draws from torch do not change the state of the training.
        :raises InputError: if there are no examples.
        """
        path = self.path / f"{name}-{key}.examples"
        if self.hardware.first and not path.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            for other in self.path.glob(f"{name}-*"):
                other.unlink()
            unfinished = path.with_suffix(".unfinished")
            with torch.random.fork_rng(devices=[]), unfinished.open("wb") as file:
                if not _write(file, examples):
                    raise InputError(
                        f"The data set {name} has nothing to train on.",
                        "Its patients of the configuration's splits have no labels that the configuration uses.",
                        "Take it out of the configuration, or name other splits.",
                        code="dataset",
                    )
            unfinished.replace(path)
        self.hardware.wait()
        return Examples(path, kind)

    def remove(self) -> None:
        """Remove the examples once every process is done with them."""
        self.hardware.wait()
        if self.hardware.first:
            shutil.rmtree(self.path, ignore_errors=True)  # Windows does not delete mapped files


def key_of(*parts: object, files: Iterable[Path | None] = ()) -> str:
    """A key for the sources of examples: values with a distinctive ``repr``, and files by path, size and modification time."""
    digest = hashlib.sha256(repr((__version__, _LAYOUT)).encode())
    for part in parts:
        digest.update(repr(part).encode())
    for path in files:
        if path is not None:
            state = path.stat()
            digest.update(repr((str(path), state.st_size, state.st_mtime_ns)).encode())
    return digest.hexdigest()[:16]


def _aligned(place: int) -> int:
    return -(-place // _ALIGNMENT) * _ALIGNMENT


def _write(file: IO[bytes], examples: Iterable[Any]) -> int:
    """Write examples and return their number."""
    starts = []
    for example in examples:
        starts.append(_pad(file))
        values = {field.name: getattr(example, field.name) for field in fields(example)}
        arrays = {name: value.numpy() for name, value in values.items() if isinstance(value, Tensor)}
        tensors = [(name, array.dtype.str, array.shape) for name, array in arrays.items()]
        text = json.dumps([{name: value for name, value in values.items() if name not in arrays}, tensors]).encode()
        file.write(np.int64(len(text)).tobytes() + text)
        for array in arrays.values():
            _pad(file)
            file.write(np.ascontiguousarray(array).tobytes())
    _pad(file)
    file.write(np.array([*starts, len(starts)], np.int64).tobytes())
    return len(starts)


def _pad(file: IO[bytes]) -> int:
    """Pad with zeros to the next aligned offset and return it."""
    end = file.tell()
    file.write(b"\0" * (_aligned(end) - end))
    return _aligned(end)
