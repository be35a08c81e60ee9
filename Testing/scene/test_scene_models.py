"""A scene's information on the models of a result: version, weights, licence, and whether they are for research only."""

from dataclasses import replace

import pytest
from scene_examples import MODEL, make_report

from SpinalDiseaseAILib.scene.results import writeReport

KEYS = ("Version", "SHA256", "Licence")
ATTRIBUTE = "SpinalDiseaseAI.Provenance.ResearchOnly"


@pytest.mark.parametrize(("restricted", "expected"), [(False, "no"), (True, "yes")])
def test_every_node_of_a_result_says_whether_it_may_be_used_for_research_only(scene, t2_node, restricted, expected):
    report = replace(make_report(), models=(MODEL, replace(MODEL, name="other", research_only=restricted)))
    result = writeReport(report, scene, t2_node)
    for node in (result.reportNode, result.pointsNode, result.tableNode):
        assert node.GetAttribute(ATTRIBUTE) == expected


def test_a_new_report_removes_the_mark_of_the_previous_one(scene, t2_node):
    report = make_report()
    restricted = replace(report, models=(replace(MODEL, research_only=True),))
    first = writeReport(restricted, scene, t2_node)
    assert first.reportNode.GetAttribute(ATTRIBUTE) == "yes"
    assert writeReport(report, scene, t2_node).reportNode.GetAttribute(ATTRIBUTE) == "no"


def test_every_node_names_version_weights_and_licence_of_each_model(scene, t2_node):
    result = writeReport(make_report(), scene, t2_node)
    for node in (result.reportNode, result.pointsNode, result.tableNode):
        told = {key: node.GetAttribute(f"SpinalDiseaseAI.Provenance.Model.{MODEL.name}.{key}") for key in KEYS}
        assert told == {"Version": MODEL.version, "SHA256": MODEL.sha256, "Licence": MODEL.licence}
