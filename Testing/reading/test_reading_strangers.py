"""Untrusted files: false sizes, references to other folders and control characters are refused before they do harm."""

from __future__ import annotations

import gzip
import os
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from dicom_files import compress, planes, series, write
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, JPEGLosslessSV1, RLELossless

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.base.temporary_folders import PREFIX
from SpinalDiseaseAILib.reading import inflating, limits, list_series, open_study
from SpinalDiseaseAILib.reading.decoding import decoded


def frames_that_are_not_there(folder: Path) -> Path:
    write(series(count=1, NumberOfFrames="2147483647"), folder)
    return folder


def pixels_that_are_not_there(folder: Path) -> Path:
    datasets = series()
    for dataset in datasets:
        dataset.Rows = dataset.Columns = 65535
        dataset.PixelSpacing = [0.005, 0.005]
    write(datasets, folder)
    return folder


def huge_nifti(folder: Path) -> Path:
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, 4000, 4000, 4000, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 4, 16)
    struct.pack_into("<8f", header, 76, 1, 0.1, 0.1, 0.1, 1, 1, 1, 1)
    struct.pack_into("<f", header, 108, 352)
    header[344:348] = b"n+1\0"
    path = folder / "a.nii.gz"
    path.write_bytes(gzip.compress(bytes(header)))
    return path


