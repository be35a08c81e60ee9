"""The floors of the architecture: which may import which, and what importing a file may load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import package_lists
import pytest
from import_graph import LIBRARY, MODULE_FILE, ImportGraph

FOLDER = package_lists.ROOT / "SpinalDiseaseAI"

FLOORS = {
    "base": 0,
    "models": 1,
    "steps": 2,
    "pipelines": 3,
    "worker": 4,
    "reading": 5,
    "writing": 5,
    "scene": 5,
    "panel": 6,
    "batch": 6,
    "cli": 7,
    "surface": 8,
}
"""Floors of the run-time path, from the bottom. Floors at the same height do not import each other."""

WING = {"datasets", "training", "evaluation"}
"""Outside the run-time path: these import floors below the worker, the readers, and each other."""

KNOW_SLICER = {"scene", "panel"}
SLICER = {"slicer", "vtk", "vtkmodules", "qt", "ctk", "mrml"}
HEAVY = {"torch", "monai", "pydicom"}
LOADED_IN_SLICER = {"numpy", "scipy", "SimpleITK", *SLICER}
"""Packages outside the standard library that files in Slicer's own process may load."""


def floor_of(module: str) -> str:
    """Floor of a module of the library; the library's top-level files are surfaces, like the module file."""
    parts = module.split(".")
    return parts[1] if parts[0] == LIBRARY and len(parts) > 1 and parts[1] in {*FLOORS, *WING} else "surface"


def violations(graph: ImportGraph) -> list[str]:
    """A sentence for each import that goes up, sideways or out of the tree."""
    found = []
    for module, imports in graph.imports.items():
        floor = floor_of(module)
        for item in imports:
            where = f"{graph.files[module].name}:{item.line} ({module})"
            if item.top in SLICER and not (floor in KNOW_SLICER or module == MODULE_FILE):
                found.append(f"{where} imports {item.top}; only the scene and panel floors and the module file do")
            own = graph.own_module(item.target)
            if own is None:
                if floor == "base" and item.top != "numpy" and item.top not in sys.stdlib_module_names:
                    found.append(f"{where} imports {item.top}; base imports numpy and the standard library alone")
                continue
            target = floor_of(own)
            if own == LIBRARY or target == floor:
                continue
            if target in WING:
                if floor not in WING and not (floor in {"cli", "surface"} and not item.file_scope):
                    found.append(f"{where} imports {own}; the run-time path imports no {target}")
            elif floor in WING:
                if target in {"worker", "scene", "panel", "batch", "cli"}:
                    found.append(f"{where} imports {own}, which is above it")
            elif FLOORS[target] >= FLOORS[floor]:
                found.append(f"{where} imports {own}, which is not below it")
    return found


def in_slicers_process(graph: ImportGraph) -> list[str]:
    """Modules that Slicer's own process imports."""
    floors = [module for floor in sorted(KNOW_SLICER) for module in graph.modules_below(f"{LIBRARY}.{floor}")]
    return [*floors, f"{LIBRARY}.worker.client", MODULE_FILE]


def loaded_too_much(graph: ImportGraph) -> list[str]:
    """A sentence for each package that must not be loaded in Slicer's process, with the path to it."""
    found = []
    for module in in_slicers_process(graph):
        if module not in graph.files:
            found.append(f"{module} is missing")
            continue
        allowed = LOADED_IN_SLICER if "worker" not in module else {"numpy"}
        for package, chain in graph.loaded_by(module).items():
            if package not in allowed and package not in sys.stdlib_module_names:
                found.append(f"importing {module} loads {package}: {' → '.join(chain)}")
    return found


@pytest.fixture(scope="module")
def graph() -> ImportGraph:
    return ImportGraph(FOLDER)


