"""``slicer.ScriptedLoadableModule``: the base classes of a module, without the application around them."""

import unittest
from pathlib import Path

import slicer

MODULE_FOLDER = Path(__file__).resolve().parents[3] / "SpinalDiseaseAI"


class ScriptedLoadableModule:
    def __init__(self, parent):
        self.parent = parent


class ScriptedLoadableModuleWidget:
    def __init__(self, parent=None):
        super().__init__()
        self.parent = parent
        self.layout = parent.layout()

    def resourcePath(self, filename):
        return str(MODULE_FOLDER / "Resources" / filename)

    def setup(self):
        self.setupDeveloperSection()

    def setupDeveloperSection(self):
        """Where the application is in developer mode: the buttons that reload and test a module."""

    def onReload(self):
        pass


class ScriptedLoadableModuleLogic:
    def __init__(self, parent=None):
        self.moduleName = type(self).__name__.removesuffix("Logic")

    def getParameterNode(self):
        node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
            node.UnRegister(None)
            node.SetSingletonTag(self.moduleName)
            node = slicer.mrmlScene.AddNode(node)
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    def delayDisplay(self, message):
        pass
