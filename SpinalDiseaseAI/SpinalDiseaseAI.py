"""SpinalDiseaseAI module of 3D Slicer: panel, logic for scripts, self-test. The work is done in ``SpinalDiseaseAILib``."""

import logging
import os
import sys

import qt
import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLTextNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

from SpinalDiseaseAILib.base.errors import Cancelled, ComputeError, SpinalDiseaseAIError
from SpinalDiseaseAILib.base.options import DEFAULT_CLASSIFIER, Options, no_progress
from SpinalDiseaseAILib.models.bundle import list_bundles
from SpinalDiseaseAILib.scene.application import (
    applicationPython,
    installRequirements,
    loadSampleStudy,
    missingRequirements,
    registerSampleStudy,
)
from SpinalDiseaseAILib.scene.findingTable import levelOfRow, wideColumns
from SpinalDiseaseAILib.scene.pointList import pointOf
from SpinalDiseaseAILib.scene.results import reportFromNode, resultFromNode, writeReport
from SpinalDiseaseAILib.scene.volumes import studyFromVolumeNodes, suggestedT2Node
from SpinalDiseaseAILib.worker.client import WorkerClient

#
# SpinalDiseaseAI
#


class SpinalDiseaseAI(ScriptedLoadableModule):
    """What the application shows of the module before it is opened."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Spinal Disease AI")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        self.parent.dependencies = []
        self.parent.contributors = ["SpinalDiseaseAI contributors"]
        self.parent.helpText = _(
            "Names every lumbar vertebra and intervertebral disc in a sagittal MR study and grades the disease of each level. "
            "Research tool, not a medical device."
        )
        self.parent.acknowledgementText = _(
            "The default models were trained on the SPIDER data set (van der Graaf et al., Scientific Data 2024, CC BY 4.0)."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """Add the sample study, which the extension carries, to the Sample Data module."""
    import SampleData

    icon = os.path.join(os.path.dirname(__file__), "Resources", "Icons", "SpinalDiseaseAI.png")
    try:
        registerSampleStudy(SampleData.SampleDataLogic, _("Spinal Disease AI"), icon)
    except SpinalDiseaseAIError as error:
        logging.warning(str(error))


#
# SpinalDiseaseAIParameterNode
#


@parameterNodeWrapper
class SpinalDiseaseAIParameterNode:
    """Choices that belong to the scene and are saved with it.

    t2Volume - The sagittal T2 series; levels are found on it.
    t1Volume - The sagittal T1 series of the same study, if there is one.
    classifier - Name of the model bundle that grades the levels.
    report - The result that the panel shows.
    """

    t2Volume: vtkMRMLScalarVolumeNode
    t1Volume: vtkMRMLScalarVolumeNode
    classifier: str = DEFAULT_CLASSIFIER
    report: vtkMRMLTextNode


#
# SpinalDiseaseAIWidget
#


class SpinalDiseaseAIWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: it asks the logic to work, and shows what comes back."""

    DEVICE_SETTING = "SpinalDiseaseAI/device"

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/SpinalDiseaseAI.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)

        self.logic = SpinalDiseaseAILogic(onLog=self._log)
        self._fillChoices()

        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self.onNodeRemoved)
        self.ui.analyzeButton.connect("clicked(bool)", self.onAnalyzeButton)
        self.ui.classifierComboBox.connect("currentIndexChanged(int)", self.onClassifierChanged)
        self.ui.deviceComboBox.connect("currentIndexChanged(int)", self.onDeviceChanged)
        self.ui.findingsTableView.connect("selectionChanged()", self.onFindingSelected)
        self.initializeParameterNode()

    def cleanup(self):
        self.logic.close()
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self):
        self.initializeParameterNode()

    def exit(self):
        self.setParameterNode(None)

    def onReload(self):
        # The application reloads this file only; without this, the library would stay as it was.
        for name in [name for name in sys.modules if name.split(".")[0] == "SpinalDiseaseAILib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    # -- scene and parameters

    def onSceneStartClose(self, caller, event):
        self.logic.cancel()
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeRemoved(self, caller, event, node):
        if self._parameterNode is not None and node.IsA("vtkMRMLStorableNode"):
            self._showResult()

    def initializeParameterNode(self):
        self.setParameterNode(self.logic.getParameterNode())
        # A scene that brought a choice or a result along is left as it is.
        if self._parameterNode.t2Volume is None and self._parameterNode.report is None:
            self._parameterNode.t2Volume = suggestedT2Node(slicer.mrmlScene)

    def setParameterNode(self, parameterNode):
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
        self._parameterNode = parameterNode
        if self._parameterNode is not None:
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
            self._showResult()
            self.onParametersChanged()

    def onParametersChanged(self, caller=None, event=None):
        running = self.logic.running
        chosen = self._parameterNode and (self._parameterNode.t2Volume or self._parameterNode.t1Volume)
        ready = chosen is not None
        self.ui.analyzeButton.text = _("Cancel") if running else _("Analyze")
        self.ui.analyzeButton.enabled = running or ready
        self.ui.analyzeButton.toolTip = (
            _("Stop the analysis.")
            if running
            else _("Find, name and grade every level.")
            if ready
            else _("Choose a sagittal T2 or T1 volume first.")
        )
        for widget in (self.ui.inputsCollapsibleButton, self.ui.advancedCollapsibleButton):
            widget.enabled = not running
        if self._parameterNode is not None:
            index = self.ui.classifierComboBox.findData(self._parameterNode.classifier)
            if index >= 0 and index != self.ui.classifierComboBox.currentIndex:
                self.ui.classifierComboBox.currentIndex = index

    def onClassifierChanged(self, index):
        if self._parameterNode is not None and index >= 0:
            self._parameterNode.classifier = self.ui.classifierComboBox.itemData(index)

    def onDeviceChanged(self, index):
        qt.QSettings().setValue(self.DEVICE_SETTING, self.ui.deviceComboBox.itemData(index))

    # -- analysis

    def onAnalyzeButton(self, checked=False):
        if self.logic.running:
            self.ui.statusLabel.text = _("Stopping the analysis…")
            self.logic.cancel()
            return
        with slicer.util.tryWithErrorDisplay(_("The analysis could not be started.")):
            try:
                if self._installMissing():
                    self._start()
            except SpinalDiseaseAIError as error:
                self._onError(error)
        self.onParametersChanged()

    def onFindingSelected(self):
        tableNode = self.ui.findingsTableView.mrmlTableNode()
        # The current index still is the old one while the selection changes by keyboard.
        indexes = self.ui.findingsTableView.selectionModel().selectedRows()
        if tableNode is not None and indexes:
            row = self.ui.findingsTableView.sortFilterProxyModel().mapToSource(indexes[0]).row()
            self.logic.jumpToLevel(tableNode, levelOfRow(tableNode, row))

    def _start(self):
        self.ui.logTextEdit.clear()
        self._onProgress("", 0.0, _("Starting…"))
        self.logic.process(
            self._parameterNode.t2Volume,
            self._parameterNode.t1Volume,
            classifiers=(self._parameterNode.classifier,),
            device=self.ui.deviceComboBox.itemData(self.ui.deviceComboBox.currentIndex),
            waitForCompletion=False,
            onProgress=self._onProgress,
            onFinished=self._onFinished,
            onError=self._onError,
        )

    def _installMissing(self):
        missing = missingRequirements()
        if missing:
            text = _("The analysis needs these Python packages: {packages}. Install them now? This downloads up to 3 GB.")
            if not slicer.util.confirmOkCancelDisplay(text.format(packages=", ".join(missing))):
                return False
            self.ui.statusLabel.text = _("Installing Python packages…")
            slicer.app.processEvents()
            installRequirements(missing)
        return True

    def _onProgress(self, stage, fraction, message):
        self.ui.progressBar.value = round(100 * fraction)
        if message != self.ui.statusLabel.text:
            self.ui.statusLabel.text = message
            self._log(message)

    def _onFinished(self, result):
        report = reportFromNode(result.reportNode)
        # The user may have gone to another module; the panel then shows the result when it is entered again.
        parameterNode = self._parameterNode or self.logic.getParameterNode()
        parameterNode.report = result.reportNode
        if self._parameterNode is not None:
            self._showResult()
        abnormal = sum(any(finding.abnormal for finding in item.findings) for item in report.structures)
        lines = [
            _("{count} structures named, {abnormal} of them with an abnormal finding ({seconds:.1f} s on {device}).").format(
                count=len(report.structures), abnormal=abnormal, seconds=report.seconds.get("total", 0.0), device=report.device
            )
        ]
        if result.kept:
            lines.append(_("Points that you edited were left as they are: {count}.").format(count=len(result.kept)))
        if report.research_only:
            lines.append(_("A model that may be used for research only took part."))
        lines += [note.text for note in report.notes if note.severity == "warning"]
        self.ui.progressBar.value = 100
        self.ui.statusLabel.text = "\n".join(lines)
        for line in lines:
            self._log(line)
        self.onParametersChanged()

    def _onError(self, error):
        self.ui.progressBar.value = 0
        self.ui.statusLabel.text = str(error)
        self._log(str(error))
        self.onParametersChanged()
        if not isinstance(error, Cancelled):
            slicer.util.errorDisplay(str(error))

    def _showResult(self):
        tableNode = None
        if self._parameterNode.report is not None:
            try:
                tableNode = resultFromNode(self._parameterNode.report).tableNode
            except SpinalDiseaseAIError as error:
                self._log(str(error))
        tableView = self.ui.findingsTableView
        tableView.setMRMLTableNode(tableNode)
        if tableNode is not None:
            for index in range(tableNode.GetNumberOfColumns()):
                tableView.setColumnHidden(index, index in wideColumns(tableNode))
            tableView.resizeColumnsToContents()

    def _fillChoices(self):
        try:
            bundles = [bundle for bundle in list_bundles() if bundle.task == "classification"]
        except SpinalDiseaseAIError as error:
            bundles = []
            self.ui.statusLabel.text = str(error)  # no pop-up while the application starts
        for bundle in bundles:
            title = _("{title} (research only)").format(title=bundle.title) if bundle.research_only else bundle.title
            self.ui.classifierComboBox.addItem(title, bundle.name)
        for name, title in (("auto", _("Automatic")), ("cuda", _("NVIDIA GPU")), ("mps", _("Apple GPU")), ("cpu", _("CPU"))):
            self.ui.deviceComboBox.addItem(title, name)
        device = qt.QSettings().value(self.DEVICE_SETTING, "auto")
        self.ui.deviceComboBox.currentIndex = max(0, self.ui.deviceComboBox.findData(device))

    def _log(self, line):
        self.ui.logTextEdit.appendPlainText(line)


#
# SpinalDiseaseAILogic
#


class SpinalDiseaseAILogic(ScriptedLoadableModuleLogic):
    """Analyses volumes of the scene; for the panel, other modules and scripts.

    In the Python console::

        from SpinalDiseaseAI import SpinalDiseaseAILogic
        result = SpinalDiseaseAILogic().process(slicer.util.getNode("T2"))
        print(result.tableNode.GetNumberOfRows(), "findings in", result.tableNode.GetName())
    """

    POLL_MILLISECONDS = 50

    def __init__(self, client=None, onLog=None):
        """Make a logic; no process is started yet.

        :param client: WorkerClient to use; None makes one that runs in the application's own Python when it is needed.
        :param onLog: called with every line that the analysis process logs.
        """
        ScriptedLoadableModuleLogic.__init__(self)
        self.client = client
        self._onLog = onLog
        self._job = None
        self._timer = None

    def getParameterNode(self):
        return SpinalDiseaseAIParameterNode(super().getParameterNode())

    @property
    def running(self):
        """True while an analysis that was started without waiting is not finished."""
        return self._job is not None

    def process(
        self,
        t2Volume,
        t1Volume=None,
        classifiers=(DEFAULT_CLASSIFIER,),
        device="auto",
        overwriteEdits=False,
        waitForCompletion=True,
        onProgress=no_progress,
        onFinished=None,
        onError=None,
    ):
        """Analyse a study and show the report in the scene: points, table and report in one folder beside the volume.

        :param t2Volume: sagittal T2 volume node; None if there is only a T1 volume.
        :param t1Volume: sagittal T1 volume node.
        :param classifiers: names of the model bundles that grade the levels.
        :param device: "auto", "cuda", "mps" or "cpu".
        :param overwriteEdits: replace also points that a user edited in an earlier result on the same volume.
        :param waitForCompletion: False returns at once; the callbacks run on the main thread.
        :param onProgress: called with (stage, fraction in 0 ... 1, message).
        :param onFinished: called with the result.
        :param onError: called with the error.
        :returns: the result (reportNode, pointsNode, tableNode, folderItem, kept); None if it does not wait.
        :raises SpinalDiseaseAIError: if the volumes cannot be used, or the analysis that is waited for fails.
        """
        if self.running:
            raise ComputeError(_("An analysis is already running."), remedy=_("Wait for it or cancel it."), code="busy")
        study = studyFromVolumeNodes(t2Volume, t1Volume)
        options = Options(classifiers=tuple(classifiers), device=device)
        scene = (t2Volume or t1Volume).GetScene()
        # IDs, because a node may be deleted while its study is analysed.
        nodeIDs = [node.GetID() if node else "" for node in (t2Volume, t1Volume)]

        def show(report):
            return writeReport(report, scene, *map(scene.GetNodeByID, nodeIDs), overwriteEdits=overwriteEdits)

        if self.client is None:
            self.client = WorkerClient(python=applicationPython(), on_log=self._onLog)
        if waitForCompletion:
            return show(self.client.analyse_and_wait(study, options, onProgress))

        def finish(callback, value):
            self._job = None
            if callback is not None:
                callback(value)

        def done(report):
            try:
                result = show(report)
            except SpinalDiseaseAIError as error:
                finish(onError, error)
            else:
                finish(onFinished, result)

        self._job = self.client.analyse(study, options, onProgress, done, lambda error: finish(onError, error))
        self._startTimer()
        return None

    def cancel(self):
        """Ask for an early end of the analysis that was started without waiting; its ``onError`` is called with Cancelled."""
        if self._job is not None:
            self._job.cancel()

    def close(self):
        """End the analysis process. The logic can be used again."""
        if self._timer is not None:
            self._timer.stop()
        self._job = None
        if self.client is not None:
            self.client.shutdown()

    def jumpToLevel(self, resultNode, level):
        """Show a level in all slice views.

        :param resultNode: any node of a result.
        :param level: name of a structure, such as "L4-L5".
        """
        pointsNode = resultFromNode(resultNode).pointsNode
        position = pointOf(pointsNode, level) if pointsNode is not None else None
        if position is not None:
            slicer.vtkMRMLSliceNode.JumpAllSlices(pointsNode.GetScene(), *position)

    def _startTimer(self):
        if self._timer is None:
            self._timer = qt.QTimer()
            self._timer.setInterval(self.POLL_MILLISECONDS)
            self._timer.connect("timeout()", self._dispatch)
        self._timer.start()

    def _dispatch(self):
        self.client.dispatch()
        if not self.client.busy:
            self._timer.stop()


#
# SpinalDiseaseAITest
#


class SpinalDiseaseAITest(ScriptedLoadableModuleTest):
    """Self-test that runs in the application, on the sample study that the extension carries."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        self.setUp()
        self.test_SampleStudyIsNamedAndGraded()

    def test_SampleStudyIsNamedAndGraded(self):
        self.delayDisplay("Loading the sample study")
        volumeNode = loadSampleStudy()[0]
        before = slicer.util.arrayFromVolume(volumeNode).copy()
        logic = SpinalDiseaseAILogic()
        if missingRequirements():
            self.delayDisplay("Python packages are missing, only the refusal is tested")
            with self.assertRaises(ComputeError):
                logic.process(volumeNode)
            return

        self.delayDisplay("Analyzing")
        try:
            result = logic.process(volumeNode, device="cpu")
        finally:
            logic.close()
        pointsNode = result.pointsNode
        labels = [pointsNode.GetNthControlPointLabel(index) for index in range(pointsNode.GetNumberOfControlPoints())]
        for label in ("L1", "L1-L2", "L4-L5", "L5", "L5-S1"):
            self.assertIn(label, labels)
        heights = [pointOf(pointsNode, label)[2] for label in ("L1", "L2", "L3", "L4", "L5")]
        self.assertEqual(heights, sorted(heights, reverse=True))
        table = result.tableNode.GetTable()
        self.assertGreater(table.GetNumberOfRows(), 0)
        confidence = table.GetColumnByName("confidence")
        self.assertTrue(all(0 < confidence.GetValue(row) <= 1 for row in range(table.GetNumberOfRows())))
        self.assertTrue((slicer.util.arrayFromVolume(volumeNode) == before).all())
        self.delayDisplay("Test passed")
