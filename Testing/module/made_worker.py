"""A worker that speaks the real protocol and answers with a report made by hand. What it does is in its first argument."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scene"))

from scene_examples import make_report

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.report import Note
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
        progress("classification", 0.75, "Grading levels")
        notes = (Note("options", f"{options.device} {','.join(options.classifiers)}"),)
        report = make_report(study.uid, series=tuple(item.identity() for item in study.series))
        return type(report)(**{**vars(report), "notes": notes})


if __name__ == "__main__":
    sys.exit(serve(MadeAnalyser))
