"""Scene files: a study and its report as one file that 3D Slicer opens, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer

from ..base.decimal_points import decimal_points
from ..base.errors import InputError, OutputError
from ..base.files import move, work_folder
from ..base.report import Report
from ..base.study import Role, Study
from ..base.temporary_folders import temporary_folder
from .archive import unpackScene
from .hierarchy import hierarchyOf, moveTo
from .results import writeReport
from .volumes import addVolumeNode

SLICE_VIEWS = ("Red", "Yellow", "Green")
"""Names of the application's slice views."""


def new_scene() -> Any:
    """An empty vtkMRMLScene with the node classes for results. In the application, use ``slicer.mrmlScene`` instead."""
    scene = slicer.vtkMRMLScene()
    # The application's logic adds the singletons that other nodes need; the markups logic registers their storage, and that of
    # segmentations lets segments be copied.
    for name in ("vtkSlicerApplicationLogic", "vtkSlicerMarkupsLogic", "vtkSlicerSegmentationsModuleLogic"):
        getattr(slicer, name)().SetMRMLScene(scene)
    return scene


def write_scene(report: Report, study: Study, path: Path) -> Path:
    """Write the volumes of a study and its report as a scene file.

    :param path: file to write, ending in ``.mrb``; an existing file is replaced only once the new one is complete.
    :returns: ``path``.
    :raises OutputError: if the file cannot be written.
    """
    scene = new_scene()
    nodes = add_study(scene, study)
    writeReport(report, scene, nodes.get(Role.SAGITTAL_T2), nodes.get(Role.SAGITTAL_T1), study=study)
    show_in_slices(scene, nodes[study.primary.role])
    try:
        with decimal_points(), work_folder(path.parent, ".scene-") as folder:
            # The archive's folder is named after the file, so the file is written under its final name.
            part = folder / path.name
            if not scene.WriteToMRB(str(part)) or not part.is_file():
                raise OutputError(
                    f"The scene could not be written to {path}.", remedy="Check whether the disk is full.", code="scene"
                )
            move(part, path)
    except OSError as error:
        raise OutputError(
            f"The scene could not be written to {path}: {error.strerror}.", remedy="Choose another folder.", code="scene"
        ) from error
    return path


def add_study(scene: Any, study: Study) -> dict[Role, Any]:
    """Add the volumes of a study to a scene, under one subject hierarchy item.

    :returns: role to vtkMRMLScalarVolumeNode.
    """
    hierarchy = hierarchyOf(scene)
    item = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "Lumbar spine MR study")
    if study.uid:
        hierarchy.SetItemUID(item, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName(), study.uid)
    nodes = {}
    for series in study.series:
        nodes[series.role] = addVolumeNode(scene, series)
        moveTo(item, nodes[series.role])
    return nodes


def show_in_slices(scene: Any, volume: Any) -> None:
    """Make a volume the background of the slice views when the application opens the scene."""
    for view in SLICE_VIEWS:
        node = slicer.vtkMRMLSliceCompositeNode()
        node.SetSingletonTag(view)  # so that the application uses it for its own view
        node.SetLayoutName(view)
        node.SetBackgroundVolumeID(volume.GetID())
        scene.AddNode(node)


def read_scene(path: Path) -> Any:
    """Read a scene file without the application. Keep the vtkMRMLScene as long as its nodes are used.

    :raises InputError: if the file cannot be read.
    """
    scene = new_scene()
    with decimal_points(), temporary_folder() as folder:
        # Not unpacked by the scene itself, which would write wherever the names in the archive lead.
        description = unpackScene(path, folder / "scene")
        scene.SetURL(str(description))
        scene.SetRootDirectory(str(description.parent))
        if not scene.Connect():
            raise InputError(f"The scene {path} cannot be read.", "An .mrb file of 3D Slicer is needed.", code="scene")
    return scene
