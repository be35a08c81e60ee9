"""report.html: one self-contained page."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import pytest
from parsed_page import Page
from PIL import Image as Picture

from SpinalDiseaseAILib.base.corrections import Correction
from SpinalDiseaseAILib.base.report import DISCLAIMER, FindingResult, Note, Numbering, Report
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.writing.html_report import html_of


@pytest.fixture
def picture() -> bytes:
    stream = io.BytesIO()
    Picture.new("RGB", (40, 30), (200, 10, 10)).save(stream, "PNG")
    return stream.getvalue()


def test_every_element_is_closed_and_the_table_has_a_row_for_each_assessed_level(
    report: Report, study: Study, picture: bytes
) -> None:
    page = Page(html_of(report, study, picture))
    assert page.open == []
    for name in ("T12-L1", "L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"):
        assert name in page.texts
    assert "grade 4 0.70" in page.text
    assert "present 0.70" in page.text


def test_the_picture_is_inside_the_page(report: Report, study: Study, picture: bytes) -> None:
    page = Page(html_of(report, study, picture))
    (image,) = [attributes for tag, attributes in page.elements if tag == "img"]
    kind, _, data = str(image["src"]).partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data) == picture
    assert "L4-L5: Pfirrmann 4" in str(image["alt"])


def test_nothing_is_loaded_from_outside(report: Report, study: Study, picture: bytes) -> None:
    text = html_of(report, study, picture)
    assert not re.search(r"(https?:)?//[a-z]", re.sub(r"base64,[^\"]*", "", text))
    tags = {tag for tag, _ in Page(text).elements}
    assert not tags & {"script", "link", "iframe", "object"}


def test_text_from_the_input_cannot_become_markup(report: Report, study: Study, picture: bytes) -> None:
    hostile = replace(report, device="<script>alert(1)</script>", study_uid='"><img src=x>')
    text = html_of(hostile, study, picture)
    assert "<script>" not in text
    assert "<img src=x>" not in text
    assert "One slice &lt;is&gt; missing &amp; noted." in text


def test_disclaimer_numberings_warnings_and_provenance_are_on_the_page(report: Report, study: Study, picture: bytes) -> None:
    text = Page(html_of(report, study, picture)).text
    assert text.count(DISCLAIMER) == 2
    assert "Warning. One slice <is> missing & noted." in text
    assert "one level higher" in text
    assert "T11-T12 to L4-L5" in text  # the names in the alternative numbering
    for fact in ("lumbar-mr-degeneration", "ab" * 32, "CC BY 4.0", report.series[0].sha256, "1.2.3.4", "2.00 x 2.00 x 4.00 mm"):
        assert fact in text


def test_a_research_only_model_is_marked(report: Report, study: Study, picture: bytes) -> None:
    marked = replace(report, models=(replace(report.models[0], research_only=True),))
    assert "research only" in Page(html_of(marked, study, picture)).text
    assert "research only" not in Page(html_of(report, study, picture)).text


def test_bars_are_as_long_as_the_probabilities(report: Report, study: Study, picture: bytes) -> None:
    text = html_of(report, study, picture)
    assert '<i class="predicted" style="height: 70%">' in text
    assert '<i class="predicted" style="width: 70%">' in text
    assert '<i class="" style="width: 30%">' in text  # narrowing is absent with 0.70; the bar shows its presence


def test_classes_whose_names_do_not_fit_below_their_bars_are_named_under_the_table(
    report: Report, study: Study, picture: bytes
) -> None:
    level = report.structure("L4-L5")
    degeneration = FindingResult("degeneration", {"mild": 0.1, "moderate": 0.2, "severe": 0.7}, "lumbar-mr-disc-grade")
    graded = replace(level, findings=(*level.findings, degeneration))
    structures = tuple(graded if item.name == "L4-L5" else item for item in report.structures)
    text = html_of(replace(report, structures=structures), study, picture)
    labels = re.findall(r"</b>(.*?)</span>", text)
    assert "5" in labels and max(map(len, labels)) <= 2
    assert "Disc degeneration: bars from left to right mild, moderate, severe." in re.sub(r"\s+", " ", Page(text).text)
    assert "bars from left to right" not in html_of(report, study, picture)


def test_classes_that_occur_together_are_all_named(report: Report, study: Study, picture: bytes) -> None:
    both = FindingResult("disc_disease", {"v1": 0.1, "v2": 0.8, "v3": 0.6, "v4": 0.1, "v5": 0.1}, "spinal-disease-2020")
    changed = report.with_structures((replace(report.structures[0], findings=(both,)),))
    page = Page(html_of(changed, study, picture))
    assert "bulging, protrusion 0.60" in page.text
    assert "more than one can apply" in page.text
    assert "not assessed" in page.text


def test_other_plausible_classes_are_given_next_to_the_prediction_with_their_rate(
    report: Report, study: Study, picture: bytes
) -> None:
    assert "plausible" not in Page(html_of(report, study, picture)).text
    disc = report.structures[0]
    unsure = replace(disc.findings[1], plausible=("absent", "present"), coverage=0.9)
    doubtful = replace(disc.findings[0], plausible=("1", "2", "3"), coverage=0.9)
    changed = report.with_structures((replace(disc, findings=(doubtful, unsure)),))
    text = Page(html_of(changed, study, picture)).text
    assert "grade 2 0.70 or grade 1, grade 3" in text and "absent 0.70 not sure" in text
    assert "in 90 of 100 patients" in text


def test_a_point_that_a_person_placed_says_so(report: Report, study: Study, picture: bytes) -> None:
    moved = report.with_structures((replace(report.structures[0], manual=True),))
    assert "placed by hand" in Page(html_of(moved, study, picture)).text


def test_corrections_are_on_the_page_and_an_uncorrected_report_has_no_such_section(
    report: Report, study: Study, picture: bytes
) -> None:
    assert "Corrections" not in Page(html_of(report, study, picture)).text
    corrections = (
        Correction("moved", "L4-L5", "reader", "2026-01-02T03:04:05+00:00"),
        Correction("renumbered", "", "reader", "2026-01-02T03:05:00+00:00", -1),
    )
    text = Page(html_of(replace(report, corrections=corrections), study, picture)).text
    assert "was corrected after it was computed" in text
    assert "L4-L5 moved by the reader, 2026-01-02 03:04:05 UTC" in text
    assert "Numbering moved by -1 by the reader, 2026-01-02 03:05:00 UTC" in text


def test_the_long_words_of_column_headings_break_with_a_hyphen_in_every_browser(
    report: Report, study: Study, picture: bytes
) -> None:
    disc = replace(
        report.structure("L4-L5"),
        findings=(
            FindingResult("degeneration", {"mild": 0.1, "moderate": 0.2, "severe": 0.7}, "model"),
            FindingResult("spondylolisthesis", {"absent": 0.9, "present": 0.1}, "model"),
        ),
    )
    page = Page(html_of(replace(report, structures=(disc,)), study, picture))
    headings = {text.replace("\u00ad", ""): text for text in page.texts}
    for display in ("Disc degeneration", "Spondylolisthesis"):
        word = headings[display].split()[-1]
        assert "\u00ad" in word and max(map(len, word.split("\u00ad"))) <= 9


def test_a_warning_appears_once_above_the_picture_and_other_notes_below(report: Report, study: Study) -> None:
    notes = (Note("one", "Look at this.", "warning"), Note("two", "Also so.", "info"))
    page = html_of(replace(report, notes=notes), study, b"")
    assert page.count("Look at this.") == page.count("Also so.") == 1
    assert page.index("Look at this.") < page.index("<figure") < page.index("Also so.")
    assert "<h2>Notes</h2>" not in html_of(replace(report, notes=notes[:1]), study, b"")


def test_the_time_of_the_analysis_is_readable(report: Report, study: Study) -> None:
    assert "2026-01-02 03:04:05 UTC · SpinalDiseaseAI" in html_of(report, study, b"")


@pytest.mark.parametrize(
    ("shift", "levels"), [(0, "T12-L1 to L5-S1"), (1, "L1-L2 to S1, 1 more below"), (-1, "T11-T12 to L4-L5")]
)
def test_another_numbering_states_which_names_the_levels_would_have(
    report: Report, study: Study, shift: int, levels: str
) -> None:
    page = html_of(replace(report, numberings=(Numbering(shift, 1.0, "so"),)), study, b"")
    assert f"<td>{levels}</td>" in page
