"""What is refused before and after localization, and the notes about what is doubtful."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from spine_phantom import Phantom, scan

from SpinalDiseaseAILib.base.anatomy import KEY_POINTS
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.planes import SagittalVolume
from SpinalDiseaseAILib.base.report import Note, Numbering
from SpinalDiseaseAILib.base.study import Role, Series, Study
from SpinalDiseaseAILib.steps.localization import Localization
from SpinalDiseaseAILib.steps.measurements.segmented_spine import SegmentedSpine
from SpinalDiseaseAILib.steps.quality import check_localization, check_series, notes_of, notes_of_masks


def found(**changes: object) -> Localization:
    """A localization without doubts, apart from the given changes."""
    values: dict[str, object] = {
        "names": KEY_POINTS,
        "positions": np.zeros((11, 3)),
        "confidence": np.full(11, 0.9),
        "numberings": (Numbering(0, 0.97, ""), Numbering(None, 0.03, "")),
        "lateral_known": True,
        "scale": 1.0,
        "level_length": 34.0,
    }
    return Localization(**(values | changes))  # type: ignore[arg-type]


def series(shape: tuple[int, int, int] = (5, 100, 200), *, spacing_known: bool = True) -> Series:
    voxels = np.arange(np.prod(shape)).reshape(shape)
    return Series(Role.SAGITTAL_T2, Image(voxels, np.diag([-4.0, -1.0, -1.0, 1.0])), spacing_known=spacing_known)


def codes(localization: Localization, item: Series | None = None) -> list[str]:
    return [note.code for note in notes_of(Study((item or series(),)), localization)]


def test_a_sagittal_series_with_a_lumbar_field_of_view_passes() -> None:
    check_series(series())
    check_series(Series(Role.SAGITTAL_T1, Image(np.random.default_rng(0).random((200, 200, 200)), np.diag([-1.0, 1, -1, 1]))))


@pytest.mark.parametrize("rows", [89, 901])
def test_a_field_of_view_outside_90_to_900_millimetres_is_refused_with_its_size(rows: int) -> None:
    with pytest.raises(InputError, match=f"shows {rows} mm"):
        check_series(series((3, 20, rows)))


@pytest.mark.parametrize("rows", [90, 900])
def test_a_field_of_view_of_90_or_900_millimetres_passes(rows: int) -> None:
    check_series(series((3, 20, rows)))


def test_a_localization_without_doubt_has_no_notes() -> None:
    check_localization(found(), spacing_known=True)
    assert codes(found()) == []


@pytest.mark.parametrize("length", [15.0, 60.0])
def test_levels_of_the_wrong_size_are_refused_if_the_spacing_is_known(length: float) -> None:
    with pytest.raises(InputError, match=f"{length:.0f} mm apart") as caught:
        check_localization(found(level_length=length), spacing_known=True)
    assert caught.value.code == "not-lumbar"
    check_localization(found(level_length=length), spacing_known=False)


def test_a_chain_with_a_low_confidence_is_refused() -> None:
    with pytest.raises(InputError, match=r"confidence of 0\.20") as caught:
        check_localization(found(confidence=np.full(11, 0.2)), spacing_known=True)
    assert caught.value.code == "no-spine"


@pytest.mark.parametrize(
    ("numberings", "code"),
    [
        ((Numbering(None, 0.6, ""), Numbering(0, 0.4, "")), "cannot-number"),
        ((Numbering(0, 0.6, ""), Numbering(1, 0.4, "")), "numbering-unsure"),
    ],
)
def test_an_uncertain_numbering_gives_a_warning(numberings: tuple[Numbering, ...], code: str) -> None:
    notes = notes_of(Study((series(),)), found(numberings=numberings))
    assert [(note.code, note.severity) for note in notes] == [(code, "warning")]


def test_structures_out_of_view_and_doubtful_points_are_named() -> None:
    some = found(names=KEY_POINTS[2:], confidence=np.array([0.3] + [0.9] * 8), positions=np.zeros((9, 3)))
    notes = {note.code: note for note in notes_of(Study((series(),)), some)}
    assert "T12-L1, L1." in notes["out-of-view"].text and notes["out-of-view"].severity == "info"
    assert "L1-L2" in notes["points-unsure"].text and notes["points-unsure"].severity == "warning"


def test_an_unknown_slice_a_single_slice_and_an_unknown_spacing_are_noted() -> None:
    assert codes(found(lateral_known=False)) == ["slice-unsure"]
    assert codes(found(), series((1, 100, 200))) == ["single-slice"]
    assert codes(found(), series(spacing_known=False)) == ["spacing-unknown"]


def test_notes_from_reading_the_file_are_not_repeated() -> None:
    read = (Note("single-slice", "There is a single slice.", "warning"), Note("spacing-guessed", "A guess.", "warning"))
    assert notes_of(Study((series((1, 100, 200), spacing_known=False),), notes=read), found()) == []


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_canal_in_front_of_the_vertebrae_is_reported_as_a_mirrored_image(mirrored: bool) -> None:
    volume, masks, points = scan(Phantom())
    if mirrored:
        voxels = SagittalVolume.of(masks.image).image.voxels[:, ::-1]
        across = volume.to_pixel(np.array(list(points.values()))) * (1, -1, 1) + (0, voxels.shape[1] - 1, 0)
        points = dict(zip(points, volume.to_ras(across), strict=True))
        masks = replace(masks, image=Image(np.ascontiguousarray(voxels), volume.image.affine))
    notes = notes_of_masks(SegmentedSpine(volume, masks, points))
    assert [(note.code, note.severity) for note in notes] == ([("mirrored", "warning")] if mirrored else [])


def test_without_a_canal_a_mirrored_image_cannot_be_recognised() -> None:
    assert notes_of_masks(SegmentedSpine(*scan(Phantom(missing=("canal",))))) == []
