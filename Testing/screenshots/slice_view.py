"""Slicer's slice views without its window, drawn off screen by the same logics and displayable managers.

In the application, ``qMRMLSliceWidget`` combines these classes and is the only part that needs Qt. ``slicer-core`` has all the
others: vtkMRMLSliceLogic slices the volume, and the displayable managers of the Markups module draw the points and move them
with the mouse. The widget's own additions, its control bar and the texts in its corners, are missing here.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

# Without a display, VTK would try one first and print a warning.
if not os.environ.get("DISPLAY"):
    os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

ORIENTATIONS = {"Red": "Axial", "Yellow": "Sagittal", "Green": "Coronal"}
"""The application's slice views and their orientations."""

DISPLAYABLE_MANAGERS = (
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
)
"""Displayable managers of the slice views that draw parts of a result."""

_DRAG_STEPS = 10


def _keep(*objects: Any) -> None:
    """Keep VTK objects until the process ends, like the application.

    They have non-owning pointers to each other, and Python would destroy them in any order.
    """
    for item in objects:
        item.Register(None)


class SceneLogics:
    """An empty scene, with those of the application's logics that slice views need."""

    def __init__(self) -> None:
        self.scene = slicer.vtkMRMLScene()
        self.application = slicer.vtkSlicerApplicationLogic()
        self.application.SetMRMLScene(self.scene)
        self._colours = slicer.vtkMRMLColorLogic()  # adds the colour tables with which volumes are shown
        self._colours.SetMRMLScene(self.scene)
        self.application.SetColorLogic(self._colours)
        self._markups = slicer.vtkSlicerMarkupsLogic()
        self._markups.SetMRMLScene(self.scene)
        self.application.SetModuleLogic("Markups", self._markups)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(self.application)
        for name in DISPLAYABLE_MANAGERS:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self.displayable_managers = factory
        _keep(self.scene, self.application, self._colours, self._markups)


class SliceView:
    """One slice view of the application.

    :param name: Red, Yellow or Green.
    :param size: width and height in pixels.
    """

    def __init__(self, logics: SceneLogics, name: str, size: tuple[int, int]) -> None:
        self.size = size
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(logics.application)
        self.logic.SetMRMLScene(logics.scene)
        self.node = self.logic.AddSliceNode(name)
        self.node.SetOrientation(ORIENTATIONS[name])
        self.node.SetLayoutColor(getattr(slicer.vtkMRMLSliceNode, f"Get{name}Color")())
        self.node.SetDimensions(*size, 1)

        self._window = vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._window.SetSize(*size)
        self._renderer = vtk.vtkRenderer()
        self._window.AddRenderer(self._renderer)
        self._interactor = vtk.vtkRenderWindowInteractor()
        self._interactor.SetRenderWindow(self._window)
        self._interactor.SetSize(*size)
        self._image = vtk.vtkImageMapper()  # like Slicer's light box: unchanged colours, pixel by pixel
        self._image.SetColorWindow(255)
        self._image.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(self._image)
        actor.GetProperty().SetDisplayLocationToBackground()
        self._renderer.AddViewProp(actor)

        self._managers = logics.displayable_managers.InstantiateDisplayableManagers(self._renderer)
        self._managers.SetMRMLDisplayableNode(self.node)
        self._style = slicer.vtkMRMLSliceViewInteractorStyle()
        self._style.SetInteractor(self._interactor)
        self._style.SetSliceLogic(self.logic)
        self._style.SetDisplayableManagers(self._managers)
        _keep(self.logic, self._window, self._interactor, self._managers, self._style)

    def show(self, volume: Any) -> None:
        """Make a vtkMRMLScalarVolumeNode the background, and fit the field of view to the volume."""
        self.logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        self.logic.FitSliceToAll(*self.size)

    def resize(self, size: tuple[int, int]) -> None:
        """Change the size of the view in pixels."""
        self.size = size
        self._window.SetSize(*size)
        self._interactor.SetSize(*size)
        self.logic.ResizeSliceNode(*size)

    def look_at(self, position: tuple[float, float, float], millimetres: float) -> None:
        """Pan and zoom within the shown slice.

        :param position: the centre, world RAS millimetres.
        :param millimetres: the height of the view.
        """
        offset = self.logic.GetSliceOffset()
        width, height = self.size
        self.node.SetFieldOfView(millimetres * width / height, millimetres, self.node.GetFieldOfView()[2])
        self.node.JumpSliceByCentering(*position)
        self.logic.SetSliceOffset(offset)

    def pixels(self) -> np.ndarray:
        """The current view: (height, width, 3), uint8, row 0 at the top."""
        self._image.SetInputConnection(self.logic.GetImageDataConnection())  # a new one after every change of the layers
        self._window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self._window)
        grab.ReadFrontBufferOff()
        grab.Update()
        values = vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars())
        width, height = self.size
        return np.ascontiguousarray(values.reshape(height, width, -1)[::-1, :, :3])

    def place_of(self, position: tuple[float, float, float]) -> tuple[float, float]:
        """Pixel, counted from the lower left corner, that shows a position in world RAS millimetres."""
        to_pixels = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.node.GetXYToRAS(), to_pixels)
        x, y, _, _ = to_pixels.MultiplyPoint((*position, 1.0))
        return x, y

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Move the mouse to a pixel, press the left button, move to another pixel, and release it."""
        self.move_mouse(start)
        self._send(vtk.vtkCommand.LeftButtonPressEvent, start)
        for part in np.linspace(0, 1, _DRAG_STEPS + 1)[1:]:
            self.move_mouse(tuple(np.add(start, np.subtract(end, start) * part)))
        self._send(vtk.vtkCommand.LeftButtonReleaseEvent, end)

    def move_mouse(self, place: tuple[float, ...]) -> None:
        """Move the mouse to a pixel, counted from the lower left corner, so that an object there shows that it can be dragged."""
        self._send(vtk.vtkCommand.MouseMoveEvent, place)

    def _send(self, event: int, place: tuple[float, ...]) -> None:
        # Directly to the displayable managers: the interactor would need a focus, which only a real window has.
        x, y = (round(value) for value in place)
        self._interactor.SetEventInformation(x, y, 0, 0, chr(0), 0, "")
        self._style.DelegateInteractionEventToDisplayableManagers(event)
