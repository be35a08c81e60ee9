"""Voxels: every encoding, rescaling and grey scale gives the values that were stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from dicom_files import COUNT, compress, enhanced, planes, series, set_pixels, write
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from SpinalDiseaseAILib.base.errors import EXIT_INPUT, InputError
from SpinalDiseaseAILib.base.geometry import Array
from SpinalDiseaseAILib.base.study import Study
from SpinalDiseaseAILib.reading import decoding, open_study


def stored_order(study: Study) -> Array:
    """Voxels in the order of the test's planes: (slices from right to left, rows, columns)."""
    return study.primary.image.voxels.transpose(0, 2, 1)


def compressed_by_simpleitk(compressor: str, folder: Path) -> Callable[[Dataset], None]:
    """Replaces pixels by a codestream made by SimpleITK, for transfer syntaxes that pydicom cannot write."""

    def compress(dataset: Dataset) -> None:
        image = SimpleITK.GetImageFromArray(np.frombuffer(dataset.PixelData, "<u2").reshape(1, dataset.Rows, dataset.Columns))
        writer = SimpleITK.ImageFileWriter()
        writer.SetFileName(str(folder / "compressed.dcm"))
        writer.SetUseCompression(True)
        writer.SetCompressor(compressor)
        writer.Execute(image)
        other = pydicom.dcmread(folder / "compressed.dcm")
        dataset.BitsStored, dataset.HighBit = other.BitsStored, other.HighBit
        dataset.PixelData = other.PixelData
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True

    return compress


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_uncompressed_and_deflated_files_give_the_stored_values(folder: Path, syntax: str) -> None:
    write(series(), folder, syntax)
    assert np.array_equal(stored_order(open_study([folder])), planes())


@pytest.mark.parametrize("by_simpleitk", [False, True])
@pytest.mark.parametrize(
    ("syntax", "compressor"), [(RLELossless, ""), (JPEG2000Lossless, "JPEG2000"), (JPEGLosslessSV1, "JPEG"), (JPEGLSLossless, "")]
)
def test_losslessly_compressed_files_give_the_stored_values_with_and_without_decoders_of_pydicom(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: str, compressor: str, by_simpleitk: bool
) -> None:
    if syntax == JPEGLSLossless:
        pytest.importorskip("jpeg_ls")
    datasets = series(RescaleSlope=2, RescaleIntercept=-100)
    for dataset in datasets:
        if compressor:
            compressed_by_simpleitk(compressor, tmp_path)(dataset)
        else:
            compress(dataset, syntax)
    write(datasets, folder, syntax)
    if by_simpleitk:
        monkeypatch.setattr(decoding, "_pydicom_decodes", lambda syntax: False)
    assert np.array_equal(stored_order(open_study([folder])), planes() * 2.0 - 100)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.9.1", "1.2.840.113619.5.2", "1.2.840.10008.1.2.1\x07"])
def test_an_invalid_or_private_transfer_syntax_is_refused_with_a_sentence(folder: Path, syntax: str) -> None:
    for path in write(series(), folder):
        known = b"UI\x14\x00" + ExplicitVRLittleEndian.encode() + b"\0"
        other = syntax.encode().ljust(20, b"\0")
        path.write_bytes(path.read_bytes().replace(known, b"UI\x14\x00" + other))
    with pytest.raises(InputError, match="no decoder for it is installed") as error:
        open_study([folder])
    assert error.value.code == "no-decoder" and str(error.value).isprintable()


def test_a_compression_without_a_decoder_is_named_in_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = series()
    for dataset in datasets:
        dataset.PixelData = encapsulate([b"\xff\x4f\xff\x51"])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    write(datasets, folder, HTJ2KLossless)
    monkeypatch.setattr(decoding, "_pydicom_decodes", lambda syntax: False)
    with pytest.raises(InputError, match="no decoder for it is installed") as error:
        open_study([folder])
    assert error.value.code == "no-decoder" and error.value.exit_status == EXIT_INPUT
    assert error.value.remedy == "Export the series without compression."


def test_a_file_without_preamble_opens(folder: Path) -> None:
    for path in write(series(), folder, ImplicitVRLittleEndian):
        content = path.read_bytes()
        length = 132 + 12 + int.from_bytes(content[140:144], "little")
        path.write_bytes(content[length:])
    assert np.array_equal(stored_order(open_study([folder])), planes())


def test_an_enhanced_multiframe_object_opens_like_its_classic_series(folder: Path, plain_study: Study) -> None:
    write([enhanced()], folder)
    study = open_study([folder])
    assert np.array_equal(study.primary.image.voxels, plain_study.primary.image.voxels * np.float32(2))
    assert np.allclose(study.primary.image.affine, plain_study.primary.image.affine)
    assert study.primary.uid == plain_study.primary.uid


def test_a_compressed_multiframe_object_opens_with_simpleitk_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch, plain_study: Study
) -> None:
    dataset = enhanced()
    compress(dataset, RLELossless)
    write([dataset], folder, RLELossless)
    monkeypatch.setattr(decoding, "_pydicom_decodes", lambda syntax: False)
    assert np.array_equal(open_study([folder]).primary.image.voxels, plain_study.primary.image.voxels * np.float32(2))


def test_frames_without_functional_groups_have_no_position_and_are_refused(folder: Path) -> None:
    (dataset,) = series(count=1, NumberOfFrames=COUNT)
    set_pixels(dataset, planes())
    write([dataset], folder)
    with pytest.raises(InputError, match="do not say where the slices lie") as error:
        open_study([folder])
    assert error.value.code == "no-geometry"


def test_voxels_keep_the_stored_type(folder: Path, tmp_path: Path) -> None:
    write(series(), folder)
    signed = series("signed")
    for index, dataset in enumerate(signed):
        set_pixels(dataset, planes()[index].astype(np.int16) - 50)
    write(signed, tmp_path / "signed")
    assert stored_order(open_study([folder])).dtype == np.uint16
    voxels = stored_order(open_study([tmp_path / "signed"]))
    assert voxels.dtype == np.int16 and np.array_equal(voxels, planes().astype(np.int16) - 50)


def test_a_whole_intercept_gives_whole_numbers_and_a_fraction_gives_float32(folder: Path, tmp_path: Path) -> None:
    write(series(RescaleSlope=1, RescaleIntercept=-1024), folder)
    write(series(RescaleSlope=0.5, RescaleIntercept=0), tmp_path / "half")
    whole, half = stored_order(open_study([folder])), stored_order(open_study([tmp_path / "half"]))
    assert whole.dtype == np.int16 and np.array_equal(whole, planes().astype(int) - 1024)
    assert half.dtype == np.float32 and np.allclose(half, planes() * 0.5)


def test_each_slice_is_rescaled_by_its_own_factors(folder: Path) -> None:
    datasets = series()
    for index, dataset in enumerate(datasets):
        dataset.RescaleSlope, dataset.RescaleIntercept = index + 1.5, 0
    write(datasets, folder)
    expected = planes() * (np.arange(COUNT) + 1.5)[:, None, None]
    assert np.allclose(stored_order(open_study([folder])), expected, rtol=1e-6)


def test_monochrome1_is_inverted_within_its_bits_and_reported(folder: Path) -> None:
    datasets = series()
    for index, dataset in enumerate(datasets):
        set_pixels(dataset, 4095 - planes()[index])
        dataset.PhotometricInterpretation = "MONOCHROME1"
    write(datasets, folder)
    study = open_study([folder])
    assert np.array_equal(stored_order(study), planes())
    assert "monochrome1" in {note.code for note in study.notes}
