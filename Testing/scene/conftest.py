import numpy as np
import pytest
import slicer
from scene_examples import make_report, make_study

from SpinalDiseaseAILib.base.study import Role
from SpinalDiseaseAILib.scene.mrb import add_study, new_scene
from SpinalDiseaseAILib.scene.results import writeReport


@pytest.fixture
def scene():
    return new_scene()


@pytest.fixture
def t2_node(scene):
    """Volume node of a DICOM study in the scene."""
    return add_study(scene, make_study())[Role.SAGITTAL_T2]


@pytest.fixture
def result(scene, t2_node):
    """Nodes of a report on the volume."""
    return writeReport(make_report(), scene, t2_node)


@pytest.fixture
def put_under(scene):
    """Put a node under a transform that rotates by 30° and shifts, and return its matrix."""

    def put(node):
        transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "turn")
        matrix = np.array([[0.866025404, -0.5, 0, 10], [0.5, 0.866025404, 0, -4], [0, 0, 1, 7], [0, 0, 0, 1]])
        transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
        node.SetAndObserveTransformNodeID(transform.GetID())
        return matrix

    return put
