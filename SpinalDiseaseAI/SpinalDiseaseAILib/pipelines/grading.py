"""Findings of a study: what the classifiers state, weighed with the masks, and the grade of disc degeneration beside it."""

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
"""Structure to logits, of each classifier."""

OTHER_WEIGHTS = "model-other-weights"
"""Code of the note on a model that cannot be used beside another one."""

_PFIRRMANN = "pfirrmann"
_ORDER = {item.name: number for number, item in enumerate(FINDINGS)}


@dataclass(frozen=True)
class Grading:
    """The models that give findings.

    :param weigher: None where findings are the classifiers' own word, :param grader: None where no degeneration is graded.
    """

    classifiers: tuple[tuple[Classifier, Bundle], ...]
    weigher: tuple[FindingWeigher, Bundle] | None
    grader: tuple[DiscGrader, Bundle] | None

    @classmethod
    def of(cls, options: Options, models: ModelStore, device: Device) -> tuple[Grading, Options, tuple[Note, ...]]:
        """The models of some options.

        :returns: they, the options without what is not used or not installed, and what there is to say of the latter.
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
        """What the classifiers state of some structures.

        :param volumes: contrast to sagittal stack, :param points: every key point that is known, RAS millimetres.
        :param progress: told fractions of this part of the work.
        :raises InputError: if a classifier looks at none of the contrasts.
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

        :param spine: the masks of the study; None where there are none.
        :param contrast: of the series that was segmented: what is taken from the masks is of T2.
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
        """True if a result is the word of the classifier whose findings are weighed: another one's stays as it is."""
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
        """Mild, moderate or severe, from the classifiers' own Pfirrmann grades: the masks are weighed once."""
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
