"""``spinal-disease-ai train``: fit a network by a configuration, and pack what was fitted into a bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="train",
    help="Train the models again. Needs the data sets, see the developer guide.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

CONFIGS = Path(__file__).with_name("configs")

Data = Annotated[Path, typer.Option(help="Folder that holds the data sets.", exists=True, file_okay=False)]
Run = Annotated[Path, typer.Option(help="Folder of the run: checkpoints and log. A run that was stopped goes on.")]
Threads = Annotated[int, typer.Option(help="Processor threads; 0 for all.")]


def configuration(name: str) -> dict[str, Any]:
    """A configuration by the name of a packaged one, or by path.

    :raises typer.BadParameter: if there is none.
    """
    path = Path(name) if name.endswith(".json") else CONFIGS / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(item.stem for item in CONFIGS.glob("*.json")))
        raise typer.BadParameter(f"{name} is no configuration. Packaged are {known}; a path should end in .json.")
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result


@app.command()
def fit(
    config: Annotated[str, typer.Argument(help="Packaged configuration, or path of one.")],
    data: Data,
    run: Run,
    seed: Annotated[int | None, typer.Option(help="Seed in place of the configuration's.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps in place of the configuration's.")] = None,
    initial: Annotated[str | None, typer.Option(help="Weights to start from, in place of the configuration's.")] = None,
    threads: Threads = 0,
) -> None:
    """Train one network.

    Example: spinal-disease-ai train fit localizer --data data --run runs/localizer
    """
    import torch

    if threads:
        torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    settings = configuration(config)
    given = {"seed": seed, "steps": steps, "initial": initial}
    settings.update({key: value for key, value in given.items() if value is not None})
    if settings["task"] == "localization":
        from .localizer import train_localizer

        typer.echo(train_localizer(settings, data, run))
    else:
        from .regions import train_regions

        typer.echo(train_regions(settings, data, run))


@app.command()
def pack(
    config: Annotated[str, typer.Argument(help="Configuration that the runs were trained by.")],
    runs: Annotated[list[Path], typer.Argument(help="One run, or several as members whose outputs are averaged.")],
    data: Data,
    output: Annotated[Path, typer.Option(help="Folder of the bundles.")] = Path("Resources/Models"),
) -> None:
    """Write a bundle from trained weights; grading probabilities are calibrated on the tuning patients.

    Example: spinal-disease-ai train pack degeneration runs/degeneration-1 runs/degeneration-2 --data data
    """
    from .packing import pack_runs

    typer.echo(pack_runs(configuration(config), list(runs), data, output))
