"""Stored pixel values of a DICOM file: decoded by pydicom or, if it has no plugin for the compression, by SimpleITK's GDCM.

The plugins are optional, and the licence of one does not allow this product to include it; SimpleITK is always installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import (
    JPEG2000,
    UID,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    MRImageStorage,
    RLELossless,
)

from ..base.decimal_points import decimal_points
from ..base.errors import InputError
from ..base.geometry import Array
from ..base.plain_paths import plain_to_read
from ..base.temporary_folders import temporary_folder
from .codestreams import stated_sizes
from .limits import check_size
from .values import integer

itk: Any = SimpleITK  # its wrapped methods have no types

GDCM_SYNTAXES = (
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    UID("1.2.840.10008.1.2.4.57"),  # JPEG lossless with any predictor; its keyword differs between versions of pydicom
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEG2000Lossless,
    JPEG2000,
    RLELossless,
)
"""Compressed transfer syntaxes that SimpleITK decodes."""

_PIXEL_KEYWORDS = (
    "SamplesPerPixel",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
)


_SIZE_KEYWORDS = ("Columns", "Rows", "NumberOfFrames", "SamplesPerPixel")


def decoded(path: Path) -> tuple[Array, bool]:
    """Stored values of a file, with the lowest as black.

    :returns: array of shape (rows, columns), or (frames, rows, columns) for several frames; and True if the grey scale had to
        be inverted, because the file is MONOCHROME1.
    :raises InputError: if the file is truncated or damaged, too large, or no installed decoder can read it.
    """
    try:
        dataset = pydicom.dcmread(path, force=True)
    except Exception as error:  # a damaged file can raise anything
        raise damaged(path, "ends early or is damaged") from error
    if not any(keyword in dataset for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise damaged(path, "ends before its pixels")
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian  # default for a data set without file header, PS3.5 10.1
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    by_pydicom = _is_plain(syntax) or _pydicom_decodes(syntax)
    if not by_pydicom and syntax not in GDCM_SYNTAXES:
        name = syntax.name if syntax.name.isprintable() else "something unknown"  # it may consist of damaged bytes
        raise InputError(
            f"The series is stored as {name}, and no decoder for it is installed.",
            "Uncompressed, RLE, JPEG, JPEG-LS or JPEG 2000 images are needed.",
            "Export the series without compression.",
            code="no-decoder",
        )
    # A decoder allocates the memory that the header states, however little there is to decode.
    check_size(path.name, (integer(dataset, keyword) or 1 for keyword in _SIZE_KEYWORDS))
    columns, rows = integer(dataset, "Columns") or 0, integer(dataset, "Rows") or 0
    if not _is_plain(syntax) and any(
        size[0] > columns or size[1] > rows for size in stated_sizes(dataset.get("PixelData") or b"")
    ):
        raise damaged(path, "is damaged: the size of its compressed pixels differs from that in its header")
    inverted = dataset.get("PhotometricInterpretation", "") == "MONOCHROME1"
    try:
        pixels: Array = dataset.pixel_array if by_pydicom else _by_simpleitk(dataset)
    except Exception as error:  # each decoder raises its own types
        raise damaged(path, "ends early or is damaged: its pixels cannot be decoded") from error
    return (_inverted(pixels, dataset) if inverted else pixels), inverted


def damaged(path: Path, what: str) -> InputError:
    """The error for an incomplete or damaged file.

    :param what: what is wrong, the predicate of a sentence about the file.
    """
    return InputError(
        f"The file {path.name} {what}.",
        "Every file of the series must be complete.",
        "Copy or export the series again.",
        code="truncated-file",
    )


def _is_plain(syntax: UID) -> bool:
    """True for uncompressed pixels; False also for a UID that is not a transfer syntax, or is a private one."""
    try:
        return not syntax.is_compressed
    except ValueError:
        return False


def _pydicom_decodes(syntax: UID) -> bool:
    """True if pydicom, version 2 or 3, has a decoder for a transfer syntax."""
    try:
        from pydicom.pixels.decoders.base import get_decoder
    except ImportError:
        handlers: list[Any] = pydicom.config.pixel_data_handlers
        return any(handler.is_available() and handler.supports_transfer_syntax(syntax) for handler in handlers)
    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


def _by_simpleitk(dataset: FileDataset) -> Array:
    """Decode through a temporary file with the pixels and nothing about the patient; the data set is modified.

    The file states neither rescaling nor the original photometric interpretation, because SimpleITK would apply them.
    """
    keep = {tag_for_keyword(keyword) for keyword in _PIXEL_KEYWORDS}
    for tag in list(dataset.keys()):
        if tag not in keep:
            del dataset[tag]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID("2.25.1")
    dataset.Modality = "MR"
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.preamble = bytes(128)
    with temporary_folder() as folder:
        file = folder / "pixels.dcm"
        dataset.save_as(file)
        with decimal_points(), plain_to_read(file) as name:
            pixels: Array = itk.GetArrayFromImage(itk.ReadImage(name))  # (frames, rows, columns)
    return pixels if len(pixels) > 1 else pixels[0]


def _inverted(pixels: Array, dataset: Dataset) -> Array:
    """Stored values inverted within the range of their bits."""
    if pixels.dtype.kind == "i":
        return ~pixels
    highest = pixels.max() if pixels.dtype.kind == "f" else np.array(2 ** int(dataset.BitsStored) - 1, dtype=pixels.dtype)
    inverted: Array = highest - pixels
    return inverted
