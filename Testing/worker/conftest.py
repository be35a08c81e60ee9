"""A client whose worker follows a script, and studies that contain the script."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.study import Role, Series, Study
from SpinalDiseaseAILib.worker.client import WorkerClient

SCRIPTED_WORKER = str(Path(__file__).with_name("scripted_worker.py"))


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's temporary folder, empty at the start of each test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def study_of() -> Callable[[str], Study]:
    """A small study whose description is a script for the scripted worker."""

    def make(script: str = "", value: int = 1) -> Study:
        image = Image(np.full((3, 8, 8), value, dtype=np.int16), np.diag([4.0, 1.0, 1.0, 1.0]))
        return Study((Series(Role.SAGITTAL_T2, image, uid="1.2.3", description=script),), uid="1.2")

    return make


@pytest.fixture
def make_client() -> Iterator[Callable[..., WorkerClient]]:
    """Makes clients of the scripted worker, or as given by the arguments; all are shut down at the end."""
    clients = []

    def make(**arguments: object) -> WorkerClient:
        client = WorkerClient(**{"python": sys.executable, "arguments": (SCRIPTED_WORKER,), **arguments})  # type: ignore[arg-type]
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.shutdown()


@pytest.fixture(scope="module")
def client() -> Iterator[WorkerClient]:
    """One client for those tests of a file that do not harm its worker."""
    with WorkerClient(arguments=(SCRIPTED_WORKER,)) as running:
        yield running
