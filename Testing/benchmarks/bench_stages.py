"""Times of the stages on the sample study, cold and warm, with peak memory, through the public interfaces.

Each part runs in processes of its own, so that cold means cold for everything but the file cache. Alternatives are measured in
turns in the same run: a number here is compared with a number of the same minute on the same machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from memory_watch import MemoryWatch
from window import blocked

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "SpinalDiseaseAI"))

LEVEL = "L4-L5"
COPIES = 4


@dataclass
class Measurement:
    """One line of the result.

    :param seconds: one value per repetition.
    :param peak_bytes: peak resident memory of the processes together; 0 if not measured.
    """

    stage: str
    seconds: list[float] = field(default_factory=list)
    peak_bytes: int = 0

    def time(self, work: Callable[[], Any]) -> Any:
        """Run a piece of work once more and record its time."""
        start = time.perf_counter()
        result = work()
        self.seconds.append(time.perf_counter() - start)
        return result


def environment() -> dict[str, str]:
    """Environment variables with which a child process finds the library of this tree."""
    return os.environ | {"PYTHONPATH": str(ROOT / "SpinalDiseaseAI")}


def watched(command: list[str]) -> tuple[float, int]:
    """Seconds and peak memory of a command.

    :raises SystemExit: with the command's own output if it fails.
    """
    start = time.perf_counter()
    child = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with MemoryWatch(psutil.Process(child.pid)) as watch:
        output, _ = child.communicate()
        seconds = time.perf_counter() - start
    if child.returncode:
        raise SystemExit(f"{' '.join(command)}\n{output}")
    return seconds, watch.peak_bytes


def command_line(repetitions: int, device: str) -> list[Measurement]:
    """``analyze`` from a shell, from files to files, with and without masks in turns."""
    ways = {
        "command line: analyze, a fresh process, files to files": [],
        "    the alternative: without masks": ["--no-segmentation"],
    }
    measurements = {stage: Measurement(stage) for stage in ways}
    for _ in range(repetitions):
        for stage, options in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, "-m", "SpinalDiseaseAILib", "analyze", str(sample()), "-o", folder, *options]
                seconds, peak = watched([*command, "--device", device, "--quiet"])
            measurements[stage].seconds.append(seconds)
            measurements[stage].peak_bytes = max(measurements[stage].peak_bytes, peak)
    return list(measurements.values())


def in_process(repetitions: int, device: str) -> list[Measurement]:
    """Reading and analysing in one process: the first study loads the models, the others reuse them."""
    from SpinalDiseaseAILib.base.options import Options
    from SpinalDiseaseAILib.base.process_memory import keep_freed_memory
    from SpinalDiseaseAILib.reading import open_study

    keep_freed_memory()  # like the command line and the worker
    reading_cold = Measurement("reading the sample, first time")
    study = reading_cold.time(lambda: open_study([sample()]))
    reading = Measurement("reading the sample, again")
    for _ in range(repetitions):
        reading.time(lambda: open_study([sample()]))

    importing = Measurement("importing the analyser and torch")

    def import_analyser() -> Any:
        from SpinalDiseaseAILib.pipelines.analyser import Analyser

        return Analyser()

    analyser = importing.time(import_analyser)
    options = Options(device=device)
    first = Measurement("analyser: first study")
    report = first.time(lambda: analyser.analyse(study, options))
    again = Measurement("analyser: next study")
    stages: dict[str, Measurement] = {}
    for _ in range(repetitions):
        report = again.time(lambda: analyser.analyse(study, options))
        for name, seconds in report.seconds.items():
            if name != "total":
                stages.setdefault(name, Measurement(f"    of which {name}")).seconds.append(seconds)

    points = {item.name: item.position for item in report.structures}
    one = Measurement(f"analyser: {LEVEL} graded and measured again")
    together = Measurement("analyser: every structure graded, all regions in one batch")
    in_turn = Measurement("    the alternative: one region at a time")
    for _ in range(repetitions):
        x, y, z = points[LEVEL]
        points[LEVEL] = (x, y + 0.1, z)  # a changed point, because measurements at unchanged points are not repeated
        one.time(lambda: analyser.regrade(study, points, (LEVEL,), options))
        together.time(lambda: analyser.regrade(study, points, (), options))
        in_turn.time(lambda: [analyser.regrade(study, points, (name,), options) for name in points])
    return [reading_cold, reading, importing, first, again, *stages.values(), one, together, in_turn, *writing(report, study)]


def writing(report: Any, study: Any) -> list[Measurement]:
    """The files of a result; the first time includes loading the writers."""
    from SpinalDiseaseAILib.writing import write_results

    files = [Measurement("writing report, table, markups, picture and page"), Measurement("    again")]
    scene = [Measurement("writing the scene"), Measurement("    again")]
    with tempfile.TemporaryDirectory() as folder:
        for measurement in files:
            measurement.time(lambda: write_results(report, study, Path(folder)))

        def write_scene() -> None:
            from SpinalDiseaseAILib.scene import mrb

            mrb.write_scene(report, study, Path(folder) / "scene.mrb")

        for measurement in scene:
            measurement.time(write_scene)
    return [*files, *scene]


def _regrade(client: Any, study: Any, points: Any, options: Any) -> None:
    client.regrade(study, points, (LEVEL,), options).wait()


def another(study: Any, number: int) -> Any:
    """The study with its corner voxel changed by a number, so that the worker has not seen the images."""
    from SpinalDiseaseAILib.base.geometry import Image

    series = []
    for item in study.series:
        voxels = item.image.voxels.copy()
        voxels[0, 0, 0] += number
        series.append(replace(item, image=Image(voxels, item.image.affine)))
    return replace(study, series=tuple(series))


def worker(repetitions: int, device: str) -> list[Measurement]:
    """The worker process, for which a user of Slicer waits. The alternative is a fresh worker for every study."""
    from SpinalDiseaseAILib.base.options import Options
    from SpinalDiseaseAILib.reading import open_study
    from SpinalDiseaseAILib.worker.client import WorkerClient

    study = open_study([sample()])
    options = Options(device=device)
    start = Measurement("worker: start until it answers")
    first = Measurement("worker: first study, start included")
    warm = Measurement("worker: next study on the warm worker")
    regrade = Measurement(f"worker: {LEVEL} graded again")
    fresh = Measurement("    the alternative: a fresh worker for every study")

    with MemoryWatch(psutil.Process()) as watch:
        with WorkerClient(environment=environment()) as client:
            start.time(lambda: client.probe(device).wait())

        def once() -> Any:
            with WorkerClient(environment=environment()) as client:
                return client.analyse_and_wait(study, options)

        with WorkerClient(environment=environment()) as client:
            report = first.time(lambda: client.analyse_and_wait(study, options))
            points = {item.name: item.position for item in report.structures}
            for number in range(1, repetitions + 1):
                new = another(study, number)
                warm.time(partial(client.analyse_and_wait, new, options))
                regrade.time(partial(_regrade, client, new, points, options))
        for _ in range(repetitions):
            fresh.time(once)
    warm.peak_bytes = watch.peak_bytes
    return [start, first, warm, regrade, fresh]


def archive(repetitions: int, device: str) -> list[Measurement]:
    """``batch`` over copies of the sample as studies of their own. The alternative is ``analyze`` for one after another."""
    together = Measurement(f"batch: {COPIES} studies")
    in_turn = Measurement(f"    the alternative: analyze {COPIES} times, with scenes")
    program = [sys.executable, "-m", "SpinalDiseaseAILib"]
    options = ["--device", device, "--quiet"]
    with tempfile.TemporaryDirectory() as folder:
        studies = copies(Path(folder, "archive"))
        for number in range(min(repetitions, 3)):
            whole = [*program, "batch", *map(str, studies), "-o", f"{folder}/batch {number}", *options]
            seconds, peak = watched(whole)
            together.seconds.append(seconds)
            together.peak_bytes = max(together.peak_bytes, peak)
            single = [[*program, "analyze", str(study), "-o", f"{folder}/alone {study.name}", *options] for study in studies]
            alone = [watched(command) for command in single]
            in_turn.seconds.append(sum(seconds for seconds, _ in alone))
            in_turn.peak_bytes = max(in_turn.peak_bytes, *(peak for _, peak in alone))
    return [together, in_turn]


def copies(folder: Path) -> list[Path]:
    """Folders with copies of the sample, each with UIDs of its own."""
    import pydicom
    from pydicom.uid import generate_uid

    made = []
    for number in range(COPIES):
        made.append(folder / str(number))
        made[-1].mkdir(parents=True)
        for path in sorted(sample().rglob("*.dcm")):
            dataset = pydicom.dcmread(path)
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID"):
                setattr(dataset, keyword, generate_uid(entropy_srcs=[str(number), dataset[keyword].value]))
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.save_as(made[-1] / path.name)
    return made


def window(repetitions: int, device: str) -> list[Measurement]:
    """The work during which Slicer's window is blocked."""
    return blocked(repetitions, device, Measurement, sample())


