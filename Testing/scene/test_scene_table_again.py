"""A table into which a second report is written shows only that report."""

from dataclasses import replace

from scene_examples import finding, make_report

from SpinalDiseaseAILib.scene.results import writeReport


def columns_of(node):
    return [node.GetColumnName(index) for index in range(node.GetNumberOfColumns())]


def test_columns_that_only_the_previous_report_needed_are_gone(scene, t2_node):
    report = make_report()
    fewer = replace(
        report,
        structures=tuple(
            replace(item, findings=(finding("bulging", "present"),) if item.findings else ()) for item in report.structures
        ),
    )
    wide = columns_of(writeReport(report, scene, t2_node).tableNode)  # five Pfirrmann grades
    table = writeReport(fewer, scene, t2_node).tableNode
    assert len(columns_of(table)) < len(wide)
    assert {table.GetTable().GetColumn(index).GetNumberOfValues() for index in range(table.GetNumberOfColumns())} == {6}
    assert table.GetTable().GetColumnByName("finding").GetValue(0) == "Disc bulging"
