"""Maps the coordinates of a report to the present: a volume may be moved after its analysis, and takes its result along.

Positions in a report are world RAS millimetres at the time of the analysis. A result records where the voxels of its volumes
were then. Their movement since, by a transform on the volume or a hardened one, maps the report to the world.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import slicer
import vtk

from ..base.geometry import FloatArray, Image
from ..base.report import Point, Report, StructureResult
from ..base.study import Role, Study

ANALYSED = "SpinalDiseaseAI.AnalysedGeometry"
"""Attribute of a report: JSON of role to voxel counts of the volume and its 4×4 matrix from voxel indices to report RAS mm."""


_ROUNDING = 1e-7
"""Largest difference from the identity of a matrix that counts as no movement: a hundredth of a micrometre at 100 mm."""


def _identity() -> FloatArray:
    return np.eye(4)


@dataclass(frozen=True, eq=False)
class Frame:
    """The mapping between the millimetres of a report and those of the world. Without arguments, it is the identity.

    :param matrix: 4×4 matrix from the report to the world, or to the coordinates that ``warp`` transforms.
    :param warp: nonlinear vtkMRMLTransformNode on the volume; None if there is none.
    :param analysed: 4×4 matrix from voxel indices to the report's millimetres for each analysed image.
    """

    matrix: FloatArray = field(default_factory=_identity)
    warp: Any = None
    analysed: dict[Role, FloatArray] = field(default_factory=dict)

    def toWorld(self, point: Point) -> Point:
        """Convert a position in the report to world RAS millimetres."""
        below = _moved(self.matrix, point)
        return below if self.warp is None else _through(self.warp.GetTransformToWorld, below)

    def fromWorld(self, point: Point) -> Point:
        """Convert world RAS millimetres to a position in the report."""
        below = point if self.warp is None else _through(self.warp.GetTransformFromWorld, point)
        return _moved(np.linalg.inv(self.matrix).astype(np.float64), below)

    def toNode(self, node: Any) -> FloatArray:
        """4×4 matrix from the report to the RAS millimetres of a transformable node, before its own parent transform.

        A warp cannot be expressed as a matrix; then the matrix leads to the coordinates that the warp transforms.
        """
        parent = node.GetParentTransformNode()
        if self.warp is not None or parent is None or not parent.IsTransformToWorldLinear():
            return self.matrix
        return _snapped(np.linalg.inv(_toWorld(parent)) @ self.matrix)

    def studyOf(self, study: Study) -> Study:
        """A study of volumes at their present positions, with every image moved to its position in the report. Without a warp."""
        back = np.linalg.inv(self.matrix)
        series = []
        for item in study.series:
            affine, analysed = back @ item.image.affine, self.analysed.get(item.role)
            same = analysed is not None and np.allclose(affine, analysed, rtol=0, atol=_ROUNDING)
            # Exactly the original matrix, so that the analysis process recognizes the image.
            series.append(replace(item, image=Image(item.image.voxels, analysed if same and analysed is not None else affine)))
        return replace(study, series=tuple(series))


WORLD = Frame()
"""The frame of a report whose volumes have not moved since the analysis, or are gone."""


def rememberGeometry(reportNode: Any, study: Study | None, volumes: dict[Role, Any]) -> None:
    """Record where the voxels of a result's volumes are in its report.

    :param study: the analysed study; None if the volumes have not moved since.
    """
    geometry = {}
    for role, node in volumes.items():
        analysed = study.of_role(role) if study is not None else None
        if node is not None and node.GetImageData() is not None:
            matrix = analysed.image.affine if analysed is not None else worldFromVoxels(node)
            if matrix is not None:
                counts = analysed.image.voxels.shape if analysed is not None else node.GetImageData().GetDimensions()
                geometry[role.value] = [list(counts), matrix.tolist()]
    reportNode.SetAttribute(ANALYSED, json.dumps(geometry))


def analysedGrids(reportNode: Any) -> dict[Role, tuple[tuple[int, int, int], FloatArray]]:
    """Voxel counts along I, J and K of each analysed image, and its 4×4 matrix from voxel indices to the report's mm."""
    geometry = json.loads(reportNode.GetAttribute(ANALYSED) or "{}")
    grids = {role: geometry[role.value] for role in Role if role.value in geometry}
    return {role: ((int(i), int(j), int(k)), np.array(matrix)) for role, ((i, j, k), matrix) in grids.items()}