PARTS = {"command-line": command_line, "archive": archive, "in-process": in_process, "worker": worker, "window": window}


def sample() -> Path:
    """Folder of the sample study."""
    from SpinalDiseaseAILib.base.locations import sample_folder

    return sample_folder()


def machine() -> dict[str, str]:
    """The computer on which the times were measured."""
    from importlib.metadata import version

    names = {platform.processor(), platform.machine()}
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = {line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")} or names
    return {
        "processor": f"{', '.join(sorted(names - {''}))}, {os.cpu_count()} cores",
        "load before": f"{psutil.getloadavg()[0]:.1f}",
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def table(measurements: list[Measurement]) -> str:
    """Readable lines: median and range of the seconds, peak memory."""
    lines = [f"{'':<62}{'median s':>10}{'min – max':>17}{'n':>4}{'peak MB':>9}"]
    for item in measurements:
        spread = f"{min(item.seconds):.2f} – {max(item.seconds):.2f}"
        peak = f"{item.peak_bytes / 1e6:.0f}" if item.peak_bytes else ""
        lines.append(f"{item.stage:<62}{statistics.median(item.seconds):>10.3f}{spread:>17}{len(item.seconds):>4}{peak:>9}")
    return "\n".join(lines)


def main() -> None:
    """Run every part in a separate process and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--repetitions", type=int, default=5, help="repetitions of each warm stage (5)")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu (auto)")
    parser.add_argument("--json", type=Path, help="also write every single time into this file")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps([asdict(item) for item in PARTS[arguments.part](arguments.repetitions, arguments.device)]))
        return

    facts = machine()
    print("\n".join(f"{name + ':':<14}{value}" for name, value in facts.items()), flush=True)
    measurements: list[Measurement] = []
    for part in PARTS:
        print(f"measuring: {part}", file=sys.stderr, flush=True)
        command = [sys.executable, __file__, "--part", part, "-n", str(arguments.repetitions), "--device", arguments.device]
        result = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, text=True, check=False)
        if result.returncode:
            raise SystemExit(result.returncode)
        measurements += [Measurement(**item) for item in json.loads(result.stdout.splitlines()[-1])]
    print(table(measurements))
    if arguments.json:
        document = {"machine": facts, "measurements": [asdict(item) for item in measurements]}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
