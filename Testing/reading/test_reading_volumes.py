"""NIfTI, NRRD, MetaImage and pictures."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from dicom_files import planes, series, write

from SpinalDiseaseAILib.base.errors import EXIT_INPUT, InputError
from SpinalDiseaseAILib.base.geometry import Image, all_axis_codes, reorient
from SpinalDiseaseAILib.base.study import Role, Study
from SpinalDiseaseAILib.reading import list_series, open_study


def save(image: Image, path: Path) -> Path:
    """Write an image with SimpleITK: LPS, index order as in the image."""
    itk = SimpleITK.GetImageFromArray(np.ascontiguousarray(image.voxels.transpose(2, 1, 0)))
    lps = np.diag([-1, -1, 1, 1]) @ image.affine
    itk.SetSpacing([float(value) for value in image.spacing])
    itk.SetDirection((lps[:3, :3] / image.spacing).ravel().tolist())
    itk.SetOrigin(lps[:3, 3].tolist())
    SimpleITK.WriteImage(itk, str(path))
    return path


def save_picture(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], path: Path) -> Path:
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(pixels, isVector=pixels.ndim == 3), str(path))
    return path


def codes(study: Study) -> set[str]:
    return {note.code for note in study.notes}


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"])
def test_a_volume_opens_as_the_dicom_series_that_it_was_made_from(folder: Path, plain_study: Study, suffix: str) -> None:
    original = plain_study.primary.image
    study = open_study([save(original, folder / f"Rücken 1{suffix}")])
    assert np.array_equal(study.primary.image.voxels, original.voxels)
    assert np.allclose(study.primary.image.affine, original.affine, atol=1e-4)
    assert study.primary.role is Role.SAGITTAL_T2 and study.uid == "" and study.primary.uid == ""


@pytest.mark.parametrize("axis_codes", all_axis_codes()[::5])
def test_a_volume_in_another_orientation_opens_to_the_same_voxels(folder: Path, plain_study: Study, axis_codes: str) -> None:
    original = plain_study.primary.image
    study = open_study([save(reorient(original, axis_codes), folder / "volume.nrrd")])
    assert np.array_equal(study.primary.image.voxels, original.voxels)
    assert np.allclose(study.primary.image.affine, original.affine)


def test_a_folder_of_one_t2_and_one_t1_volume_opens_as_a_study_of_both(folder: Path, plain_study: Study) -> None:
    save(plain_study.primary.image, folder / "7_t2.mha")
    save(plain_study.primary.image, folder / "7_t1.mha")
    study = open_study([folder])
    assert [item.role for item in study.series] == [Role.SAGITTAL_T2, Role.SAGITTAL_T1]
    assert {item.description for item in study.series} == {""}  # files are named after patients, and scenes show descriptions
    assert [entry.uid for entry in list_series([folder]).used] == ["7_t2.mha", "7_t1.mha"]


def test_of_several_suitable_volumes_none_is_guessed(folder: Path, plain_study: Study) -> None:
    image = plain_study.primary.image
    for name, factor in (("7_t2.mha", 1), ("8_t2.mha", 2)):
        save(Image(image.voxels * np.int16(factor), image.affine), folder / name)
    with pytest.raises(InputError, match=r"2 files that could be the sagittal T2 image: 7_t2\.mha, 8_t2\.mha") as error:
        open_study([folder])
    assert error.value.code == "several-volumes"
    assert open_study([folder], t2="8_t2.mha").primary.image.voxels.max() == 2 * image.voxels.max()
    listing = list_series([folder])
    assert listing.problem is not None and listing.problem.code == "several-volumes"


@pytest.mark.parametrize("role", ["t2", "t1"])
def test_a_chosen_file_that_does_not_exist_is_not_replaced_by_another(folder: Path, plain_study: Study, role: str) -> None:
    for name in ("7_t2.mha", "8_t1.mha"):
        save(plain_study.primary.image, folder / name)
    with pytest.raises(InputError, match=r"no series or file 9\.mha in the input\. Choose one of: 7_t2\.mha, 8_t1\.mha") as error:
        open_study([folder], **{role: "9.mha"})
    assert error.value.code == "series-not-found"


def test_a_volume_next_to_a_dicom_series_is_left_out(folder: Path, plain_study: Study) -> None:
    write(series(), folder)
    save(plain_study.primary.image, folder / "segmentation.nii")
    study = open_study([folder])
    assert study.primary.uid and "other-files" in codes(study)


def test_values_become_the_smallest_type_that_can_hold_them(folder: Path, plain_study: Study) -> None:
    image = plain_study.primary.image
    kinds = {np.uint8: np.uint16, np.int16: np.int16, np.int32: np.int16, np.float64: np.float32, np.float32: np.float32}
    for number, (stored, expected) in enumerate(kinds.items()):
        path = save(Image(image.voxels.astype(stored), image.affine), folder / f"{number}.nrrd")
        assert open_study([path]).primary.image.voxels.dtype == expected


def axial_volume(folder: Path) -> Path:
    return save(
        Image(np.arange(64 * 64 * 30, dtype=np.int16).reshape(64, 64, 30), np.diag([4.0, 4.0, 8.0, 1.0])), folder / "a.nii"
    )


def low_volume(folder: Path) -> Path:
    return save(
        Image(np.arange(9 * 64 * 64, dtype=np.uint16).reshape(9, 64, 64), np.diag([4.0, 2.0, 2.0, 1.0])), folder / "a.nii"
    )


def nifti_with_holes(folder: Path) -> Path:
    voxels = np.ones((9, 64, 80), np.float32)
    voxels[0, 0, :3] = (np.nan, np.inf, 2)
    return save(Image(voxels, np.diag([4.0, 4.0, 4.0, 1.0])), folder / "a.nii")


def nrrd_with_holes(folder: Path) -> Path:
    voxels = np.ones((9, 64, 80), np.float32)
    voxels[0, 0, :3] = (np.nan, np.inf, 2)
    return save(Image(voxels, np.diag([4.0, 4.0, 4.0, 1.0])), folder / "a.nrrd")


def empty_volume(folder: Path) -> Path:
    return save(Image(np.ones((9, 64, 80), np.float32), np.diag([4.0, 4.0, 4.0, 1.0])), folder / "a.nrrd")


def film(folder: Path) -> Path:
    path = folder / "film.nrrd"
    SimpleITK.WriteImage(SimpleITK.JoinSeries([SimpleITK.GetImageFromArray(planes() + index) for index in range(3)]), str(path))
    return path


def colour_volume(folder: Path) -> Path:
    path = folder / "colour.nrrd"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.ones((9, 64, 80, 3), np.uint8), isVector=True), str(path))
    return path


def cut_volume(folder: Path) -> Path:
    path = save(Image(planes().transpose(0, 2, 1).copy(), np.diag([4.0, 4.0, 4.0, 1.0])), folder / "a.nii.gz")
    path.write_bytes(path.read_bytes()[:2000])
    return path


def cut_nrrd(folder: Path) -> Path:
    path = save(Image(planes().transpose(0, 2, 1).copy(), np.diag([4.0, 4.0, 4.0, 1.0])), folder / "a.nrrd")
    path.write_bytes(path.read_bytes()[:-2000])
    return path


def cut_metaimage(folder: Path) -> Path:
    path = save(Image(planes().transpose(0, 2, 1).copy(), np.diag([4.0, 4.0, 4.0, 1.0])), folder / "a.mha")
    path.write_bytes(path.read_bytes()[:-2000])
    return path


def zero_spacing(folder: Path) -> Path:
    path = save(Image(planes().transpose(0, 2, 1).copy(), np.diag([4.0, 4.0, 4.0, 1.0])), folder / "a.mha")
    path.write_bytes(path.read_bytes().replace(b"ElementSpacing = 4 4 4", b"ElementSpacing = 0 4 4"))
    return path


def zero_nifti_spacing(folder: Path) -> Path:
    path = folder / "a.nii"
    save(Image(planes().transpose(0, 2, 1).copy(), np.diag([4.0, 4.0, 4.0, 1.0])), path)
    content = bytearray(path.read_bytes())
    content[80:84] = bytes(4)  # pixdim[1]
    path.write_bytes(content)
    return path


def sheared_nifti(folder: Path) -> Path:
    path = save(Image(planes().transpose(0, 2, 1).copy(), np.diag([4.0, 4.0, 4.0, 1.0])), folder / "a.nii")
    content = bytearray(path.read_bytes())
    content[252:254] = bytes(2)  # qform_code: only the sform counts
    content[296:300] = np.float32(0.8).tobytes()  # srow_y[0]
    path.write_bytes(content)
    return path


def flat_metaimage(folder: Path) -> Path:
    path = save(Image(planes().transpose(0, 2, 1).copy(), np.diag([4.0, 4.0, 4.0, 1.0])), folder / "a.mha")
    path.write_bytes(path.read_bytes().replace(b"TransformMatrix = -1 0 0", b"TransformMatrix = 0 0 0 "))
    return path


def float_nifti(folder: Path, changes: dict[int, bytes]) -> Path:
    """A NIfTI file of float voxels with other bytes at some offsets of its header."""
    path = save(Image(planes().transpose(0, 2, 1).astype(np.float32), np.diag([4.0, 4.0, 4.0, 1.0])), folder / "a.nii")
    content = bytearray(path.read_bytes())
    for at, value in changes.items():
        content[at : at + len(value)] = value
    path.write_bytes(content)
    return path


def nifti_of_no_bits(folder: Path) -> Path:
    return float_nifti(folder, {42: np.array([90, 640, 800], "<i2").tobytes(), 72: bytes(2)})  # dim[1:4], bitpix


def nifti_without_slices(folder: Path) -> Path:
    return float_nifti(folder, {42: bytes(2)})


def nifti_of_negative_lengths(folder: Path) -> Path:
    return float_nifti(folder, {42: np.array([-9, -64], "<i2").tobytes()})


def metaimage_of_many_dimensions(folder: Path) -> Path:
    path = save(Image(planes().transpose(0, 2, 1).copy(), np.diag([4.0, 4.0, 4.0, 1.0])), folder / "a.mha")
    path.write_bytes(path.read_bytes().replace(b"NDims = 3", b"NDims = 736 3"))
    return path


def metaimage_without_slices(folder: Path) -> Path:
    path = save(Image(planes().transpose(0, 2, 1).copy(), np.diag([4.0, 4.0, 4.0, 1.0])), folder / "a.mha")
    path.write_bytes(path.read_bytes().replace(b"DimSize = 9", b"DimSize = 0"))
    return path


def text_named_as_volume(folder: Path) -> Path:
    path = folder / "a.nrrd"
    path.write_text("no volume")
    return path


@pytest.mark.parametrize(
    ("make", "code", "sentence"),
    [
        (axial_volume, "no-sagittal-series", "The volume a.nii is axial"),
        (low_volume, "field-of-view", "The volume a.nii is 128 mm high."),
        (nifti_with_holes, "not-finite", "2 of 46080 voxels have no value"),
        (nrrd_with_holes, "not-finite", "2 of 46080 voxels have no value"),
        (empty_volume, "blank-image", "The image is empty"),
        (film, "dimensions", "holds an image of 4 dimensions"),
        (colour_volume, "dimensions", "holds 3 values per voxel"),
        (cut_volume, "truncated-file", "The file a.nii.gz cannot be read"),
        (cut_nrrd, "truncated-file", "The file a.nrrd cannot be read"),
        (cut_metaimage, "truncated-file", "The file a.mha cannot be read"),
        (zero_spacing, "zero-spacing", "states a voxel spacing of zero"),
        (zero_nifti_spacing, "zero-spacing", "states a voxel spacing of zero"),
        (sheared_nifti, "skewed-axes", "not at right angles"),
        (flat_metaimage, "skewed-axes", "not at right angles"),
        (nifti_of_no_bits, "truncated-file", "The file a.nii cannot be read"),
        (nifti_without_slices, "truncated-file", "The file a.nii cannot be read"),
        (nifti_of_negative_lengths, "truncated-file", "The file a.nii cannot be read"),
        (metaimage_of_many_dimensions, "truncated-file", "The file a.mha cannot be read"),
        (metaimage_without_slices, "blank-image", "The image is empty: it has no voxels."),
        (text_named_as_volume, "truncated-file", "The file a.nrrd cannot be read"),
    ],
)
def test_a_bad_volume_is_refused_with_a_sentence_of_its_own(
    folder: Path, make: Callable[[Path], Path], code: str, sentence: str
) -> None:
    path = make(folder)
    with pytest.raises(InputError) as error:
        open_study([path])
    assert (error.value.code, error.value.exit_status) == (code, EXIT_INPUT)
    assert sentence in error.value.found


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".jpg"])
def test_a_picture_of_one_slice_opens_with_a_guessed_spacing_and_says_so(folder: Path, suffix: str) -> None:
    study = open_study([save_picture(planes()[4].astype(np.uint8), folder / f"slice{suffix}")])
    image = study.primary.image
    assert image.codes == "LPI" and image.voxels.shape == (1, 64, 80) and not study.primary.spacing_known
    assert np.allclose(image.spacing[1:], 320 / 80)
    assert np.abs(image.voxels[0].T.astype(int) - planes()[4]).max() <= (40 if suffix == ".jpg" else 0)
    assert {"spacing-guessed", "single-slice"} <= codes(study)


def test_a_colour_picture_is_read_as_grey(folder: Path) -> None:
    grey = planes()[4].astype(np.uint8)
    image = open_study([save_picture(np.stack([grey] * 3, -1), folder / "colour.png")]).primary.image
    assert np.abs(image.voxels[0].T.astype(int) - grey).max() <= 1


def test_of_several_pictures_none_is_guessed(folder: Path) -> None:
    for number in range(2):
        save_picture(planes()[number].astype(np.uint8), folder / f"{number}.png")
    with pytest.raises(InputError) as error:
        open_study([folder])
    assert error.value.code == "several-volumes"


def test_a_plane_saved_as_a_volume_keeps_its_spacing(folder: Path) -> None:
    image = SimpleITK.GetImageFromArray(planes()[4])
    image.SetSpacing((3.75, 4.0))
    SimpleITK.WriteImage(image, str(folder / "plane.mha"))
    study = open_study([folder / "plane.mha"])
    assert study.primary.spacing_known and np.allclose(study.primary.image.spacing[1:], (3.75, 4.0))
    assert np.array_equal(study.primary.image.voxels[0].T, planes()[4])


def test_a_volume_in_a_compressed_file_of_another_name_is_not_mistaken_for_an_image(folder: Path) -> None:
    (folder / "notes.gz").write_bytes(gzip.compress(b"text"))
    with pytest.raises(InputError) as error:
        open_study([folder])
    assert error.value.code == "no-images"


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_nifti_that_states_two_voxel_sizes_opens_with_both_in_a_warning(folder: Path, suffix: str) -> None:
    path = save(Image(planes().transpose(0, 2, 1).copy(), np.diag([4.0, 4.0, 4.0, 1.0])), folder / f"a{suffix}")
    assert "two-spacings" not in codes(open_study([path]))
    content = bytearray(gzip.decompress(path.read_bytes()) if suffix == ".nii.gz" else path.read_bytes())
    content[84:88] = np.float32(3.0).tobytes()  # pixdim[2]; srow_y still says 4
    path.write_bytes(gzip.compress(content) if suffix == ".nii.gz" else content)
    study = open_study([path])
    (text,) = [note.text for note in study.notes if note.code == "two-spacings" and note.severity == "warning"]
    assert "4.00 × 3.00 × 4.00" in text and "4.00 × 4.00 × 4.00" in text
    assert sorted(study.primary.image.spacing) == pytest.approx([3, 4, 4])


def without_orientation(path: Path) -> Path:
    """Remove the directions, but not the lengths, from the header of a volume's file."""
    content = bytearray(path.read_bytes())
    if path.suffix == ".nii":
        content[252:256] = bytes(4)  # qform_code, sform_code
    else:
        voxels = bytes(content).partition(b"\n\n")[2]
        content = bytearray(b"NRRD0004\ntype: uint16\ndimension: 3\nsizes: 9 64 80\nspacings: 4 4 4\nencoding: raw\n")
        content += b"endian: little\n\n" + voxels
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("suffix", [".nii", ".nrrd"])
def test_a_volume_without_a_stated_orientation_opens_with_a_warning(folder: Path, suffix: str) -> None:
    path = save(Image(planes().transpose(0, 2, 1).copy(), np.diag([4.0, 4.0, 4.0, 1.0])), folder / f"a{suffix}")
    assert "not-placed" not in codes(open_study([path]))
    assert "not-placed" in codes(open_study([without_orientation(path)]))
