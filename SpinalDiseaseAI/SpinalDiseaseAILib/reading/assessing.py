"""Whether an analysis can use a series, in which role, and how well: modality, kind, orientation, region, weighting, geometry."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..base.study import Role
from .region import wrong_region
from .slices import MR_CLASSES, Slice
from .stacks import Problem, Stack, stacks_of
from .weighting import Judgement, Weighting, judge, says

ROLE_OF = {Weighting.T2: Role.SAGITTAL_T2, Weighting.T1: Role.SAGITTAL_T1, Weighting.UNKNOWN: Role.SAGITTAL_T2}

_DERIVED = {
    "LOCALIZER": ("localizer", "it is a localizer"),
    "ADC": ("derived", "it is a diffusion map"),
    "MIP": ("derived", "it is a projection"),
    "MAX_IP": ("derived", "it is a projection"),
    "PROJECTION IMAGE": ("derived", "it is a projection"),
    "SUBTRACTION": ("derived", "it is a subtraction"),
    "SUB": ("derived", "it is a subtraction"),
    "SCREEN SAVE": ("derived", "it is a screenshot"),
    "SCREENSHOT": ("derived", "it is a screenshot"),
    "PHASE MAP": ("derived", "it shows phase"),
    "P": ("derived", "it shows phase"),
    "FAT": ("derived", "it shows fat only"),
    "F": ("derived", "it shows fat only"),
    "OP": ("derived", "its fat and water are out of phase"),
    "OPP_PHASE": ("derived", "its fat and water are out of phase"),
    "OUT_PHASE": ("derived", "its fat and water are out of phase"),
}
_DIXON = r"m?dixon|ideal|flex"
_DESCRIBED_PARTS = (  # of a Dixon acquisition, where ImageType was lost
    (r"f|fat", "its description says that it shows fat only"),
    (r"opp?|out|oop", "its description says that its fat and water are out of phase"),
)
_OUT_OF_PHASE = r"out ?(?:of ?)?phase|opp(?:osed)? ?phase"
_ENOUGH_SLICES = 7
_USUAL_HEIGHT = (200.0, 450.0)  # millimetres; larger fields of view are whole spines with coarser pixels

RANKING = (
    "its weighting is more certain",
    "it has more than a few slices",
    "no contrast agent was given for it",
    "it is an original image, not a derived one",
    "its field of view fits the lumbar spine better",
    "it is a two-dimensional spin echo, as readers use",
    "it covers more of the spine",
    "its pixels are smaller",
    "it was acquired first",
)
"""Meaning of each element of :attr:`Assessment.rank`, for a reader."""


@dataclass(frozen=True, eq=False)
class Assessment:
    """How an analysis can use a series.

    :param stack: its most suitable stack.
    :param total: number of slices of the series in all its stacks.
    :param judgement: its weighting.
    :param role: the role in which it can be used, None if it cannot.
    :param problem: why it cannot be used, None if it can.
    :param stage: number of checks passed; if no series can be used, the one that passed most best explains why.
    :param mixed: True if the series has slices of several orientations.
    """

    stack: Stack
    total: int
    judgement: Judgement
    role: Role | None
    problem: Problem | None
    stage: int
    mixed: bool

    @property
    def uid(self) -> str:
        """SeriesInstanceUID."""
        return self.stack.first.series_uid

    @property
    def study(self) -> tuple[str, str]:
        """Patient digest and StudyInstanceUID."""
        return self.stack.first.patient, self.stack.first.study_uid

    @property
    def name(self) -> str:
        """The series for a reader: its description, else its number."""
        return f"“{self.stack.first.description}”" if self.stack.first.description else f"number {self.stack.first.series_number}"

    @property
    def rank(self) -> tuple[float, ...]:
        """Sort key, higher is better; :data:`RANKING` explains each element."""
        first, count, extent = self.stack.first, len(self.stack.present), self.stack.extent
        return (
            -self.judgement.evidence.value,
            count >= _ENOUGH_SLICES,
            not first.acquisition.contrast_agent,
            "DERIVED" not in first.acquisition.image_type,
            _USUAL_HEIGHT[0] <= extent[2] <= _USUAL_HEIGHT[1],
            not first.acquisition.three_dimensional,
            round(extent[0] / 5),
            -round(max(first.pixel_spacing or (math.inf,)), 2),
            -first.series_number,
        )


def assess(slices: Iterable[Slice], role: Role | None = None) -> Assessment:
    """Assess a series.

    :param slices: all slices of the series.
    :param role: the role that the user chose it for; kind, region and weighting are then not checked.
    """
    stacks = stacks_of(slices)
    total = sum(len(stack.present) for stack in stacks)
    found = [_assess_stack(stack, stacks, total, role) for stack in stacks]
    return max(found, key=lambda item: (item.role is not None, item.stage, item.rank))


def _assess_stack(stack: Stack, stacks: list[Stack], total: int, chosen: Role | None) -> Assessment:
    judgement = judge(stack.first.acquisition)
    mixed = len({item.orientation for item in stacks}) > 1
    stage = 0
    for stage, problem in enumerate(_checks(stack, stacks, judgement, total, chosen)):
        if problem is not None:
            return Assessment(stack, total, judgement, None, problem, stage, mixed)
    return Assessment(stack, total, judgement, chosen or ROLE_OF[judgement.weighting], None, stage + 1, mixed)


def _checks(stack: Stack, stacks: list[Stack], judgement: Judgement, total: int, chosen: Role | None) -> Iterator[Problem | None]:
    """The checks in order; each yields None if it is passed."""
    yield _modality(stack.first)
    yield None if chosen else _kind(stack)
    yield _orientation(stack, stacks, total)
    yield None if chosen else _region(stack)
    yield None if chosen else _weighting(stack.first, judgement)
    yield stack.problem


def _modality(first: Slice) -> Problem | None:
    if first.modality == "MR" or (not first.modality and first.sop_class in MR_CLASSES):
        return None
    return Problem("not-mr", f"it is {first.modality or 'of unknown modality'}, not MR")


def _kind(stack: Stack) -> Problem | None:
    first = stack.first
    if first.samples != 1:
        return Problem("colour", "it is a colour image")
    if first.sop_class not in MR_CLASSES and (first.placed or len(stack.slices) > 1):
        return Problem("secondary-capture", "it is a secondary capture or another object, not an MR image")
    for value in first.acquisition.image_type:
        if value in _DERIVED:
            return Problem(*_DERIVED[value])
    return _described_part(first.acquisition.text)


def _described_part(text: str) -> Problem | None:
    """Why a series cannot be used that its description calls one part of a Dixon acquisition; None if there is no reason."""
    for words, because in _DESCRIBED_PARTS if says(text, _DIXON) else ():
        if says(text, words):
            return Problem("derived", because)
    return Problem("derived", _DESCRIBED_PARTS[1][1]) if says(text, _OUT_OF_PHASE) else None


def _orientation(stack: Stack, stacks: list[Stack], total: int) -> Problem | None:
    alike = [item for item in stacks if item.orientation == stack.orientation]
    if 2 * sum(len(item.present) for item in alike) <= total and len(alike) < len(stacks):
        directions = len({item.orientation for item in stacks})
        return Problem("localizer", f"its {total} slices lie in {directions} orientations, like those of a localizer")
    if stack.orientation not in ("sagittal", "unknown"):
        article = "an" if stack.orientation[0] in "ao" else "a"
        return Problem("not-sagittal", f"it is {article} {stack.orientation} series")
    same = [item for item in alike if (item.first.rows, item.first.columns) == (stack.first.rows, stack.first.columns)]
    if 2 * sum(len(item.present) for item in same) <= total:
        sizes = sorted({(item.first.columns, item.first.rows) for item in alike})
        return Problem("mixed-matrix", f"its slices differ in size ({', '.join(f'{c} × {r}' for c, r in sizes)} pixels)")
    return None


def _region(stack: Stack) -> Problem | None:
    first = stack.first
    coverage, _, height = stack.extent
    if stack.affine is None:  # nothing to measure
        coverage, height = 0.0, math.inf
    texts = (first.acquisition.text, first.study_text)
    found = wrong_region(first.body_part, texts, height=height, coverage=coverage)
    return None if found is None else Problem(found.code, found.because)


def _weighting(first: Slice, judgement: Judgement) -> Problem | None:
    if judgement.weighting not in ROLE_OF:
        return Problem("wrong-weighting", f"it is {judgement.weighting.value}: {judgement.because}")
    if judgement.weighting is Weighting.T1 and first.acquisition.contrast_agent:
        return Problem("contrast-agent", "it is contrast-enhanced T1")
    return None
