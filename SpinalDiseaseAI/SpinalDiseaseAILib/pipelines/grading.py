"""Findings of a study: results of the classifiers, refined with the masks, and in addition the grade of disc degeneration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..base.anatomy import FINDINGS
from ..base.geometry import FloatArray
from ..base.options import Options, Progress
from ..base.planes import SagittalVolume
from ..base.report import FindingResult, Note
from ..models.bundle import Bundle
from ..steps.classification import Classifier
from ..steps.device import Device
from ..steps.disc_findings import FindingWeigher, mask_features
from ..steps.disc_grades import DiscGrader
from ..steps.measurements.disc_features import FEATURES
from ..steps.measurements.segmented_spine import SegmentedSpine
from .model_store import ModelStore
from .optional_models import WITHOUT_WEIGHING, without_absent

Findings = dict[str, tuple[FindingResult, ...]]
"""Structure to findings."""

Stated = tuple[Mapping[str, FloatArray], ...]
"""For each classifier: structure to logits."""

OTHER_WEIGHTS = "model-other-weights"
"""Code of the note about a model that does not fit the weights of another one."""

_PFIRRMANN = "pfirrmann"
_ORDER = {item.name: number for number, item in enumerate(FINDINGS)}


@dataclass(frozen=True)
class Grading:
    """The models that give findings.

    :param classifiers: with their bundles, in the order of the options.
    :param weigher: refines findings of a classifier; None to keep them as they are.
    :param grader: grades degeneration; None for no such grade.
    """

    classifiers: tuple[tuple[Classifier, Bundle], ...]
    weigher: tuple[FindingWeigher, Bundle] | None
    grader: tuple[DiscGrader, Bundle] | None

    @classmethod
    def of(cls, options: Options, models: ModelStore, device: Device) -> tuple[Grading, Options, tuple[Note, ...]]:
        """The models that options name.

        :returns: the models, the options without models that are not used or not installed, and notes about the latter.
        :raises ModelError: if a bundle cannot be used.
        """
        folder = options.models_folder
        classifiers = tuple(models.classifier(name, folder, device) for name in options.classifiers)
        if not any(_PFIRRMANN in bundle.findings for _, bundle in classifiers):
            options = replace(options, grader="")
        options, absent = without_absent(options)
        weigher = models.weigher(options.weigher, folder) if options.weigher else None
        if weigher is not None:
            weighed = {bundle.name: bundle for _, bundle in classifiers}.get(weigher[0].classifier)
            if weighed is None or weighed.sha256 != weigher[0].weights:
                absent = (*absent, *([_other_weights(weigher[1], weighed)] if weighed else []))
                weigher, options = None, replace(options, weigher="")
        grader = models.grader(options.grader, folder) if options.grader else None
        return cls(classifiers, weigher, grader), options, absent

    @property
    def bundles(self) -> list[Bundle]:
        """The bundles, in the order of their use."""
        further = [item[1] for item in (self.weigher, self.grader) if item is not None]
        return [*(bundle for _, bundle in self.classifiers), *further]

    def stated(
        self, volumes: dict[str, SagittalVolume], points: dict[str, FloatArray], names: tuple[str, ...], progress: Progress
    ) -> Stated:
        """Logits of the classifiers for structures.

        :param volumes: contrast to sagittal stack.
        :param points: all known key points, RAS millimetres.
        :param names: structures to grade.
        :param progress: receives fractions of this part of the work.
        :raises InputError: if a classifier uses none of the contrasts.
        """
        count = max(1, len(self.classifiers))
        return tuple(
            classifier.logits(
                volumes,
                points,
                names,
                lambda stage, fraction, message, number=number: progress(stage, (number + fraction) / count, message),  # type: ignore[misc]
            )
            for number, (classifier, _) in enumerate(self.classifiers)
        )

    def findings(self, stated: Stated, spine: SegmentedSpine | None, contrast: str) -> Findings:
        """The findings of every structure, in the order of tables.

        :param stated: from :meth:`stated`.
        :param spine: the masks of the study; None if there are none.
        :param contrast: of the segmented series; features from the masks need T2.
        """
        found: dict[str, list[FindingResult]] = {}
        for (classifier, _), logits in zip(self.classifiers, stated, strict=True):
            for name, items in classifier.results(logits).items():
                found.setdefault(name, []).extend(items)
        features = mask_features(spine) if spine is not None and contrast == "T2" and (self.weigher or self.grader) else {}
        degeneration = self._degeneration(found, features)
        weighed = self._weighed(stated, features)
        for name, own in found.items():
            better = weighed.get(name, {})
            own[:] = [better[item.name] if self._replaces(item, better) else item for item in own]
            if name in degeneration:
                own.append(degeneration[name])
        return {name: tuple(sorted(own, key=lambda item: _ORDER[item.name])) for name, own in found.items()}

    def _replaces(self, item: FindingResult, better: Mapping[str, FindingResult]) -> bool:
        """True if a result comes from the classifier whose findings are refined; results of others stay."""
        return self.weigher is not None and item.name in better and item.model == self.weigher[0].classifier

    def _weighed(self, stated: Stated, features: Mapping[str, FloatArray]) -> dict[str, dict[str, FindingResult]]:
        if self.weigher is None:
            return {}
        weigher = self.weigher[0]
        logits = next(
            logits for (_, bundle), logits in zip(self.classifiers, stated, strict=True) if bundle.name == weigher.classifier
        )
        return weigher.weigh(logits, features)

    def _degeneration(
        self, found: Mapping[str, list[FindingResult]], features: Mapping[str, FloatArray]
    ) -> dict[str, FindingResult]:
        """Mild, moderate or severe, from the unrefined Pfirrmann grades, so that the masks are not used twice."""
        if self.grader is None:
            return {}
        pfirrmann = {name: item.probabilities for name, items in found.items() for item in items if item.name == _PFIRRMANN}
        own = {name: values[: len(FEATURES)] for name, values in features.items()}
        return self.grader[0].grade(pfirrmann, {name: values for name, values in own.items() if np.isfinite(values).all()})


def _other_weights(weigher: Bundle, weighed: Bundle) -> Note:
    return Note(
        OTHER_WEIGHTS,
        f"The model {weigher.name} was fitted to other weights of {weighed.name} than those installed. {WITHOUT_WEIGHING}",
        "warning",
    )
