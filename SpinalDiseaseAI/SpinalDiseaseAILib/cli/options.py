"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ..base.options import DEFAULT_CLASSIFIER, DEVICES, Options


def path_of(text: str) -> Path:
    """The path that a user typed.

    :raises typer.BadParameter: if it is empty, or contains the end of the command.
    """
    if not text:  # probably an unset variable in a script, not the current folder
        raise typer.BadParameter("The path is empty.")
    before, mark, _ = text.partition('"')
    if mark and _on_windows():  # paths cannot contain quotes: a backslash before the closing one made it part of the path
        raise typer.BadParameter(f"Leave out the backslash before the quotation mark that closes the path {before}.")
    return Path(text)


def _on_windows() -> bool:
    return os.name == "nt"


Paths = Annotated[
    list[Path],
    typer.Argument(parser=path_of, metavar="PATHS", help="Folders, ZIP archives or files of one study.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, to standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors.")]
Device = Annotated[str, typer.Option("--device", help=f"Where the networks run: {', '.join(DEVICES)}, or a GPU such as cuda:1.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace even files that SpinalDiseaseAI did not write.")]
Dicom = Annotated[
    bool,
    typer.Option(
        "--dicom", help="Write a DICOM structured report and segmentation too; unlike the other files, they name the patient."
    ),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", parser=path_of, metavar="PATH", help="Folder for the results; created if absent.", show_default=False
    ),
]
Bundles = Annotated[
    list[str] | None,
    typer.Option("--bundle", help="Model that grades the levels; can be repeated.", show_default=DEFAULT_CLASSIFIER),
]
Localizer = Annotated[
    str, typer.Option(help="Model that finds the levels; heatmap and detector are those published for Spinal Disease 2020.")
]
Segmentation = Annotated[bool, typer.Option(help="Make masks of vertebrae, discs and canal.")]
Segmenter = Annotated[str, typer.Option(help="Model that makes the masks.")]


def analysis_options(bundles: list[str] | None, localizer: str, segmenter: str, device: str, *, segmentation: bool) -> Options:
    """The options of an analysis from those of a command."""
    return Options(
        localizer=localizer,
        classifiers=tuple(bundles or (DEFAULT_CLASSIFIER,)),
        segmenter=segmenter if segmentation else "",
        device=device,
    )
