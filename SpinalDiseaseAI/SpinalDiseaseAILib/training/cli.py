"""``spinal-disease-ai train``: converts original data sets, fits a network to a configuration, and packs the result."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..base.options import DEFAULT_CLASSIFIER, DEFAULT_LOCALIZER, DEFAULT_SEGMENTER, DEVICES
from .configuration import CONFIGS, check_trainable, read_configuration
from .convert_cli import convert, submission

if TYPE_CHECKING:
    from .hardware import Hardware

app = typer.Typer(
    name="train",
    help="Train the models again. Needs the data sets; see the developer guide.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(convert, name="convert")

Data = Annotated[Path, typer.Option(help="Folder that holds the data sets.", exists=True, file_okay=False)]
Run = Annotated[Path, typer.Option(help="Folder of the run: checkpoints and log. An interrupted run is resumed.")]
Threads = Annotated[int, typer.Option(help="Processor threads; 0 for all.", min=0)]


def configuration(name: str) -> dict[str, Any]:
    """The configuration with a packaged name or a path.

    :raises typer.BadParameter: if it does not exist.
    :raises InputError: if it is damaged.
    """
    path = Path(name) if name.endswith(".json") else CONFIGS / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(item.stem for item in CONFIGS.glob("*.json")))
        raise typer.BadParameter(f"{name} is not a configuration. Packaged are {known}; a path should end in .json.")
    return read_configuration(path)


@app.command()
def fit(
    config: Annotated[str, typer.Argument(help="Packaged configuration, or path of one.")],
    data: Data,
    run: Run,
    seed: Annotated[int | None, typer.Option(help="Seed, instead of the configuration's.", min=0)] = None,
    steps: Annotated[int | None, typer.Option(help="Steps, instead of the configuration's.", min=1)] = None,
    initial: Annotated[
        str | None, typer.Option(help="Weights to start from, instead of the configuration's; \"imagenet\" for the encoder's.")
    ] = None,
    left_out: Annotated[
        int | None,
        typer.Option(help="Fold of patients to leave out, from 0; the configuration states how many there are.", min=0),
    ] = None,
    threads: Threads = 0,
    device: Annotated[
        str, typer.Option(help=f"Where the network is trained: {', '.join(DEVICES)}. Each process of torchrun takes its own GPU.")
    ] = "auto",
    precision: Annotated[
        str, typer.Option(help="Arithmetic: fp32, or auto, which is bf16 or fp16 on NVIDIA GPUs and fp32 elsewhere.")
    ] = "auto",
) -> None:
    """Train one network.

    Example: spinal-disease-ai train fit localizer --data data --run runs/localizer

    On every GPU: torchrun --nproc-per-node gpu -m -- SpinalDiseaseAILib train fit localizer --data data --run runs/localizer
    """
    if "WORLD_SIZE" in os.environ:
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # otherwise each process logs that it looks for unused parameters
    import torch

    from .processes import hardware_of_process

    if threads:
        torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    with hardware_of_process(device, precision) as hardware:
        settings = configuration(config)
        given = {"seed": seed, "steps": steps, "initial": initial, "left_out": left_out}
        settings.update({key: value for key, value in given.items() if value is not None})
        if left_out is not None and left_out >= settings.get("folds", 0):
            raise typer.BadParameter(f"The configuration has {settings.get('folds', 0)} folds; --left-out counts them from 0.")
        check_trainable(settings)
        weights = training_of(settings)(settings, data, run, hardware)
        if hardware.first:
            typer.echo(weights)


def training_of(settings: dict[str, Any]) -> Callable[[dict[str, Any], Path, Path, Hardware], Path]:
    """The function that trains a configuration's network."""
    if settings.get("network") == "VNet2d":
        from .heat_map_regression import train_heat_maps

        return train_heat_maps
    if settings.get("network") == "BoxDetector":
        from .box_detection import train_boxes

        return train_boxes
    if settings["task"] == "localization":
        from .localizer import train_localizer

        return train_localizer
    if settings["task"] == "segmentation":
        from .segmentation import train_segmentation

        return train_segmentation
    from .regions import train_regions

    return train_regions


@app.command()
def pack(
    config: Annotated[str, typer.Argument(help="Configuration that the runs were trained by.")],
    runs: Annotated[list[Path], typer.Argument(help="One run, or several to average (segmentations: their weights).")],
    data: Data,
    output: Annotated[Path, typer.Option(help="Folder of the bundles.")] = Path("Resources/Models"),
) -> None:
    """Write a bundle from trained weights; grading probabilities are calibrated on the tuning patients.

    Example: spinal-disease-ai train pack degeneration runs/degeneration-1 runs/degeneration-2 --data data
    """
    from .packing import pack_runs

    typer.echo(pack_runs(configuration(config), list(runs), data, output))


