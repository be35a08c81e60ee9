"""Input that cannot be used: each kind has its own sentence and code, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicom_files import CAPTURE_CLASS, COUNT, CT_CLASS, series, set_pixels, uid, write

from SpinalDiseaseAILib.base.errors import EXIT_INPUT, InputError
from SpinalDiseaseAILib.reading import list_series, open_study

AXIAL = [1, 0, 0, 0, 1, 0]


def empty(folder: Path) -> None:
    pass


def no_images(folder: Path) -> None:
    (folder / "letter.txt").write_text("Dear colleague")
    (folder / "zero.dcm").write_bytes(b"")


def axial_only(folder: Path) -> None:
    datasets = series(ImageOrientationPatient=AXIAL)
    for index, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = [-100, -100, 4.0 * index]
    write(datasets, folder)


def oblique_only(folder: Path) -> None:
    write(series(ImageOrientationPatient=[-0.7071, 0.7071, 0, 0, 0, -1]), folder)


def computed_tomography(folder: Path) -> None:
    write(series(Modality="CT", SOPClassUID=CT_CLASS), folder)


def cervical_by_body_part(folder: Path) -> None:
    write(series(BodyPartExamined="CSPINE"), folder)


def cervical_by_description(folder: Path) -> None:
    write(series(BodyPartExamined="SPINE", StudyDescription="MR Cervical Spine"), folder)


def brain_by_body_part(folder: Path) -> None:
    write(series(BodyPartExamined="HEAD"), folder)


def brain_by_coverage(folder: Path) -> None:
    datasets = series(PixelSpacing=[3.0, 3.0])
    for index, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = [20.0 * index, -100, 100]
    write(datasets, folder)


def knee(folder: Path) -> None:
    write(series(BodyPartExamined="KNEE"), folder)


def small_field_of_view(folder: Path) -> None:
    write(series(PixelSpacing=[1.5, 1.5]), folder)


def stir_only(folder: Path) -> None:
    write(series(InversionTime=160, EchoTime=70), folder)


def truncated_pixels(folder: Path) -> None:
    path = write(series(), folder)[3]
    path.write_bytes(path.read_bytes()[:-3000])


def truncated_before_pixels(folder: Path) -> None:
    path = write(series(), folder)[3]
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"\xe0\x7f\x10\x00")])


def every_header_truncated(folder: Path) -> None:
    for path in write(series(), folder):
        path.write_bytes(path.read_bytes()[:500])


def mixed_frames_of_reference(folder: Path) -> None:
    datasets = series()
    for dataset in datasets[5:]:
        dataset.FrameOfReferenceUID = uid("another frame")
    write(datasets, folder)


def zero_pixel_spacing(folder: Path) -> None:
    write(series(PixelSpacing=[0, 0]), folder)


def no_pixel_spacing(folder: Path) -> None:
    write(series(PixelSpacing=None), folder)


def zero_slice_spacing(folder: Path) -> None:
    write(series(ImagePositionPatient=[0, -100, 120]), folder)


def no_positions(folder: Path) -> None:
    write(series(ImagePositionPatient=None), folder)


def position_not_a_number(folder: Path) -> None:
    datasets = series()
    for dataset in datasets:
        dataset.add_new("ImagePositionPatient", "LO", ["nan", "0", "0"])
    write(datasets, folder)


def infinite_voxels(folder: Path) -> None:
    datasets = series()
    for dataset in datasets:
        del dataset.PixelData
        pixels = np.full((dataset.Rows, dataset.Columns), 7, np.float32)
        pixels[3, 4] = np.nan
        dataset.BitsAllocated = 32
        dataset.FloatPixelData = pixels.tobytes()
    write(datasets, folder)


def blank(folder: Path) -> None:
    datasets = series()
    for dataset in datasets:
        set_pixels(dataset, np.zeros((80, 64), np.uint16))
    write(datasets, folder)


def mixed_matrix_sizes(folder: Path) -> None:
    datasets = series()
    for index, dataset in enumerate(datasets):
        set_pixels(dataset, np.ones((80 + 8 * (index % 3), 64), np.uint16))
    write(datasets, folder)


def localizer_only(folder: Path) -> None:
    write(series(count=3, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), folder)


def three_planes(folder: Path) -> None:
    datasets = series()
    for dataset, orientation in zip(datasets, (AXIAL, [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1]) * 3, strict=True):
        dataset.ImageOrientationPatient = orientation
    write(datasets, folder)


def screen_captures(folder: Path) -> None:
    write(series(SOPClassUID=CAPTURE_CLASS), folder)


def colour_images(folder: Path) -> None:
    datasets = series()
    for dataset in datasets:
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    write(datasets, folder)


def projection(folder: Path) -> None:
    write(series(ImageType=["DERIVED", "SECONDARY", "PROJECTION IMAGE"]), folder)


CASES: list[tuple[Callable[[Path], None], str, str]] = [
    (empty, "empty-folder", "The folder is empty."),
    (no_images, "no-images", "The input contains no images. Files examined: 2."),
    (axial_only, "no-sagittal-series", "The input contains no sagittal series: one series, axial."),
    (oblique_only, "no-sagittal-series", "The input contains no sagittal series: one series, oblique."),
    (computed_tomography, "ct-study", "The input contains no MR images; the modality of its images is CT."),
    (cervical_by_body_part, "cervical-study", "BodyPartExamined says that it shows the cervical spine."),
    (cervical_by_description, "cervical-study", "its description says that it shows the cervical spine."),
    (brain_by_body_part, "brain-study", "BodyPartExamined says that it shows the head."),
    (brain_by_coverage, "brain-study", "it covers 180 mm from side to side in a field 240 mm high, like a head."),
    (knee, "other-region", "BodyPartExamined says that it shows another part of the body."),
    (small_field_of_view, "field-of-view", "its field of view is 120 mm high, too small for the lumbar spine (150 mm)."),
    (stir_only, "wrong-weighting", "it is STIR: an inversion time of 160 ms nulls fat."),
    (truncated_pixels, "truncated-file", "The file image3.dcm ends early or is damaged"),
    (truncated_before_pixels, "truncated-file", "The file image3.dcm ends before its pixels."),
    (
        every_header_truncated,
        "truncated-file",
        "No DICOM file can be read. Files that are truncated, damaged or not readable: 9.",
    ),
    (mixed_frames_of_reference, "mixed-frames", "its slices lie in 2 frames of reference"),
    (zero_pixel_spacing, "zero-spacing", "the pixel spacing that its headers state is 0 × 0 mm."),
    (no_pixel_spacing, "zero-spacing", "the pixel spacing that its headers state is none."),
    (zero_slice_spacing, "zero-spacing", "its 9 slices all state the same position."),
    (no_positions, "no-geometry", "its headers do not say where the slices lie."),
    (position_not_a_number, "no-geometry", "its headers do not say where the slices lie."),
    (infinite_voxels, "not-finite", f"{COUNT} of {COUNT * 80 * 64} voxels have no value: they are infinite or not a number."),
    (blank, "blank-image", "The image is empty: all its voxels have the same value."),
    (mixed_matrix_sizes, "mixed-matrix", "its slices differ in size (64 × 80, 64 × 88, 64 × 96 pixels)."),
    (localizer_only, "localizer", "it is a localizer."),
    (three_planes, "localizer", "its 9 slices lie in 3 orientations, like those of a localizer."),
    (screen_captures, "secondary-capture", "it is a secondary capture or another object, not an MR image."),
    (colour_images, "colour", "it is a colour image."),
    (projection, "derived", "it is a projection."),
]


@pytest.mark.parametrize(("make", "code", "sentence"), CASES, ids=[case[0].__name__ for case in CASES])
def test_bad_input_is_refused_with_a_sentence_of_its_own(
    folder: Path, temporary_folder: Path, make: Callable[[Path], None], code: str, sentence: str
) -> None:
    make(folder)
    before = sorted(folder.rglob("*"))
    with pytest.raises(InputError) as error:
        open_study([folder])
    assert (error.value.code, error.value.exit_status) == (code, EXIT_INPUT)
    assert sentence in error.value.found
    assert error.value.remedy or error.value.expected
    assert "Doe" not in str(error.value) and "ID-patient" not in str(error.value)
    assert sorted(folder.rglob("*")) == before and list(temporary_folder.iterdir()) == []


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file or folder") as error:
        open_study([tmp_path / "nowhere"])
    assert error.value.code == "missing-path"


def test_no_path_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="No file or folder was given"):
        open_study([])


def test_a_file_with_a_damaged_header_is_left_out_reported_and_leaves_a_gap(folder: Path) -> None:
    path = write(series(), folder)[3]
    path.write_bytes(path.read_bytes()[:500])
    codes = {note.code: note.text for note in open_study([folder]).notes}
    assert codes["unreadable-files"].endswith("readable: 1.")  # the report contains no file names, which may be the patient's
    listed = {note.code: note.text for note in list_series([folder]).notes}
    assert listed["unreadable-files"].endswith("readable: 1 (image3.dcm).")
    assert "missing-slices" in codes


def test_of_many_series_the_one_that_passed_most_checks_gives_the_reason(folder: Path) -> None:
    write(series("axial", ImageOrientationPatient=AXIAL), folder / "a")
    write(series("neck", BodyPartExamined="CSPINE"), folder / "b")
    write(series("bones", Modality="CT", SOPClassUID=CT_CLASS), folder / "c")
    with pytest.raises(InputError) as error:
        open_study([folder])
    assert error.value.code == "cervical-study"


def test_a_series_that_is_refused_by_its_region_can_still_be_chosen(folder: Path) -> None:
    cervical_by_body_part(folder)
    assert open_study([folder], t2=uid("patient", "study", "t2")).primary.uid


def test_random_bytes_after_a_dicom_preamble_raise_no_other_error(folder: Path) -> None:
    generator = np.random.default_rng(5)
    for index in range(20):
        (folder / f"{index}.dcm").write_bytes(bytes(128) + b"DICM" + generator.bytes(400))
    with pytest.raises(InputError):
        open_study([folder])


def test_a_file_cut_anywhere_raises_no_other_error(tmp_path: Path, folder: Path) -> None:
    content = write(series(count=1), folder)[0].read_bytes()
    cut = tmp_path / "cut.dcm"
    for length in range(0, 1600, 7):
        cut.write_bytes(content[:length])
        with pytest.raises(InputError):
            open_study([cut])


def test_a_malformed_name_is_neither_logged_nor_shown(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    datasets = series(SeriesNumber=1)
    for dataset in datasets:
        dataset.add_new("PatientBirthDate", "LO", "Doe, born 1950")
        dataset.add_new("SliceThickness", "LO", "Doe's slice")
    write(datasets, folder)
    caplog.clear()
    open_study([folder])
    assert "Doe" not in caplog.text


def test_a_file_that_cannot_be_opened_is_left_out_and_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = write(series(), folder)[3]
    open_file = Path.open

    def refuse(path: Path, *arguments: str) -> object:
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return open_file(path, *arguments)

    monkeypatch.setattr(Path, "open", refuse)
    codes = {note.code for note in open_study([folder]).notes}
    assert {"unreadable-files", "missing-slices"} <= codes
    with pytest.raises(InputError):
        open_study([closed])
