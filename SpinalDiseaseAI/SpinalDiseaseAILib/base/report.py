"""Report: the findings of an analysis, its input and its models. Everything that is shown or written comes from it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from . import anatomy
from .corrections import Correction
from .masks import Masks
from .quantities import Measurement

Point = tuple[float, float, float]


@dataclass(frozen=True)
class FindingResult:
    """Probabilities of one finding at one structure.

    :param name: a finding of :mod:`anatomy`.
    :param probabilities: class name to probability, every class of the finding in order; they sum to 1 if it is exclusive.
    :param model: name of the model bundle that gave them.
    :param plausible: classes, in order, that include the true one at the rate ``coverage``; empty if the model states none. If
        several classes can apply at once, each class that applies is included at that rate.
    :param coverage: rate at which the plausible classes include the truth, for each class as well as overall, such as 0.9; 0 if
        there are none.
    """

    name: str
    probabilities: dict[str, float]
    model: str
    plausible: tuple[str, ...] = ()
    coverage: float = 0.0

    @property
    def predicted(self) -> tuple[str, ...]:
        """Predicted classes: the most probable one or, if several can apply at once, each with a probability of at least 0.5."""
        best = max(self.probabilities, key=lambda key: self.probabilities[key])
        if anatomy.finding(self.name).exclusive:
            return (best,)
        return tuple(key for key, value in self.probabilities.items() if value >= 0.5) or (best,)

    @property
    def confidence(self) -> float:
        """Probability of the predicted class; the lowest if several are predicted."""
        return min(self.probabilities[key] for key in self.predicted)

    @property
    def unsure(self) -> bool:
        """True if every class is plausible: the images do not allow a decision."""
        return len(self.plausible) == len(self.probabilities)

    @property
    def abnormal(self) -> bool:
        """True if a predicted class is abnormal."""
        info = anatomy.finding(self.name)
        return any(info.class_of(key).abnormal for key in self.predicted)


@dataclass(frozen=True)
class StructureResult:
    """A structure that was found.

    :param name: a structure of :mod:`anatomy`.
    :param position: centre, RAS millimetres.
    :param confidence: probability in 0 … 1 that the point is right.
    :param findings: in the order of :data:`anatomy.FINDINGS`.
    :param manual: True if a person placed or moved the point.
    :param measurements: in the order of :data:`quantities.QUANTITIES`; those without a value give a reason.
    """

    name: str
    position: Point
    confidence: float
    findings: tuple[FindingResult, ...] = ()
    manual: bool = False
    measurements: tuple[Measurement, ...] = ()

    def finding(self, name: str) -> FindingResult | None:
        """The result of one finding, None if it was not assessed here."""
        return next((item for item in self.findings if item.name == name), None)

    def measurement(self, name: str) -> Measurement | None:
        """One measurement, None if it was not attempted here."""
        return next((item for item in self.measurements if item.name == name), None)


@dataclass(frozen=True)
class Numbering:
    """One way to name the levels that were found.

    :param shift: levels by which every name moves down relative to the report: 0 is the report's own numbering, None means that
        the levels cannot be numbered.
    :param probability: in 0 … 1; those of a report's numberings sum to 1.
    :param description: for a reader, such as ``"every structure is one level lower: L4 would be L5"``.
    """

    shift: int | None
    probability: float
    description: str


@dataclass(frozen=True)
class ModelProvenance:
    """A model bundle that an analysis used.

    :param sha256: of the weights file, lower-case hexadecimal.
    :param research_only: True if the licence of its training data allows research use only.
    """

    name: str
    version: str
    sha256: str
    licence: str
    research_only: bool = False


@dataclass(frozen=True)
class SeriesIdentity:
    """Identity of an input series, without anything that identifies the patient.

    :param uid: SeriesInstanceUID; empty if the input is not DICOM.
    :param sha256: of the voxels and the affine as they were analysed.
    :param role: a value of :class:`study.Role`.
    :param spacing: millimetres along the voxel axes.
    """

    role: str
    uid: str
    sha256: str
    spacing: Point
    frame_of_reference_uid: str = ""


@dataclass(frozen=True)
class Note:
    """Something that a reader must know.

    :param code: short, stable name for programs.
    :param severity: ``"info"`` or ``"warning"``.
    """

    code: str
    text: str
    severity: str = "info"


@dataclass(frozen=True)
class Report:
    """The result of one analysis of one study.

    :param pipeline: name of the pipeline, such as ``"lumbar-mr"``.
    :param study_uid: StudyInstanceUID; empty if the input is not DICOM.
    :param structures: from cranial to caudal.
    :param numberings: most probable first; empty if every point was given by a person.
    :param device: where the networks ran, such as ``"cpu"`` or ``"cuda:0 (NVIDIA …)"``.
    :param seconds: wall time by stage, including ``"total"``.
    :param created: ISO 8601 time in UTC.
    :param software: name and version of the product that made it.
    :param measurements: those of the whole spine.
    :param corrections: changes made by a reader since the analysis, oldest first.
    :param remeasured: structure name to measurements, for neighbours of corrected structures: a moved point can change them too.
        Empty in the report of a whole study.
    :param masks: voxels of the structures, if they were segmented. They are not part of the JSON document, so a report read from
        one has none; comparisons of reports ignore them.
    """

    pipeline: str
    structures: tuple[StructureResult, ...]
    numberings: tuple[Numbering, ...]
    models: tuple[ModelProvenance, ...]
    series: tuple[SeriesIdentity, ...]
    study_uid: str = ""
    device: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    created: str = ""
    software: str = ""
    measurements: tuple[Measurement, ...] = ()
    corrections: tuple[Correction, ...] = ()
    remeasured: dict[str, tuple[Measurement, ...]] = field(default_factory=dict)
    masks: Masks | None = field(default=None, compare=False, repr=False)

    def structure(self, name: str) -> StructureResult | None:
        """The result of one structure, None if it was not found."""
        return next((item for item in self.structures if item.name == name), None)

    @property
    def image_sha256(self) -> str:
        """SHA-256 of the series on which levels were found; distinguishes studies without a UID. Empty if unknown."""
        return next((item.sha256 for item in sorted(self.series, key=lambda item: item.role != "sagittal T2")), "")

    @property
    def measured(self) -> bool:
        """True if any measurement was attempted."""
        return bool(self.measurements) or any(item.measurements for item in self.structures)

    @property
    def research_only(self) -> bool:
        """True if any model used is licensed for research only."""
        return any(model.research_only for model in self.models)

    def with_structures(self, changed: tuple[StructureResult, ...]) -> Report:
        """A copy in which the structures of the same names are replaced; the others stay."""
        new = {item.name: item for item in changed}
        return replace(self, structures=tuple(new.get(item.name, item) for item in self.structures))


DISCLAIMER = "Research tool, not a medical device. Not for diagnosis or treatment decisions."
