from __future__ import annotations

import numpy as np
import pytest

from SpinalDiseaseAILib.base import study
from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.study import Role, Series, Study


def series(role: Role = Role.SAGITTAL_T2, voxels: np.ndarray | None = None, affine: np.ndarray | None = None) -> Series:
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4) if voxels is None else voxels
    return Series(role, Image(values, np.diag([4.0, 0.5, 0.6, 1.0]) if affine is None else affine), uid="1.2.3")


def test_levels_are_found_on_the_t2_series_and_without_one_on_the_t1() -> None:
    t1, t2 = series(Role.SAGITTAL_T1), series(Role.SAGITTAL_T2)
    assert Study((t1, t2)).primary is t2
    assert Study((t1,)).primary is t1


def test_a_series_is_found_by_its_role() -> None:
    t1 = series(Role.SAGITTAL_T1)
    assert Study((t1,)).of_role(Role.SAGITTAL_T1) is t1
    assert Study((t1,)).of_role(Role.SAGITTAL_T2) is None


def test_a_study_without_series_is_refused() -> None:
    with pytest.raises(InputError, match="A sagittal T2 or T1 series is needed"):
        Study(())


def test_two_series_of_one_role_are_refused() -> None:
    with pytest.raises(InputError, match="2 series for the role sagittal T1"):
        Study((series(Role.SAGITTAL_T1), series(Role.SAGITTAL_T1)))


def test_the_identity_of_a_series_names_no_person_and_states_its_spacing() -> None:
    identity = series().identity()
    assert (identity.uid, identity.role, identity.spacing) == ("1.2.3", "sagittal T2", (4.0, 0.5, 0.6))
    assert len(identity.sha256) == 64
    assert "description" not in identity.__dataclass_fields__


def test_the_same_voxels_have_the_same_identity_in_any_memory_order() -> None:
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    assert series(voxels=np.asfortranarray(values)).identity() == series(voxels=values).identity()


def test_one_changed_voxel_changes_the_identity() -> None:
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    changed = values.copy()
    changed[0, 0, 0] = 1
    assert series(voxels=changed).identity().sha256 != series(voxels=values).identity().sha256


@pytest.mark.parametrize("change", ["shape", "type", "moved", "mirrored"])
def test_the_same_bytes_in_another_place_shape_or_type_have_another_identity(change: str) -> None:
    values, affine = np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.diag([4.0, 0.5, 0.6, 1.0])
    before = series(voxels=values, affine=affine).identity().sha256
    if change == "shape":
        values = values.reshape(3, 2, 4)
    elif change == "type":
        values = values.view(np.uint16)
    elif change == "moved":
        affine[0, 3] = 1e-6
    else:
        affine[0, 0] = -4.0
    assert series(voxels=values, affine=affine).identity().sha256 != before


def test_voxels_changed_in_place_have_another_identity() -> None:
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    item = series(voxels=values)
    before = item.identity().sha256
    values[0, 0, 0] = 99
    assert item.identity().sha256 != before


def test_a_read_only_view_of_voxels_that_can_change_is_hashed_again() -> None:
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    view = values[:]
    view.setflags(write=False)
    item = series(voxels=view)
    before = item.identity().sha256
    values[0, 0, 0] = 99
    assert item.identity().sha256 != before


def test_voxels_that_cannot_change_are_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4).copy()
    values.setflags(write=False)
    item, first = series(voxels=values), series(voxels=values.copy()).identity()
    assert item.identity() == first
    monkeypatch.setattr(study.hashlib, "sha256", lambda: pytest.fail("hashed again"))
    assert item.identity() == first
    with pytest.raises(ValueError, match="read-only"):
        values[0, 0, 0] = 99