def huge_nrrd(folder: Path) -> Path:
    path = folder / "a.nrrd"
    path.write_bytes(b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 1500 1500 1500\nencoding: gzip\n\n" + gzip.compress(bytes(99)))
    return path


def huge_metaimage(folder: Path) -> Path:
    path = folder / "a.mha"
    path.write_text("NDims = 3\nDimSize = 1500 1500 1500\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n")
    return path


def huge_picture(folder: Path) -> Path:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    path = folder / "a.png"
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 40000, 40000, 1, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("make", [pixels_that_are_not_there, huge_nifti, huge_nrrd, huge_metaimage, huge_picture])
def test_an_image_that_states_a_size_beyond_any_study_is_refused_unread(folder: Path, make: Callable[[Path], Path]) -> None:
    path = make(folder)
    start = time.monotonic()
    with pytest.raises(InputError, match="too large: it states") as error:
        open_study([path])
    assert error.value.code == "image-too-large"
    assert time.monotonic() - start < 5


def test_a_dicom_object_that_states_billions_of_frames_is_left_out_at_once(folder: Path) -> None:
    start = time.monotonic()
    with pytest.raises(InputError, match="No DICOM file can be read"):
        open_study([frames_that_are_not_there(folder)])
    assert time.monotonic() - start < 5


def test_compressed_slices_that_are_too_many_together_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(series(), folder)
    monkeypatch.setattr(limits, "MAXIMUM_VOXELS", planes().size - 1)
    with pytest.raises(InputError, match="too large"):
        open_study([folder])


def test_frames_that_a_decoder_would_make_room_for_are_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = series(count=1)
    compress(datasets[0], RLELossless)
    (path,) = write(datasets, folder, RLELossless)
    monkeypatch.setattr(limits, "MAXIMUM_VOXELS", planes()[0].size - 1)
    with pytest.raises(InputError, match="too large"):
        decoded(path)


def test_a_deflated_file_that_inflates_beyond_measure_is_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(series(), folder, DeflatedExplicitVRLittleEndian)
    assert open_study([folder]).series
    monkeypatch.setattr(inflating, "MAXIMUM_INFLATED_BYTES", 10_000)
    with pytest.raises(InputError, match="No DICOM file can be read"):
        open_study([folder])


@pytest.mark.parametrize("name", ["{other}/secret.raw", "../other/secret.raw", "sub/../../other/secret.raw", "LIST"])
@pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
def test_a_header_that_names_voxels_outside_of_its_folder_is_refused(tmp_path: Path, suffix: str, name: str) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    path = own / f"a{suffix}"
    image = SimpleITK.GetImageFromArray(planes())
    image.SetSpacing((40, 40, 40))
    SimpleITK.WriteImage(image, str(path))
    (raw,) = (item for item in own.iterdir() if item != path)
    assert open_study([path]).series  # its own file is accepted
    stated = name.format(other=other) if name != "LIST" else f"LIST\n{other / 'secret.raw'}"
    path.write_text(path.read_text().replace(raw.name, stated))
    os.replace(raw, other / "secret.raw")
    with pytest.raises(InputError) as error:
        open_study([path])
    assert error.value.code == "foreign-data-file"
    assert "secret" not in str(error.value)


def test_what_a_killed_program_unpacked_is_removed_by_the_next_that_reads(folder: Path, temporary_folder: Path) -> None:
    left = temporary_folder / f"{PREFIX}left"
    left.mkdir()
    for name in ("in-use", "Doe^Jane.dcm"):
        (left / name).touch()
    os.utime(left, (time.time() - 3600,) * 2)
    write(series(), folder)
    open_study([folder])
    assert list(temporary_folder.iterdir()) == []


def test_random_bytes_behind_the_mark_of_a_header_raise_no_other_error(folder: Path) -> None:
    generator = np.random.default_rng(7)
    for suffix, start in (
        (".nrrd", b"NRRD0004\n"),
        (".mha", b"NDims = 3\n"),
        (".nii", b"\x5c\x01\0\0"),
        (".nii.gz", b"\x1f\x8b\x08"),
    ):
        for _ in range(5):
            path = folder / f"a{suffix}"
            path.write_bytes(start + generator.bytes(600))
            with pytest.raises(InputError):
                open_study([path])


def test_a_uid_that_is_none_reaches_no_result_and_chooses_its_series_all_the_same(folder: Path) -> None:
    datasets = series()
    for dataset in datasets:
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            dataset.add_new(keyword, "LO", "=Doe^Jane\x1b[2J")
    write(datasets, folder)
    study = open_study([folder])
    uids = {study.uid, study.primary.uid, study.primary.frame_of_reference_uid}
    assert len(uids) == 1 and all(set(uid) <= set("0123456789.") for uid in uids)
    assert open_study([folder], t2=study.primary.uid).primary.uid == study.primary.uid


def test_what_a_terminal_would_obey_is_taken_out_of_headers(folder: Path) -> None:
    write(series(SeriesDescription="t2\x1b]0;title\x07 sag"), folder)
    (entry,) = list_series([folder]).entries
    assert all(letter.isprintable() for letter in f"{entry.modality}{entry.description}{entry.reason}")


def codestream_of_jpeg_2000(side: int) -> bytes:
    size = struct.pack(">HIIIIIIIIH", 0, side, side, 0, 0, side, side, 0, 0, 1) + bytes([15, 1, 1])
    return b"\xff\x4f\xff\x51" + struct.pack(">H", len(size) + 2) + size + bytes(200)


def codestream_of_jpeg(side: int) -> bytes:
    table = b"\xff\xdb" + struct.pack(">H", 4) + bytes(2)
    return b"\xff\xd8" + table + b"\xff\xc3" + struct.pack(">HBHHB", 11, 16, side, side, 1) + bytes(200)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(
    ("codestream", "syntax"), [(codestream_of_jpeg_2000, JPEG2000Lossless), (codestream_of_jpeg, JPEGLosslessSV1)]
)
def test_compressed_pixels_that_state_more_than_their_header_are_refused_undecoded(
    folder: Path, codestream: Callable[[int], bytes], syntax: str, number: int
) -> None:
    (dataset,) = series(count=1)
    frames = [codestream(10), codestream(10)]
    frames[number] = codestream(60000)
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    (path,) = write([dataset], folder, syntax)
    with pytest.raises(InputError, match="differs from that in its header"):
        decoded(path)
