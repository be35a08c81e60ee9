"""The training loop: seeded, averaged, and the same whether it was interrupted or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from training_process import SMALL, small_network

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.training import loop
from SpinalDiseaseAILib.training.hardware import Hardware
from SpinalDiseaseAILib.training.loop import Loop


class Killed(Exception):
    """The process ends here."""


def losses(model: nn.Module, generator: torch.Generator, killed_at: int | None = None) -> Iterator[Tensor]:
    """Squared errors of a sum of four random numbers; ends the process at a step."""
    step = 0
    while True:
        if step == killed_at:
            raise Killed
        step += 1
        inputs = torch.randn(16, 4, generator=generator)
        yield ((model(inputs)[:, 0] - inputs.sum(1)) ** 2).mean()


def losses_in_fp32(model: nn.Module, generator: torch.Generator, killed_at: int | None = None) -> Iterator[Tensor]:
    """The same for a network whose outputs may have another precision."""
    return losses(lambda inputs: model(inputs).float(), generator, killed_at)  # type: ignore[arg-type]


def trained(run: Path, **changes: Any) -> dict[str, Tensor]:
    return load_file(Loop(small_network(), SMALL | changes, run).fit(losses))


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[key], other[key]) for key in one)


@pytest.fixture(autouse=True)
def frequent_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_STEPS", 2)


def test_the_same_seed_gives_the_same_weights_whatever_ran_before(tmp_path: Path) -> None:
    first = trained(tmp_path / "one")
    torch.rand(17)
    assert same(first, trained(tmp_path / "two"))


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    assert not same(trained(tmp_path / "one"), trained(tmp_path / "two", seed=4))


@pytest.mark.parametrize("killed_at", [2, 3, 5, 7])
def test_a_killed_run_resumes_to_bitwise_identical_weights(tmp_path: Path, killed_at: int) -> None:
    expected = trained(tmp_path / "whole")
    with pytest.raises(Killed):
        Loop(small_network(), SMALL, tmp_path / "killed").fit(lambda model, generator: losses(model, generator, killed_at))
    torch.rand(5)
    again = Loop(small_network(), SMALL, tmp_path / "killed")
    assert again.step == killed_at // 2 * 2
    assert same(load_file(again.fit(losses)), expected)


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_over(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        Loop(small_network(), SMALL, tmp_path / "killed").fit(lambda model, generator: losses(model, generator, 1))
    assert same(trained(tmp_path / "killed"), trained(tmp_path / "whole"))


def test_a_finished_run_is_not_trained_further(tmp_path: Path) -> None:
    first = trained(tmp_path)
    again = Loop(small_network(), SMALL, tmp_path)
    assert again.step == SMALL["steps"]
    assert same(load_file(again.fit(lambda model, generator: losses(model, generator, 0))), first)


@pytest.mark.parametrize("change", [{"seed": 4}, {"steps": 9}, {"learning_rate": 0.02}, {"extra": 1}], ids=str)
def test_another_configuration_in_the_folder_of_a_run_is_refused_and_changes_nothing(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    trained(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match="another configuration") as caught:
        Loop(small_network(), SMALL | change, tmp_path)
    assert caught.value.code == "run"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("other", "named"), [(Hardware(precision="bf16"), "1 × cpu in bf16"), (Hardware(processes=2), "2 × cpu in fp32")]
)
def test_a_run_resumes_only_on_the_hardware_on_which_it_began(tmp_path: Path, other: Hardware, named: str) -> None:
    trained(tmp_path)
    with pytest.raises(InputError, match=f"begun on 1 × cpu in fp32, and this is {named}") as caught:
        Loop(small_network(), SMALL, tmp_path, other)
    assert caught.value.code == "run"


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_lower_precision_keeps_weights_in_fp32_and_learns_the_same(tmp_path: Path, precision: str) -> None:
    exact = trained(tmp_path / "fp32", steps=60)
    found = load_file(
        Loop(small_network(), SMALL | {"steps": 60}, tmp_path / "low", Hardware(precision=precision)).fit(losses_in_fp32)
    )
    assert all(value.dtype == exact[key].dtype and torch.isfinite(value).all() for key, value in found.items())
    assert not same(found, exact)
    with_loss = [json.loads((tmp_path / name / "log.jsonl").read_text().splitlines()[1])["loss"] for name in ("fp32", "low")]
    assert with_loss[1] == pytest.approx(with_loss[0], rel=0.1)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_killed_run_in_a_lower_precision_resumes_to_the_same_weights(tmp_path: Path, precision: str) -> None:
    hardware = Hardware(precision=precision)
    expected = load_file(Loop(small_network(), SMALL, tmp_path / "whole", hardware).fit(losses_in_fp32))
    with pytest.raises(Killed):
        Loop(small_network(), SMALL, tmp_path / "killed", hardware).fit(lambda model, draw: losses_in_fp32(model, draw, 5))
    assert same(load_file(Loop(small_network(), SMALL, tmp_path / "killed", hardware).fit(losses_in_fp32)), expected)


def test_the_configuration_is_stored_with_the_weights_and_nothing_is_half_written(tmp_path: Path) -> None:
    trained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8")) == SMALL
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "log.jsonl", "checkpoint.pt", "weights.safetensors"}


def test_the_loss_is_logged_every_fifty_steps(tmp_path: Path) -> None:
    trained(tmp_path, steps=100)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [entry["step"] for entry in log] == [0, 50, 100]
    assert log[2]["loss"] < log[1]["loss"]


def test_the_log_begins_with_the_hardware(tmp_path: Path) -> None:
    trained(tmp_path)
    begun = json.loads((tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert begun == {"step": 0, "device": "cpu", "precision": "fp32", "processes": 1, "torch": torch.__version__}


def test_the_weights_are_the_average_of_the_last_steps_not_the_last_step(tmp_path: Path) -> None:
    trainer = Loop(small_network(), SMALL, tmp_path)
    average = load_file(trainer.fit(losses))
    assert same(average, dict(trainer.average.state_dict()))
    assert not same(average, dict(trainer.network.state_dict()))


def test_initial_weights_are_loaded_where_they_fit(tmp_path: Path) -> None:
    start = small_network().state_dict() | {"4.weight": torch.zeros(3, 8), "other": torch.zeros(1)}
    start["0.weight"] = torch.full_like(start["0.weight"], 7.0)
    save_file(start, tmp_path / "start.safetensors")
    trainer = Loop(small_network(), SMALL | {"initial": str(tmp_path / "start.safetensors")}, tmp_path / "run")
    assert (trainer.network.state_dict()["0.weight"] == 7).all() and (trainer.average.state_dict()["0.weight"] == 7).all()
    assert trainer.network.state_dict()["4.weight"].shape == (1, 8)


def test_missing_initial_weights_are_refused_before_the_folder_becomes_a_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no weights") as caught:
        Loop(small_network(), SMALL | {"initial": str(tmp_path / "nothing.safetensors")}, tmp_path / "run")
    assert caught.value.code == "initial"
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


@pytest.mark.parametrize("content", [b"", b"no weights"])
def test_damaged_initial_weights_are_refused_with_a_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match="holds no weights to start from"):
        Loop(small_network(), SMALL | {"initial": str(path)}, tmp_path / "run")


@pytest.mark.parametrize("kept", [0, 10, 1000])
def test_a_damaged_checkpoint_is_refused_with_a_sentence(kept: int, tmp_path: Path) -> None:
    trained(tmp_path)
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"checkpoint\.pt cannot be read"):
        Loop(small_network(), SMALL, tmp_path)
