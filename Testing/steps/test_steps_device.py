"""The device on which networks run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from SpinalDiseaseAILib.base.errors import EXIT_COMPUTE, ComputeError
from SpinalDiseaseAILib.steps.device import choose_device


def broken(*arguments: object, **keywords: object) -> None:
    raise RuntimeError("no kernel image is available for execution on the device.\nCUDA kernel errors might be …")


@pytest.fixture
def no_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_a_requested_cpu_needs_no_fallback() -> None:
    device = choose_device("cpu")
    assert (device.torch_device.type, device.description, device.fallback) == ("cpu", "cpu", "")


@pytest.mark.usefixtures("no_accelerator")
def test_auto_gives_no_reason_if_there_is_only_the_cpu() -> None:
    device = choose_device("auto")
    assert (device.description, device.fallback) == ("cpu", "")


@pytest.mark.parametrize("name", ["gpu", "", "tpu9", "cuda:first", "CPU please"])
def test_an_unknown_device_is_refused_with_a_list_of_the_known_ones(name: str) -> None:
    with pytest.raises(ComputeError, match="auto, cuda, mps, cpu") as caught:
        choose_device(name)
    assert caught.value.code == "device" and caught.value.exit_status == EXIT_COMPUTE


@pytest.mark.parametrize("name", ["cuda", "cuda:7", "mps"])
def test_a_missing_device_is_replaced_by_the_cpu_with_a_sentence(name: str) -> None:
    if torch.cuda.device_count() > 7 or (name == "cuda" and torch.cuda.is_available()) or torch.backends.mps.is_available():
        pytest.skip("The device is there.")
    device = choose_device(name)
    assert device.torch_device == torch.device("cpu") and device.description == "cpu"
    assert device.fallback.startswith(f"The device {name} cannot be used (") and device.fallback.endswith(
        "; the processor is used."
    )
    assert "\n" not in device.fallback


def test_a_gpu_that_is_present_but_does_not_compute_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.nn.Module, "to", broken)
    device = choose_device("auto")
    assert device.torch_device == torch.device("cpu")
    assert device.fallback == (
        "The device cuda is present but does not work (no kernel image is available for execution on the device); "
        "the processor is used."
    )


def on_the_device(values: Callable[[torch.Tensor], torch.Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let convolutions on the tried device give other values; they run after those on the CPU."""
    forward, to = torch.nn.Conv2d.forward, torch.nn.Module.to
    moved = False

    def move(self: torch.nn.Module, *arguments: object, **options: object) -> torch.nn.Module:
        nonlocal moved
        moved = True
        return to(self, *arguments, **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(torch.nn.Module, "to", move)
    monkeypatch.setattr(torch.nn.Conv2d, "forward", lambda self, x: values(forward(self, x)) if moved else forward(self, x))


def test_a_device_that_gives_no_finite_numbers_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    on_the_device(lambda values: values * torch.nan, monkeypatch)
    assert "no finite numbers" in choose_device("cpu").fallback


@pytest.mark.parametrize("values", [lambda values: values.flip(1), lambda values: values * 1.5, lambda values: values.roll(1, 3)])
def test_a_device_whose_results_differ_from_those_of_the_cpu_is_not_used(
    values: Callable[[torch.Tensor], torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_the_device(values, monkeypatch)
    assert "its results differ from those of the processor" in choose_device("cpu").fallback


def test_a_device_with_reduced_precision_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    on_the_device(lambda values: (values * 1024 / values.abs().max()).round() * values.abs().max() / 1024, monkeypatch)
    assert choose_device("cpu").fallback == ""


def test_trying_a_device_does_not_affect_the_random_numbers_of_the_program() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    choose_device("cpu")
    assert torch.equal(torch.rand(3), expected)