@app.command()
def predict(
    runs: Annotated[list[Path], typer.Argument(help="Runs that each left a fold of patients out, one per fold.")],
    data: Data,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path("out-of-fold.json"),
    threads: Threads = 0,
) -> None:
    """Write what runs predict for the patients they left out, for ``train calibrate`` and ``evaluate --compare``; print figures.

    Example: spinal-disease-ai train predict runs/fold-0 runs/fold-1 runs/fold-2 --data data -o out-of-fold.json
    """
    import torch

    from ..evaluation.outputs import check_folder
    from ..evaluation.prediction_file import write_predictions
    from .out_of_fold import out_of_fold_run, table_of

    if output.is_dir():
        raise typer.BadParameter(f"{output} is a folder; --output is the file to write.")
    check_folder(output.parent)

    if threads:
        torch.set_num_threads(threads)
    run = out_of_fold_run(list(runs), data)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_predictions(output, [run], data, command="spinal-disease-ai train predict")
    typer.echo(table_of(run, data).markdown())
    typer.echo(output)


@app.command()
def grade(
    predictions: Annotated[list[Path], typer.Argument(help="Out-of-fold predictions: one predictions.json, or one per fold.")],
    data: Data,
    bundle: Annotated[str, typer.Option(help="Grading model whose probabilities are weighed.")] = DEFAULT_CLASSIFIER,
    localizer: Annotated[str, typer.Option(help="Model that finds the discs.")] = DEFAULT_LOCALIZER,
    segmenter: Annotated[str, typer.Option(help="Model that outlines the discs.")] = DEFAULT_SEGMENTER,
    output: Annotated[Path, typer.Option(help="Folder of the bundles.")] = Path("Resources/Models"),
) -> None:
    """Fit the model that grades degeneration as mild, moderate or severe, and write its bundle.

    Example: spinal-disease-ai train grade out-of-fold.json --data data
    """
    from ..evaluation.prediction_file import read_predictions
    from .disc_grade_bundle import fit_grader

    runs = [run for path in predictions for run in read_predictions(path, data)]
    names = (localizer, segmenter)
    typer.echo(fit_grader(configuration("disc-grade"), runs, bundle, names, data, output, typer.echo))


@app.command()
def weigh(
    predictions: Annotated[list[Path], typer.Argument(help="Out-of-fold predictions: one predictions.json, or one per fold.")],
    data: Data,
    bundle: Annotated[str, typer.Option(help="Grading model whose findings are weighed.")] = DEFAULT_CLASSIFIER,
    localizer: Annotated[str, typer.Option(help="Model that finds the discs.")] = DEFAULT_LOCALIZER,
    segmenter: Annotated[str, typer.Option(help="Model that outlines the discs.")] = DEFAULT_SEGMENTER,
    output: Annotated[Path, typer.Option(help="Folder of the bundles.")] = Path("Resources/Models"),
) -> None:
    """Fit the model that weighs findings together with the masks, and write its bundle.

    Prints the gain for each finding, and the figures of patients that it was not fitted on.

    Example: spinal-disease-ai train weigh out-of-fold.json --data data
    """
    from ..evaluation.prediction_file import read_predictions
    from .finding_weights_bundle import fit_weigher
    from .out_of_fold import table_of

    runs = [run for path in predictions for run in read_predictions(path, data)]
    done = fit_weigher(configuration("disc-findings"), runs, bundle, (localizer, segmenter), data, output, typer.echo)
    typer.echo(done.text)
    typer.echo(table_of(done.run, data).markdown())
    typer.echo(done.folder)


@app.command()
def calibrate(
    predictions: Annotated[list[Path], typer.Argument(help="Out-of-fold predictions: one predictions.json, or one per fold.")],
    bundle: Annotated[Path, typer.Option(help="Folder of the bundle to calibrate.", exists=True, file_okay=False)],
    rate: Annotated[
        float, typer.Option(help="Rate at which the plausible classes include the true one.", min=0.5, max=0.99)
    ] = 0.9,
    title: Annotated[str, typer.Option(help="Run of the predictions to take.", show_default="the first that grades")] = "",
) -> None:
    """Calibrate a bundle's probabilities and plausible classes; update its metadata and card.

    Example: spinal-disease-ai train calibrate out-of-fold.json --bundle Resources/Models/lumbar-mr-degeneration
    """
    from .calibrating import calibrate_bundle, card_text

    typer.echo(card_text(calibrate_bundle(list(predictions), bundle, rate=rate, title=title), rate))


app.command()(submission)
