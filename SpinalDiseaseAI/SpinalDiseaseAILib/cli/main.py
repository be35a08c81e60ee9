"""The commands and their options."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import __version__
from ..base.options import DEFAULT_LOCALIZER, DEFAULT_SEGMENTER, Options
from ..base.process_memory import keep_freed_memory
from ..worker.process import TORCH_ENVIRONMENT
from .failures import reported
from .options import (
    Bundles,
    Device,
    Dicom,
    Json,
    Localizer,
    Output,
    Overwrite,
    Paths,
    Quiet,
    Segmentation,
    Segmenter,
    analysis_options,
    path_of,
)
from .output import console, print_error, print_json

if TYPE_CHECKING:
    from .analysis import Request

app = typer.Typer(
    name="spinal-disease-ai",
    help="Names every lumbar vertebra and disc in a sagittal MR study and grades the disease at each level.",
    epilog="Exit status: 0 done, 2 wrong usage, 3 unusable images, 4 model, 5 computation, 6 results cannot be written, "
    "130 cancelled. Research tool, not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
DEMO_FOLDER = Path("spinal-disease-demo")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"SpinalDiseaseAI {__version__}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")]


@app.callback()
def _options(version: Version = False) -> None:
    pass


@app.command()
def analyze(
    paths: Paths,
    output: Output,
    t2: Annotated[str, typer.Option(help="UID of the series to take as sagittal T2, as `series` lists it.")] = "",
    t1: Annotated[str, typer.Option(help="UID of the series to take as sagittal T1.")] = "",
    bundle: Bundles = None,
    localizer: Localizer = DEFAULT_LOCALIZER,
    segmentation: Segmentation = True,
    segmenter: Segmenter = DEFAULT_SEGMENTER,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
    overwrite: Overwrite = False,
    dicom: Dicom = False,
) -> None:
    """Analyse a study and write report.json, report.tsv, points.mrk.json, overlay.png, report.html and scene.mrb.

    Masks go into masks.seg.nrrd and masks.nii.gz, their labels into masks.tsv and masks.json.

    With --dicom, report.sr.dcm and masks.seg.dcm are written too, for an archive, and they name the patient.

    Results of an earlier analysis in the same folder are replaced; anything else is left alone.

    **Examples**

        spinal-disease-ai analyze ~/studies/lumbar -o results

        spinal-disease-ai analyze study.zip -o results --json > result.json

        spinal-disease-ai analyze t2.nii.gz t1.nii.gz -o results --device cuda

        spinal-disease-ai analyze study -o results --bundle lumbar-mr-degeneration --bundle spinal-disease-2020
    """
    with reported(as_json=as_json):
        from .analysis import Request

        options = analysis_options(bundle, localizer, segmenter, device, segmentation=segmentation)
        request = Request(tuple(paths), output, t2, t1, options, overwrite, dicom)
        _analyse(request, as_json=as_json, quiet=quiet)


@app.command()
def batch(
    paths: Annotated[
        list[Path],
        typer.Argument(
            parser=path_of, metavar="PATHS", help="Folders, ZIP archives or files that hold the studies.", show_default=False
        ),
    ],
    output: Output,
    bundle: Bundles = None,
    localizer: Localizer = DEFAULT_LOCALIZER,
    segmentation: Segmentation = True,
    segmenter: Segmenter = DEFAULT_SEGMENTER,
    device: Device = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the studies, and what would be done with each.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    scene: Annotated[
        bool, typer.Option("--scene", help="Write scene.mrb for each study too; it contains the study's images.")
    ] = False,
    dicom: Dicom = False,
) -> None:
    """Analyse every study in folders and archives, each into a folder of its own.

    The same command goes on where an earlier one stopped: studies that are finished are skipped, unless their files changed.
    manifest.tsv says what was done with each study, and where it was found; report.tsv and measurements.tsv hold the results of
    all; index.html shows them.

    Studies that cannot be used, such as those of other body regions, are refused with the reason. Folders are named after neither
    patients nor files.

    **Examples**

        spinal-disease-ai batch ~/archive -o results

        spinal-disease-ai batch ~/archive -o results --dry-run

        spinal-disease-ai batch spider/images -o results --no-segmentation --device cuda
    """
    with reported(as_json=as_json):
        from ..batch.planning import BatchRequest
        from .batch import run

        options = analysis_options(bundle, localizer, segmenter, device, segmentation=segmentation)
        request = BatchRequest(tuple(paths), output, options, dicom, scene)
        status = run(request, as_json=as_json, quiet=quiet, dry_run=dry_run)
    if status:
        raise typer.Exit(status)


@app.command()
def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", parser=path_of, metavar="PATH", help="Folder for the results.")
    ] = DEMO_FOLDER,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
    overwrite: Overwrite = False,
) -> None:
    """Analyse the included sample study: a real lumbar spine.

    **Example**

        spinal-disease-ai demo -o demo
    """
    with reported(as_json=as_json):
        from ..base.locations import sample_folder
        from .analysis import Request

        options = Options(device=device)
        request = Request((sample_folder() / "lumbar-mr",), output, options=options, overwrite=overwrite)
        _analyse(request, as_json=as_json, quiet=quiet)


@app.command()
def series(paths: Paths, as_json: Json = False) -> None:
    """List the series in a folder, an archive or files, which would be analysed, and why.

    **Examples**

        spinal-disease-ai series ~/studies/lumbar

        spinal-disease-ai series study.zip --json
    """
    from .series import listing_document, listing_of, print_listing

    with reported(as_json=as_json):
        listing = listing_of(paths)
        if as_json:
            print_json(listing_document(listing))
        else:
            print_listing(console(), listing)
        if listing.problem:
            print_error(listing.problem)
            raise typer.Exit(listing.problem.exit_status)


@app.command()
def models(as_json: Json = False) -> None:
    """List the models that are installed, with their licences.

    A folder named in the environment variable SPINAL_DISEASE_AI_MODELS is used instead of the product's own.

    **Example**

        spinal-disease-ai models --json
    """
    from .models import models_document, print_models

    with reported(as_json=as_json):
        from ..models.bundle import list_bundles

        bundles = list_bundles()
        if as_json:
            print_json(models_document(bundles))
        else:
            print_models(console(), bundles)


@app.command(context_settings=_PASS_ON, add_help_option=False)
def train(context: typer.Context) -> None:
    """Train the models again; see `train --help`."""
    _run_wing("training", context)


@app.command(context_settings=_PASS_ON, add_help_option=False)
def evaluate(context: typer.Context) -> None:
    """Measure the models on data sets; see `evaluate --help`."""
    _run_wing("evaluation", context)


def _run_wing(name: str, context: typer.Context) -> None:
    from .wings import run_wing

    with reported():
        run_wing(name, str(context.info_name), list(context.args))


def _analyse(request: Request, *, as_json: bool, quiet: bool) -> None:
    from ..base.json_io import report_to_dict
    from .analysis import run_analysis
    from .printing import print_outcome
    from .progress import progress_bar

    with progress_bar(quiet=quiet) as progress:
        outcome = run_analysis(request, progress)
    if as_json:
        files = {name: str(path) for name, path in outcome.files.items()}
        result = {"report": report_to_dict(outcome.report), "files": files, "seconds": outcome.seconds}
        print_json({**result, "remarks": list(outcome.remarks)})
    elif not quiet:
        print_outcome(console(), outcome)


def main() -> None:
    """Run the command line and end the process with its exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets a substitute, not an error.
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        # Other signals, from a batch system or a closed terminal, end the program as cleanly as Ctrl-C.
        # Ignored signals, as under nohup, stay ignored; Windows has no SIGHUP, other systems have no SIGBREAK.
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    for variable, value in TORCH_ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    keep_freed_memory()
    app()
