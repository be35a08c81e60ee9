"""The training loop of every network: seeded, averaged, resumable, on one device or several."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from ..base.errors import InputError, OutputError
from ..models.efficient_encoder import EfficientEncoder
from .examples import ExampleFolder
from .hardware import PROCESSOR, Hardware
from .pretrained import imagenet_encoder
from .streams import LossStream

CHECKPOINT_STEPS = 200
_LOG_STEPS = 50


class Loop:
    """AdamW with a one-cycle learning rate and an exponential average of the weights.

    A checkpoint holds everything on which the next step depends (weights, average, optimizer, loss scale, random state of every
    process, step), so a run that was killed can be resumed with the same result.

    :param config: ``steps``, ``learning_rate``, ``weight_decay``, ``average``, ``seed``; ``initial`` may name
        initial weights.
    :param run: folder for ``checkpoint.pt``, ``log.jsonl`` and ``weights.safetensors``; only the first process writes there.
    :param hardware: device, precision and the other processes.
    :raises InputError: if the folder holds a run with another configuration or on other hardware, or the initial weights are
        missing or damaged.
    :raises OutputError: if the folder cannot be written.
    """

    def __init__(self, network: nn.Module, config: dict[str, Any], run: Path, hardware: Hardware = PROCESSOR) -> None:
        self.config = config
        self.run = run
        self.hardware = hardware
        checkpoint = self._checkpoint_of_run()
        self._begin()
        torch.manual_seed(config["seed"])
        for module in network.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()  # after seeding, so that the initial weights do not depend on what ran before
        if config.get("initial") and checkpoint is None:
            _start_from(network, config["initial"])
        if not hardware.first:
            torch.manual_seed(hardware.seed(config["seed"]))  # every process has the same weights but different dropout
        self.network = hardware.synchronized(network.to(hardware.device))
        self.average = deepcopy(self.network).eval()
        self.generator = torch.Generator().manual_seed(hardware.seed(config["seed"]))
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config["learning_rate"], weight_decay=config["weight_decay"]
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, max_lr=config["learning_rate"], total_steps=config["steps"] + 1, pct_start=0.1
        )
        self.scaler = hardware.scaler()
        self.step = 0
        if checkpoint is not None:
            self._resume(checkpoint)

    def _begin(self) -> None:
        try:
            self.run.mkdir(parents=True, exist_ok=True)
            if self.hardware.first:
                (self.run / "config.json").write_text(json.dumps(self.config, indent=1), encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"{self.run} cannot be written: {error.strerror or error}.",
                remedy="Choose another folder with --run.",
                code="output-unwritable",
            ) from error

    @property
    def finished(self) -> bool:
        """True if no steps are left."""
        return bool(self.step >= self.config["steps"])

    @contextmanager
    def examples(self) -> Iterator[ExampleFolder]:
        """The run's folder of stored examples. It is kept if the run is killed, and removed when the training is done."""
        folder = ExampleFolder(self.run / "examples", self.hardware)
        yield folder
        folder.remove()

    def fit(self, losses: LossStream) -> Path:
        """Train to the last step.

        :param losses: an endless stream of losses of the network, one per step.
        :returns: path of the averaged weights.
        """
        self.network.train()
        model = self.hardware.parallel(self.network)
        hidden = not self.hardware.first or not sys.stderr.isatty()
        running: list[Tensor] = []
        stream = losses(model, self.generator)
        self._log(**self.hardware.conditions | {"device": self.hardware.description}, torch=torch.__version__)
        with tqdm(total=self.config["steps"], initial=self.step, disable=hidden) as bar:
            while not self.finished:
                running.append(self._train_step(stream))
                bar.update()
                if self.step % _LOG_STEPS == 0:
                    loss = self._mean(running)
                    bar.set_postfix(loss=f"{loss:.4f}")
                    self._log(loss=loss)
                    running.clear()
                if self.step % CHECKPOINT_STEPS == 0:
                    self._checkpoint()
        return self._checkpoint()

    def _train_step(self, stream: Iterator[Tensor]) -> Tensor:
        """Take one optimizer step on the next loss, and return that loss."""
        self.optimizer.zero_grad(set_to_none=True)
        with self.hardware.autocast():
            loss = next(stream)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.schedule.step()
        self._follow()
        self.step += 1
        return loss.detach()

    @torch.no_grad()
    def _follow(self) -> None:
        if not self.hardware.first:
            return  # only the first process writes the average
        # The average follows faster in the beginning, when there is little to average.
        decay = min(self.config["average"], (1 + self.step) / (10 + self.step))
        for average, current in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
            if average.dtype.is_floating_point:
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(current)

    def _mean(self, losses: list[Tensor]) -> float:
        """The mean loss of some steps over all processes, in the first process."""
        own = [float(loss) for loss in losses]
        everywhere = self.hardware.gathered(sum(own) / len(own)) or own
        return sum(everywhere) / len(everywhere)

    def _log(self, **entry: object) -> None:
        if self.hardware.first:
            with (self.run / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps({"step": self.step, **entry}) + "\n")

    def _checkpoint(self) -> Path:
        random = self.hardware.gathered({"views": self.generator.get_state(), "network": self.hardware.random_state()})
        path = self.run / "weights.safetensors"
        if random is None:
            return path
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": random,
            "step": self.step,
            "config": self.config,
            "conditions": self.hardware.conditions,
        }
        temporary = self.run / "unfinished.tmp"
        torch.save(state, temporary)
        temporary.replace(self.run / "checkpoint.pt")
        save_file({key: value.contiguous() for key, value in self.average.state_dict().items()}, temporary)
        temporary.replace(path)
        return path

    def _checkpoint_of_run(self) -> dict[str, Any] | None:
        path = self.run / "checkpoint.pt"
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
            raise InputError(
                f"The checkpoint {path} cannot be read.",
                "A run goes on from a whole one.",
                "Choose another folder, or remove this one.",
                code="run",
            ) from error
        if state["config"] != self.config:
            raise InputError(
                f"The run in {self.run} was trained with another configuration.",
                "A run goes on only with its own.",
                "Choose another folder, or remove this one.",
                code="run",
            )
        begun, here = state.get("conditions"), self.hardware.conditions
        if begun != here:
            raise InputError(
                f"The run in {self.run} was begun on {_named(begun)}, and this is {_named(here)}.",
                "A run goes on as it was begun, so that its result does not depend on where it was interrupted.",
                "Go on there, or choose another folder.",
                code="run",
            )
        return state

    def _resume(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.scaler.load_state_dict(state["scaler"])
        random = state["random"][self.hardware.rank]
        self.generator.set_state(random["views"])
        self.hardware.set_random_state(random["network"])
        self.step = state["step"]


def _named(conditions: dict[str, Any] | None) -> str:
    """Conditions of a run as text."""
    if conditions is None:
        return "an earlier version"
    return f"{conditions['processes']} × {conditions['device']} in {conditions['precision']}"


def _start_from(network: nn.Module, initial: str) -> None:
    """Load the weights of a file whose names and shapes match the network's, or ImageNet's into every encoder."""
    if initial == "imagenet":
        for module in network.modules():
            if isinstance(module, EfficientEncoder):
                state = imagenet_encoder(module.stem.in_channels)
                module.load_state_dict({key: state[key] for key in module.state_dict()})
        return
    path = Path(initial)
    if not path.is_file():
        raise InputError(
            f"There are no weights {path} to start from.",
            remedy="Train them first, or name others with --initial.",
            code="initial",
        )
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path} holds no weights to start from ({error}).",
            "A whole file weights.safetensors is needed.",
            "Name others with --initial.",
            code="initial",
        ) from error
    own = network.state_dict()
    usable = {key: value for key, value in weights.items() if key in own and own[key].shape == value.shape}
    network.load_state_dict(usable, strict=False)
