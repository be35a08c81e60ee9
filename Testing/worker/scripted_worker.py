"""A worker whose analyser follows the study's description. The client under test runs it as a script.

The description is a script of words: ``sleep:0.5``, ``spin:5`` (without progress), ``print``, ``read-input``, ``memory``,
``cuda``, ``masks`` (the report has some), ``input-error``, ``bug``, ``kill``, ``exit:3``, ``abort``, ``garbage``,
``child:PATH`` (starts a process).
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.masks import LABELS, Masks
from SpinalDiseaseAILib.base.report import Note, Report, StructureResult
from SpinalDiseaseAILib.worker.server import serve


class OutOfMemoryError(RuntimeError):
    """Has the name of torch's class."""


class ScriptedAnalyser:
    def __init__(self):
        self.studies = []

    def analyse(self, study, options, progress):
        self.studies.append(study)
        for number, word in enumerate(study.primary.description.split()):
            progress("script", number / 10, word)
            name, _, value = word.partition(":")
            getattr(self, name.replace("-", "_"), self.nothing)(value, progress)
        return replace(self.report(study, ()), masks=self.masks_of(study, "L4-L5"))

    def regrade(self, study, points, changed, options, progress):
        structures = tuple(StructureResult(name, points[name], 1.0, manual=True) for name in changed)
        self.studies.append(study)
        return replace(self.report(study, structures), masks=self.masks_of(study, *changed))

    def masks_of(self, study, name):
        if "masks" not in study.primary.description.split():
            return None
        image = study.primary.image
        labels = (image.voxels > 0).astype(np.uint8) * LABELS[name]
        return Masks(Image(labels, image.affine), {LABELS[name]: name}, "m")

    def probe(self, device):
        return {"requested": device, "device": "cpu", "description": "scripted", "fallback": ""}

    def report(self, study, structures):
        facts = {
            "process": os.getpid(),
            "same-study": len(self.studies) > 1 and self.studies[-1] is self.studies[-2],
            "sum": int(np.sum(study.primary.image.voxels)),
            "utf8": sys.flags.utf8_mode,
        }
        notes = tuple(Note(key, str(value)) for key, value in facts.items())
        return Report("scripted", structures, (), (), (study.primary.identity(),), notes=notes)

    def nothing(self, value, progress):
        pass

    def sleep(self, value, progress):
        until = time.monotonic() + float(value)
        while time.monotonic() < until:
            time.sleep(0.02)
            progress("script", 0.5, "sleeping")

    def spin(self, value, progress):
        time.sleep(float(value))

    def print(self, value, progress):
        print("a library says something with ä and 脊椎", flush=True)
        os.write(1, b"a compiled library says something\n")
        subprocess.run([sys.executable, "-c", "print('a child says something')"], check=True)

    def read_input(self, value, progress):
        assert sys.stdin.read() == ""

    def memory(self, value, progress):
        raise MemoryError

    def cuda(self, value, progress):
        raise OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    def input_error(self, value, progress):
        raise InputError("There is no sagittal series.", "One is needed.", "Choose another study.", code="no-sagittal-series")

    def bug(self, value, progress):
        raise ZeroDivisionError("three divided by zero")

    def kill(self, value, progress):
        os.kill(os.getpid(), signal.SIGKILL)

    def exit(self, value, progress):
        os._exit(int(value))

    def abort(self, value, progress):
        os.kill(os.getpid(), signal.SIGSEGV)

    def garbage(self, value, progress):
        # To every pipe, because the protocol and the log use pipes on unknown descriptors.
        for descriptor in range(3, 20):
            try:
                os.write(descriptor, b"\xff\x00 no message\n")
            except OSError:
                continue
        time.sleep(30)

    def child(self, value, progress):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        Path(value).write_text(str(child.pid))
        time.sleep(60)


if __name__ == "__main__":
    sys.exit(serve(ScriptedAnalyser))
