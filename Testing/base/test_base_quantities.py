"""Quantities have names, units and limits, and a measurement has a value or a reason why there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from SpinalDiseaseAILib.base.quantities import QUANTITIES, Measurement, Place, quantities_of, quantity

PAGE = Path(__file__).resolve().parents[2] / "docs/measurements.md"


def test_names_are_unique_and_every_quantity_belongs_to_a_place() -> None:
    assert len({item.name for item in QUANTITIES}) == len(QUANTITIES)
    assert sum(len(quantities_of(place)) for place in Place) == len(QUANTITIES)


@pytest.mark.parametrize("item", QUANTITIES, ids=lambda item: item.name)
def test_every_quantity_has_a_ucum_unit_limits_and_a_source(item) -> None:
    assert item.unit in {"mm", "mm2", "deg", "%", "1"}
    assert item.possible[0] < item.possible[1]
    assert item.reference


@pytest.mark.parametrize("item", QUANTITIES, ids=lambda item: item.name)
def test_every_quantity_is_defined_in_the_documentation(item) -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    stem, _, part = item.name.rpartition("_")
    assert any(f"`{item.name}`" in row or (f"`{stem}_" in row and f"`_{part}`" in row) for row in rows)


def test_lengths_and_areas_need_a_known_spacing_and_ratios_and_angles_do_not() -> None:
    assert {item.unit for item in QUANTITIES if item.metric} == {"mm", "mm2"}
    assert {item.unit for item in QUANTITIES if not item.metric} == {"1", "%", "deg"}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("disc_height_middle", 8.449, "8.4 mm"),
        ("disc_area", 301.7, "302 mm²"),
        ("lordosis_l1_s1", 47.5, "48°"),
        ("slip_percent", 12.2, "12 %"),
        ("wedge_ratio", 0.911, "0.91"),
        ("slip", None, "not measurable"),
    ],
)
def test_a_value_is_shown_with_its_unit_and_the_digits_that_are_worth_it(name: str, value: float | None, text: str) -> None:
    assert Measurement(name, value).text == text


def test_an_unknown_quantity_is_refused() -> None:
    with pytest.raises(KeyError):
        quantity("waist")
