"""Results in a scene: where they go, and how they are found, updated and read back."""

from dataclasses import replace

import pytest
import vtk
from scene_examples import make_image, make_report, make_study

from SpinalDiseaseAILib.base import anatomy
from SpinalDiseaseAILib.base.errors import InputError, SchemaError
from SpinalDiseaseAILib.base.report import DISCLAIMER
from SpinalDiseaseAILib.base.study import Role, Series
from SpinalDiseaseAILib.scene.corrections import renumberResult
from SpinalDiseaseAILib.scene.hierarchy import hierarchyOf, itemOf
from SpinalDiseaseAILib.scene.mrb import add_study
from SpinalDiseaseAILib.scene.pointEdits import editsOf
from SpinalDiseaseAILib.scene.pointList import pointOf
from SpinalDiseaseAILib.scene.provenance import PREFIX
from SpinalDiseaseAILib.scene.results import (
    inputsOf,
    reportFromNode,
    resultFromNode,
    resultOf,
    resultsInScene,
    updateReport,
    writeReport,
)
from SpinalDiseaseAILib.scene.volumes import addVolumeNode, studyFromVolumeNodes


def nodes_of(result):
    return (result.reportNode, result.pointsNode, result.tableNode)


def labels(node):
    return [node.GetNthControlPointLabel(index) for index in range(node.GetNumberOfControlPoints())]


def test_the_report_is_read_back_from_any_of_its_nodes(result):
    for node in nodes_of(result):
        assert reportFromNode(node) == make_report()


def test_all_nodes_are_in_one_folder_under_the_study(scene, t2_node, result):
    hierarchy = hierarchyOf(scene)
    assert {hierarchy.GetItemParent(itemOf(node)) for node in nodes_of(result)} == {result.folderItem}
    assert hierarchy.GetItemUID(hierarchy.GetItemParent(result.folderItem), "DICOM") == "1.2.3"


def test_results_on_a_volume_that_is_not_dicom_go_next_to_it(scene):
    hierarchy = hierarchyOf(scene)
    place = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "my images")
    node = addVolumeNode(scene, Series(Role.SAGITTAL_T2, make_image()))
    hierarchy.SetItemParent(itemOf(node), place)
    assert hierarchy.GetItemParent(writeReport(make_report(""), scene, node).folderItem) == place


def test_provenance_is_on_every_node_and_says_whether_it_is_for_research(scene, result):
    for node in nodes_of(result):
        assert node.GetAttribute(PREFIX + "Model.lumbar-mr-degeneration.SHA256") == "ab" * 32
        assert node.GetAttribute(PREFIX + "Model.lumbar-mr-degeneration.Version") == "1.0.0"
        assert node.GetAttribute(PREFIX + "Device") == "cpu"
        assert node.GetAttribute(PREFIX + "ResearchOnly") == "no"
        assert node.GetDescription() == DISCLAIMER


def test_the_series_that_were_analysed_are_named_by_uid_and_hash(scene, t2_node):
    identity = studyFromVolumeNodes(t2_node).primary.identity()
    result = writeReport(make_report(series=(identity,)), scene, t2_node)
    assert result.reportNode.GetAttribute(PREFIX + "Series.SagittalT2.SeriesInstanceUID") == "1.2.3.2"
    assert result.reportNode.GetAttribute(PREFIX + "Series.SagittalT2.SHA256") == identity.sha256


def test_provenance_of_an_earlier_model_does_not_stay(scene, t2_node, result):
    other = replace(make_report().models[0], name="spinal-disease-2020", research_only=True)
    writeReport(replace(make_report(), models=(other,)), scene, t2_node)
    names = result.tableNode.GetAttributeNames()
    assert PREFIX + "Model.lumbar-mr-degeneration.Version" not in names
    assert result.tableNode.GetAttribute(PREFIX + "ResearchOnly") == "yes"


