"""Conversion of arrays and tensors, even with a torch that was built for another NumPy."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
import torch

from SpinalDiseaseAILib.models import arrays
from SpinalDiseaseAILib.models.arrays import array_of, tensor_of

CHANGES = (lambda a: a[::-1], lambda a: a.T, lambda a: a[:, ::2], lambda a: np.broadcast_to(a[:1], (3, 4)))
LIBRARY = Path(arrays.__file__).parents[1]


def unavailable(*arguments: object) -> None:
    raise RuntimeError("Numpy is not available")


@pytest.fixture
def torch_for_another_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behaves like torch 2.2 with NumPy 2."""
    monkeypatch.setattr(torch, "from_numpy", unavailable)
    monkeypatch.setattr(torch.Tensor, "numpy", unavailable)
    monkeypatch.setattr(torch.Tensor, "__array__", unavailable)


@pytest.mark.usefixtures("torch_for_another_numpy")
@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32, np.float64])
def test_values_shape_and_type_survive_without_the_bridge_of_torch(kind: type) -> None:
    values = np.arange(24).reshape(2, 3, 4).astype(kind)
    tensor = tensor_of(values)
    assert tuple(tensor.shape) == (2, 3, 4) and tensor.flatten().tolist() == list(range(24))
    back = array_of(tensor)
    assert back.dtype == kind and (back == values).all()


@pytest.mark.parametrize("change", CHANGES)
def test_transposed_sliced_and_broadcast_arrays_keep_their_values(change) -> None:  # type: ignore[no-untyped-def]
    values = change(np.arange(12.0).reshape(3, 4))
    assert tensor_of(values).tolist() == values.tolist()


def test_a_read_only_array_is_accepted() -> None:
    values = np.arange(3.0)
    values.flags.writeable = False
    tensor = tensor_of(values)
    assert tensor.tolist() == [0, 1, 2]
    tensor += 1
    assert values.tolist() == [0, 1, 2], "what may not be written to is not written to by way of the tensor"


def test_a_slice_of_a_tensor_and_an_inference_tensor_become_arrays() -> None:
    with torch.inference_mode():
        tensor = torch.arange(12.0).reshape(3, 4).T[1:]
    assert array_of(tensor).tolist() == tensor.tolist()


@pytest.mark.parametrize("floor", ["models", "steps", "pipelines"])
def test_no_floor_that_runs_networks_uses_the_bridge_of_torch(floor: str) -> None:
    for path in (LIBRARY / floor).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            used = node.attr if isinstance(node, ast.Attribute) else ""
            assert used not in ("from_numpy", "numpy", "as_tensor"), f"{path.name}:{node.lineno}"  # type: ignore[attr-defined]
