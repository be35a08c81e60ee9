"""points.mrk.json: what 3D Slicer loads as a fiducial list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from SpinalDiseaseAILib.base.report import Report
from SpinalDiseaseAILib.writing.markups import markups_of


def test_the_file_names_the_schema_and_the_frame_of_its_positions(report: Report) -> None:
    document = json.loads(markups_of(report))
    assert document["@schema"].endswith("markups-schema-v1.0.3.json#")
    (markups,) = document["markups"]
    assert (markups["type"], markups["coordinateSystem"], markups["coordinateUnits"]) == ("Fiducial", "RAS", "mm")
    assert [point["position"] for point in markups["controlPoints"]] == [list(item.position) for item in report.structures]


def test_slicer_loads_every_point_with_its_name_place_and_finding(report: Report, tmp_path: Path) -> None:
    slicer = pytest.importorskip("slicer")
    path = tmp_path / "points.mrk.json"
    path.write_text(markups_of(report), encoding="utf-8")
    scene = slicer.vtkMRMLScene()
    node = slicer.vtkMRMLMarkupsFiducialNode()
    scene.AddNode(node)
    storage = slicer.vtkMRMLMarkupsJsonStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(path))
    assert storage.ReadData(node)
    assert node.GetNumberOfControlPoints() == len(report.structures)
    for index, item in enumerate(report.structures):
        assert node.GetNthControlPointLabel(index) == item.name
        assert node.GetNthControlPointPositionWorld(index) == pytest.approx(item.position)
    label = [item.name for item in report.structures].index("L4-L5")
    assert node.GetNthControlPointDescription(label) == "Pfirrmann 4 (0.70) · narrowing 0.70"
