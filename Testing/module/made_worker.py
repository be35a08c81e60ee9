"""A worker that speaks the real protocol and answers with a hand-made report. Its first argument sets its behaviour."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scene"))

import numpy as np
from scene_examples import finding, make_report

from SpinalDiseaseAILib.base.correcting import NOT_MEASURED_AGAIN
from SpinalDiseaseAILib.base.errors import ComputeError, InputError
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.masks import LABELS, Masks
from SpinalDiseaseAILib.base.quantities import Measurement
from SpinalDiseaseAILib.base.report import ModelProvenance, Note, StructureResult
from SpinalDiseaseAILib.worker.server import serve

BEHAVIOUR = sys.argv[1]


def area(value):
    """Measurements of a disc, distinguished by their value: 300 from an analysis, 200 at a corrected point."""
    return (Measurement("disc_area", float(value)),)


class MadeAnalyser:
    def analyse(self, study, options, progress):
        progress("localization", 0.25, "Finding levels")
        if BEHAVIOUR == "slow":
            for step in range(1000):
                progress("localization", 0.25, f"Looking at slice {step}")
                time.sleep(0.01)
        if BEHAVIOUR == "refuse":
            raise InputError("No lumbar spine was found.", "A sagittal lumbar series is needed.", "Choose another volume.")
        if BEHAVIOUR == "die":
            os._exit(3)
        progress("classification", 0.75, "Grading levels")
        notes = (Note("options", f"{options.device} {','.join(options.classifiers)}"),)
        report = make_report(study.uid, series=tuple(item.identity() for item in study.series))
        if BEHAVIOUR in ("measured", "forgot") and options.segmenter:
            discs = tuple(replace(item, measurements=area(300)) if "-" in item.name else item for item in report.structures)
            outlined = ModelProvenance(options.segmenter, "1.0.0", "cd" * 32, "Apache-2.0")
            report = replace(report, structures=discs, models=(*report.models, outlined))
        if BEHAVIOUR == "masks":
            image = study.primary.image
            labels = np.zeros(image.voxels.shape, dtype=np.uint8)
            labels[:, :2] = LABELS["L5"]
            report = replace(report, masks=Masks(Image(labels, image.affine), {LABELS["L5"]: "L5"}, "m"))
        return replace(report, notes=notes)

    def regrade(self, study, points, changed, options, progress):
        """Every disc gets Pfirrmann grade 2 at the reader's point."""
        if BEHAVIOUR == "die regrade":
            os._exit(3)
        if BEHAVIOUR == "refuse regrade":
            raise InputError("Outside the image: L4.", remedy="Move the point back into the image.", code="points")
        structures = tuple(
            StructureResult(name, points[name], 1.0, (finding("pfirrmann", "2"),) if "-" in name else (), manual=True)
            for name in changed
        )
        report = replace(make_report(study.uid), structures=structures, numberings=(), notes=())
        if BEHAVIOUR == "measured" and options.segmenter:
            measured = tuple(replace(item, measurements=area(200)) for item in structures)
            return replace(report, structures=measured, remeasured={"L5-S1": area(201)})
        return replace(report, notes=(NOT_MEASURED_AGAIN,)) if options.segmenter else report

    def probe(self, device):
        if device == "mps":
            raise ComputeError("There is no device 'mps'.", "Choose one of auto, cuda, mps, cpu.")
        fallback = "The device cuda cannot be used; the processor is used." if device == "cuda" else ""
        return {"requested": device, "device": "cpu", "description": "cpu", "fallback": fallback}


if __name__ == "__main__":
    sys.exit(serve(MadeAnalyser))
