"""Models that an analysis can do without: if the default one is not installed, a note says what is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..base.options import DEFAULT_CLASSIFIER, DEFAULT_GRADER, DEFAULT_SEGMENTER, DEFAULT_WEIGHER, Options
from ..base.report import Note
from ..models.bundle import is_installed

NOTE_CODE = "model-absent"

WITHOUT_WEIGHING = "Disc findings are those of the region network alone, without the masks."

_WITHOUT = {
    DEFAULT_SEGMENTER: "Structures were not outlined and nothing was measured.",
    DEFAULT_WEIGHER: WITHOUT_WEIGHING,
    DEFAULT_GRADER: "Discs have no grade of mild, moderate or severe degeneration.",
}


def without_absent(options: Options) -> tuple[Options, tuple[Note, ...]]:
    """Options without the optional models that are not installed, and a note for each.

    Only a default model can be left out: any other was requested by name, and an installed but damaged one is an error when it is
    loaded.
    """
    folder = Path(options.models_folder) if options.models_folder else None
    absent = {name for name in _WITHOUT if not is_installed(name, folder)}
    segmenter = "" if options.segmenter in absent else options.segmenter
    # Without masks, or without its classifier, a weigher has no use, and its absence needs no note.
    idle = not segmenter or (options.weigher == DEFAULT_WEIGHER and DEFAULT_CLASSIFIER not in options.classifiers)
    chosen = (options.segmenter, "" if idle else options.weigher, options.grader)
    notes = tuple(
        Note(NOTE_CODE, f"The model {name} is not installed. {_WITHOUT[name]}", "warning") for name in chosen if name in absent
    )
    _, weigher, grader = ("" if name in absent else name for name in chosen)
    return replace(options, segmenter=segmenter, weigher=weigher, grader=grader), notes