def test_provenance_names_every_version_of_a_model_that_took_part(scene, t2_node):
    (model,) = make_report().models
    later = replace(model, version="1.1.0", sha256="cd" * 32)
    node = writeReport(replace(make_report(), models=(model, later)), scene, t2_node).reportNode
    assert node.GetAttribute(f"{PREFIX}Model.{model.name}.Version") == f"{model.version}, 1.1.0"
    assert node.GetAttribute(f"{PREFIX}Model.{model.name}.SHA256") == f"{model.sha256}, {later.sha256}"


def test_a_second_analysis_replaces_the_first_without_new_nodes(scene, t2_node, result):
    count, items = scene.GetNumberOfNodes(), hierarchyOf(scene).GetNumberOfItems()
    again = writeReport(make_report(pfirrmann="1"), scene, t2_node)
    assert nodes_of(again) == nodes_of(result)
    assert (scene.GetNumberOfNodes(), hierarchyOf(scene).GetNumberOfItems()) == (count, items)
    assert reportFromNode(again.reportNode) == make_report(pfirrmann="1")


def test_a_result_is_found_again_after_its_nodes_were_renamed_and_moved(scene, t2_node, result):
    hierarchy = hierarchyOf(scene)
    for number, node in enumerate(nodes_of(result)):
        node.SetName(f"mine {number}")
        hierarchy.SetItemParent(itemOf(node), hierarchy.GetSceneItemID())
    again = writeReport(make_report(pfirrmann="1"), scene, t2_node)
    assert nodes_of(again) == nodes_of(result)
    assert [node.GetName() for node in nodes_of(again)] == ["mine 0", "mine 1", "mine 2"]


def test_the_inputs_are_not_changed(scene, t2_node):
    before = studyFromVolumeNodes(t2_node).primary.identity()
    attributes, name = t2_node.GetAttributeNames(), t2_node.GetName()
    parent = hierarchyOf(scene).GetItemParent(itemOf(t2_node))
    writeReport(make_report(), scene, t2_node)
    assert studyFromVolumeNodes(t2_node).primary.identity() == before
    assert (t2_node.GetAttributeNames(), t2_node.GetName()) == (attributes, name)
    assert hierarchyOf(scene).GetItemParent(itemOf(t2_node)) == parent


def test_two_pipelines_on_one_volume_have_results_of_their_own(scene, t2_node, result):
    other = writeReport(replace(make_report(), pipeline="another"), scene, t2_node)
    assert other.reportNode is not result.reportNode
    assert resultOf(t2_node, "lumbar-mr").reportNode is result.reportNode
    assert resultOf(t2_node).reportNode is other.reportNode


def test_two_studies_in_one_scene_do_not_mix(scene, t2_node, result):
    second = add_study(scene, make_study("1.2.4"))[Role.SAGITTAL_T2]
    assert resultOf(second) is None
    other = writeReport(make_report("1.2.4", pfirrmann="1"), scene, second)
    assert len(resultsInScene(scene)) == 2
    assert reportFromNode(resultOf(t2_node).tableNode) == make_report()
    assert reportFromNode(other.tableNode).study_uid == "1.2.4"
    assert inputsOf(other.reportNode) == (second, None)


def test_the_result_stays_when_its_inputs_are_deleted(scene, t2_node, result):
    scene.RemoveNode(t2_node)
    assert inputsOf(result.reportNode) == (None, None)
    assert [reportFromNode(item.reportNode) for item in resultsInScene(scene)] == [make_report()]
    assert pointOf(result.pointsNode, "L1") is not None


def test_a_report_on_volumes_that_are_gone_goes_under_the_scene(scene):
    result = writeReport(make_report(), scene)
    hierarchy = hierarchyOf(scene)
    assert hierarchy.GetItemParent(result.folderItem) == hierarchy.GetSceneItemID()