def frameOf(reportNode: Any, volumes: dict[Role, Any]) -> Frame:
    """The frame of a result, from its first volume that exists and still has the analysed voxel grid."""
    grids = analysedGrids(reportNode)
    matrices = {role: grids[role][1] for role in volumes if role in grids}
    for role, analysed in matrices.items():
        node, (counts, _) = volumes[role], grids[role]
        if node is None or node.GetImageData() is None or node.GetImageData().GetDimensions() != counts:
            continue
        matrix = _matrixOf(node) @ np.linalg.inv(analysed)
        transform = node.GetParentTransformNode()
        if transform is not None and not transform.IsTransformToWorldLinear():
            return Frame(_snapped(matrix), transform, matrices)
        if transform is not None:
            matrix = _toWorld(transform) @ matrix
        if np.linalg.det(matrix) != 0:
            return Frame(_snapped(matrix), None, matrices)
    return WORLD


def hasAnalysedVoxels(reportNode: Any, report: Report, study: Study) -> bool:
    """True if the voxels of a study are those that a report names, or if that is not known, as in a scene of an old version.

    :param study: of the report's volumes, each at its position during the analysis.
    """
    identity = study.primary.identity()
    analysed = next((item for item in report.series if item.role == identity.role), identity)
    return not reportNode.GetAttribute(ANALYSED) or analysed.sha256 == identity.sha256


def worldFromVoxels(node: Any) -> FloatArray | None:
    """4×4 matrix from voxel indices to world RAS millimetres, including parent transforms; None if one is not linear."""
    transform = node.GetParentTransformNode()
    if transform is None:
        return _matrixOf(node)
    return _toWorld(transform) @ _matrixOf(node) if transform.IsTransformToWorldLinear() else None


def movedTo(item: StructureResult, before: Frame, after: Frame) -> StructureResult:
    """A structure of a report in another frame of the same anatomy."""

    def place(point: Point) -> Point:
        return after.fromWorld(before.toWorld(point))

    measurements = tuple(
        replace(taken, lines=tuple((place(start), place(end)) for start, end in taken.lines)) for taken in item.measurements
    )
    return replace(item, position=place(item.position), measurements=measurements)


def _matrixOf(node: Any) -> FloatArray:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return np.array(slicer.util.arrayFromVTKMatrix(matrix), dtype=np.float64)


def _toWorld(transformNode: Any) -> FloatArray:
    matrix = vtk.vtkMatrix4x4()
    transformNode.GetMatrixTransformToWorld(matrix)
    return np.array(slicer.util.arrayFromVTKMatrix(matrix), dtype=np.float64)


def _snapped(matrix: FloatArray) -> FloatArray:
    """The identity for a matrix close to it: rounding by multiplication and files is not a movement."""
    return np.eye(4) if np.allclose(matrix, np.eye(4), rtol=0, atol=_ROUNDING) else matrix


def _moved(matrix: FloatArray, point: Point) -> Point:
    if np.array_equal(matrix, np.eye(4)):
        return point  # without rounding errors
    x, y, z = (matrix @ [*point, 1.0])[:3]
    return float(x), float(y), float(z)


def _through(getTransform: Any, point: Point) -> Point:
    transform = vtk.vtkGeneralTransform()
    getTransform(transform)
    x, y, z = transform.TransformPoint(point)
    return float(x), float(y), float(z)
