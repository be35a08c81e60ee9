"""SPIDER in its published layout becomes the plain folder that training reads; each pitfall of the data set has a test."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from original_data_sets import (
    GRADING_COLUMNS,
    MIDDLE,
    SHAPE,
    affine,
    grading,
    intensities,
    labels,
    overview,
    true_points,
    write_mha,
    write_spider_series,
    write_spider_tables,
)
from typer.testing import CliRunner

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.geometry import Image, all_axis_codes, reorient
from SpinalDiseaseAILib.datasets.convert_spider import convert_spider
from SpinalDiseaseAILib.datasets.plain_folder import Conversion
from SpinalDiseaseAILib.datasets.records import read_grey
from SpinalDiseaseAILib.datasets.spider import CANAL_MASK, DISC_MASK, VERTEBRA_MASK, read_spider, read_spider_space
from SpinalDiseaseAILib.evaluation.grades import pair_t1
from SpinalDiseaseAILib.training.cli import app


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """One T2 series of patient 7, with a grading."""
    folder = tmp_path / "published"
    write_spider_series(folder, "7_t2")
    write_spider_tables(folder, [overview("7_t2")], [grading(7, 1)])
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def converted(source: Path, data: Path, mask: np.ndarray, name: str = "7_t2") -> Conversion:
    """The conversion of one series with another mask."""
    write_spider_series(source, name, mask=mask)
    return convert_spider(source, data)


def test_a_converted_series_is_read_with_its_eleven_points_spacing_and_grades(source: Path, data: Path) -> None:
    conversion = convert_spider(source, data)
    (record,) = read_spider(data / "spider").records
    assert (conversion.planes, conversion.skipped, conversion.warnings) == (1, (), ())
    assert (record.patient, record.series, record.contrast) == ("7", "7_t2", "T2")
    assert record.spacing == pytest.approx((1.5, 2.0))
    assert record.findings["L5-S1"]["pfirrmann"] == ("3",)
    assert list(record.points) == list(true_points())
    for name, place in true_points().items():
        assert record.points[name] == pytest.approx(place, abs=0.3), name


def test_the_plane_is_the_slice_on_which_canal_and_discs_are_largest(source: Path, data: Path) -> None:
    convert_spider(source, data)
    pixels = read_grey(data / "spider/midsagittal/7_t2.png").astype(float)
    similar = [np.corrcoef(np.clip(plane, 0, 800).ravel(), pixels.T.ravel())[0, 1] for plane in intensities(labels())]
    assert pixels.shape == (SHAPE[2], SHAPE[1])
    assert int(np.argmax(similar)) == MIDDLE


@pytest.mark.parametrize("codes", all_axis_codes()[::5])
def test_any_axis_order_of_the_file_gives_the_same_plane_and_points(source: Path, data: Path, codes: str) -> None:
    convert_spider(source, data)
    before = {path.name: path.read_bytes() for path in (data / "spider").rglob("*.*")}
    write_spider_series(source, "7_t2", codes=codes)
    convert_spider(source, data)
    assert {path.name: path.read_bytes() for path in (data / "spider").rglob("*.*")} == before


def test_a_mask_in_another_axis_order_than_its_image_is_matched_by_position(source: Path, data: Path) -> None:
    write_mha(source / "masks/7_t2.mha", reorient(Image(labels(), affine()), "SRA"))
    assert convert_spider(source, data).skipped == ()


def test_a_mask_on_a_smaller_grid_than_its_image_is_matched_by_position(source: Path, data: Path) -> None:
    cropped = affine()
    cropped[:3, 3] = affine()[:3, :3] @ (1, 3, 0) + affine()[:3, 3]
    write_mha(source / "masks/7_t2.mha", Image(labels()[1:, 3:], cropped))
    convert_spider(source, data)
    (record,) = read_spider(data / "spider").records
    assert record.points["L3"] == pytest.approx(true_points()["L3"], abs=0.3)


def test_the_spinous_process_does_not_shift_the_centre_of_a_vertebra(source: Path, data: Path) -> None:
    mask = labels()
    columns = np.nonzero(mask[MIDDLE].T == 3)[1]
    assert columns.mean() > true_points()["L3"][0] + 10
    converted(source, data, mask)
    (record,) = read_spider(data / "spider").records
    assert record.points["L3"][0] == pytest.approx(true_points()["L3"][0], abs=0.3)


def test_a_t1_with_the_same_view_as_its_t2_gets_its_slice_spacing_and_points(source: Path, data: Path) -> None:
    moved = np.roll(labels(), (-2, 1), axis=(0, 1))  # labelled by someone else, most of it two slices further to the right
    write_spider_series(source, "7_t1", codes="SRA", mask=moved)
    write_spider_tables(source, [overview("7_t1"), overview("7_t2")], [grading(7, 1)])
    convert_spider(source, data)
    t1, t2 = read_spider(data / "spider").records
    assert (t1.contrast, t2.contrast) == ("T1", "T2")
    assert pair_t1(t2, [t1, t2]) is t1
    assert (t1.pixels() == t2.pixels()).all()
    rows = (data / "spider/keypoints.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert {(row.split(",")[0], row.split(",")[-1]) for row in rows} == {("7_t1", "from t2"), ("7_t2", "mask")}


def test_points_that_a_t1_has_from_its_t2_have_the_spacing_of_the_t2_too(source: Path, data: Path) -> None:
    stretched = affine() @ np.diag([1.0, 1.003, 1.0, 1.0])  # the corners lie 0.3 mm from those of the T2
    write_mha(source / "images/7_t1.mha", Image(intensities(labels()), stretched))
    write_mha(source / "masks/7_t1.mha", Image(labels(), stretched))
    write_spider_tables(source, [overview("7_t1"), overview("7_t2")], [])
    convert_spider(source, data)
    t1, t2 = read_spider(data / "spider").records
    assert t1.points == t2.points and t1.spacing == t2.spacing


def test_a_t2_space_of_the_same_grid_as_the_t2_has_a_middle_plane_of_its_own(source: Path, data: Path) -> None:
    write_spider_series(source, "7_t2_SPACE", mask=np.roll(labels(), -2, axis=0))
    write_spider_tables(source, [overview("7_t2"), overview("7_t2_SPACE")], [])
    convert_spider(source, data)
    t2, space = (read_grey(data / f"spider/midsagittal/{name}.png") for name in ("7_t2", "7_t2_SPACE"))
    assert (t2 != space).any()


def test_the_middle_plane_depends_on_the_discs_as_much_as_on_the_canal(source: Path, data: Path) -> None:
    mask = labels()
    half = mask[MIDDLE].copy()
    half[:, 1::2][half[:, 1::2] > 200] = 0
    mask[MIDDLE] = half  # the canal is still largest here, the discs are not
    converted(source, data, mask)
    pixels = read_grey(data / "spider/midsagittal/7_t2.png").astype(float)
    similar = [np.corrcoef(np.clip(plane, 0, 800).ravel(), pixels.T.ravel())[0, 1] for plane in intensities(labels())]
    assert int(np.argmax(similar)) in (MIDDLE - 1, MIDDLE + 1)


def test_a_t1_of_another_field_of_view_has_its_own_slice_and_points(source: Path, data: Path) -> None:
    moved = affine()
    moved[2, 3] += 20
    write_mha(source / "images/7_t1.mha", Image(intensities(labels()), moved))
    write_mha(source / "masks/7_t1.mha", Image(np.roll(labels(), 1, axis=1), moved))
    write_spider_tables(source, [overview("7_t1"), overview("7_t2")], [grading(7, 1)])
    convert_spider(source, data)
    t1, t2 = read_spider(data / "spider").records
    assert t1.points["L3"][0] == pytest.approx(t2.points["L3"][0] + 1, abs=0.1)
    assert pair_t1(t2, [t1, t2]) is None


def test_a_partly_visible_vertebra_gives_no_key_point_and_the_plane_stays(source: Path, data: Path) -> None:
    mask = labels()
    mask[mask == 5] = 105
    conversion = converted(source, data, mask)
    assert conversion.skipped == ("7_t2: key points, the body of L1 is not labelled (partly visible)",)
    (record,) = read_spider(data / "spider").records
    assert record.points == {}


def test_a_disc_that_is_only_grazed_gives_no_key_points(source: Path, data: Path) -> None:
    mask = labels()
    mask[mask == 206] = 0
    mask[MIDDLE, 20, 14] = 206
    assert "the disc T12-L1" in converted(source, data, mask).skipped[0]


def test_labels_are_counted_from_below(source: Path, data: Path) -> None:
    mask = labels()
    mask[mask == 201] = 0  # remove L5-S1
    assert "the disc L5-S1" in converted(source, data, mask).skipped[0]


def test_a_series_without_mask_or_with_an_unlabelled_one_is_left_out_with_the_reason(source: Path, data: Path) -> None:
    write_spider_series(source, "8_t1")
    write_spider_series(source, "9_t1", mask=np.where(labels() == 100, 0, labels()).astype(np.uint8))
    write_spider_series(source, "10_t1", mask=np.zeros_like(labels()))
    (source / "masks/8_t1.mha").unlink()
    names = ("7_t2", "8_t1", "9_t1", "10_t1", "11_t1")
    write_spider_tables(source, [overview(name) for name in names], [])
    skipped = convert_spider(source, data).skipped
    assert skipped[0] == "8_t1: there is no masks/8_t1.mha"
    assert "middle plane is not known" in skipped[1]
    assert skipped[2].startswith("10_t1: The mask cannot be used. The image is empty")
    assert skipped[3] == "11_t1: there is no images/11_t1.mha"
    assert [path.name for path in (data / "spider/midsagittal").iterdir()] == ["7_t2.png"]


def test_a_damaged_volume_is_left_out_with_the_reason(source: Path, data: Path) -> None:
    path = source / "images/7_t2.mha"
    path.write_bytes(path.read_bytes()[:400])
    conversion = convert_spider(source, data)
    assert conversion.planes == 0 and conversion.skipped[0].startswith("7_t2: ")


def test_the_spacing_of_the_image_wins_over_that_of_the_overview(source: Path, data: Path) -> None:
    write_spider_tables(source, [overview("7_t2", spacing="[.625, .625]")], [])
    (warning,) = convert_spider(source, data).warnings
    assert warning == "7_t2: PixelSpacing is [.625, .625] in overview.csv and [2, 1.5] in the image, which is taken"
    assert read_spider(data / "spider").records[0].spacing == pytest.approx((1.5, 2.0))


@pytest.mark.parametrize(("stated", "told"), [("[2.01, 1.5]", False), ("[2.06, 1.5]", True), ("[1.5, 2.0]", True)])
def test_a_spacing_that_differs_by_more_than_rounding_is_reported(source: Path, data: Path, stated: str, told: bool) -> None:
    write_spider_tables(source, [overview("7_t2", spacing=stated)], [])
    assert bool(convert_spider(source, data).warnings) == told


def test_a_spacing_that_the_overview_does_not_state_is_that_of_the_image(source: Path, data: Path) -> None:
    write_spider_tables(source, [overview("7_t2", spacing="")], [])
    assert "is nothing in overview.csv" in convert_spider(source, data).warnings[0]


def test_trailing_blanks_in_the_overview_are_stripped(source: Path, data: Path) -> None:
    write_spider_tables(source, [overview("7_t2 ", sex="F ")], [])
    convert_spider(source, data)
    assert "7_t2,F,training" in (data / "spider/overview.csv").read_text()


def test_gradings_of_label_0_and_grades_that_do_not_exist_are_left_out_with_the_reason(source: Path, data: Path) -> None:
    rows = [grading(7, 0), grading(7, 1), grading(7, 7), grading(7, 2, Pfirrman_grade=6), grading(7, 3, Modic=""), grading(99, 1)]
    write_spider_tables(source, [overview("7_t2")], rows)
    assert convert_spider(source, data).skipped == (
        "grading of patient 7, disc label 0: discs are counted from 1, L5-S1",
        "grading of patient 7, disc label 2: no grade is Pfirrman grade '6'",
        "grading of patient 7, disc label 3: no grade is Modic ''",
    )
    text = (data / "spider/radiological_gradings.csv").read_text().splitlines()
    assert text == [",".join(GRADING_COLUMNS), "7,1,0,0,0,0,0,0,0,3", "7,7,0,0,0,0,0,0,0,3"]


def test_only_the_chosen_subset_is_converted(source: Path, data: Path) -> None:
    write_spider_series(source, "8_t1")
    write_spider_tables(source, [overview("7_t2"), overview("8_t1", subset="validation")], [])
    assert convert_spider(source, data).skipped == ("1 series of the subset validation",)
    assert convert_spider(source, data, subset="all").planes == 2
    assert convert_spider(source, data, subset="validation").skipped == ("1 series of the subset training",)
    assert [path.name for path in (data / "spider/midsagittal").iterdir()] == ["8_t1.png"]


def test_an_image_that_the_overview_does_not_list_is_reported(source: Path, data: Path) -> None:
    write_spider_series(source, "8_t1")
    assert convert_spider(source, data).skipped == ("8_t1: not in overview.csv, so that its subset is not known",)


def test_a_name_in_the_overview_cannot_lead_out_of_the_folder(source: Path, data: Path) -> None:
    write_spider_tables(source, [overview("../7_t2")], [])
    conversion = convert_spider(source, data)
    assert conversion.planes == 0 and "'../7_t2' is not the name of a series" in conversion.skipped[0]


def test_t2_space_gives_its_central_slices_with_masks_of_three_labels(source: Path, data: Path) -> None:
    mask = labels()
    mask[0], mask[1] = 0, np.where(mask[1] == 100, 0, mask[1])
    write_spider_series(source, "8_t2_SPACE", mask=mask)
    write_spider_tables(source, [overview("8_t2_SPACE")], [])
    assert convert_spider(source, data).planes == 1 + 5
    folder = data / "spider/t2_space"
    names = [f"8_t2_SPACE_slice{index}.png" for index in range(2, 7)]
    assert sorted(path.name for path in (folder / "images").iterdir()) == names
    assert sorted(path.name for path in (folder / "masks").iterdir()) == names
    plane = read_grey(folder / "masks/8_t2_SPACE_slice4.png").T
    assert ((plane == DISC_MASK) == (mask[4] > 200)).all()
    assert ((plane == CANAL_MASK) == (mask[4] == 100)).all()
    assert ((plane == VERTEBRA_MASK) == ((mask[4] > 0) & (mask[4] != 100) & (mask[4] < 200))).all()
    assert plane[20, 5] == VERTEBRA_MASK  # the partly visible T12 is bone nevertheless


def test_a_slice_with_little_of_the_canal_is_not_central(source: Path, data: Path) -> None:
    mask = labels()
    mask[6, 39:][mask[6, 39:] == 100] = 0  # a sixth of the canal's largest area is left
    write_spider_series(source, "8_t2_SPACE", mask=mask)
    write_spider_tables(source, [overview("8_t2_SPACE")], [])
    convert_spider(source, data)
    assert not (data / "spider/t2_space/images/8_t2_SPACE_slice6.png").exists()
    assert (data / "spider/t2_space/images/8_t2_SPACE_slice5.png").exists()


def test_a_mask_that_extends_beyond_its_image_is_cropped(source: Path, data: Path) -> None:
    write_spider_series(source, "8_t2_SPACE")
    write_mha(source / "masks/8_t2_SPACE.mha", Image(np.pad(labels(), ((0, 0), (0, 3), (0, 5))), affine()))
    write_spider_tables(source, [overview("8_t2_SPACE")], [])
    convert_spider(source, data)
    folder = data / "spider/t2_space"
    for path in (folder / "images").iterdir():
        assert read_grey(folder / "masks" / path.name).shape == read_grey(path).shape


def test_the_plain_readers_take_converted_t2_space_planes(source: Path, data: Path) -> None:
    write_spider_series(source, "8_t2_SPACE")
    write_spider_tables(source, [overview("8_t2_SPACE")], [])
    convert_spider(source, data)
    assert read_spider(data / "spider").records[0].points == {}  # the masks show them on every slice
    record = next(item for item in read_spider_space(data / "spider").records if item.series.endswith("slice4"))
    assert record.points["L4-L5"] == pytest.approx(true_points()["L4-L5"], abs=0.6)
    assert record.spacing == pytest.approx((1.5, 2.0))


def test_a_few_very_bright_voxels_do_not_darken_the_picture(source: Path, data: Path) -> None:
    convert_spider(source, data)
    pixels = read_grey(data / "spider/midsagittal/7_t2.png")
    assert pixels[100, 60] == 255
    assert pixels[30, 40] > 150 and pixels[30, 1] < 60


def test_a_repeated_conversion_gives_the_same_files_and_removes_obsolete_ones(source: Path, data: Path) -> None:
    write_spider_series(source, "8_t2_SPACE")
    write_spider_tables(source, [overview("7_t2"), overview("8_t2_SPACE")], [])
    convert_spider(source, data)
    before = {path: path.read_bytes() for path in data.rglob("*.*")}
    convert_spider(source, data)
    assert {path: path.read_bytes() for path in data.rglob("*.*")} == before
    write_spider_tables(source, [overview("7_t2")], [])
    convert_spider(source, data)
    assert [path.name for path in data.rglob("*.png")] == ["7_t2.png"]


def test_an_interrupted_conversion_leaves_complete_files_and_can_be_repeated(
    source: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("SpinalDiseaseAILib.datasets.plain_folder.os.replace", stop)
        with pytest.raises(KeyboardInterrupt):
            convert_spider(source, data)
    assert not any(path.is_file() for path in data.rglob("*"))
    assert convert_spider(source, data).planes == 1
    assert json.loads((data / "spider/conversion.json").read_text())["complete"] is True


def test_a_source_that_lacks_a_table_or_a_folder_is_refused_before_anything_is_written(source: Path, data: Path) -> None:
    (source / "masks").rename(source / "labels")
    with pytest.raises(InputError, match="no folder masks"):
        convert_spider(source, data)
    (source / "overview.csv").write_text("new_file_name,subset\n")
    with pytest.raises(InputError, match="no column PixelSpacing"):
        convert_spider(source, data)
    (source / "overview.csv").unlink()
    with pytest.raises(InputError, match=r"overview\.csv cannot be read"):
        convert_spider(source, data)
    assert not data.exists()


def test_the_command_prints_what_was_left_out_and_why(source: Path, data: Path) -> None:
    write_spider_tables(source, [overview("7_t2")], [grading(7, 0)])
    result = CliRunner().invoke(app, ["convert", "spider", str(source), str(data)])
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "left out: grading of patient 7, disc label 0: discs are counted from 1, L5-S1",
        f"Planes in {data / 'spider'}: 1. Left out, as listed: 1.",
    ]


def test_the_command_fails_if_nothing_could_be_converted(source: Path, data: Path) -> None:
    (source / "images/7_t2.mha").unlink()
    result = CliRunner().invoke(app, ["convert", "spider", str(source), str(data)])
    assert isinstance(result.exception, InputError)
    assert "left out: 7_t2: there is no images/7_t2.mha" in result.stdout


def test_the_command_refuses_a_subset_that_does_not_exist(source: Path, data: Path) -> None:
    assert CliRunner().invoke(app, ["convert", "spider", str(source), str(data), "--subset", "test"]).exit_code == 2
