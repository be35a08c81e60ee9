"""``slicer.parameterNodeWrapper`` for texts, numbers, yes and no, and nodes, as Slicer's developer guide describes it."""

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

    return property(read, write)


def _node_parameter(name):
    def write(self, node):
        self.parameterNode.SetNodeReferenceID(name, node.GetID() if node is not None else None)

    return property(lambda self: self.parameterNode.GetNodeReference(name), write)


def _init(self, parameterNode):
    self.parameterNode = parameterNode
    self._guis = {}
    self._updating = False


def _connect_gui(self, gui):
    connectors = {}
    for widget in vars(gui).values():
        name = widget.property("SlicerParameterName")
        if name:
            assert name in self.allParameters, f"there is no parameter {name}"
            connectors[name] = _connector(widget, self.allParameters[name])

    def update(caller=None, event=None):
        if not self._updating and connectors is self._guis.get(tag, (None,))[0]:
            self._updating = True
            for name, connector in connectors.items():
                connector.write(getattr(self, name))
            self._updating = False

    def callback(name, connector):
        def changed(value=None):
            if not self._updating:
                with slicer.util.NodeModify(self):
                    setattr(self, name, connector.read())

        return changed

    callbacks = {}
    for name, connector in connectors.items():
        connector.write(getattr(self, name))
        callbacks[name] = callback(name, connector)
        connector.changed.connect(callbacks[name])
    tag = self.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, update)
    self._guis[tag] = (connectors, callbacks)
    return tag


def _disconnect_gui(self, tag):
    connectors, callbacks = self._guis.pop(tag)
    self.parameterNode.RemoveObserver(tag)
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
    "disconnectGui": _disconnect_gui,
    "AddObserver": lambda self, event, callback, priority=0.0: self.parameterNode.AddObserver(event, callback, priority),
    "RemoveObserver": lambda self, tag: self.parameterNode.RemoveObserver(tag),
    "StartModify": lambda self: self.parameterNode.StartModify(),
    "EndModify": lambda self, wasModifying: self.parameterNode.EndModify(wasModifying),
}
