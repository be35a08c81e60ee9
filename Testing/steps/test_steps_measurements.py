"""Measurements of a spine of known sizes, in any axis order and on any pixel grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from spine_phantom import BODY, CANAL, DEPTH, DISC, DISC_SIGNAL, FLUID, NAMES, Phantom, scan

from SpinalDiseaseAILib.base.geometry import Image, all_axis_codes, reorient
from SpinalDiseaseAILib.base.masks import LABELS, Masks
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.base.quantities import Measurement, Place, quantities_of
from SpinalDiseaseAILib.steps.measurements.measuring import Measurements, measure_spine
from SpinalDiseaseAILib.steps.measurements.segmented_spine import SegmentedSpine

KEY_NAMES = NAMES[1:]
DISCS = [name for name in KEY_NAMES if "-" in name]
BODIES = [name for name in KEY_NAMES if "-" not in name]
LORDOTIC = Phantom(
    heights={"L3": (24, 27), "L1-L2": (9, 7), "L2-L3": (10, 7), "L3-L4": (11, 7), "L4-L5": (13, 7), "L5-S1": (14, 6)}
)
PROPERTY = settings(deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


def measure(
    volume: SagittalVolume, masks: Masks, points: dict[str, np.ndarray], *, contrast: str = "T2", spacing_known: bool = True
) -> Measurements:
    return measure_spine(SegmentedSpine(volume, masks, points), contrast=contrast, spacing_known=spacing_known)


def measured(phantom: Phantom, *, contrast: str = "T2", spacing_known: bool = True, **how) -> Measurements:
    return measure(*scan(phantom, **how), contrast=contrast, spacing_known=spacing_known)


def found(result: Measurements, name: str, quantity: str) -> Measurement:
    items = result.structures.get(name, result.spine)
    return next(item for item in items if item.name == quantity)


def value(result: Measurements, name: str, quantity: str) -> float:
    item = found(result, name, quantity)
    assert item.value is not None, item.reason
    return item.value


def angle(first: np.ndarray, second: np.ndarray) -> float:
    """Angle from one direction to another in degrees, with the sign of lordosis."""
    return float(np.degrees(np.arctan2(first[1], first[0]) - np.arctan2(second[1], second[0])))


@pytest.fixture(scope="module")
def straight() -> Measurements:
    return measured(Phantom())


@pytest.mark.parametrize("part", ["anterior", "middle", "posterior"])
def test_heights_of_a_straight_spine_are_those_of_its_pieces(straight: Measurements, part: str) -> None:
    for name in DISCS:
        assert value(straight, name, f"disc_height_{part}") == pytest.approx(DISC, abs=0.3)  # half a pixel
    for name in BODIES:
        assert value(straight, name, f"body_height_{part}") == pytest.approx(BODY, abs=0.3)


def test_areas_widths_and_ratios_of_a_straight_spine_are_those_of_its_pieces(straight: Measurements) -> None:
    for name in DISCS:
        assert value(straight, name, "disc_height_index") == pytest.approx(DISC / BODY, abs=0.02)
        assert value(straight, name, "disc_area") == pytest.approx(DISC * DEPTH, rel=0.05)
        assert value(straight, name, "canal_diameter") == pytest.approx(CANAL, abs=0.3)
        assert value(straight, name, "canal_area") == pytest.approx(10 * CANAL, rel=0.03)
        assert value(straight, name, "disc_signal_ratio") == pytest.approx(DISC_SIGNAL / FLUID)
    for name in BODIES:
        assert value(straight, name, "wedge_ratio") == pytest.approx(1, abs=0.03)
    assert value(straight, "", "lordosis_l1_s1") == pytest.approx(0, abs=0.5)
    assert value(straight, "", "lordosis_l1_l5") == pytest.approx(0, abs=0.5)


def test_every_structure_has_every_quantity_of_its_kind_in_the_order_of_tables(straight: Measurements) -> None:
    assert set(straight.structures) == set(KEY_NAMES)
    for name in KEY_NAMES:
        wanted = quantities_of(Place.DISC if "-" in name else Place.VERTEBRA)
        assert [item.name for item in straight.structures[name]] == [item.name for item in wanted]
    assert [item.name for item in straight.spine] == [item.name for item in quantities_of(Place.SPINE)]


def test_a_wedged_body_has_the_heights_of_its_front_and_back() -> None:
    result = measured(Phantom(heights={"L2": (18, 28)}))
    # At 15 and 85 % of the depth, across the axis that halves the wedge of 16 degrees.
    lean = np.cos(np.arctan(10 / DEPTH) / 2)
    assert value(result, "L2", "body_height_anterior") == pytest.approx((18 + 0.15 * 10) * lean, abs=0.4)
    assert value(result, "L2", "body_height_posterior") == pytest.approx((18 + 0.85 * 10) * lean, abs=0.4)
    assert value(result, "L2", "wedge_ratio") == pytest.approx(19.5 / 26.5, abs=0.02)


def test_a_narrow_canal_is_measured_where_it_is_narrow() -> None:
    result = measured(Phantom(narrow={"L3-L4": 7.0}))
    assert value(result, "L3-L4", "canal_diameter") == pytest.approx(7.0, abs=0.4)
    assert value(result, "L2-L3", "canal_diameter") == pytest.approx(CANAL, abs=0.3)


@pytest.mark.parametrize("shift", [-6.0, 0.0, 4.0, 12.0, 20.0])
def test_a_slip_is_positive_where_the_upper_vertebra_lies_in_front_and_graded_only_then(shift: float) -> None:
    result = measured(Phantom(shift={"L5": shift}))
    assert value(result, "L4-L5", "slip") == pytest.approx(shift, abs=0.8)  # pixels of 0.6 mm, two corners
    assert value(result, "L4-L5", "slip_percent") == pytest.approx(100 * shift / DEPTH, abs=4)
    assert value(result, "L4-L5", "meyerding_grade") == {-6.0: 0, 0.0: 0, 4.0: 1, 12.0: 2, 20.0: 3}[shift]
    assert value(result, "L3-L4", "slip") == pytest.approx(0, abs=0.6)


def test_lordosis_is_the_angle_between_the_endplates() -> None:
    result = measured(LORDOTIC)
    plates = {name: LORDOTIC.piece(name) for name in ("L1", "L5", "L5-S1")}
    upper = plates["L1"][1] - plates["L1"][0]
    sacral, last = (plates[name][2] - plates[name][3] for name in ("L5-S1", "L5"))
    assert angle(upper, sacral) > 20, "the phantom is lordotic"
    assert value(result, "", "lordosis_l1_s1") == pytest.approx(angle(upper, sacral), abs=1)
    assert value(result, "", "lordosis_l1_l5") == pytest.approx(angle(upper, last), abs=1)


def test_a_spine_that_bends_the_other_way_has_a_negative_lordosis() -> None:
    assert value(measured(Phantom(heights=dict.fromkeys(DISCS, (7, 10)))), "", "lordosis_l1_s1") < -15


def test_posterior_parts_connected_to_the_body_in_a_slice_do_not_count() -> None:
    joined = measured(Phantom(pedicle=True, missing=("canal",)))
    for name in BODIES:
        assert value(joined, name, "body_height_posterior") == pytest.approx(BODY, abs=0.6)
        assert value(joined, name, "wedge_ratio") == pytest.approx(1, abs=0.05)


@settings(PROPERTY, max_examples=15)
@given(
    st.floats(0.3, 1.0),
    st.floats(0.3, 1.0),
    st.floats(-25, 25),
    st.floats(0, 1),
    st.floats(5, 14),
    st.floats(20, 30),
    st.floats(-8, 8),
)
def test_any_pixel_size_and_tilt_gives_the_same_to_within_a_pixel(
    column: float, row: float, turn: float, beside: float, disc: float, body: float, shift: float
) -> None:
    phantom = Phantom(heights={"L3-L4": (disc, disc), "L4": (body, body)}, shift={"L4": shift})
    result = measured(phantom, pixel=(column, row), turn=turn, slices=1, beside=beside)
    pixel = max(column, row)
    # A border is off by at most half a pixel, and a height has two borders.
    for part in ("anterior", "middle", "posterior"):
        assert value(result, "L3-L4", f"disc_height_{part}") == pytest.approx(disc, abs=pixel)
        assert value(result, "L4", f"body_height_{part}") == pytest.approx(body, abs=pixel)
    assert value(result, "L3-L4", "disc_area") == pytest.approx(disc * DEPTH, abs=pixel * (DEPTH + disc))
    assert value(result, "L3-L4", "slip") == pytest.approx(shift, abs=1.2 * pixel)
    assert value(result, "L4-L5", "canal_diameter") == pytest.approx(CANAL, abs=pixel)
    assert value(result, "", "lordosis_l1_s1") == pytest.approx(0, abs=2.0)


@settings(PROPERTY, max_examples=8)
@given(st.floats(0.3, 1.0), st.floats(-1, 1), st.floats(0, 1), st.floats(-8, 8))
def test_bodies_along_the_rows_of_pixels_have_the_largest_errors_of_slips_and_angles(
    pixel: float, turn: float, beside: float, shift: float
) -> None:
    result = measured(Phantom(shift={"L4": shift}), pixel=(pixel, pixel), turn=turn, slices=1, beside=beside)
    assert value(result, "L3-L4", "slip") == pytest.approx(shift, abs=1.75 * pixel)
    assert value(result, "", "lordosis_l1_s1") == pytest.approx(0, abs=3.2)


def everything(result: Measurements) -> list[float | None]:
    return [item.value for items in (*result.structures.values(), result.spine) for item in items]


def lines(result: Measurements) -> np.ndarray:
    return np.array([line for items in (*result.structures.values(), result.spine) for item in items for line in item.lines])


def test_all_48_orders_of_the_voxels_give_the_same_numbers_and_lines() -> None:
    volume, masks, points = scan(LORDOTIC, pixel=(0.9, 1.0), turn=8, slices=1)
    first = measure(volume, masks, points)
    for codes in all_axis_codes():
        stored = SagittalVolume.of(reorient(volume.image, codes))
        other = measure(stored, replace(masks, image=reorient(masks.image, codes)), points)
        assert everything(other) == pytest.approx(everything(first), abs=1e-9)
        assert lines(other) == pytest.approx(lines(first), abs=1e-6)


def rotation(angles: tuple[float, float, float]) -> np.ndarray:
    result = np.eye(4)
    for axis, degrees in enumerate(angles):
        turn = np.eye(4)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        turn[[i, j], [i, j]] = np.cos(np.radians(degrees))
        turn[i, j] = -np.sin(np.radians(degrees))
        turn[j, i] = np.sin(np.radians(degrees))
        result = turn @ result
    return result


@settings(PROPERTY, max_examples=8)
@given(st.tuples(*[st.floats(-18, 18)] * 3), st.tuples(*[st.floats(-200, 200)] * 3))
def test_an_oblique_patient_gives_the_same_numbers_and_the_lines_lie_in_the_patient(angles, place) -> None:
    volume, masks, points = scan(LORDOTIC, pixel=(0.9, 1.0), slices=1)
    first = measure(volume, masks, points)
    move = rotation(angles)
    move[:3, 3] = place
    turned = SagittalVolume.of(Image(volume.image.voxels, move @ volume.image.affine))
    moved = {name: move[:3, :3] @ point + move[:3, 3] for name, point in points.items()}
    other_masks = replace(masks, image=Image(masks.image.voxels, move @ masks.image.affine))
    other = measure(turned, other_masks, moved)
    assert everything(other) == pytest.approx(everything(first), abs=1e-6)
    assert lines(other) == pytest.approx(lines(first) @ move[:3, :3].T + move[:3, 3], abs=1e-6)


@pytest.mark.parametrize("error", [-1e-12, 1e-12])
def test_a_rounding_error_in_the_pixel_spacing_changes_no_number(error: float) -> None:
    """0.9 mm is three grains of 0.3 mm; slightly more must not become four."""
    volume, masks, points = scan(LORDOTIC, pixel=(0.9, 0.9), slices=1)
    grown = volume.image.affine @ np.diag([1, 1 + error, 1 + error, 1])
    other = measure(
        SagittalVolume.of(Image(volume.image.voxels, grown)), replace(masks, image=Image(masks.image.voxels, grown)), points
    )
    assert everything(other) == pytest.approx(everything(measure(volume, masks, points)), abs=1e-6)


def test_the_line_of_a_height_is_as_long_as_the_height() -> None:
    result = measured(LORDOTIC, turn=10)
    for name in KEY_NAMES:
        for item in result.structures[name]:
            if ("_height_" in item.name and "index" not in item.name) or item.name in ("canal_diameter",):
                ((start, end),) = item.lines
                assert np.linalg.norm(np.subtract(end, start)) == pytest.approx(item.value, abs=1e-6)


def test_a_structure_without_a_mask_is_not_measurable_and_says_so() -> None:
    result = measured(Phantom(missing=("L4", "L2-L3")))
    assert found(result, "L4", "wedge_ratio") == Measurement("wedge_ratio", None, "L4 has no mask.")
    assert found(result, "L2-L3", "disc_height_middle").reason == "L2-L3 has no mask."
    assert found(result, "L4-L5", "slip").reason == "L4 has no mask."
    assert value(result, "L4-L5", "disc_height_index") == pytest.approx(DISC / BODY, abs=0.02), "L5 alone tells it"


def test_without_a_sacrum_the_last_slip_is_not_guessed(straight: Measurements) -> None:
    assert found(straight, "L5-S1", "slip") == Measurement("slip", None, "S1 has no mask.")


def test_without_the_last_disc_the_lordosis_to_the_sacrum_is_not_guessed() -> None:
    result = measured(Phantom(missing=("L5-S1",)))
    assert found(result, "", "lordosis_l1_s1").reason == "L5-S1 has no mask."
    assert value(result, "", "lordosis_l1_l5") == pytest.approx(0, abs=0.5)


def test_without_a_canal_nothing_that_needs_it_is_measured() -> None:
    result = measured(Phantom(missing=("canal",)))
    for quantity in ("canal_diameter", "canal_area", "slip", "meyerding_grade"):
        assert found(result, "L3-L4", quantity).reason == "The spinal canal has no mask."
    assert "too little of the canal" in found(result, "L3-L4", "disc_signal_ratio").reason
    assert value(result, "L3-L4", "disc_height_middle") == pytest.approx(DISC, abs=0.3)


def test_structures_cut_off_by_the_border_of_the_image_are_not_measured() -> None:
    volume, masks, points = scan(Phantom())
    row = int(volume.to_pixel(points["L5"])[2])
    cut = SagittalVolume(Image(volume.image.voxels[:, :, :row], volume.image.affine))
    cut_masks = replace(masks, image=Image(SagittalVolume.of(masks.image).image.voxels[:, :, :row], volume.image.affine))
    result = measure(cut, cut_masks, points)
    assert found(result, "L5", "body_height_middle").reason == "L5 is cut off at the edge of the image."
    assert value(result, "L4", "body_height_middle") == pytest.approx(BODY, abs=0.3)


def test_a_guessed_spacing_gives_ratios_and_angles_and_no_millimetres() -> None:
    result = measured(Phantom(), spacing_known=False)
    for quantity in ("disc_height_middle", "disc_area", "canal_diameter", "slip"):
        assert found(result, "L3-L4", quantity) == Measurement(quantity, None, "The file states no pixel spacing.")
    assert value(result, "L3-L4", "disc_height_index") == pytest.approx(DISC / BODY, abs=0.02)
    assert value(result, "", "lordosis_l1_s1") == pytest.approx(0, abs=0.5)


def test_a_t1_series_gives_no_signal_ratio() -> None:
    assert found(measured(Phantom(), contrast="T1"), "L4-L5", "disc_signal_ratio").reason.startswith("The series is T1")


def test_negative_intensities_give_no_signal_ratio() -> None:
    volume, masks, points = scan(Phantom())
    shifted = SagittalVolume(Image(volume.image.voxels - 400, volume.image.affine))
    result = measure(shifted, masks, points)
    assert "below zero" in found(result, "L4-L5", "disc_signal_ratio").reason


def test_a_size_that_no_spine_has_is_not_reported() -> None:
    result = measured(Phantom(heights={"L2-L3": (30, 30)}))
    assert found(result, "L2-L3", "disc_height_middle").value is None
    assert "not possible" in found(result, "L2-L3", "disc_height_middle").reason


@pytest.mark.parametrize("shift", [-13.0, 44.0])
def test_millimetres_percentage_and_grade_of_an_impossible_slip_are_all_withheld(shift: float) -> None:
    result = measured(Phantom(shift={"L5": shift}))
    for quantity in ("slip", "slip_percent", "meyerding_grade"):
        assert found(result, "L4-L5", quantity).value is None, quantity
        assert value(result, "L3-L4", quantity) == pytest.approx(0, abs=2), quantity


def test_heights_that_no_body_has_give_no_wedge_ratio_unless_the_millimetres_are_a_guess() -> None:
    tall = Phantom(heights={"L2": (44, 36)})
    assert "not possible" in found(measured(tall), "L2", "wedge_ratio").reason
    assert value(measured(tall, spacing_known=False), "L2", "wedge_ratio") == pytest.approx(1.16, abs=0.03)


def test_a_collapsed_vertebra_is_measured() -> None:
    assert value(measured(Phantom(heights={"L2": (8, 14)})), "L2", "body_height_anterior") == pytest.approx(8.9, abs=0.6)


def test_a_measurement_that_fails_because_of_another_structure_names_that_structure() -> None:
    volume, masks, points = scan(Phantom())
    labels = masks.image.voxels.copy()
    own = labels == LABELS["L4"]
    labels[own & (np.cumsum(own, axis=2) > 8)] = 0  # leaves only a thin upper rim of the body
    thin = replace(masks, image=Image(labels, masks.image.affine))
    reason = found(measure(volume, thin, points), "L4-L5", "slip").reason
    assert reason.startswith("L4 is not measured. Its "), reason


def test_a_mask_that_is_only_a_speck_is_not_measured() -> None:
    volume, masks, points = scan(Phantom(missing=("L1-L2",)))
    labels = masks.image.voxels.copy()
    _, j, k = np.rint(masks.image.to_ijk(points["L1-L2"])).astype(int)
    labels[:, j : j + 4, k : k + 4] = LABELS["L1-L2"]
    speck = Masks(Image(labels, masks.image.affine), {**masks.names, LABELS["L1-L2"]: "L1-L2"})
    result = measure(volume, speck, points)
    assert found(result, "L1-L2", "disc_height_middle").reason == ("L1-L2 is not measured. Its own slice hardly shows it.")


def test_empty_masks_give_reasons_and_no_error() -> None:
    volume, masks, points = scan(Phantom(), slices=1)
    nothing = Masks(Image(np.zeros_like(masks.image.voxels), masks.image.affine), {})
    result = measure(volume, nothing, points)
    assert all(item.value is None and item.reason for items in (*result.structures.values(), result.spine) for item in items)


def test_masks_on_another_grid_are_refused() -> None:
    volume, _, points = scan(Phantom(), slices=1)
    _, masks, _ = scan(Phantom(), slices=3)
    with pytest.raises(ValueError, match="shape"):
        measure(volume, masks, points)


def test_each_structure_is_measured_on_its_own_slice() -> None:
    thin, masks, points = scan(Phantom(), slices=3)
    labels = masks.image.voxels.copy()
    labels[0][labels[0] == LABELS["L2-L3"]] = 0  # this slice misses the disc
    one_sided = replace(masks, image=Image(labels, masks.image.affine))
    beside = {**points, "L2-L3": points["L2-L3"] + [4.0, 0, 0]}
    result = measure(thin, one_sided, beside)
    assert found(result, "L2-L3", "disc_height_middle").reason == "The mask of L2-L3 does not reach its own slice."
    assert value(measure(thin, one_sided, points), "L2-L3", "disc_area") > 250
