"""Widgets of Slicer and CTK that the panel uses, as Qt widgets that behave alike."""

from typing import ClassVar

from PySide6.QtCore import Property, QObject, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox, QStyle, QTableView, QToolButton, QVBoxLayout, QWidget


class qMRMLWidget(QWidget):
    mrmlSceneChanged = Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = None

    def setMRMLScene(self, scene):
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self):
        return self._scene


class qSlicerScriptedLoadableModuleWidget(QWidget):
    """The widget that the application gives a module to put its panel in."""

    isEntered = Property(bool, lambda self: True)


class qMRMLNodeComboBox(QWidget):
    currentNodeChanged = Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = None
        self._values = {
            "nodeTypes": [],
            "hideChildNodeTypes": [],
            "noneEnabled": False,
            "addEnabled": True,
            "removeEnabled": True,
        }
        self._box = QComboBox(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._box.currentIndexChanged.connect(lambda index: self.currentNodeChanged.emit(self.currentNode()))

    def _value(name, kind):
        return Property(kind, lambda self: self._values[name], lambda self, value: self._values.__setitem__(name, value))

    nodeTypes = _value("nodeTypes", "QStringList")
    hideChildNodeTypes = _value("hideChildNodeTypes", "QStringList")
    noneEnabled = _value("noneEnabled", bool)
    addEnabled = _value("addEnabled", bool)
    removeEnabled = _value("removeEnabled", bool)
    currentNodeID = Property(str, lambda self: self._box.currentData() or "", lambda self, value: self.setCurrentNodeID(value))

    def setMRMLScene(self, scene):
        self._scene = scene
        for event in ("NodeAddedEvent", "NodeRemovedEvent"):
            scene.AddObserver(getattr(scene, event), lambda caller, name: self._fill())
        self._fill()

    def mrmlScene(self):
        return self._scene

    def currentNode(self):
        return self._scene.GetNodeByID(self._box.currentData() or "") if self._scene else None

    def setCurrentNode(self, node):
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    def setCurrentNodeID(self, node_id):
        self._box.setCurrentIndex(self._box.findData(node_id or ""))

    def nodeCount(self):
        return self._box.count() - int(self._values["noneEnabled"])

    def _fill(self):
        selected = self._box.currentData()
        self._box.blockSignals(True)
        self._box.clear()
        if self._values["noneEnabled"]:
            self._box.addItem("None", "")
        for index in range(self._scene.GetNumberOfNodes()):
            node = self._scene.GetNthNode(index)
            hidden = any(node.IsA(name) for name in self._values["hideChildNodeTypes"])
            if any(node.IsA(name) for name in self._values["nodeTypes"]) and not hidden:
                self._box.addItem(node.GetName(), node.GetID())
        self._box.setCurrentIndex(max(0, self._box.findData(selected)))
        self._box.blockSignals(False)
        if self._box.currentData() != selected:
            self.currentNodeChanged.emit(self.currentNode())


class qMRMLTableView(QTableView):
    SIGNAL_ALIASES: ClassVar = {"selectionChanged": "rowSelected"}  # QTableView has a method of the signal's name

    rowSelected = Signal()

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = None
        self._node = None
        self._model = QStandardItemModel(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._model)
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.selectionModel().selectionChanged.connect(lambda new, old: self.rowSelected.emit())

    def setMRMLScene(self, scene):
        self._scene = scene

    def mrmlScene(self):
        return self._scene

    def mrmlTableNode(self):
        return self._node

    def sortFilterProxyModel(self):
        return self._sorted

    def setMRMLTableNode(self, node):
        self._node = node
        self._fill()
        if node is not None:
            node.AddObserver("ModifiedEvent", lambda caller, name: self._fill() if caller is self._node else None)

    def _fill(self):
        self._model.clear()
        table = self._node.GetTable() if self._node is not None else None
        for column in range(table.GetNumberOfColumns() if table else 0):
            name = table.GetColumnName(column)
            self._model.setHorizontalHeaderItem(column, QStandardItem(self._node.GetColumnProperty(name, "title") or name))
            for row in range(table.GetNumberOfRows()):
                self._model.setItem(row, column, QStandardItem(table.GetValue(row, column).ToString()))


class ctkCollapsibleButton(QWidget):
    contentsCollapsed = Signal(bool)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._button = QToolButton(self)
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.clicked.connect(lambda: self._collapse(not self._collapsed))
        self.setContentsMargins(0, 24, 0, 0)
        self._collapse(False)

    def resizeEvent(self, event):
        self._button.setGeometry(0, 0, self.width(), 24)

    def showEvent(self, event):
        self._collapse(self._collapsed)

    def _collapse(self, value):
        self._collapsed = value
        icon = QStyle.StandardPixmap.SP_ArrowRight if value else QStyle.StandardPixmap.SP_ArrowDown
        self._button.setIcon(self.style().standardIcon(icon))
        for child in self.children():
            if isinstance(child, QWidget) and child is not self._button:
                child.setVisible(not value)
        self.setMaximumHeight(24 if value else 16777215)
        self.contentsCollapsed.emit(value)

    collapsed = Property(bool, lambda self: self._collapsed, _collapse)
    text = Property(str, lambda self: self._button.text(), lambda self, value: self._button.setText(value))


class qSlicerApplication(QObject):
    startupCompleted = Signal()

    def __init__(self, home):
        super().__init__()
        self._home = str(home)

    slicerHome = Property(str, lambda self: self._home)

    def processEvents(self):
        pass


class ctkDICOMDatabase(QObject):
    """A DICOM database with the tags of one instance.

    :param values: tag to value.
    """

    def __init__(self, instance, values):
        super().__init__()
        self._instance, self._values = instance, values

    isOpen = Property(bool, lambda self: True)

    def instanceValue(self, instance, tag):
        return self._values.get(tag, "") if instance == self._instance else ""


WIDGETS = (qMRMLWidget, qMRMLNodeComboBox, qMRMLTableView, ctkCollapsibleButton)
