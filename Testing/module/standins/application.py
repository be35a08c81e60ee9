"""Stand-ins for the parts of 3D Slicer that the ``slicer-core`` package does not have, put where the module looks for them.

The scene, its nodes and the rest of ``slicer.util`` are the real ones. Widgets are Qt widgets seen through a wrapper that offers
what Python in Slicer offers (``qt_contract.json``, read from Slicer's and CTK's headers) and refuses the rest.
"""

import contextlib
import sys
import types
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import slicer
from PySide6 import QtCore, QtWidgets
from PySide6.QtUiTools import QUiLoader

from . import parameter_node, python_qt, scripted_module, widgets
from .python_qt import CONTRACT, unwrap, wrap


def install(monkeypatch, scene, home):
    """Make ``import qt`` and the missing parts of ``slicer`` work until the test ends.

    :param home: folder of the application.
    :returns: list of the texts of error pop-ups.
    """
    QtCore.QSettings.setDefaultFormat(QtCore.QSettings.Format.IniFormat)
    QtCore.QSettings.setPath(QtCore.QSettings.Format.IniFormat, QtCore.QSettings.Scope.UserScope, str(home))
    QtWidgets.QApplication.instance().setOrganizationName("standin")
    modules = {
        "qt": python_qt.QT,
        "slicer.i18n": types.SimpleNamespace(tr=_translated, translate=lambda context, text: _translated(text)),
        "slicer.parameterNodeWrapper": parameter_node,
        "slicer.ScriptedLoadableModule": scripted_module,
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(slicer, "app", wrap(widgets.qSlicerApplication(home)), raising=False)
    monkeypatch.setattr(slicer, "mrmlScene", scene, raising=False)
    plots = slicer.vtkSlicerPlotsLogic()
    plots.SetMRMLScene(scene)
    module = types.SimpleNamespace(logic=lambda: plots)
    monkeypatch.setattr(slicer, "modules", types.SimpleNamespace(plots=module), raising=False)
    errors = []
    waiting = []

    @contextlib.contextmanager
    def try_with_error_display(message, waitCursor=False):
        waiting.extend([message] * waitCursor)
        try:
            yield  # the application shows what was raised, and raises it again
        finally:
            waiting[len(waiting) - waitCursor :] = []

    def error_display(text):
        assert not waiting, "a pop-up is shown under the wait cursor"
        errors.append(text)

    monkeypatch.setattr(slicer.util, "loadUI", load_ui)
    monkeypatch.setattr(slicer.util, "errorDisplay", error_display)
    monkeypatch.setattr(slicer.util, "tryWithErrorDisplay", try_with_error_display)
    monkeypatch.setattr(slicer.app._object, "waiting", waiting, raising=False)
    monkeypatch.setattr(slicer.util, "setSliceViewerLayers", lambda background, fit: None)
    monkeypatch.setattr(slicer.util, "saveScene", lambda path: scene.WriteToMRB(path))
    monkeypatch.setattr(slicer.util, "loadScene", lambda path: _load_scene(scene, path))
    for question in ("confirmOkCancelDisplay", "confirmYesNoDisplay"):
        monkeypatch.setattr(slicer.util, question, _unexpected)
    return errors


def load_ui(path):
    """A ``.ui`` file as a wrapped widget tree; its connections between widgets are made, and refused if they do not exist."""
    loader = QUiLoader()
    for widget in widgets.WIDGETS:
        loader.registerCustomWidget(widget)
    tree = ElementTree.parse(path)
    connections = tree.find("connections")
    tree.getroot().remove(connections)  # Qt cannot make these: their arguments are VTK objects
    buffer = QtCore.QBuffer()
    buffer.setData(ElementTree.tostring(tree.getroot()))
    root = loader.load(buffer)
    assert root is not None, loader.errorString()
    by_name = {root.objectName(): root, **{child.objectName(): child for child in root.findChildren(QtWidgets.QWidget)}}
    for connection in connections:
        sender, receiver = (by_name[connection.findtext(end)] for end in ("sender", "receiver"))
        signal, arguments = connection.findtext("signal").rstrip(")").split("(")
        assert f"({arguments})" in CONTRACT[type(sender).__name__]["signals"][signal]
        slot = connection.findtext("slot").split("(")[0]
        assert slot in CONTRACT[type(receiver).__name__]["slots"]
        getattr(sender, signal).connect(getattr(receiver, slot))
    return wrap(root)


def module_parent():
    """The widget that the application would give the module, with a layout."""
    parent = widgets.qSlicerScriptedLoadableModuleWidget()
    parent.setLayout(QtWidgets.QVBoxLayout())
    return wrap(parent)


def pixels(widget, path):
    """Save a picture of a widget."""
    unwrap(widget).grab().save(str(path))


def _load_scene(scene, path):
    """What the application does with an MRB file, with a cache of its own beside the file."""
    folder = Path(path).parent / "cache"
    folder.mkdir()
    (folder / ".slicer-cache").touch()
    cache = slicer.vtkCacheManager()
    cache.SetRemoteCacheDirectory(str(folder))
    manager = slicer.vtkDataIOManager()
    manager.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(manager)
    with contextlib.chdir("."):
        assert scene.ReadFromMRB(path, True)


def _unexpected(text):
    raise AssertionError(f"nobody answers this question: {text}")


def _translated(text):
    assert isinstance(text, str)
    return text
