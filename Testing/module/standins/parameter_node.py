"""``slicer.parameterNodeWrapper`` for text and node parameters, as Slicer's developer guide describes it."""

import typing

import vtk


def parameterNodeWrapper(cls):
    """Give a class with typed members a parameter node that holds them."""
    for name, kind in typing.get_type_hints(cls).items():
        default = getattr(cls, name, "" if kind is str else None)
        setattr(cls, name, _text_parameter(name, default) if kind is str else _node_parameter(name))
    for name, member in _MEMBERS.items():
        setattr(cls, name, member)
    return cls


def _text_parameter(name, default):
    return property(
        lambda self: self.parameterNode.GetParameter(name) or default,
        lambda self, value: self.parameterNode.SetParameter(name, value),
    )


def _node_parameter(name):
    def write(self, node):
        self.parameterNode.SetNodeReferenceID(name, node.GetID() if node is not None else None)

    return property(lambda self: self.parameterNode.GetNodeReference(name), write)


def _init(self, parameterNode):
    self.parameterNode = parameterNode
    self._guis = {}


def _connect_gui(self, gui):
    selectors = {}
    for widget in vars(gui).values():
        name = widget.property("SlicerParameterName")
        if name:
            assert hasattr(type(self), name), f"there is no parameter {name}"
            selectors[name] = widget

    def update(caller=None, event=None):
        for name, widget in selectors.items():
            widget.setCurrentNode(getattr(self, name))

    update()
    slots = {name: _writer(self, name) for name in selectors}
    for name, widget in selectors.items():
        widget.currentNodeChanged.connect(slots[name])
    tag = self.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, update)
    self._guis[tag] = (selectors, slots)
    return tag


def _writer(self, name):
    return lambda node: setattr(self, name, node)


def _disconnect_gui(self, tag):
    selectors, slots = self._guis.pop(tag)
    self.parameterNode.RemoveObserver(tag)
    for name, widget in selectors.items():
        widget.currentNodeChanged.disconnect(slots[name])


_MEMBERS = {
    "__init__": _init,
    "connectGui": _connect_gui,
    "disconnectGui": _disconnect_gui,
    "AddObserver": lambda self, event, callback, priority=0.0: self.parameterNode.AddObserver(event, callback, priority),
    "RemoveObserver": lambda self, tag: self.parameterNode.RemoveObserver(tag),
}
