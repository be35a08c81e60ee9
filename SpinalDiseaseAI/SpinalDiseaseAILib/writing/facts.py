"""Facts on a study and its analysis as lines of text, without anything that names the patient."""

from __future__ import annotations

from ..base.corrections import Correction
from ..base.report import Report
from ..base.study import Study

_LEAST_SHOWN = 0.01  # probability below which an alternative numbering is left out of a line


def spacing_text(spacing: tuple[float, float, float]) -> str:
    """Voxel size, smallest length first: ``"0.56 x 0.56 x 3.30 mm"``."""
    return " x ".join(f"{value:.2f}" for value in sorted(spacing)) + " mm"


def capitalised(text: str) -> str:
    """The text with its first letter large and the others as they are."""
    return text[:1].upper() + text[1:]


def series_line(study: Study, slice_range: tuple[int, int]) -> str:
    """The series that levels were found on, its voxel size and the slices that the structures lie on."""
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
    """A time of ISO 8601 in UTC as a reader writes it: ``"2026-01-02 03:04:05 UTC"``; empty if there is none."""
    return f"{created.replace('T', ' ').split('+')[0].rstrip('Z')} UTC" if created else ""


def correction_line(correction: Correction) -> str:
    """What was corrected, by whom and when: ``"L4-L5 moved by the reader, 2026-01-02 03:04:05 UTC"``."""
    what = f"{correction.structure} {correction.kind}" if correction.structure else f"Numbering moved by {correction.shift:+d}"
    return f"{what} by the {correction.author}, {time_text(correction.created)}"


def model_line(report: Report) -> str:
    """The models that took part, research-only ones marked, and the program."""
    models = [f"{item.name} {item.version}{' (research only)' if item.research_only else ''}" for item in report.models]
    return " · ".join(part for part in (report.software, *models) if part)
