"""overlay.png: the picture for radiologists."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.report import Numbering, Report, StructureResult
from SpinalDiseaseAILib.base.study import Role, Series, Study
from SpinalDiseaseAILib.base.wording import Severity
from SpinalDiseaseAILib.writing.drawing import SEVERITY_COLOURS, wrapped
from SpinalDiseaseAILib.writing.facts import model_line, numbering_line, series_line
from SpinalDiseaseAILib.writing.finding_cards import cards_of, stack
from SpinalDiseaseAILib.writing.overlay import draw_overlay, windowed


def count_of(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((np.abs(picture.astype(int) - colour).max(axis=-1) <= 2).sum())


def test_abnormal_levels_have_a_chip_in_the_colour_of_their_severity(report: Report, study: Study) -> None:
    picture = np.asarray(draw_overlay(report, study))
    assert count_of(picture, SEVERITY_COLOURS[Severity.NORMAL]) > 5000  # five discs with grade 2
    assert count_of(picture, SEVERITY_COLOURS[Severity.ABNORMAL]) > 5000  # grade 4 and narrowing at L4-L5
    assert count_of(picture, SEVERITY_COLOURS[Severity.SEVERE]) == 0


def test_a_millimetre_has_the_same_length_in_both_directions_if_pixels_are_not_square(report: Report, study: Study) -> None:
    # Rows of half the height: the same patient has twice the rows, and the picture must keep its shape.
    image = study.primary.image
    tall = Image(np.repeat(image.voxels, 2, axis=2), image.affine @ np.diag([1.0, 1.0, 0.5, 1.0]))
    other = Study((replace(study.series[0], image=tall),), study.uid)
    width, height = draw_overlay(report, study).size
    other_width, other_height = draw_overlay(report, other).size
    assert other_height == height
    assert other_width == pytest.approx(width, rel=0.02)


def test_t1_is_a_second_panel_only_in_the_same_frame_of_reference(report: Report, study: Study) -> None:
    one = draw_overlay(report, study).width
    t1 = Series(Role.SAGITTAL_T1, study.primary.image, "1.2.5", "", "1.2.9")
    moved = replace(t1, frame_of_reference_uid="1.2.99")
    assert draw_overlay(report, Study((*study.series, t1))).width > one + 200
    assert draw_overlay(report, Study((*study.series, moved))).width == one


def test_a_report_without_structures_still_gives_a_picture(report: Report, study: Study) -> None:
    empty = replace(report, structures=(), numberings=())
    picture = draw_overlay(empty, study)
    assert picture.width > 300
    assert "placed by hand" in numbering_line(empty)


def test_a_point_outside_the_image_does_not_break_the_picture(report: Report, study: Study) -> None:
    far = StructureResult("L3", (500.0, 500.0, -60.0), 0.2)
    assert draw_overlay(replace(report, structures=(far,)), study).height > 1000


def test_an_image_much_wider_than_high_keeps_a_viewable_size(report: Report) -> None:
    image = Image(np.ones((3, 400, 6), np.float32), np.diag([-4.0, -1.0, -1.0, 1.0]))
    picture = draw_overlay(replace(report, structures=(), numberings=()), Study((Series(Role.SAGITTAL_T2, image),)))
    assert picture.width < 2000


def test_the_window_ignores_bright_fat_outside_the_spine() -> None:
    values = np.tile(np.linspace(1, 100, 50, dtype=np.float32), (20, 1))
    values[:, 40:] = 5000.0
    grey = windowed(values, values[:, :40])
    assert grey[0, 20] > 80
    assert grey[0, 45] == 255
    assert np.all(np.diff(grey[0].astype(int)) >= 0)


def test_an_image_of_one_value_is_drawn_without_a_warning(report: Report, study: Study, recwarn: pytest.WarningsRecorder) -> None:
    flat = Image(np.zeros_like(study.primary.image.voxels), study.primary.image.affine)
    draw_overlay(report, Study((replace(study.series[0], image=flat),)))
    assert not recwarn.list


def test_cards_are_at_their_level_in_order_and_never_overlap() -> None:
    anchors, heights = [100.0, 120.0, 400.0, 980.0], [40.0, 90.0, 40.0, 90.0]
    tops = stack(anchors, heights, 0, 1000, gap=10)
    assert all(tops[i] + heights[i] + 10 <= tops[i + 1] for i in range(3))
    assert tops[2] == 380
    assert tops[3] + heights[3] == 1000


def test_a_disc_has_a_card_and_an_unremarkable_vertebra_has_none(report: Report) -> None:
    assert [card.structure.name for card in cards_of(report, 600)] == ["T12-L1", "L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"]


def test_chips_wrap_into_the_width_of_the_card(report: Report) -> None:
    narrow = next(card for card in cards_of(report, 330) if card.structure.name == "L4-L5")
    wide = next(card for card in cards_of(report, 900) if card.structure.name == "L4-L5")
    assert (len(narrow.lines), len(wide.lines)) == (2, 1)
    assert narrow.height > wide.height


def test_the_header_states_series_slices_and_numberings_and_nothing_of_the_patient(report: Report, study: Study) -> None:
    line = series_line(study, (2, 6))
    assert line == "Sagittal T2 · 2.00 x 2.00 x 4.00 mm · levels on slices 3 to 7 of 9, each shown on its own"
    assert series_line(study, (4, 4)).endswith("levels on slice 5 of 9")
    assert numbering_line(report) == "Numbering: lowest mobile disc is L5-S1 (0.90) · or one level higher (0.10)"


def test_a_guessed_spacing_is_not_stated(study: Study) -> None:
    guessed = Study((replace(study.series[0], spacing_known=False),))
    assert "voxel size not known" in series_line(guessed, (4, 4))


def test_a_research_only_model_is_marked(report: Report) -> None:
    marked = replace(report, models=(replace(report.models[0], research_only=True),), numberings=(Numbering(0, 1.0, "x"),))
    assert model_line(marked) == "SpinalDiseaseAI 0.1.0 · lumbar-mr-degeneration 0.1.0 (research only)"


def test_many_models_get_their_own_lines_and_do_not_widen_the_picture(report: Report, study: Study) -> None:
    few, many = draw_overlay(report, study), draw_overlay(replace(report, models=report.models * 20), study)
    assert many.width == few.width and many.height > few.height
    lines = wrapped("one · two · " + "x" * 200 + " · three", 25, 300)
    assert lines == ("one · two", "x" * 200, "three"), "what is too long for a line stays whole"