def test_every_folder_of_the_library_is_a_floor_or_in_the_wing() -> None:
    folders = {path.name for path in (FOLDER / LIBRARY).iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert folders == {*FLOORS, *WING} - {"surface"}


def test_a_floor_imports_only_floors_below_it(graph: ImportGraph) -> None:
    assert violations(graph) == []


def test_importing_the_module_the_scene_or_the_worker_client_loads_nothing_heavy(graph: ImportGraph) -> None:
    assert loaded_too_much(graph) == []


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small tree that keeps the rules; tests break one of them."""
    for package in {*FLOORS, *WING} - {"surface"}:
        (tmp_path / LIBRARY / package).mkdir(parents=True)
        (tmp_path / LIBRARY / package / "__init__.py").write_text("")
    (tmp_path / LIBRARY / "__init__.py").write_text("")
    (tmp_path / "SpinalDiseaseAI.py").write_text("import slicer\nfrom SpinalDiseaseAILib.scene import nodes\n")
    (tmp_path / LIBRARY / "scene/nodes.py").write_text("import vtk\nfrom ..base import errors\n")
    (tmp_path / LIBRARY / "base/errors.py").write_text("import numpy\n")
    (tmp_path / LIBRARY / "worker/client.py").write_text("import json\nfrom ..base import errors\n")
    (tmp_path / LIBRARY / "steps/network.py").write_text("import torch\nfrom ..base import errors\n")
    (tmp_path / LIBRARY / "training/loop.py").write_text("from ..steps import network\n")
    (tmp_path / LIBRARY / "cli/main.py").write_text("def train():\n    from ..training import loop\n")
    return tmp_path


def test_a_tree_that_keeps_the_rules_passes(house: Path) -> None:
    graph = ImportGraph(house)
    assert violations(graph) == [] and loaded_too_much(graph) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("base/errors.py", "import scipy"),
        ("base/errors.py", "from ..steps import network"),
        ("base/errors.py", "def later():\n    from ..steps import network"),
        ("steps/network.py", "from SpinalDiseaseAILib.worker import client"),
        ("steps/network.py", "import slicer"),
        ("worker/client.py", "def later():\n    import vtk"),
        ("reading/series.py", "from ..writing import table"),
        ("scene/nodes.py", "from ..panel import host"),
        ("panel/section.py", "from ..cli import main"),
        ("steps/network.py", "from ..training.loop import train"),
        ("cli/main.py", "from ..training import loop"),
        ("training/loop.py", "from ..cli import main"),
        ("training/loop.py", "from ..worker import client"),
    ],
)
def test_an_import_that_goes_up_sideways_or_out_of_the_tree_is_named(house: Path, file: str, line: str) -> None:
    path = house / LIBRARY / file
    path.write_text((path.read_text() if path.exists() else "") + line + "\n")
    (sentence,) = violations(ImportGraph(house))
    assert path.name in sentence


@pytest.mark.parametrize("package", sorted(HEAVY))
@pytest.mark.parametrize("file", ["SpinalDiseaseAI.py", f"{LIBRARY}/scene/nodes.py", f"{LIBRARY}/worker/client.py"])
def test_a_heavy_import_at_file_scope_is_named_and_one_in_a_function_is_not(house: Path, file: str, package: str) -> None:
    path = house / file
    text = path.read_text()
    path.write_text(f"{text}try:\n    import {package}.sub\nexcept ImportError:\n    pass\n")
    assert any(f"loads {package}" in sentence for sentence in loaded_too_much(ImportGraph(house)))
    path.write_text(f"{text}def later():\n    import {package}.sub\n")
    assert loaded_too_much(ImportGraph(house)) == []


def test_a_heavy_import_reached_through_another_file_is_named(house: Path) -> None:
    path = house / LIBRARY / "worker/client.py"
    path.write_text("from ..steps import network\n")
    (sentence,) = loaded_too_much(ImportGraph(house))
    assert "SpinalDiseaseAILib.worker.client → SpinalDiseaseAILib.steps.network" in sentence


STANDIN = '''
import importlib.abc, importlib.machinery, sys, types

class Anything(type):
    """A class that can be subclassed, called, indexed and used as a decorator, as any name of Slicer."""
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name, (), {})
    def __call__(cls, *arguments, **named):
        return arguments[0] if len(arguments) == 1 and isinstance(arguments[0], type) else Anything(cls.__name__, (), {})
    def __getitem__(cls, item):
        return cls

class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in SLICER:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda name: getattr(Anything("", (), {}), name)
        return module
    def exec_module(self, module):
        pass

sys.meta_path.insert(0, Finder())
'''


def test_actually_importing_them_loads_nothing_heavy(graph: ImportGraph) -> None:
    modules = in_slicers_process(graph)
    lines = [f"SLICER = {SLICER!r}", STANDIN, *(f"import {name}" for name in modules)]
    lines += [f"print(sorted({HEAVY!r} & set(sys.modules)))"]
    environment = os.environ | {"PYTHONPATH": str(FOLDER), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", "\n".join(lines)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"
