"""A worker that speaks the real protocol and answers with a report made by hand. What it does is in its first argument."""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scene"))

from scene_examples import finding, make_report

from SpinalDiseaseAILib.base.errors import ComputeError, InputError
from SpinalDiseaseAILib.base.report import Note, StructureResult
from SpinalDiseaseAILib.worker.server import serve

BEHAVIOUR = sys.argv[1]


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
        return type(report)(**{**vars(report), "notes": notes})

    def regrade(self, study, points, changed, options, progress):
        """Every disc has Pfirrmann grade 2 where a reader put its point."""
        if BEHAVIOUR == "die regrade":
            os._exit(3)
        if BEHAVIOUR == "refuse regrade":
            raise InputError("Outside the image: L4.", remedy="Move the point back into the image.", code="points")
        structures = tuple(
            StructureResult(name, points[name], 1.0, (finding("pfirrmann", "2"),) if "-" in name else (), manual=True)
            for name in changed
        )
        report = make_report(study.uid)
        return type(report)(**{**vars(report), "structures": structures, "numberings": (), "notes": ()})

    def probe(self, device):
        if device == "mps":
            raise ComputeError("There is no device 'mps'.", "Choose one of auto, cuda, mps, cpu.")
        fallback = "The device cuda cannot be used; the processor is used." if device == "cuda" else ""
        return {"requested": device, "device": "cpu", "description": "cpu", "fallback": fallback}


if __name__ == "__main__":
    sys.exit(serve(MadeAnalyser))
