"""Facts about a study and its analysis as lines of text, without anything that identifies the patient."""

from __future__ import annotations

from ..base.corrections import Correction
from ..base.report import Report
from ..base.study import Study

_LEAST_SHOWN = 0.01  # alternative numberings with a lower probability are not listed


def spacing_text(spacing: tuple[float, float, float]) -> str:
    """Voxel size, smallest length first: ``"0.56 x 0.56 x 3.30 mm"``."""
    return " x ".join(f"{value:.2f}" for value in sorted(spacing)) + " mm"


def capitalised(text: str) -> str:
    """The text with its first letter in upper case and the rest unchanged."""
    return text[:1].upper() + text[1:]


def series_line(study: Study, slice_range: tuple[int, int]) -> str:
    """The series on which levels were located, its voxel size, and the slices on which the structures lie."""
    series = study.primary
    image = series.image
    count = image.voxels.shape[["R" in code or "L" in code for code in image.codes].index(True)]
    first, last = slice_range
    where = f"slice {first + 1} of {count}"
    if first != last:
        where = f"slices {first + 1} to {last + 1} of {count}, each shown on its own"
    right, anterior, superior = (float(value) for value in image.spacing)
    size = spacing_text((right, anterior, superior)) if series.spacing_known else "voxel size not known"
    return f"{capitalised(series.role.value)} · {size} · levels on {where}"


def numbering_line(report: Report) -> str:
    """The numbering with its probability, then the alternatives."""
    if not report.numberings:
        return "Numbering: points placed by hand"
    first, *others = report.numberings
    texts = [
        f"{item.description} ({item.probability:.2f})" for item in (first, *(o for o in others if o.probability >= _LEAST_SHOWN))
    ]
    return "Numbering: " + " · or ".join(texts)


def time_text(created: str) -> str:
    """An ISO 8601 time in UTC in readable form: ``"2026-01-02 03:04:05 UTC"``; empty if there is none."""
    return f"{created.replace('T', ' ').split('+')[0].rstrip('Z')} UTC" if created else ""


def correction_line(correction: Correction) -> str:
    """A correction with its author and time: ``"L4-L5 moved by the reader, 2026-01-02 03:04:05 UTC"``."""
    what = f"{correction.structure} {correction.kind}" if correction.structure else f"Numbering moved by {correction.shift:+d}"
    return f"{what} by the {correction.author}, {time_text(correction.created)}"


def model_line(report: Report) -> str:
    """The models that took part, with research-only ones marked, and the program."""
    models = [f"{item.name} {item.version}{' (research only)' if item.research_only else ''}" for item in report.models]
    return " · ".join(part for part in (report.software, *models) if part)
