"""The logic as used by scripts and other modules."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from panel_helpers import drag
from scene_examples import make_report, make_study

from SpinalDiseaseAILib.base.errors import Cancelled, ComputeError, InputError
from SpinalDiseaseAILib.base.locations import models_folder
from SpinalDiseaseAILib.base.options import DEFAULT_CLASSIFIER, DEFAULT_GRADER, DEFAULT_SEGMENTER, DEFAULT_WEIGHER
from SpinalDiseaseAILib.base.report import ModelProvenance
from SpinalDiseaseAILib.base.study import Role
from SpinalDiseaseAILib.panel.fakes import FakeClient
from SpinalDiseaseAILib.scene.mrb import add_study
from SpinalDiseaseAILib.scene.results import inputsOf, reportFromNode, resultsInScene, updateReport, writeReport


@pytest.fixture
def logic_of(module, client_of):
    logics = []

    def make(behaviour):
        logics.append(module.SpinalDiseaseAILogic(client=client_of(behaviour)))
        return logics[-1]

    yield make
    for logic in logics:
        logic.close()


def test_process_waits_and_returns_the_nodes_of_the_result(logic_of, nodes):
    steps = []
    result = logic_of("report").process(*nodes, onProgress=lambda stage, fraction, message: steps.append(stage))
    assert result.pointsNode.GetNumberOfControlPoints() == 11
    assert result.tableNode.GetTable().GetNumberOfRows() == 12
    assert inputsOf(result.reportNode) == nodes
    assert [item.uid for item in reportFromNode(result.reportNode).series] == ["1.2.3.2", "1.2.3.1"]
    assert steps == ["localization", "classification"]


def test_process_passes_device_and_models_to_the_analysis(logic_of, nodes):
    result = logic_of("report").process(nodes[0], classifiers=["spinal-disease-2020"], device="cpu")
    assert reportFromNode(result.reportNode).notes[0].text == "cpu spinal-disease-2020"


def test_process_twice_keeps_one_result_and_the_edits_of_the_user(logic_of, nodes, scene):
    logic = logic_of("report")
    first = logic.process(nodes[0])
    first.pointsNode.SetNthControlPointPositionWorld(0, 1, 2, 3)
    second = logic.process(nodes[0])
    assert second.pointsNode is first.pointsNode
    assert [edit.structure for edit in second.kept] == ["T12-L1"]
    assert len(resultsInScene(scene)) == 1
    assert logic.process(nodes[0], overwriteEdits=True).kept == ()


def test_a_logic_closed_during_an_analysis_no_longer_listens_to_the_scene(logic_of, nodes, scene):
    logic = logic_of("slow")
    logic.process(nodes[0], waitForCompletion=False)
    assert scene.HasObserver(scene.StartCloseEvent)
    logic.close()
    assert not scene.HasObserver(scene.StartCloseEvent)


def test_process_raises_the_errors_of_the_analysis(logic_of, nodes, scene):
    with pytest.raises(InputError, match="No lumbar spine was found"):
        logic_of("refuse").process(nodes[0])
    assert resultsInScene(scene) == []


def test_process_without_a_volume_is_refused(logic_of):
    with pytest.raises(InputError, match="No volume"):
        logic_of("report").process(None)


def test_process_does_not_change_the_volume(logic_of, nodes, module):
    before = module.slicer.util.arrayFromVolume(nodes[0]).copy()
    logic_of("report").process(nodes[0])
    np.testing.assert_array_equal(module.slicer.util.arrayFromVolume(nodes[0]), before)


def test_without_waiting_the_result_is_passed_to_a_callback(logic_of, nodes, wait_until):
    logic, results = logic_of("report"), []
    assert logic.process(nodes[0], waitForCompletion=False, onFinished=results.append) is None
    assert logic.running
    wait_until(lambda: results)
    assert not logic.running
    assert results[0].pointsNode.GetNumberOfControlPoints() == 11


def test_without_waiting_an_error_is_passed_to_a_callback(logic_of, nodes, wait_until):
    logic, errors = logic_of("refuse"), []
    logic.process(nodes[0], waitForCompletion=False, onError=errors.append)
    wait_until(lambda: errors)
    assert isinstance(errors[0], InputError)
    assert not logic.running


def test_a_running_analysis_can_be_cancelled(logic_of, nodes, wait_until, scene):
    logic, errors, steps = logic_of("slow"), [], []
    logic.process(
        nodes[0],
        waitForCompletion=False,
        onProgress=lambda *step: steps.append(step),
        onError=errors.append,
        onFinished=pytest.fail,
    )
    wait_until(lambda: steps)
    logic.cancel()
    wait_until(lambda: errors)
    assert isinstance(errors[0], Cancelled)
    assert resultsInScene(scene) == []


def test_a_second_analysis_during_a_running_one_is_refused(logic_of, nodes):
    logic = logic_of("slow")
    logic.process(nodes[0], waitForCompletion=False)
    with pytest.raises(ComputeError, match="already running"):
        logic.process(nodes[0])


def test_the_result_arrives_although_the_volume_was_deleted_meanwhile(logic_of, nodes, wait_until, scene):
    logic, results = logic_of("report"), []
    logic.process(*nodes, waitForCompletion=False, onFinished=results.append)
    scene.RemoveNode(nodes[0])
    wait_until(lambda: results)
    assert inputsOf(results[0].reportNode) == (None, nodes[1])
    assert results[0].pointsNode.GetNumberOfControlPoints() == 11


def test_the_result_of_a_closed_scene_is_not_given_to_a_volume_of_the_next_one(logic_of, nodes, wait_until, scene):
    """Nodes of the next scene have the same IDs, so the findings would be another patient's."""
    logic, errors = logic_of("report"), []
    logic.process(*nodes, waitForCompletion=False, onFinished=errors.append, onError=errors.append)
    old = nodes[0].GetID()
    scene.Clear(False)
    assert add_study(scene, make_study("9.8.7"))[Role.SAGITTAL_T2].GetID() == old
    wait_until(lambda: errors)
    assert isinstance(errors[0], Cancelled) and resultsInScene(scene) == []


