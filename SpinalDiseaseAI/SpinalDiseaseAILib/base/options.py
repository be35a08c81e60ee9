"""Options of an analysis, and how progress is reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from .errors import InputError

DEFAULT_PIPELINE = "lumbar-mr"
DEFAULT_LOCALIZER = "lumbar-mr-localizer"
DEFAULT_CLASSIFIER = "lumbar-mr-degeneration"
DEFAULT_SEGMENTER = "lumbar-mr-segmentation"
DEFAULT_WEIGHER = "lumbar-mr-disc-findings"
DEFAULT_GRADER = "lumbar-mr-disc-grade"
SHORT_NAMES = {"heatmap": "spinal-disease-2020-heatmap", "detector": "spinal-disease-2020-detector"}
"""Short names of model bundles: the two localizers of the Spinal Disease 2020 system, which comparisons often name."""

DEVICES = ("auto", "cuda", "mps", "cpu")

Progress = Callable[[str, float, str], None]
"""Called with (stage, fraction of the whole in 0 … 1, message). It may raise :class:`errors.Cancelled` to stop the analysis."""


def no_progress(stage: str, fraction: float, message: str) -> None:
    """Ignore progress."""


@dataclass(frozen=True)
class Options:
    """Options of an analysis; the defaults apply when a user chooses nothing.

    :param pipeline: a pipeline of the registry.
    :param localizer: bundle that finds the key points.
    :param classifiers: bundles that grade them, one or more.
    :param segmenter: bundle that outlines vertebrae, discs and the canal; empty for no masks.
    :param weigher: bundle that refines the findings of a classifier using each other and the masks; empty to keep them as they
        are. It is used only with that classifier.
    :param grader: bundle that derives mild, moderate or severe degeneration from grades and masks; empty for no such grade. It
        is used only if a classifier gives Pfirrmann grades.
    :param device: one of :data:`DEVICES`, or a torch device such as ``"cuda:1"``.
    :param models_folder: folder of the bundles; empty for the installed one.
    :param slices: maximum number of slices, around the middle of the stack, on which levels are searched for; 0 for as many as
        the spine needs.
    """

    pipeline: str = DEFAULT_PIPELINE
    localizer: str = DEFAULT_LOCALIZER
    classifiers: tuple[str, ...] = (DEFAULT_CLASSIFIER,)
    segmenter: str = DEFAULT_SEGMENTER
    weigher: str = DEFAULT_WEIGHER
    grader: str = DEFAULT_GRADER
    device: str = "auto"
    models_folder: str = ""
    slices: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "classifiers": list(self.classifiers)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Options:
        """The options in the result of :meth:`to_dict`.

        :raises InputError: if a field is unknown.
        """
        unknown = set(values) - set(cls.__dataclass_fields__)
        if unknown:
            raise InputError(f"Unknown options: {', '.join(sorted(unknown))}.", code="options")
        classifiers = tuple(values.get("classifiers", (DEFAULT_CLASSIFIER,)))
        return cls(**{**values, "classifiers": classifiers})
