"""Widgets of Slicer and CTK that the panel uses, as Qt widgets that behave alike."""

from pathlib import Path
from typing import ClassVar

import pydicom
from PySide6.QtCore import Property, QEvent, QObject, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox, QPushButton, QSizePolicy, QStyle, QTableView, QToolButton, QVBoxLayout, QWidget


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
    nodeActivated = Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = None
        self._attributes = []
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
        self._box.activated.connect(lambda index: self.nodeActivated.emit(self.currentNode()))  # by a user alone

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

    def addAttribute(self, nodeType, name, value=None):
        self._attributes.append((nodeType, name, value))

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
            hidden = hidden or node.GetHideFromEditors() or not self._has_attributes(node)
            if any(node.IsA(name) for name in self._values["nodeTypes"]) and not hidden:
                self._box.addItem(node.GetName(), node.GetID())
        self._box.setCurrentIndex(max(0, self._box.findData(selected)))
        self._box.blockSignals(False)
        if self._box.currentData() != selected:
            self.currentNodeChanged.emit(self.currentNode())

    def _has_attributes(self, node):
        wanted = [item for item in self._attributes if node.IsA(item[0])]
        return all(node.GetAttribute(name) is not None and value in (None, node.GetAttribute(name)) for _, name, value in wanted)


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
        self._collapsed = False
        self._forcing = False
        self._button = None
        self._button = QToolButton(self)
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.setAutoRaise(True)
        self._button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._button.clicked.connect(lambda: self._collapse(not self._collapsed))
        self.setContentsMargins(0, self._header(), 0, 0)
        self._collapse(False)

    def _header(self):
        return self._button.sizeHint().height()

    def resizeEvent(self, event):
        self._button.setGeometry(0, 0, self.width(), self._header())

    def showEvent(self, event):
        self.setContentsMargins(0, self._header(), 0, 0)
        self._collapse(self._collapsed)

    def childEvent(self, event):
        if event.added() and isinstance(event.child(), QWidget):
            event.child().installEventFilter(self)

    def eventFilter(self, child, event):
        """A child that is shown or hidden while its section is folded is so once the section is unfolded, as in CTK."""
        if (
            child is not self._button
            and not self._forcing
            and event.type() in (QEvent.Type.ShowToParent, QEvent.Type.HideToParent)
        ):
            child.setProperty("visibilityToParent", event.type() == QEvent.Type.ShowToParent)
            self._show(child)
        return False

    def _show(self, child):
        self._forcing = True
        child.setVisible(not self._collapsed and child.property("visibilityToParent") is not False)
        self._forcing = False

    def _collapse(self, value):
        self._collapsed = value
        icon = QStyle.StandardPixmap.SP_ArrowRight if value else QStyle.StandardPixmap.SP_ArrowDown
        self._button.setIcon(self.style().standardIcon(icon))
        for child in self.children():
            if isinstance(child, QWidget) and child is not self._button:
                self._show(child)
        self.setMaximumHeight(self._header() if value else 16777215)
        self.contentsCollapsed.emit(value)

    collapsed = Property(bool, lambda self: self._collapsed, _collapse)
    text = Property(str, lambda self: self._button.text(), lambda self, value: self._button.setText(value))


class ctkDirectoryButton(QWidget):
    directoryChanged = Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._button = QPushButton(self)
        self._button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._button.setIcon(self.style().standardIcon(QStyle.StandardPixmap.SP_DirIcon))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._button)
        self._directory = ""

    def _set_directory(self, path):
        if path != self._directory:
            self._directory = path
            self._button.setText(path)
            self.directoryChanged.emit(path)

    directory = Property(str, lambda self: self._directory, _set_directory)


class qSlicerApplication(QObject):
    startupCompleted = Signal()

    def __init__(self, home):
        super().__init__()
        self._home = str(home)

    slicerHome = Property(str, lambda self: self._home)

    def processEvents(self):
        pass


class ctkDICOMDatabase(QObject):
    """A DICOM database.

    :param instance: an instance that has tags.
    :param values: tag to value, of that instance.
    :param studies: a dictionary a study: uid, patient, date, description, and series, UID to (modality, files).
    """

    def __init__(self, instance="", values=None, studies=()):
        super().__init__()
        self._instance, self._values, self._studies, self._is_open = instance, values or {}, list(studies), True

    isOpen = Property(bool, lambda self: self._is_open)

    def closeDatabase(self):
        self._is_open = False

    def instanceValue(self, instance, tag):
        return self._values.get(tag, "") if instance == self._instance else ""

    def patients(self):
        return sorted({study["patient"] for study in self._studies})

    def nameForPatient(self, patient):
        return patient

    def fieldForPatient(self, field, patient):
        return f"{field} of {patient}"

    def studiesForPatient(self, patient):
        return [study["uid"] for study in self._studies if study["patient"] == patient]

    def fieldForStudy(self, field, uid):
        return self._study(uid)[{"StudyDate": "date"}[field]]

    def descriptionForStudy(self, uid):
        return self._study(uid)["description"]

    def seriesForStudy(self, uid):
        return list(self._study(uid)["series"])

    def fieldForSeries(self, field, uid):
        assert field == "Modality"
        return self._series(uid)[0]

    def filesForSeries(self, uid, hits=-1):
        return [str(path) for study in self._studies if uid in study["series"] for path in study["series"][uid][1]]

    def fileForInstance(self, uid):
        """The file of an instance; empty if there is none."""
        files = [path for study in self._studies for _, paths in study["series"].values() for path in paths]
        there = [path for path in files if Path(path).is_file()]
        return next((str(path) for path in there if pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID == uid), "")

    def imagesCount(self):
        return sum(len(files) for study in self._studies for modality, files in study["series"].values())

    def _study(self, uid):
        return next(study for study in self._studies if study["uid"] == uid)

    def _series(self, uid):
        return next(study["series"][uid] for study in self._studies if uid in study["series"])


WIDGETS = (qMRMLWidget, qMRMLNodeComboBox, qMRMLTableView, ctkCollapsibleButton, ctkDirectoryButton)
