"""Qt objects as Python in Slicer sees them: properties are attributes, and what Slicer's classes do not expose is refused."""

import inspect
import json
from pathlib import Path

import shiboken6
from PySide6 import QtCore, QtGui, QtWidgets

CONTRACT = json.loads((Path(__file__).resolve().parents[1] / "qt_contract.json").read_text(encoding="utf-8"))


def wrap(value):
    """A Qt object wrapped, a list of them too; anything else as it is."""
    if isinstance(value, QtCore.QObject):
        return Wrapped(value)
    if isinstance(value, list):
        return [wrap(item) for item in value]
    return value


def unwrap(value):
    return value._object if isinstance(value, Wrapped) else value


class _Qt:
    """The module ``qt``: Qt's classes under one roof, objects made wrapped, enumerations without their own names."""

    WRAPPED = ("QMenu", "QProgressBar", "QSettings", "QTimer")
    PLAIN = ("QListWidgetItem", "QTableWidgetItem", "QUrl")

    def __getattr__(self, name):
        if name in self.WRAPPED:
            return lambda *arguments: wrap(_class(name)(*map(unwrap, arguments)))
        if name in self.PLAIN:
            return _class(name)
        raise AttributeError(f"the stand-in of qt has no {name}")

    class Qt:
        """Values of Qt's enumerations, by their own names."""

        Checked = QtCore.Qt.CheckState.Checked
        Unchecked = QtCore.Qt.CheckState.Unchecked
        ItemIsEnabled = QtCore.Qt.ItemFlag.ItemIsEnabled
        ItemIsSelectable = QtCore.Qt.ItemFlag.ItemIsSelectable
        ItemIsUserCheckable = QtCore.Qt.ItemFlag.ItemIsUserCheckable
        NoFocus = QtCore.Qt.FocusPolicy.NoFocus
        ToolTipRole = QtCore.Qt.ItemDataRole.ToolTipRole

    class QApplication:
        """Static members of the application."""

        @staticmethod
        def clipboard():
            return wrap(QtWidgets.QApplication.clipboard())

    class QDesktopServices:
        """What was asked of the desktop is kept; nothing is opened."""

        opened = ()

        @classmethod
        def openUrl(cls, url):
            cls.opened = (*cls.opened, url.toLocalFile())
            return True


QT = _Qt()


def _class(name):
    return next(getattr(part, name) for part in (QtWidgets, QtGui, QtCore) if hasattr(part, name))


class Signal:
    """A signal of an object; a slot gets as many of the arguments as it takes, as in Slicer."""

    def __init__(self, owner, bound):
        self._owner = owner
        self._bound = bound
        self._connected = {}

    def connect(self, slot):
        count = _positional_count(slot)
        self._connected[slot] = lambda *arguments: slot(*map(wrap, arguments[:count]))
        self._bound.connect(self._connected[slot])

    def disconnect(self, slot):
        _refuse_destroyed(self._owner)
        self._bound.disconnect(self._connected.pop(slot))


class Wrapped:
    """One object. Two wrappers of one object are equal."""

    def __init__(self, qt_object):
        object.__setattr__(self, "_object", qt_object)
        if not hasattr(qt_object, "_signals"):
            qt_object._signals = {}

    def __eq__(self, other):
        return isinstance(other, Wrapped) and other._object is self._object

    def __hash__(self):
        return hash(id(self._object))

    def __getattr__(self, name):
        _refuse_destroyed(self._object)
        if name == "name":
            return self._object.objectName()
        if name == "className":  # of every wrapped object, from its meta-object
            return lambda: _class_name(self._object)
        kind = _kind(self._object, name)
        if kind == "property":
            return wrap(self._object.property(name))
        if kind == "signal":
            return self._signal(name)
        method = getattr(self._object, name)
        return lambda *arguments: wrap(method(*map(unwrap, arguments)))

    def __setattr__(self, name, value):
        _refuse_destroyed(self._object)
        if _kind(self._object, name) != "property":
            raise AttributeError(f"{_class_name(self._object)} has no property {name!r} that Python in Slicer can set")
        if not self._object.setProperty(name, unwrap(value)):
            raise TypeError(f"{_class_name(self._object)}.{name} cannot be set to {value!r}")

    def connect(self, signature, slot):
        """Connect by signature, as ``button.connect("clicked(bool)", slot)``."""
        name, arguments = signature.rstrip(")").split("(")
        _check_signature(self._object, name, f"({arguments})")
        self._signal(name).connect(slot)

    def _signal(self, name):
        signals = self._object._signals
        if name not in signals:
            aliases = getattr(self._object, "SIGNAL_ALIASES", {})
            signals[name] = Signal(self._object, getattr(self._object, aliases.get(name, name)))
        return signals[name]


def _refuse_destroyed(qt_object):
    if not shiboken6.isValid(qt_object):
        raise ValueError("a member of a destroyed object was asked for")


def _class_name(qt_object):
    return type(qt_object).__name__


def _contracts(qt_object):
    """The contracts of an object's Slicer class and its Slicer bases; empty for a class of Qt's own."""
    found = []
    name = _class_name(qt_object)
    while name in CONTRACT:
        found.append(CONTRACT[name])
        name = CONTRACT[name]["base"]
    return found


def _qt_base(qt_object):
    """The class of Qt's own that an object is."""
    contracts = _contracts(qt_object)
    return getattr(QtWidgets, contracts[-1]["base"], QtCore.QObject) if contracts else type(qt_object)


def _kind(qt_object, name):
    for contract in _contracts(qt_object):
        for group, kind in (("properties", "property"), ("signals", "signal"), ("slots", "method")):
            if name in contract[group]:
                return kind
    base = _qt_base(qt_object)
    if base.staticMetaObject.indexOfProperty(name) >= 0:
        return "property"
    if isinstance(getattr(base, name, None), QtCore.Signal):
        return "signal"
    if name in ("isEnabled", "isVisible") or callable(getattr(base, name, None)):
        return "method"
    raise AttributeError(f"{_class_name(qt_object)} has no member {name!r} that Python in Slicer can reach")


def _check_signature(qt_object, name, arguments):
    for contract in _contracts(qt_object):
        if name in contract["signals"]:
            assert arguments in contract["signals"][name], f"{_class_name(qt_object)} has no signal {name}{arguments}"
            return
    signature = QtCore.QMetaObject.normalizedSignature(f"{name}{arguments}").toStdString()
    if _qt_base(qt_object).staticMetaObject.indexOfSignal(signature) < 0:
        raise AttributeError(f"{_class_name(qt_object)} has no signal {name}{arguments}")


def _positional_count(slot):
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in kinds for parameter in inspect.signature(slot).parameters.values())
