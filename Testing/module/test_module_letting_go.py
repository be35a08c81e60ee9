"""The panel releases what it holds while it is open (widgets, timers, modules), and does no unnecessary work."""

import sys
import types

from panel_helpers import analyze
from standins import application

from SpinalDiseaseAILib.panel.fakes import FakeClient


def test_after_cleanup_a_widget_no_longer_changes_the_scene(panel_of, nodes):
    panel = panel_of()
    parameters = panel.parameterNode
    panel.ui.unsureSpinBox.value = 0.3
    assert parameters.unsureBelow == 0.3
    panel.cleanup()
    panel.ui.unsureSpinBox.value = 0.7
    assert parameters.unsureBelow == 0.3


def test_a_panel_that_was_never_set_up_can_be_cleaned_up(module):
    panel = module.SpinalDiseaseAIWidget(application.module_parent())
    panel.cleanup()
    assert panel.parameterNode is None


def test_a_panel_that_was_cleaned_up_stays_closed_in_the_next_scene(panel_of, nodes, scene):
    panel = panel_of()
    panel.cleanup()
    scene.Clear(False)
    scene.InvokeEvent(scene.EndImportEvent)
    assert panel.parameterNode is None


def test_widgets_of_a_panel_that_was_left_no_longer_change_the_scene(panel_of, nodes):
    panel = panel_of()
    parameters = panel.parameterNode
    panel.exit()
    panel.ui.unsureSpinBox.value = 0.7
    assert parameters.unsureBelow == 0.5 and panel.parameterNode is None


def test_no_timer_runs_in_a_panel_that_was_cleaned_up_during_an_analysis(panel_of, nodes, qt_application):
    panel = panel_of("slow")
    panel.analysis._clock.setInterval(0)
    panel.ui.analyzeButton.click()
    panel.cleanup()
    panel.ui.timeLabel.text = "nothing"
    for _ in range(3):
        qt_application.processEvents()
    assert panel.ui.timeLabel.text == "nothing"


def test_no_timer_runs_after_an_analysis_has_ended(panel_of, nodes, wait_until, qt_application):
    panel = panel_of()
    panel.analysis._clock.setInterval(0)
    analyze(panel, wait_until)
    panel.ui.timeLabel.text = "nothing"
    for _ in range(3):
        qt_application.processEvents()
    assert panel.ui.timeLabel.text == "nothing"


def test_a_reload_forgets_the_whole_library_so_that_it_is_imported_again(panel_of, nodes, monkeypatch):
    panel = panel_of()
    monkeypatch.setitem(sys.modules, "SpinalDiseaseAILib.base.made_up", types.ModuleType("made_up"))
    before = dict(sys.modules)
    try:
        panel.onReload()
        left = [name for name in sys.modules if name.split(".")[0] == "SpinalDiseaseAILib"]
    finally:
        sys.modules.update(before)  # the other tests continue with the library that they imported
    assert left == [] and "SpinalDiseaseAI" in before


class CountingClient(FakeClient):
    """Counts grading requests."""

    def __init__(self):
        super().__init__()
        self.graded = []

    def regrade(self, study, points, changed, options, *callbacks):
        self.graded.append(changed)
        return super().regrade(study, points, changed, options, *callbacks)


def test_without_edited_points_nothing_is_graded_and_the_result_is_returned_at_once(module, nodes):
    client, finished = CountingClient(), []
    logic = module.SpinalDiseaseAILogic(client=client)
    node = logic.process(nodes[0]).reportNode
    assert logic.regrade(node, waitForCompletion=False, onFinished=finished.append).reportNode is node
    assert [item.reportNode for item in finished] == [node]
    assert client.graded == [] and not logic.grading
