"""What ``slicer.util`` needs from the application, for use outside it."""

from types import SimpleNamespace

import slicer


def enter(scene, monkeypatch):
    """Make a scene the application's scene, with the logics for segmentations and volumes."""
    logics = {"segmentations": slicer.vtkSlicerSegmentationsModuleLogic(), "volumes": slicer.vtkSlicerVolumesLogic()}
    for logic in logics.values():
        logic.SetMRMLScene(scene)
    modules = SimpleNamespace(**{name: SimpleNamespace(logic=lambda own=logic: own) for name, logic in logics.items()})
    monkeypatch.setattr(slicer, "mrmlScene", scene, raising=False)
    monkeypatch.setattr(slicer, "modules", modules, raising=False)
