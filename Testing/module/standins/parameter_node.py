"""``slicer.parameterNodeWrapper`` for texts, numbers, yes and no, and nodes, as Slicer's developer guide describes it.

Like the real one it keeps every value, nodes too, until the parameter node says that it was modified; ``connectGui`` gives no tag
to disconnect with; and each wrapper guards against its own updates of the widgets only.
"""

import dataclasses
import typing

import slicer
import vtk


@dataclasses.dataclass
class WithinRange:
    """Annotation: the least and the greatest value of a number."""

    minimum: float
    maximum: float


def parameterNodeWrapper(cls):
    """Give a class with typed members a parameter node that holds them."""
    cls.allParameters = typing.get_type_hints(cls, include_extras=True)
    for name, kind in cls.allParameters.items():
        plain = _plain(kind)
        default = getattr(cls, name, plain() if plain in _READ else None)
        setattr(cls, name, _value_parameter(name, plain, default) if plain in _READ else _node_parameter(name))
    for name, member in _MEMBERS.items():
        setattr(cls, name, member)
    return cls


_READ = {str: str, int: int, float: float, bool: lambda text: text == "true"}


def _plain(kind):
    return typing.get_args(kind)[0] if hasattr(kind, "__metadata__") else kind


def _value_parameter(name, kind, default):
    def read(self):
        text = self.parameterNode.GetParameter(name)
        return _READ[kind](text) if text or (kind is str and name in self.parameterNode.GetParameterNames()) else default

    def write(self, value):
        assert isinstance(value, kind), f"{name} is {value!r}, not of type {kind.__name__}"
        self.parameterNode.SetParameter(name, str(value).lower() if kind is bool else str(value))

    return _kept(name, read, write)


def _node_parameter(name):
    def write(self, node):
        self.parameterNode.SetNodeReferenceID(name, node.GetID() if node is not None else None)

    return _kept(name, lambda self: self.parameterNode.GetNodeReference(name), write)


def _kept(name, read, write):
    """A property that is read from the parameter node only when that was modified."""

    def write_and_keep(self, value):
        with slicer.util.NodeModify(self):
            write(self, value)
            self._values[name] = read(self)

    member = property(lambda self: self._values[name], write_and_keep)
    _KEPT[member] = read
    return member


_KEPT = {}


def _init(self, parameterNode):
    self.parameterNode = parameterNode
    self._guis = {}
    self._updating = False
    readers = {name: _KEPT[getattr(type(self), name)] for name in self.allParameters}

    def read_all(caller=None, event=None):
        self._values = {name: read(self) for name, read in readers.items()}

    read_all()
    parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, read_all)


def _connect_gui(self, gui):
    named = {widget.property("SlicerParameterName"): widget for widget in vars(gui).values()}
    _connect_parameters(self, {name: widget for name, widget in named.items() if name})


def _connect_parameters(self, mapping):
    for name in mapping:
        assert name in self.allParameters, f"there is no parameter {name}"
    connectors = {name: _connector(widget, self.allParameters[name]) for name, widget in mapping.items()}

    def update(caller=None, event=None):
        if not self._updating:
            self._updating = True
            with slicer.util.NodeModify(self):
                for kept, _ in self._guis.values():
                    for name, connector in kept.items():
                        connector.write(getattr(self, name))
            self._updating = False

    def callback(name, connector):
        def changed(value=None):
            with slicer.util.NodeModify(self):
                if not self._updating:
                    setattr(self, name, connector.read())

        return changed

    tag, callbacks = len(self._guis), {}
    self._guis[tag] = (connectors, callbacks)
    for name, connector in connectors.items():
        connector.write(getattr(self, name))
        callbacks[name] = callback(name, connector)
        connector.changed.connect(callbacks[name])
    self.AddObserver(vtk.vtkCommand.ModifiedEvent, update)  # and nothing ever removes it
    return tag


def _disconnect_gui(self, tag):
    if tag in self._guis:
        connectors, callbacks = self._guis.pop(tag)
        for name, connector in connectors.items():
            connector.changed.disconnect(callbacks[name])


class _Property:
    """A widget whose value is a property."""

    def __init__(self, widget, name, changed):
        self.widget, self.name, self.changed = widget, name, changed

    def read(self):
        return getattr(self.widget, self.name)

    def write(self, value):
        setattr(self.widget, self.name, value)


class _NodeBox:
    def __init__(self, widget):
        self.widget, self.changed = widget, widget.currentNodeChanged

    def read(self):
        return self.widget.currentNode()

    def write(self, node):
        self.widget.setCurrentNode(node)


def _connector(widget, kind):
    """What the wrapper ties a widget to a type of parameter with; it refuses pairs that it does not know."""
    plain, className = _plain(kind), widget.className()
    if plain is bool and className == "QCheckBox":
        return _Property(widget, "checked", widget.stateChanged)
    if (plain, className) in ((int, "QSpinBox"), (float, "QDoubleSpinBox")):
        limits = next((item for item in getattr(kind, "__metadata__", ()) if isinstance(item, WithinRange)), None)
        assert limits is not None, f"{widget.name}: without a range the wrapper sets the limits of the widget to infinity"
        widget.minimum, widget.maximum = limits.minimum, limits.maximum
        return _Property(widget, "value", widget.valueChanged)
    if className == "qMRMLNodeComboBox":
        return _NodeBox(widget)
    raise RuntimeError(f"Unable to create GUI connector from datatype {kind} to widget type {className}")


_MEMBERS = {
    "__init__": _init,
    "connectGui": _connect_gui,
    "connectParametersToGui": _connect_parameters,
    "disconnectGui": _disconnect_gui,
    "AddObserver": lambda self, event, callback, priority=0.0: self.parameterNode.AddObserver(event, callback, priority),
    "RemoveObserver": lambda self, tag: self.parameterNode.RemoveObserver(tag),
    "StartModify": lambda self: self.parameterNode.StartModify(),
    "EndModify": lambda self, wasModifying: self.parameterNode.EndModify(wasModifying),
}
