"""The .ui file, the code and the stand-ins agree with one another and with what Python in Slicer can reach."""

import ast
import inspect
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from PySide6 import QtCore, QtWidgets
from standins import widgets
from standins.python_qt import CONTRACT, QT, wrap

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "SpinalDiseaseAI"
TREE = ElementTree.parse(MODULE / "Resources/UI/SpinalDiseaseAI.ui")
CODE = [MODULE / "SpinalDiseaseAI.py", *sorted((MODULE / "SpinalDiseaseAILib/panel").glob("*.py"))]
STANDINS = [item for item in vars(widgets).values() if inspect.isclass(item) and item.__module__ == widgets.__name__]
NEED_NO_CODE = {"QLabel", "QWidget", "qMRMLWidget"}
"""Classes of widgets that may be in the .ui without being named in the code."""

FOCUS = {
    "QPushButton", "QToolButton", "QComboBox", "QCheckBox", "QSpinBox", "QDoubleSpinBox", "QLineEdit", "QTableWidget",
    "QListWidget", "QPlainTextEdit", "QTextBrowser", "QProgressBar", "QTabWidget", "qMRMLNodeComboBox", "qMRMLTableView",
    "ctkCollapsibleButton",
    "ctkDirectoryButton",
}  # fmt: skip
"""Classes of widgets that a keyboard reaches or a screen reader reads."""


def widgets_of_ui():
    return {widget.get("name"): widget.get("class") for widget in TREE.iter("widget")}


def names_in_code():
    """Names of widgets in the code, as attributes of ``ui``."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in CODE)
    return set(re.findall(r"\bui\.(\w+)", text)) - {"py"}


def parameters_of_ui():
    return [prop.findtext("string") for prop in TREE.iter("property") if prop.get("name") == "SlicerParameterName"]


def test_every_widget_that_the_code_names_is_in_the_ui():
    assert names_in_code() - set(widgets_of_ui()) == set()


def test_every_widget_of_the_ui_that_does_something_is_named_in_the_code():
    tied = {
        widget.get("name") for widget in TREE.iter("widget") if widget.find("property[@name='SlicerParameterName']") is not None
    }
    folds = {name for name, kind in widgets_of_ui().items() if kind == "ctkCollapsibleButton"}
    wanted = {name for name, kind in widgets_of_ui().items() if kind not in NEED_NO_CODE}
    assert wanted - names_in_code() - tied - folds == set()


def test_every_parameter_of_the_ui_is_a_field_of_the_parameter_node(module):
    fields = module.SpinalDiseaseAIParameterNode.allParameters
    assert len(parameters_of_ui()) == len(set(parameters_of_ui())) > 5
    assert set(parameters_of_ui()) <= set(fields)


def test_every_field_of_the_parameter_node_is_described_and_used(module):
    node = module.SpinalDiseaseAIParameterNode
    text = "\n".join(path.read_text(encoding="utf-8") for path in CODE)
    for name in node.allParameters:
        assert f"    {name} - " in node.__doc__, name
        assert re.search(rf"\.{name}\b", text), f"{name} is never read"


def test_every_control_has_a_name_for_screen_readers():
    bare = [
        widget.get("name")
        for widget in TREE.iter("widget")
        if widget.get("class") in FOCUS and not (widget.findtext("property[@name='accessibleName']/string") or "").strip()
    ]
    assert bare == []


def test_labels_are_buddies_of_controls_in_the_ui():
    names = set(widgets_of_ui())
    buddies = [prop.findtext("cstring") for prop in TREE.iter("property") if prop.get("name") == "buddy"]
    assert len(buddies) > 10 and set(buddies) <= names


def test_nothing_has_a_style_of_its_own():
    assert [prop for prop in TREE.iter("property") if prop.get("name") in ("styleSheet", "palette", "font")] == []
    assert not any("styleSheet" in path.read_text(encoding="utf-8") for path in CODE)


def test_every_mrml_widget_gets_the_scene():
    receivers = {item.findtext("receiver") for item in TREE.iter("connection")}
    assert receivers == {name for name, kind in widgets_of_ui().items() if kind.startswith("qMRML") and kind != "qMRMLWidget"}


def test_widgets_of_slicer_are_declared_with_their_qt_base():
    used = {kind for kind in widgets_of_ui().values() if kind.startswith(("qMRML", "ctk"))}
    assert {item.findtext("class") for item in TREE.iter("customwidget")} == used


@pytest.mark.parametrize("standin", STANDINS, ids=lambda item: item.__name__)
def test_a_stand_in_offers_exactly_what_its_class_offers(standin):
    """Public members beyond Qt's own base must be properties, signals or slots of the contract, respectively."""
    known = {"properties": set(), "signals": set(), "slots": set()}
    name = standin.__name__
    while name in CONTRACT:
        for kind in known:
            known[kind] |= set(CONTRACT[name][kind])
        name = CONTRACT[name]["base"]
    base = getattr(QtWidgets, name, QtCore.QObject)
    aliases = {own: theirs for theirs, own in getattr(standin, "SIGNAL_ALIASES", {}).items()}
    for member, value in vars(standin).items():
        if member.startswith("_") or member in ("SIGNAL_ALIASES", "staticMetaObject"):
            continue
        if isinstance(value, QtCore.Signal):
            assert aliases.get(member, member) in known["signals"], f"{standin.__name__} has no signal {member}"
        elif isinstance(value, QtCore.Property):
            assert member in known["properties"] or base.staticMetaObject.indexOfProperty(member) >= 0, f"no property {member}"
        else:
            assert member in known["slots"] or hasattr(base, member), f"Python cannot call {standin.__name__}.{member}"


def test_every_class_of_slicer_in_the_ui_has_a_stand_in():
    used = {kind for kind in widgets_of_ui().values() if kind.startswith(("qMRML", "ctk"))}
    assert used <= {item.__name__ for item in widgets.WIDGETS} <= set(CONTRACT)


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("ctkDirectoryButton", lambda button: button.directory()),
        ("ctkCollapsibleButton", lambda button: button.collapsed()),
        ("qMRMLTableView", lambda view: view.selectionChanged()),
    ],
)
def test_a_property_or_signal_that_is_called_as_a_method_is_refused(qt_application, name, use):
    with pytest.raises(TypeError):
        use(wrap(getattr(widgets, name)()))


@pytest.mark.parametrize(
    ("name", "member"),
    [("ctkDirectoryButton", "setDirectory"), ("ctkDirectoryButton", "currentPath"), ("qMRMLTableView", "node")],
)
def test_a_member_that_is_not_exposed_is_refused(qt_application, name, member):
    with pytest.raises(AttributeError):
        getattr(wrap(getattr(widgets, name)()), member)


def test_qt_has_no_names_that_python_in_slicer_lacks():
    for name in ("Signal", "Slot", "QMessageBox", "QTextCodec"):
        with pytest.raises(AttributeError):
            getattr(QT, name)
    assert not hasattr(QT.Qt, "CheckState"), "enumerations are not scoped there"


def test_code_that_qt_6_or_reviewers_refuse_is_not_used():
    for path in CODE:
        text = path.read_text(encoding="utf-8")
        for name in ("exec_", "QTextCodec", "QMessageBox", "import pip"):
            assert name not in text, f"{path.name} uses {name}"


def test_an_underscore_is_only_ever_the_translation():
    """As a throwaway name it would hide the translation function."""
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Name) and node.id == "_" and isinstance(node.ctx, ast.Store)), path.name
