"""The logic behind the panel: jobs for the analysis process, and their results in the scene."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..base.errors import ComputeError, SpinalDiseaseAIError
from ..base.options import DEFAULT_CLASSIFIER, Options, Progress, no_progress
from ..base.report import Report
from ..scene import application
from ..scene.corrections import applyGraded, applyRemoved, modelPoints, pendingChanges
from ..scene.pointList import pointOf
from ..scene.results import ResultNodes, reportFromNode, resultFromNode, writeReport
from ..scene.volumes import studyFromVolumeNodes
from ..worker.client import WorkerClient
from ..worker.failures import error_of_exception
from .gradedStudy import studyToGrade
from .reportModels import modelsOf
from .sceneWatch import SceneWatch, unlessClosed

OnResult = Callable[[ResultNodes], None] | None
OnError = Callable[[SpinalDiseaseAIError], None] | None


@dataclass(frozen=True)
class _Later:
    """A grading that waits for the running one."""

    levels: tuple[str, ...]
    start: Callable[[], None]
    onError: OnError


class AnalysisLogic:
    """Analyses volumes of the scene and regrades corrected levels, in a process that is kept running.

    Callbacks run on the main thread. In the Python console::

        from SpinalDiseaseAI import SpinalDiseaseAILogic
        result = SpinalDiseaseAILogic().process(slicer.util.getNode("T2"))
        print(result.tableNode.GetNumberOfRows(), "findings in", result.tableNode.GetName())
    """

    POLL_MILLISECONDS = 50

    def __init__(self, client: WorkerClient | None = None, onLog: Callable[[str], None] | None = None) -> None:
        """Create a logic; no process is started yet.

        :param client: runs the jobs; None for one that uses the application's own Python, created when needed.
        :param onLog: called with every line that the analysis process logs.
        """
        self.client = client
        self._onLog = onLog
        self._job: Any = None
        self._grading: Any = None
        self._next: dict[str, _Later] = {}  # by ID of the report node
        self._timer: Any = None
        self._watch = SceneWatch(self._onSceneStartClose)

    @property
    def running(self) -> bool:
        """True while an analysis that was started without waiting is running."""
        return self._job is not None

    @property
    def grading(self) -> bool:
        """True while corrected levels are being regraded."""
        return self._grading is not None

    def process(
        self,
        t2Volume: Any,
        t1Volume: Any = None,
        classifiers: Sequence[str] = (DEFAULT_CLASSIFIER,),
        device: str = "auto",
        overwriteEdits: bool = False,
        waitForCompletion: bool = True,
        onProgress: Progress = no_progress,
        onFinished: OnResult = None,
        onError: OnError = None,
        **more: Any,
    ) -> ResultNodes | None:
        """Analyse a study and show the report in the scene: points, table and report in one folder next to the volume.

        :param t2Volume: sagittal T2 volume node; None if there is only a T1 volume.
        :param t1Volume: sagittal T1 volume node.
        :param classifiers: names of the model bundles that grade the levels.
        :param device: "auto", "cuda", "mps" or "cpu".
        :param overwriteEdits: also replace a user's corrections in an earlier result on the same volume.
        :param waitForCompletion: False returns at once; the callbacks run on the main thread.
        :param onProgress: called with (stage, fraction in 0 ... 1, message).
        :param onFinished: called with the result.
        :param onError: called with the error.
        :param more: further fields of :class:`base.options.Options`, such as ``models_folder``.
        :returns: the result (reportNode, pointsNode, tableNode, folderItem, kept); None without waiting.
        :raises SpinalDiseaseAIError: if the volumes cannot be used, or the analysis fails while waiting for it; Cancelled if
            ``onProgress`` closes the scene or raises it.
        """
        if self.running:
            raise ComputeError(_("An analysis is already running."), remedy=_("Wait for it or cancel it."), code="busy")
        study = studyFromVolumeNodes(t2Volume, t1Volume)
        options = Options(classifiers=tuple(classifiers), device=device, **more)
        scene = (t2Volume or t1Volume).GetScene()
        # IDs, because a node may be deleted while its study is analysed; closing the scene ends the analysis.
        nodeIDs = [node.GetID() if node else "" for node in (t2Volume, t1Volume)]

        def show(report: Report) -> ResultNodes:
            return writeReport(report, scene, *map(scene.GetNodeByID, nodeIDs), overwriteEdits=overwriteEdits, study=study)

        client = self._startedClient()
        if waitForCompletion:
            with unlessClosed(scene, onProgress) as progress:
                report = client.analyse_and_wait(study, options, progress)
            return show(report)

        def done(report: Report) -> None:
            self._job = None
            try:
                result = show(report)
            except Exception as exception:
                _call(onError, _told(exception))
            else:
                _call(onFinished, result)

        def failed(error: SpinalDiseaseAIError) -> None:
            self._job = None
            _call(onError, error)

        self._job = client.analyse(study, options, onProgress, done, failed)
        self._watch.start(scene)
        self._startTimer()
        return None

    def regrade(
        self,
        resultNode: Any,
        levels: Sequence[str] = (),
        device: str = "auto",
        waitForCompletion: bool = True,
        onFinished: OnResult = None,
        onError: OnError = None,
        **more: Any,
    ) -> ResultNodes | None:
        """Update a result from its points: regrade levels whose point was moved or added, and drop levels without a point.

        If the process still has the masks of this study, levels are remeasured and the masks follow the points. Otherwise the
        measurements of these levels are dropped, and the result says so. The corrections are recorded in the report. Requests
        during a grading, for this result or another one, are graded when it has ended.

        :param resultNode: any node of a result.
        :param levels: structures to regrade although their point was not changed.
        :returns: the result; None without waiting.
        :raises SpinalDiseaseAIError: if the volumes are gone, or the grading fails while waiting for it.
        """
        reportNode = resultFromNode(resultNode).reportNode
        scene, nodeID = reportNode.GetScene(), reportNode.GetID()

        if self.grading and not waitForCompletion:
            wanted = (*(self._next[nodeID].levels if nodeID in self._next else ()), *levels)

            def start() -> None:
                node = scene.GetNodeByID(nodeID)
                if node is not None:  # else deleted meanwhile
                    self.regrade(node, wanted, device, False, onFinished, onError, **more)

            self._next[nodeID] = _Later(wanted, start, onError)
            return None
        changes = pendingChanges(reportNode)
        if changes.removed:
            applyRemoved(reportNode, changes.removed)
        points, names = modelPoints(reportNode)
        changed = [names[name] for name in (*changes.placed, *levels) if name in names]
        if not changed:
            _call(onFinished, resultFromNode(reportNode))
            return resultFromNode(reportNode)
        report = reportFromNode(reportNode)
        study = studyToGrade(reportNode, report)
        options = Options(device=device, **{**modelsOf(report, more.get("models_folder", "")), **more})
        client = self._startedClient()
        if waitForCompletion:
            return applyGraded(reportNode, client.regrade(study, points, changed, options).wait())

        def done(graded: Report) -> None:
            self._grading = None
            node = scene.GetNodeByID(nodeID)
            if node is not None:  # else deleted meanwhile, or the scene was closed
                try:
                    result = applyGraded(node, graded)
                except Exception as exception:
                    _call(onError, _told(exception))
                else:
                    _call(onFinished if nodeID not in self._next else None, result)
            self._gradeNext()

        def failed(error: SpinalDiseaseAIError) -> None:
            self._grading = None
            _call(onError, error)
            self._gradeNext()

        self._grading = client.regrade(study, points, changed, options, None, done, failed)
        self._watch.start(scene)
        self._startTimer()
        return None

    def probe(self, device: str, onFinished: Callable[[dict[str, Any]], None], onError: OnError) -> None:
        """Find out which device a choice means, by running a small network on it; returns at once."""
        self._startedClient().probe(device, onFinished, onError)
        self._startTimer()

    def cancel(self) -> None:
        """Request the cancellation of the analysis started without waiting; its ``onError`` is called with Cancelled."""
        if self._job is not None:
            self._job.cancel()

    def cancelGrading(self) -> None:
        """Request the cancellation of the grading started without waiting; its ``onError`` is called with Cancelled."""
        self._next.clear()
        if self._grading is not None:
            self._grading.cancel()

    def close(self) -> None:
        """End the analysis process. The logic can still be used afterwards."""
        if self._timer is not None:
            self._timer.stop()
        self._job = self._grading = None
        self._next.clear()
        self._watch.stop()
        if self.client is not None:
            self.client.shutdown()

    def jumpToLevel(self, resultNode: Any, level: str) -> None:
        """Show a level in all slice views.

        :param resultNode: any node of a result.
        :param level: name of a structure, such as "L4-L5".
        """
        pointsNode = resultFromNode(resultNode).pointsNode
        position = pointOf(pointsNode, level) if pointsNode is not None else None
        if position is not None:
            slicer.vtkMRMLSliceNode.JumpAllSlices(pointsNode.GetScene(), *position)

    def _gradeNext(self) -> None:
        """Start the grading that was requested while another one ran, unless a callback did so."""
        while self._next and not self.grading:
            later = self._next.pop(next(iter(self._next)))
            try:
                later.start()
            except Exception as exception:
                _call(later.onError, _told(exception))

    def _startedClient(self) -> WorkerClient:
        if self.client is None:
            self.client = WorkerClient(python=application.applicationPython(), on_log=self._onLog)
        return self.client

    def _startTimer(self) -> None:
        if self._timer is None:
            self._timer = qt.QTimer()
            self._timer.setInterval(self.POLL_MILLISECONDS)
            self._timer.connect("timeout()", self._dispatch)
        self._timer.start()

    def _dispatch(self) -> None:
        if self.client is not None:
            self.client.dispatch()
        if self.client is None or not self.client.busy:
            self._timer.stop()
            self._watch.stop()

    def _onSceneStartClose(self) -> None:
        self.cancel()
        self.cancelGrading()


def _call(callback: Callable[[Any], None] | None, value: Any) -> None:
    if callback is not None:
        callback(value)


def _told(exception: Exception) -> SpinalDiseaseAIError:
    """The error to show for an exception; unexpected exceptions go to the application's log in full."""
    error = error_of_exception(exception)
    if error is not exception:
        logging.error("A result could not be shown.", exc_info=exception)
    return error
