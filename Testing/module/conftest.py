import importlib
import os
import sys
import time
from pathlib import Path

import pytest
import slicer

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scene"))

try:
    from PySide6 import QtWidgets
except ImportError as error:
    # Qt needs system libraries such as libGL and libEGL. test_module_qt.py reports if tests are skipped without them.
    QT_MISSING = str(error)
    collect_ignore_glob = ["test_module_[!q]*.py"]
else:
    QT_MISSING = ""
    from panel_helpers import analyze
    from standins import application

from scene_examples import make_study

from SpinalDiseaseAILib.base.study import Role
from SpinalDiseaseAILib.scene import application as application_services
from SpinalDiseaseAILib.scene.mrb import add_study, new_scene
from SpinalDiseaseAILib.worker.client import WorkerClient


@pytest.fixture
def qt_missing():
    """Why Qt cannot be used here; empty if it can."""
    return QT_MISSING


@pytest.fixture(scope="session")
def qt_application():
    return QtWidgets.QApplication.instance() or QtWidgets.QApplication([])


@pytest.fixture
def scene():
    return new_scene()


@pytest.fixture(autouse=True)
def unnoticed_errors(monkeypatch):
    """Errors in callbacks of Qt or VTK: the application only prints them and continues. Tests expect none."""
    found = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: found.append(error))
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: found.append(unraisable.exc_value))
    yield found
    assert found == []


@pytest.fixture
def errors(monkeypatch, qt_application, scene, tmp_path):
    """The application around the module; returns its error pop-ups."""
    return application.install(monkeypatch, scene, tmp_path)


@pytest.fixture
def module(monkeypatch, errors):
    """The module file, imported like the application does."""
    monkeypatch.delitem(sys.modules, "SpinalDiseaseAI", raising=False)
    yield importlib.import_module("SpinalDiseaseAI")
    sys.modules.pop("SpinalDiseaseAI", None)


@pytest.fixture
def nodes(scene):
    """T2 and T1 volume nodes of a study."""
    added = add_study(scene, make_study(with_t1=True))
    return added[Role.SAGITTAL_T2], added[Role.SAGITTAL_T1]


class SharedClient(WorkerClient):
    """A client whose idle worker outlives the panel that used it, so that tests need not wait for a new process."""

    def shutdown(self):
        if self.busy:
            super().shutdown()

    end = WorkerClient.shutdown


def made_worker(behaviour):
    return (str(Path(__file__).with_name("made_worker.py")), behaviour)


@pytest.fixture(scope="session")
def shared_clients():
    """Clients of the workers used by most tests."""
    clients = {behaviour: SharedClient(arguments=made_worker(behaviour)) for behaviour in ("report", "masks")}
    yield clients
    for client in clients.values():
        client.end()


@pytest.fixture
def client_of(shared_clients):
    """Clients of workers with a given behaviour, see `made_worker.py`. "own" is one that reports, for this test only."""
    clients = []

    def make(behaviour):
        if behaviour in shared_clients:
            return shared_clients[behaviour]
        clients.append(WorkerClient(arguments=made_worker(behaviour)))
        return clients[-1]

    yield make
    for client in clients:
        client.shutdown()


@pytest.fixture
def panel_of(module, client_of, monkeypatch):
    """Panels whose worker has a given behaviour."""
    panels = []
    for question in ("missingRequirements", "missingForDicom"):
        monkeypatch.setattr(application_services, question, list)

    def make(behaviour="report"):
        panel = module.SpinalDiseaseAIWidget(application.module_parent())
        panel.setup()
        panel.logic.client = client_of(behaviour)
        panels.append(panel)
        return panel

    yield make
    for panel in panels:
        panel.cleanup()


@pytest.fixture
def panel(panel_of, nodes, wait_until):
    """A panel that has analysed the study in the scene."""
    panel = panel_of()
    analyze(panel, wait_until)
    return panel


@pytest.fixture
def measured(panel_of, nodes, wait_until):
    """A panel whose study was segmented and measured."""
    panel = panel_of("measured")
    analyze(panel, wait_until)
    return panel


@pytest.fixture
def answer(monkeypatch):
    """Answer every question of the panel in the same way, and record the questions."""

    def reply(value):
        asked = []

        def answered(text):
            assert not slicer.app._object.waiting, "a question is asked under the wait cursor"
            asked.append(text)
            return value

        for question in ("confirmOkCancelDisplay", "confirmYesNoDisplay"):
            monkeypatch.setattr(slicer.util, question, answered)
        return asked

    return reply


@pytest.fixture
def wait_until(qt_application):
    """Process the application's events until a condition is true."""

    def wait(condition, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            qt_application.processEvents()
            time.sleep(0.005)

    return wait
