"""SpinalDiseaseAI module of 3D Slicer: panel, logic for scripts and self-test, on top of ``SpinalDiseaseAILib``."""

import contextlib
import logging
import os
import pathlib
import sys
import tempfile
from typing import Annotated

import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLTextNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.errors import Cancelled, ComputeError, SpinalDiseaseAIError
from SpinalDiseaseAILib.base.locations import models_folder, sample_folder
from SpinalDiseaseAILib.base.options import DEFAULT_CLASSIFIER
from SpinalDiseaseAILib.panel.advancedSection import AdvancedSection
from SpinalDiseaseAILib.panel.analysisLogic import AnalysisLogic
from SpinalDiseaseAILib.panel.analysisSection import AnalysisSection
from SpinalDiseaseAILib.panel.correctionsSection import CorrectionsSection
from SpinalDiseaseAILib.panel.dicomFiles import addToDatabase, dicomFormats, obstacleToDicom
from SpinalDiseaseAILib.panel.dicomStudies import listingOf, loadSeries, studiesOf
from SpinalDiseaseAILib.panel.fakes import FakeClient, syntheticVolume
from SpinalDiseaseAILib.panel.inputsSection import InputsSection
from SpinalDiseaseAILib.panel.outputsSection import OutputsSection
from SpinalDiseaseAILib.panel.reportModels import outdatedLevels
from SpinalDiseaseAILib.panel.resultsSection import ResultsSection
from SpinalDiseaseAILib.panel.setupSection import SetupSection
from SpinalDiseaseAILib.scene.application import isInstalled, loadSampleStudy, missingRequirements, registerSampleStudy
from SpinalDiseaseAILib.scene.closing import releaseMasks
from SpinalDiseaseAILib.scene.corrections import renumberResult, restoreComputed
from SpinalDiseaseAILib.scene.pointList import indexOfPoint, pointOf
from SpinalDiseaseAILib.scene.results import REPORT_ATTRIBUTE, inputsOf, reportFromNode, resultsInScene, studyOfResult

#
# SpinalDiseaseAI
#


class SpinalDiseaseAI(ScriptedLoadableModule):
    """What the application shows about the module before it is opened."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Spinal Disease AI")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        self.parent.dependencies = []
        self.parent.contributors = ["SpinalDiseaseAI contributors"]
        self.parent.helpText = _(
            "Names every lumbar vertebra and intervertebral disc in a sagittal MR study and grades disease at each level. "
            "Research tool, not a medical device."
        )
        self.parent.acknowledgementText = _(
            "The default models were trained on the SPIDER data set (van der Graaf et al., Scientific Data 2024, CC BY 4.0)."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """Add the extension's sample study to the Sample Data module."""
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
    """Choices for the scene, saved with it.

    t2Volume - The sagittal T2 series, on which levels are located.
    t1Volume - The sagittal T1 series of the same study, if there is one.
    classifier - Name of the model bundle that grades the levels.
    slices - Maximum number of slices to search for levels; 0 for as many as the stack needs.
    segmentation - Also segment vertebrae, discs and canal.
    report - The result that the panel shows.
    selectedLevel - The level whose row is selected, such as "L4-L5".
    shownFindings - Names of the findings with their own column, separated by blanks.
    abnormalOnly - Show only abnormal levels.
    abnormalFrom - Minimum probability of an abnormal class for a level to count as abnormal in this filter.
    unsureBelow - Findings with a lower probability are marked as not sure.
    """

    t2Volume: vtkMRMLScalarVolumeNode
    t1Volume: vtkMRMLScalarVolumeNode
    classifier: str = DEFAULT_CLASSIFIER
    slices: Annotated[int, WithinRange(0, 99)] = 0
    segmentation: bool = True
    report: vtkMRMLTextNode
    selectedLevel: str = ""
    shownFindings: str = ""
    abnormalOnly: bool = False
    abnormalFrom: Annotated[float, WithinRange(0, 1)] = 0.5
    unsureBelow: Annotated[float, WithinRange(0, 1)] = 0.5


#
# SpinalDiseaseAIWidget
#


def widgetsOfParameters(ui):
    """Parameter name to widget. ``connectGui(ui)`` finds the same, but returns no tag with which to disconnect them."""
    named = {widget.property("SlicerParameterName"): widget for widget in vars(ui).values()}
    return {name: widget for name, widget in named.items() if name}


class SpinalDiseaseAIWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: connects the sections and follows the scene."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.parameterNode = None
        self._parameterNodeGuiTag = None
        self._outdatedLevels = []
        self._built = False

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.uiWidget = slicer.util.loadUI(self.resourcePath("UI/SpinalDiseaseAI.ui"))
        self.layout.addWidget(self.uiWidget)
        self.ui = slicer.util.childWidgetVariables(self.uiWidget)
        self.uiWidget.setMRMLScene(slicer.mrmlScene)
        self.ui.reportSelector.addAttribute("vtkMRMLTextNode", REPORT_ATTRIBUTE)

        self.logic = SpinalDiseaseAILogic(onLog=self.log)
        self.advanced = AdvancedSection(self)
        self.inputs = InputsSection(self)
        self.results = ResultsSection(self)
        self.corrections = CorrectionsSection(self)
        self.analysis = AnalysisSection(self, self.onAnalyzed)
        self.outputs = OutputsSection(self)
        self.setupState = SetupSection(self)

        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndImport)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self.onNodeRemoved)
        self._built = True
        self.initializeParameterNode()

    def cleanup(self):
        self.removeObservers()
        if not self._built:  # setup failed, or was never called
            return
        self.logic.close()
        self.analysis.cleanup()
        self.results.cleanup()
        self.corrections.cleanup()
        parameterNode, self.parameterNode = self.parameterNode, None
        if parameterNode is not None:
            # When the application exits, the widgets may already be gone.
            with contextlib.suppress(ValueError):
                parameterNode.disconnectGui(self._parameterNodeGuiTag)

    def enter(self):
        self.initializeParameterNode()
        if not self.missingPackages:
            # For edits of points while another module was open, and for the result of an analysis that ended meanwhile.
            levels, self._outdatedLevels = self._outdatedLevels, []
            self.corrections.follow(self.ui.statusLabel.text if levels else "", levels)

    def exit(self):
        self.setParameterNode(None)

    def onReload(self):
        # The application reloads only this file; without this, changes to the library would have no effect.
        for name in [name for name in sys.modules if name.split(".")[0] == "SpinalDiseaseAILib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    # -- scene and parameters

    def onSceneStartClose(self, caller, event):
        self._outdatedLevels = []
        self.setParameterNode(None)
        releaseMasks(caller)

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneEndImport(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeRemoved(self, caller, event, node):
        if self.parameterNode is not None and node.IsA("vtkMRMLStorableNode"):
            self.refresh()

    def initializeParameterNode(self):
        self.setupState.look()
        self.setParameterNode(self.logic.getParameterNode())
        self.inputs.enter()

    def setParameterNode(self, parameterNode):
        if self.parameterNode is not None:
            self.parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self.parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
        self.parameterNode = parameterNode
        if self.parameterNode is not None:
            self._parameterNodeGuiTag = self.parameterNode.connectParametersToGui(widgetsOfParameters(self.ui))
            self.addObserver(self.parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
        self.refresh()

    def onParametersChanged(self, caller=None, event=None):
        self.refresh()

    # -- interface for the sections

    @property
    def missingPackages(self):
        return self.setupState.missing

    def lookForPackages(self):
        self.setupState.look()

    def refresh(self):
        self.inputs.refresh()
        self.advanced.refresh()
        self.setupState.refresh()
        self.analysis.refresh()
        self.results.refresh()
        self.corrections.refresh(self.results.report)
        self.outputs.refresh(self.results.report)

    def analyze(self):
        self.analysis.start()

    def onAnalyzed(self, result):
        # If the user has switched to another module, the panel shows the result when it is entered again.
        parameterNode = self.parameterNode or self.logic.getParameterNode()
        parameterNode.report = result.reportNode
        levels = outdatedLevels(reportFromNode(result.reportNode))
        if self.parameterNode is None:
            self._outdatedLevels = levels
        else:
            self.results.showInViews(result.reportNode)
            self.corrections.follow(self.ui.statusLabel.text, levels)

    def log(self, line):
        self.ui.logTextEdit.appendPlainText(line)

    def say(self, text):
        self.ui.statusLabel.text = text
        self.log(text)

    def fail(self, error):
        self.say(str(error))
        if not isinstance(error, Cancelled):
            slicer.util.errorDisplay(str(error))


#
# SpinalDiseaseAILogic
#


class SpinalDiseaseAILogic(AnalysisLogic, ScriptedLoadableModuleLogic):
    __doc__ = AnalysisLogic.__doc__

    def __init__(self, client=None, onLog=None):
        ScriptedLoadableModuleLogic.__init__(self)
        AnalysisLogic.__init__(self, client, onLog)

    def getParameterNode(self):
        return SpinalDiseaseAIParameterNode(super().getParameterNode())


#
# SpinalDiseaseAITest
#


class SpinalDiseaseAITest(ScriptedLoadableModuleTest):
    """Self-test that runs in the application; without PyTorch, tests that need it are skipped with a message."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def tearDown(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        for test in (
            self.test_ModuleLoads,
            self.test_SyntheticVolumeWithFakeWorker,
            self.test_SceneSurvivesMrb,
            self.test_TemporaryDicomDatabase,
            self.test_SampleStudyIsNamedAndGraded,
        ):
            self.setUp()
            self.delayDisplay(test.__name__)
            test()
        self.tearDown()

    def test_ModuleLoads(self):
        for folder in (models_folder(), sample_folder()):
            self.assertTrue(folder.is_dir(), str(folder))
        uiWidget = slicer.util.loadUI(os.path.join(os.path.dirname(__file__), "Resources", "UI", "SpinalDiseaseAI.ui"))
        ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        parameterNode = SpinalDiseaseAILogic().getParameterNode()
        tag = parameterNode.connectParametersToGui(widgetsOfParameters(ui))
        ui.abnormalOnlyCheckBox.checked = True
        self.assertTrue(parameterNode.abnormalOnly)
        parameterNode.disconnectGui(tag)

    def test_SyntheticVolumeWithFakeWorker(self):
        volumeNode = syntheticVolume()
        before = slicer.util.arrayFromVolume(volumeNode).copy()
        logic = SpinalDiseaseAILogic(client=FakeClient())
        result = logic.process(volumeNode)
        self.assertEqual(result.pointsNode.GetNumberOfControlPoints(), len(KEY_POINTS))
        index = indexOfPoint(result.pointsNode, "L4-L5")
        position = result.pointsNode.GetNthControlPointPositionWorld(index)
        result.pointsNode.SetNthControlPointPositionWorld(index, position[0], position[1] + 2, position[2])
        logic.regrade(result.reportNode)
        renumberResult(result.reportNode, -1)
        report = reportFromNode(result.reportNode)
        self.assertEqual([item.kind for item in report.corrections], ["moved", "renumbered"])
        self.assertEqual(report.structures[-1].name, "L4-L5")
        restoreComputed(result.reportNode)
        self.assertEqual(reportFromNode(result.reportNode).corrections, ())
        self.assertTrue((slicer.util.arrayFromVolume(volumeNode) == before).all())

    def test_SceneSurvivesMrb(self):
        result = SpinalDiseaseAILogic(client=FakeClient()).process(syntheticVolume())
        renumberResult(result.reportNode, -1)
        saved = reportFromNode(result.reportNode)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "result.mrb")
            self.assertTrue(slicer.util.saveScene(path))
            slicer.mrmlScene.Clear()
            slicer.util.loadScene(path)
        (result,) = resultsInScene(slicer.mrmlScene)
        self.assertEqual(reportFromNode(result.reportNode), saved)
        self.assertIsNotNone(inputsOf(result.reportNode)[0])

    def test_TemporaryDicomDatabase(self):
        from DICOMLib import DICOMUtils

        with DICOMUtils.TemporaryDICOMDatabase() as database:
            DICOMUtils.importDicom(str(sample_folder()), database)
            (study,) = studiesOf(database)
            listing = listingOf(database, study)
            self.assertEqual([entry.role.value for entry in listing.used], ["sagittal T2"])
            node = loadSeries(slicer.mrmlScene, listing.used[0].uid)
            self.assertGreater(node.GetImageData().GetNumberOfPoints(), 1_000_000)
            if not isInstalled("highdicom"):
                self.delayDisplay("A Python package is missing, no DICOM file is written")
                return
            self.writeIntoDatabase(SpinalDiseaseAILogic(client=FakeClient()).process(node).reportNode)
            (study,) = studiesOf(database)
            self.assertEqual(len(database.seriesForStudy(study.uid)), 2)

    def writeIntoDatabase(self, reportNode):
        from SpinalDiseaseAILib.writing import write_results
        from SpinalDiseaseAILib.writing.dicom.results import STRUCTURED_REPORT_FILE

        report = reportFromNode(reportNode)
        self.assertEqual(obstacleToDicom(reportNode, report), "")
        formats = dicomFormats(reportNode, report, [STRUCTURED_REPORT_FILE])
        with tempfile.TemporaryDirectory() as folder:
            paths = write_results(report, studyOfResult(reportNode), pathlib.Path(folder), formats=formats)
            addToDatabase(list(paths.values()))

    def test_SampleStudyIsNamedAndGraded(self):
        volumeNode = loadSampleStudy()[0]
        logic = SpinalDiseaseAILogic()
        if missingRequirements():
            self.delayDisplay("Python packages are missing, only the refusal is tested")
            with self.assertRaises(ComputeError):
                logic.process(volumeNode)
            return
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