def test_a_script_that_waits_while_its_scene_is_closed_gets_no_result_in_the_next_one(logic_of, nodes, scene):
    """As if ``onProgress`` processes the application's events and the user closes the scene; IDs are reused."""
    opened = []

    def close_and_open_another(stage, fraction, message):
        if not opened:
            scene.Clear(False)
            opened.append(add_study(scene, make_study("4.5.6"))[Role.SAGITTAL_T2])

    node_id = nodes[0].GetID()
    with pytest.raises(Cancelled):
        logic_of("report").process(*nodes, onProgress=close_and_open_another)
    assert opened[0].GetID() == node_id and resultsInScene(scene) == []
    assert logic_of("report").process(opened[0]).reportNode.GetNodeReference("SpinalDiseaseAI.t2") is opened[0]


def test_a_level_that_was_graded_for_a_closed_scene_is_not_given_to_a_result_of_the_next_one(logic_of, nodes, wait_until, scene):
    logic, errors = logic_of("report"), []
    old = logic.process(*nodes).reportNode
    name = old.GetID()
    logic.regrade(old, ["L4-L5"], waitForCompletion=False, onFinished=errors.append, onError=errors.append)
    scene.Clear(False)
    node = writeReport(make_report("9.8.7"), scene, add_study(scene, make_study("9.8.7"))[Role.SAGITTAL_T2]).reportNode
    assert node.GetID() == name
    wait_until(lambda: errors)
    assert isinstance(errors[0], Cancelled) and reportFromNode(node).corrections == ()


def test_a_scene_that_is_closed_later_is_no_longer_watched(logic_of, nodes, wait_until, scene):
    logic, results = logic_of("report"), []
    logic.process(*nodes, waitForCompletion=False, onFinished=results.append)
    assert scene.HasObserver(scene.StartCloseEvent)
    wait_until(lambda: results and not scene.HasObserver(scene.StartCloseEvent))


@pytest.mark.parametrize(("orientation", "axis"), [("Sagittal", 0), ("Coronal", 1), ("Axial", 2)])
def test_jumping_to_a_level_moves_every_slice_view_through_its_point(logic_of, nodes, scene, orientation, axis):
    logic = logic_of("report")
    result = logic.process(nodes[0])
    view = scene.AddNewNodeByClass("vtkMRMLSliceNode", orientation)
    view.SetOrientation(orientation)
    logic.jumpToLevel(result.tableNode, "L4-L5")
    position = reportFromNode(result.reportNode).structure("L4-L5").position
    assert view.GetSliceToRAS().GetElement(axis, 3) == pytest.approx(position[axis])


