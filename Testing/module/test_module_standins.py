"""The stand-ins refuse what Python in Slicer cannot reach; otherwise the panel's tests would prove nothing."""

import pytest
from PySide6 import QtWidgets
from standins import widgets
from standins.python_qt import wrap


@pytest.fixture
def selector(qt_application, scene):
    box = wrap(widgets.qMRMLNodeComboBox())
    box.setMRMLScene(scene)
    return box


def test_a_property_is_read_without_parentheses(selector):
    assert selector.currentNodeID == ""
    with pytest.raises(TypeError):
        selector.currentNodeID()


def test_a_slot_is_called_with_parentheses(selector):
    assert selector.currentNode() is None


@pytest.mark.parametrize("name", ["_scene", "_fill", "currentIndex", "addItem"])
def test_members_that_the_class_does_not_expose_are_refused(selector, name):
    with pytest.raises(AttributeError):
        getattr(selector, name)


@pytest.mark.parametrize("name", ["currentNode", "anything"])
def test_only_properties_are_set(selector, name):
    with pytest.raises(AttributeError):
        setattr(selector, name, 1)


def test_a_signal_with_other_arguments_is_refused(selector, qt_application):
    with pytest.raises(AssertionError):
        selector.connect("currentNodeChanged(int)", print)
    with pytest.raises(AttributeError):
        wrap(QtWidgets.QPushButton()).connect("pressed(bool)", print)


def test_classes_of_qt_are_fully_accessible(qt_application):
    button = wrap(QtWidgets.QPushButton("Analyze"))
    button.setToolTip("tip")
    assert (button.text, button.toolTip, button.enabled) == ("Analyze", "tip", True)
    with pytest.raises(TypeError):
        button.text()
