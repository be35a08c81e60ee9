"""How long Slicer's window freezes: the module's work in the main thread between an analysis and the next event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def blocked(repetitions: int, device: str, stage: Callable[[str], Any], folder: Any) -> list[Any]:
    """Times on the sample study in a scene of Slicer's own classes, without rendering.

    :param stage: creates a measurement with a name and a method ``time``.
    :param folder: folder of the sample study.
    """
    import numpy as np
    import slicer

    from SpinalDiseaseAILib.base.geometry import c_ordered_copy
    from SpinalDiseaseAILib.base.options import Options
    from SpinalDiseaseAILib.pipelines.analyser import Analyser
    from SpinalDiseaseAILib.reading import open_study
    from SpinalDiseaseAILib.scene import corrections, mrb, results, segmentation, volumes
    from SpinalDiseaseAILib.worker.exchange import StudyFiles
    from SpinalDiseaseAILib.worker.job_queue import _key_of

    study = open_study([folder])
    report = Analyser().analyse(study, Options(device=device))
    scene = mrb.new_scene()
    volume = mrb.add_study(scene, study)[study.primary.role]
    stored = slicer.util.arrayFromVolume(volume)

    ordered = stage("window: voxels of a volume node put into order")
    at_once = stage("    the alternative: all of them at once")
    sent = stage("window: study read, named by its content, written for the worker")
    shown = stage("window: result with masks brought up to date in the scene")
    edited = stage("window: whether a user edited the masks")
    renumbered = stage("window: another numbering")
    separated = stage("    the alternative: its segments removed as they are")
    restored = stage("window: what was computed restored")

    def send() -> None:
        read = volumes.studyFromVolumeNodes(volume)
        _key_of(read)
        StudyFiles(read).remove()

    result = results.writeReport(report, scene, volume, study=study)
    copy = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    for _ in range(repetitions):
        ordered.time(lambda: c_ordered_copy(stored.T))
        at_once.time(lambda: np.ascontiguousarray(stored.T))
        sent.time(send)
        shown.time(lambda: results.writeReport(report, scene, volume, study=study, overwriteEdits=True))
        edited.time(lambda: segmentation.isEdited(result.segmentationNode))
        renumbered.time(lambda: corrections.renumberResult(result.reportNode, -1))
        segmentation.copyMasks(result.segmentationNode, copy)
        separated.time(copy.GetSegmentation().RemoveAllSegments)
        restored.time(lambda: corrections.restoreComputed(result.reportNode))
    return [ordered, at_once, sent, shown, edited, renumbered, separated, restored]