def test_jumping_to_a_level_that_was_not_found_does_nothing(logic_of, nodes):
    logic = logic_of("report")
    logic.jumpToLevel(logic.process(nodes[0]).tableNode, "L6")


def test_a_closed_logic_can_be_used_again(logic_of, nodes):
    logic = logic_of("report")
    logic.process(nodes[0])
    logic.close()
    assert logic.process(nodes[0]).pointsNode.GetNumberOfControlPoints() == 11


# -- which models regrade a level


class AskedClient(FakeClient):
    """Records the options with which levels were graded."""

    def __init__(self):
        self.asked = []

    def regrade(self, study, points, changed, options, *callbacks):
        self.asked.append(options)
        return super().regrade(study, points, changed, options, *callbacks)


@pytest.fixture
def options_of(module, nodes):
    """Options with which a level is regraded, in a result whose report names some models."""

    def asked(models, findings_by, **more):
        client = AskedClient()
        logic = module.SpinalDiseaseAILogic(client=client)
        node = logic.process(nodes[0]).reportNode
        report = reportFromNode(node)
        structures = tuple(
            replace(item, findings=tuple(replace(found, model=findings_by) for found in item.findings))
            for item in report.structures
        )
        named = tuple(ModelProvenance(name, "1.0.0", "ab" * 32, "CC-BY-4.0") for name in models)
        updateReport(node, replace(report, structures=structures, models=named))
        logic.regrade(node, ["L4-L5"], **more)
        return client.asked[0]

    return asked


def test_a_level_is_regraded_with_exactly_the_optional_models_of_the_analysis(options_of):
    classifier = "lumbar-mr-degeneration"
    every = options_of([classifier, DEFAULT_SEGMENTER, DEFAULT_WEIGHER, DEFAULT_GRADER], classifier)
    assert (every.segmenter, every.weigher, every.grader) == (DEFAULT_SEGMENTER, DEFAULT_WEIGHER, DEFAULT_GRADER)
    none = options_of([classifier], classifier)
    assert (none.segmenter, none.weigher, none.grader) == ("", "", "")
    asked_for = options_of([classifier], classifier, weigher=DEFAULT_WEIGHER)
    assert asked_for.weigher == DEFAULT_WEIGHER


def test_a_classifier_whose_findings_were_all_weighed_still_grades(options_of):
    assert options_of(["spinal-disease-2020", DEFAULT_WEIGHER], DEFAULT_WEIGHER).classifiers == ("spinal-disease-2020",)


def test_the_chosen_folder_of_models_determines_which_model_grades(options_of, tmp_path):
    shutil.copytree(models_folder() / "spinal-disease-2020", tmp_path / "spinal-disease-2020")
    named = [DEFAULT_CLASSIFIER, "spinal-disease-2020"]
    assert options_of(named, DEFAULT_CLASSIFIER).classifiers == tuple(named)
    assert options_of(named, DEFAULT_CLASSIFIER, models_folder=str(tmp_path)).classifiers == ("spinal-disease-2020",)


def test_points_that_were_found_on_a_deleted_t2_are_not_graded_on_the_t1_alone(logic_of, nodes, scene):
    logic = logic_of("report")
    result = logic.process(*nodes)
    before = reportFromNode(result.reportNode)
    scene.RemoveNode(nodes[0])
    drag(result.pointsNode, "L4-L5", (0, 2, 0))
    with pytest.raises(InputError, match="The T2 volume of this result is no longer in the scene"):
        logic.regrade(result.reportNode)
    assert reportFromNode(result.reportNode) == before


def test_every_level_requested_during_another_grading_is_graded(logic_of, nodes, wait_until):
    logic, finished = logic_of("report"), []
    node = logic.process(*nodes).reportNode
    for level in ("L1-L2", "L2-L3", "L3-L4"):
        logic.regrade(node, [level], waitForCompletion=False, onFinished=finished.append)
    wait_until(lambda: finished)
    report = reportFromNode(node)
    grades = [report.structure(name).finding("pfirrmann").predicted for name in ("L1-L2", "L2-L3", "L3-L4", "L4-L5")]
    assert grades == [("2",), ("2",), ("2",), ("4",)] and len(finished) == 1