def test_a_deleted_list_or_table_is_created_again(scene, t2_node, result):
    scene.RemoveNode(result.pointsNode)
    scene.RemoveNode(result.tableNode)
    assert resultOf(t2_node).pointsNode is None
    again = writeReport(make_report(), scene, t2_node)
    assert labels(again.pointsNode) == list(anatomy.KEY_POINTS)
    assert hierarchyOf(scene).GetItemParent(itemOf(again.tableNode)) == result.folderItem


def test_a_node_that_belongs_to_no_result_is_refused(t2_node):
    with pytest.raises(InputError, match="holds no result"):
        reportFromNode(t2_node)


def test_a_report_whose_text_was_changed_is_refused(result):
    result.reportNode.SetText('{"schema": "other"}')
    with pytest.raises(SchemaError):
        reportFromNode(result.pointsNode)


def test_renumbering_moves_points_table_and_report_together(result):
    before = make_report()
    again = renumberResult(result.reportNode, -1)
    report = reportFromNode(again.reportNode)
    assert [item.name for item in report.structures] == ["T11-T12", "T12", *anatomy.KEY_POINTS[:-2]]
    assert [item.position for item in report.structures] == [item.position for item in before.structures]
    assert labels(again.pointsNode) == [item.name for item in report.structures]
    assert again.tableNode.GetTable().GetValueByName(0, "level").ToString() == "T11-T12"
    assert [item.shift for item in report.numberings] == [1, 0]
    assert "renumbered" in [note.code for note in report.notes]
    assert again.kept == ()


def test_renumbering_back_restores_every_name(result):
    renumberResult(result.reportNode, -1)
    assert labels(renumberResult(result.reportNode, 1).pointsNode) == list(anatomy.KEY_POINTS)


def test_structures_that_lose_their_name_by_renumbering_are_left_out_and_reported(result):
    again = renumberResult(result.reportNode, 1)
    assert labels(again.pointsNode) == [*anatomy.KEY_POINTS[2:], "S1"]
    assert "L5-S1 had no name" in reportFromNode(again.reportNode).notes[-1].text


def test_renumbering_keeps_a_users_edits_in_place(result):
    node = result.pointsNode
    node.SetNthControlPointPositionWorld(labels(node).index("L2"), 5, 6, 7)
    node.SetNthControlPointLabel(labels(node).index("L4"), "mine")
    renumberResult(result.reportNode, -1)
    assert pointOf(node, "L1") == (5, 6, 7)
    assert "mine" in labels(node)
    assert [edit.structure for edit in editsOf(node)] == ["L1", "L3"]


def test_renumbering_beyond_every_name_is_refused_and_changes_nothing(result):
    with pytest.raises(InputError):
        renumberResult(result.reportNode, 20)
    assert labels(result.pointsNode) == list(anatomy.KEY_POINTS)


def test_results_on_volumes_with_the_same_name_have_different_names(scene, result):
    other = writeReport(make_report("4.5"), scene, add_study(scene, make_study("4.5"))[Role.SAGITTAL_T2])
    names = [node.GetName() for node in (result.reportNode, other.reportNode)]
    assert names[0] == "Lumbar spine analysis: T2 sagittal" and names[1].startswith(names[0]) and names[0] != names[1]
    assert hierarchyOf(scene).GetItemName(other.folderItem) == names[1]


@pytest.mark.parametrize("given", [None, "Lumbar levels"])
def test_a_value_that_is_not_a_node_has_no_result(given):
    with pytest.raises(InputError, match="holds no result"):
        resultFromNode(given)


def test_observers_of_a_report_are_notified_once_and_when_it_is_complete(result):
    told = []

    def look(caller, event):
        report = reportFromNode(caller)
        rows = result.tableNode.GetTable().GetColumnByName("predicted")
        assert report.structures[0].finding("pfirrmann").predicted == ("2",) and rows.GetValue(0) == "grade 2"
        told.append(result.reportNode.GetDescription())

    result.reportNode.AddObserver(vtk.vtkCommand.ModifiedEvent, look)
    updateReport(result.reportNode, make_report(pfirrmann="2"))
    assert told == [DISCLAIMER]
