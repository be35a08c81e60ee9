"""``spinal-disease-ai train convert`` makes the folders that training reads; ``train submission`` enters a challenge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..base.errors import InputError
from ..base.options import DEFAULT_LOCALIZER, Options

if TYPE_CHECKING:
    from ..datasets.plain_folder import Conversion

convert = typer.Typer(help="Make the folders that training reads from the original data sets.", no_args_is_help=True)

Source = Annotated[Path, typer.Argument(help="Folder of the original data set.", exists=True, file_okay=False)]
Target = Annotated[Path, typer.Argument(help="Folder of the data sets; created if absent.", file_okay=False)]


@convert.command()
def spider(
    source: Source,
    data: Target,
    subset: Annotated[str, typer.Option(help="The publisher's subset: training, validation or all.")] = "training",
) -> None:
    """Write DATA/spider from SPIDER as published: images/, masks/ and two tables.

    Example: spinal-disease-ai train convert spider ~/downloads/spider data
    """
    from ..datasets.convert_spider import SUBSETS, convert_spider

    if subset not in SUBSETS:
        raise typer.BadParameter(f"{subset} is no subset; choose one of {', '.join(SUBSETS)}.")
    _print_conversion(convert_spider(source, data, subset=subset))


@convert.command()
def tianchi(
    source: Source,
    data: Target,
    code: Annotated[
        list[str] | None,
        typer.Option(help="Meaning of a disc code, such as v6=v2, in files with the later coding v1 … v8."),
    ] = None,
) -> None:
    """Write DATA/tianchi2020 from Spinal Disease 2020: folders of DICOM files and *_annotation.json.

    Example: spinal-disease-ai train convert tianchi ~/downloads/tianchi data
    """
    from ..datasets.convert_tianchi import convert_tianchi

    codes = dict(item.partition("=")[::2] for item in code or ())
    _print_conversion(convert_tianchi(source, data, codes))


@convert.command()
def rsna2024(source: Source, data: Target) -> None:
    """Write DATA/rsna2024 from RSNA 2024 lumbar as published: three tables and train_images/.

    Example: spinal-disease-ai train convert rsna2024 ~/downloads/rsna-2024 data
    """
    from ..datasets.convert_rsna2024 import convert_rsna2024

    _print_conversion(convert_rsna2024(source, data))


def submission(
    source: Source,
    series_map: Annotated[Path, typer.Argument(help="The test set's *_series_map.json.", exists=True, dir_okay=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path("submission.json"),
    bundle: Annotated[str, typer.Option(help="Model that grades.")] = "spinal-disease-2020",
    localizer: Annotated[str, typer.Option(help="Model that finds the levels.")] = DEFAULT_LOCALIZER,
    device: Annotated[str, typer.Option(help="Where the networks run.")] = "auto",
) -> None:
    """Analyse a test set of Spinal Disease 2020 and write a submission to the challenge.

    Example: spinal-disease-ai train submission lumbar_testA50 lumbar_testA50_series_map.json -o submission.json
    """
    from ..datasets.tianchi_submission import write_submission
    from ..pipelines.analyser import Analyser

    analyser = Analyser()
    options = Options(localizer=localizer, classifiers=(bundle,), device=device)
    written = write_submission(source, series_map, output, lambda study: analyser.analyse(study, options))
    for item in written.skipped:
        typer.echo(f"left out: {item}")
    typer.echo(f"Studies in {written.path}: {written.studies}. Left out, as listed: {len(written.skipped)}.")


def _print_conversion(conversion: Conversion) -> None:
    for item in conversion.skipped:
        typer.echo(f"left out: {item}")
    for item in conversion.warnings:
        typer.echo(f"note: {item}")
    typer.echo(f"Planes in {conversion.folder}: {conversion.planes}. Left out, as listed: {len(conversion.skipped)}.")
    if not conversion.planes:
        raise InputError("No plane could be converted.", "The reasons are listed.", code="dataset")
