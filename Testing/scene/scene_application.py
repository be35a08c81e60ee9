"""What ``slicer.util`` needs of the application where there is none."""

from types import SimpleNamespace

import slicer


def enter(scene, monkeypatch):
    """Make a scene the application's, with the logics that work on its segmentations and volumes."""
    logics = {"segmentations": slicer.vtkSlicerSegmentationsModuleLogic(), "volumes": slicer.vtkSlicerVolumesLogic()}
    for logic in logics.values():
        logic.SetMRMLScene(scene)
    modules = SimpleNamespace(**{name: SimpleNamespace(logic=lambda own=logic: own) for name, logic in logics.items()})
    monkeypatch.setattr(slicer, "mrmlScene", scene, raising=False)
    monkeypatch.setattr(slicer, "modules", modules, raising=False)
