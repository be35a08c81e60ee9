"""The training loop of every network: seeded, averaged, resumable."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from ..base.errors import InputError
from ..models.efficient_encoder import EfficientEncoder
from .pretrained import imagenet_encoder

LossStream = Callable[[nn.Module, torch.Generator], Iterator[Tensor]]
CHECKPOINT_STEPS = 200


class Loop:
    """AdamW with a one-cycle learning rate and an exponential average of the weights.

    A checkpoint holds everything that the next step depends on (weights, average, optimizer, random state, step), so that a run
    that was killed goes on to the same result.

    :param config: ``steps``, ``learning_rate``, ``weight_decay``, ``average``, ``seed``; ``initial`` may name
        weights to start from.
    :param run: folder for ``checkpoint.pt``, ``log.jsonl`` and ``weights.safetensors``.
    :raises InputError: if the folder holds a run by another configuration, or the weights to start from are missing.
    """

    def __init__(self, network: nn.Module, config: dict[str, Any], run: Path) -> None:
        self.config = config
        self.run = run
        checkpoint = self._checkpoint_of_run()
        run.mkdir(parents=True, exist_ok=True)
        (run / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
        torch.manual_seed(config["seed"])
        for module in network.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()  # after the seed, so that the start does not depend on what ran before
        if config.get("initial") and checkpoint is None:
            _start_from(network, config["initial"])
        self.network = network
        self.average = deepcopy(network).eval()
        self.generator = torch.Generator().manual_seed(config["seed"])
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=config["learning_rate"], weight_decay=config["weight_decay"])
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, max_lr=config["learning_rate"], total_steps=config["steps"] + 1, pct_start=0.1
        )
        self.step = 0
        if checkpoint is not None:
            self._resume(checkpoint)

    def fit(self, losses: LossStream) -> Path:
        """Train to the last step.

        :param losses: endless losses of the network, a new one a step.
        :returns: path of the averaged weights.
        """
        self.network.train()
        stream = losses(self.network, self.generator)
        bar = tqdm(total=self.config["steps"], initial=self.step, disable=not sys.stderr.isatty())
        running: list[float] = []
        while self.step < self.config["steps"]:
            self.optimizer.zero_grad(set_to_none=True)
            loss = next(stream)
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
            self.optimizer.step()
            self.schedule.step()
            self._follow()
            self.step += 1
            running.append(float(loss.detach()))
            bar.update()
            if self.step % 50 == 0:
                bar.set_postfix(loss=f"{sum(running) / len(running):.4f}")
                with (self.run / "log.jsonl").open("a") as log:
                    log.write(json.dumps({"step": self.step, "loss": sum(running) / len(running)}) + "\n")
                running.clear()
            if self.step % CHECKPOINT_STEPS == 0:
                self._checkpoint()
        bar.close()
        return self._checkpoint()

    @torch.no_grad()
    def _follow(self) -> None:
        # The average follows faster at the start, when there is little to average.
        decay = min(self.config["average"], (1 + self.step) / (10 + self.step))
        for average, current in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
            if average.dtype.is_floating_point:
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(current)

    def _checkpoint(self) -> Path:
        temporary = self.run / "checkpoint.tmp"
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "generator": self.generator.get_state(),
                "dropout": torch.get_rng_state(),
                "random_state": torch.get_rng_state(),  # dropout draws from it
                "step": self.step,
                "config": self.config,
            },
            temporary,
        )
        temporary.replace(self.run / "checkpoint.pt")
        path = self.run / "weights.safetensors"
        save_file({key: value.contiguous() for key, value in self.average.state_dict().items()}, path)
        return path

    def _checkpoint_of_run(self) -> dict[str, Any] | None:
        path = self.run / "checkpoint.pt"
        if not path.exists():
            return None
        state: dict[str, Any] = torch.load(path, weights_only=True)
        if state["config"] != self.config:
            raise InputError(
                f"The run in {self.run} was trained with another configuration.",
                "A run goes on only with its own.",
                "Choose another folder, or remove this one.",
                code="run",
            )
        return state

    def _resume(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["dropout"])
        self.step = state["step"]


def _start_from(network: nn.Module, initial: str) -> None:
    """Take over the weights of a file, as far as names and shapes are the network's; or of ImageNet into every encoder."""
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
    own = network.state_dict()
    usable = {key: value for key, value in load_file(path).items() if key in own and own[key].shape == value.shape}
    network.load_state_dict(usable, strict=False)
