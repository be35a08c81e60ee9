"""SPIDER's plain folders and their pitfalls."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from plain_data_sets import (
    COLUMNS,
    ROWS,
    SPACING,
    drawn,
    grading,
    labels_from_below,
    points,
    write_picture,
    write_spider,
    write_table,
)

from SpinalDiseaseAILib.datasets.records import Imported, Record
from SpinalDiseaseAILib.datasets.spider import (
    DISC_MASK,
    GRADING_COLUMNS,
    VERTEBRA_MASK,
    body_centre,
    points_from_mask,
    read_spider,
    read_spider_space,
)


@pytest.fixture
def spider(tmp_path: Path) -> Path:
    return write_spider(tmp_path, ("3", "7"))


def of_series(imported: Imported, series: str) -> Record:
    return next(record for record in imported.records if record.series == series)


def regrade(spider: Path, *rows: list[object]) -> None:
    write_table(spider / "radiological_gradings.csv", ("Patient", "IVD label", *GRADING_COLUMNS), rows)


def test_every_series_is_a_record_with_its_contrast_points_and_spacing(spider: Path) -> None:
    imported = read_spider(spider)
    assert [(record.series, record.contrast) for record in imported.records] == [
        ("3_t1", "T1"),
        ("3_t2", "T2"),
        ("7_t1", "T1"),
        ("7_t2", "T2"),
    ]
    record = of_series(imported, "3_t2")
    assert record.points == points() and record.pixels().shape == (ROWS, COLUMNS)


def test_a_space_series_among_the_midsagittal_planes_is_a_t2(spider: Path) -> None:
    (spider / "midsagittal" / "3_t2.png").rename(spider / "midsagittal" / "3_t2_SPACE.png")
    for name in ("overview.csv", "keypoints.csv"):
        path = spider / name
        path.write_text(path.read_text(encoding="utf-8").replace("3_t2", "3_t2_SPACE"), encoding="utf-8")
    record = of_series(read_spider(spider), "3_t2_SPACE")
    assert (record.patient, record.contrast) == ("3", "T2") and record.points


def test_pixel_spacing_has_rows_first_and_becomes_column_and_row(spider: Path) -> None:
    assert of_series(read_spider(spider), "3_t2").spacing == SPACING
    assert SPACING[0] != SPACING[1]


def test_label_1_is_the_lumbosacral_disc_and_labels_count_upward(spider: Path) -> None:
    regrade(spider, *(grading("3", label, min(label, 5)) for label in range(1, 7)))
    findings = of_series(read_spider(spider), "3_t2").findings
    assert {label: findings[name]["pfirrmann"] for label, name in labels_from_below().items()} == {
        label: (str(min(label, 5)),) for label in range(1, 7)
    }
    assert findings["L5-S1"]["pfirrmann"] == ("1",) and findings["T12-L1"]["pfirrmann"] == ("5",)


def test_labels_0_and_7_and_above_are_left_out_and_reported(spider: Path) -> None:
    regrade(spider, grading("3", 0, 5), grading("3", 1, 2), grading("3", 7, 4), grading("3", 9, 4))
    imported = read_spider(spider)
    assert set(of_series(imported, "3_t2").findings) == {"L5-S1"}
    assert [text for text in imported.skipped if "disc label" in text] == [
        f"grading of patient 3: disc label {label} is not one of the six levels" for label in (0, 7, 9)
    ]


def test_the_columns_are_read_as_they_are_spelt_in_the_file(spider: Path) -> None:
    header = (spider / "radiological_gradings.csv").read_text(encoding="utf-8").splitlines()[0]
    assert "Pfirrman grade" in header and "Pfirrmann" not in header
    row = dict(zip(header.split(","), ["3", "2", "2", "1", "0", "1", "0", "1", "0", "4"], strict=True))
    regrade(spider, [row[column] for column in ("Patient", "IVD label", *GRADING_COLUMNS)])
    assert of_series(read_spider(spider), "3_t2").findings["L4-L5"] == {
        "pfirrmann": ("4",),
        "degeneration": ("severe",),
        "modic": ("2",),
        "upper_endplate": ("present",),
        "lower_endplate": ("absent",),
        "spondylolisthesis": ("present",),
        "herniation": ("absent",),
        "narrowing": ("present",),
        "bulging": ("absent",),
    }


def test_a_table_that_begins_with_a_byte_order_mark_is_read(spider: Path) -> None:
    path = spider / "radiological_gradings.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert of_series(read_spider(spider), "3_t2").findings


def test_a_series_without_spacing_is_left_out_and_one_without_points_kept_and_both_are_reported(spider: Path) -> None:
    write_picture(spider / "midsagittal" / "9_t2.png", drawn())
    rows = [
        ["new_file_name", "PixelSpacing"],
        ["3_t1", "[2.0, 2.25]"],
        ["3_t2", ""],
        ["7_t1", "[2.0, 2.25]"],
        ["7_t2", "[2.0, 2.25]"],
    ]
    write_table(spider / "overview.csv", rows[0], rows[1:])
    with (spider / "keypoints.csv").open(encoding="utf-8", newline="") as file:
        table = [row for row in csv.reader(file) if row[0] != "7_t1"]
    write_table(spider / "keypoints.csv", table[0], table[1:])
    imported = read_spider(spider)
    assert [record.series for record in imported.records] == ["3_t1", "7_t1", "7_t2"]
    assert of_series(imported, "7_t1").points == {}
    told = " ".join(imported.skipped)
    assert "3_t2.png: no PixelSpacing" in told and "9_t2.png: no PixelSpacing" in told and "7_t1.png: no key points" in told


def test_points_of_a_mask_are_the_centres_of_discs_and_bodies() -> None:
    found = points_from_mask(drawn(mask=True))
    assert list(found) == list(points())
    for name, place in points().items():
        assert np.hypot(*np.subtract(found[name], place)) < 1.0, name


def test_posterior_elements_do_not_shift_a_vertebra_backward() -> None:
    mask = drawn(mask=True)
    without = mask.copy()
    without[:, 62:] = np.where(without[:, 62:] == VERTEBRA_MASK, 0, without[:, 62:])
    assert points_from_mask(mask)["L3"] == pytest.approx(points_from_mask(without)["L3"])


def test_a_disc_above_the_six_is_ignored() -> None:
    mask = drawn(mask=True)
    column, row = points()["T12-L1"]
    mask[round(row - 17) - 1 : round(row - 17) + 2, round(column) - 6 : round(column) + 7] = DISC_MASK
    assert points_from_mask(mask)["T12-L1"] == pytest.approx(points_from_mask(drawn(mask=True))["T12-L1"])


def test_a_tiny_fragment_of_a_disc_is_ignored() -> None:
    mask = drawn(mask=True)
    mask[120:122, 50:52] = DISC_MASK
    assert points_from_mask(mask) == points_from_mask(drawn(mask=True))


@pytest.mark.parametrize("name", ["T12-L1", "L3-L4", "L5-S1"])
def test_a_mask_that_lacks_a_disc_gives_no_points(name: str) -> None:
    mask = drawn(mask=True)
    row = round(points()[name][1])
    mask[row - 1 : row + 2][mask[row - 1 : row + 2] == DISC_MASK] = 0
    assert points_from_mask(mask) is None


def above_the_six(mask: np.ndarray) -> np.ndarray:
    """The mask with T12 and the disc above it, as in other planes."""
    column, row = points()["T12-L1"]
    for away, half, value in ((8, 3, VERTEBRA_MASK), (17, 1, DISC_MASK)):
        centre = round(row) - away
        mask[centre - half : centre + half + 1, round(column) - 6 : round(column) + 7] = value
    return mask


def test_six_discs_with_a_gap_are_not_mistaken_for_the_six() -> None:
    mask = above_the_six(drawn(mask=True))
    row = round(points()["L3-L4"][1])
    mask[row - 1 : row + 2][mask[row - 1 : row + 2] == DISC_MASK] = 0
    assert points_from_mask(mask) is None


def test_two_pieces_of_one_disc_are_not_mistaken_for_two_discs() -> None:
    mask = drawn(mask=True)
    column, row = (round(value) for value in points()["L3-L4"])
    mask[row - 1 : row + 2, column - 6 : column + 7] = VERTEBRA_MASK
    for piece in (row - 3, row + 3):
        mask[piece - 1 : piece + 2, column - 6 : column + 7] = DISC_MASK
    assert points_from_mask(np.kron(mask, np.ones((2, 2), mask.dtype))) is None


def test_a_body_that_is_hardly_visible_has_no_centre() -> None:
    vertebra = np.zeros((40, 40), bool)
    vertebra[18:21, 18:24] = True
    assert vertebra.sum() < 20 and body_centre(vertebra, (20.0, 10.0), (20.0, 30.0)) is None
    vertebra[17:22, 16:26] = True
    assert body_centre(vertebra, (20.0, 10.0), (20.0, 30.0)) == pytest.approx((20.5, 19.0), abs=0.01)


def test_an_empty_mask_gives_no_points() -> None:
    assert points_from_mask(np.zeros((50, 50), np.uint8)) is None


def test_t2_space_planes_have_points_masks_and_the_gradings_of_their_patient(spider: Path) -> None:
    imported = read_spider_space(spider)
    assert [record.series for record in imported.records] == [f"3_t2_SPACE_slice{k}" for k in range(10, 16)]
    record = imported.records[0]
    assert (record.patient, record.contrast, record.spacing) == ("3", "T2", SPACING)
    assert record.mask is not None and record.mask.is_file()
    assert record.findings == of_series(read_spider(spider), "3_t2").findings


def test_t2_space_planes_without_mask_or_spacing_are_left_out_and_reported(spider: Path) -> None:
    masks = spider / "t2_space" / "masks"
    (masks / "3_t2_SPACE_slice10.png").unlink()
    write_picture(masks / "3_t2_SPACE_slice11.png", np.zeros((ROWS, COLUMNS), np.uint8))
    for kind in ("images", "masks"):
        write_picture(spider / "t2_space" / kind / "8_t2_SPACE_slice5.png", drawn(mask=kind == "masks"))
    imported = read_spider_space(spider)
    assert [record.series for record in imported.records] == [f"3_t2_SPACE_slice{k}" for k in range(12, 16)]
    assert [text.split(":")[0] for text in imported.skipped] == [
        "3_t2_SPACE_slice10.png",
        "3_t2_SPACE_slice11.png",
        "8_t2_SPACE_slice5.png",
    ]
