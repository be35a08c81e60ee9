"""Images that are not DICOM: NIfTI, NRRD and MetaImage volumes, and pictures of a single sagittal slice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK

from ..base.decimal_points import decimal_points
from ..base.errors import InputError
from ..base.geometry import LPS_FROM_RAS, SAGITTAL_CODES, Array, FloatArray, Image, reorient
from ..base.plain_paths import plain_to_read
from ..base.planes import image_of_plane
from ..base.report import Note
from ..base.study import Role
from .detached import check_data_files
from .intensities import checked, compact
from .limits import check_size
from .metaimage import check_metaimage
from .nifti import check_nifti, is_oriented, two_spacings
from .pixels import plane_spacing
from .region import MINIMUM_HEIGHT
from .volume_errors import skewed_axes, unopened, unreadable, zero_spacing

itk: Any = SimpleITK  # its wrapped methods have no types

_NIFTI = (".nii", ".nii.gz")
_THROUGH_PLANE = 1.5  # ratio to the median spacing above which a spacing is that between slices


@dataclass(frozen=True, eq=False)
class Volume:
    """An image that is not DICOM.

    :param role: T1 if the name of its file says so, else T2.
    :param image: in the product's sagittal frame: axis codes ``LPI``.
    """

    path: Path
    role: Role
    image: Image
    spacing_known: bool
    notes: tuple[Note, ...]


def read_volume(path: Path) -> Volume:
    """Read a volume or a picture.

    :raises InputError: if the file is damaged, is not one greyscale image, is not sagittal, or a voxel has no value.
    """
    source = _read(path)
    if source.GetNumberOfComponentsPerPixel() > 1:
        source = _luminance(source, path)
    size = source.GetSize()
    if len(size) > 3 and all(length == 1 for length in size[3:]):
        source = source[(slice(None),) * 3 + (0,) * (len(size) - 3)]
    if source.GetDimension() not in (2, 3):
        raise InputError(
            f"The file {path.name} holds an image of {source.GetDimension()} dimensions, {' × '.join(map(str, size))}.",
            "One volume is needed, not a series over time or several contrasts.",
            "Save one volume of it, and open that.",
            code="dimensions",
        )
    voxels = checked(compact(itk.GetArrayFromImage(source)))  # (rows, columns) or (slices, rows, columns)
    if source.GetDimension() == 2 or (is_picture(path) and size[2] == 1):
        return _plane(path, source, voxels.reshape(voxels.shape[-2:]))
    image = Image(voxels.transpose(2, 1, 0), _affine(source))
    _check_sagittal(image, path)
    image = reorient(image, SAGITTAL_CODES)
    notes = []
    if not _is_placed(path, source):
        text = "The file does not state how the volume lies in the patient; left and right, front and back may be swapped."
        notes.append(Note("not-placed", text, "warning"))
    if path.name.lower().endswith(_NIFTI) and (both := two_spacings(path)):
        sizes = [" × ".join(f"{length:.2f}" for length in lengths) for lengths in both]
        text = f"The file states two voxel sizes, {sizes[0]} mm (pixdim) and {sizes[1]} mm (sform); the first is used."
        notes.append(Note("two-spacings", text, "warning"))
    if image.voxels.shape[0] == 1:
        notes.append(Note("single-slice", "There is a single slice: points have no depth.", "warning"))
    return Volume(path, role_of_name(path), image, True, tuple(notes))


def is_volume(path: Path) -> bool:
    """True if a file is a volume, by its name; the raw voxels next to an ``.mhd`` or ``.nhdr`` are not one by themselves."""
    return path.name.lower().endswith((".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"))


def is_picture(path: Path) -> bool:
    """True if a file is a picture, by its name."""
    return path.name.lower().endswith((".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"))


def role_of_name(path: Path) -> Role:
    """Sagittal T1 if the name of a file contains T1 as a separate word, else sagittal T2."""
    says_t1 = re.search(r"(?:^|[^a-z0-9])t1(?![0-9])", path.name.lower().replace("_", " "))
    return Role.SAGITTAL_T1 if says_t1 else Role.SAGITTAL_T2


def _read(path: Path) -> Any:
    if path.name.lower().endswith(_NIFTI):
        check_nifti(path)
    if path.name.lower().endswith((".mha", ".mhd")):
        check_metaimage(path)
    if is_volume(path) and not path.name.lower().endswith(_NIFTI):
        check_data_files(path)
    previous = itk.ProcessObject.GetGlobalWarningDisplay()
    itk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with decimal_points(), plain_to_read(path) as name:
            reader = itk.ImageFileReader()
            reader.SetFileName(name)
            reader.ReadImageInformation()  # reads only the header
            check_size(path.name, (*reader.GetSize(), reader.GetNumberOfComponents()))
            return reader.Execute()
    except OSError as error:
        raise unopened(path, error) from error
    except RuntimeError as error:
        if "spacing" in str(error).lower() and "zero" in str(error).lower():
            raise zero_spacing(path) from error
        if "orthonormal" in str(error).lower() or "determinant is 0" in str(error).lower():
            raise skewed_axes(path) from error
        raise unreadable(path) from error
    finally:
        itk.ProcessObject.SetGlobalWarningDisplay(previous)


def _luminance(source: Any, path: Path) -> Any:
    """Grey values of a colour picture of a grey image, by ITU-R BT.601.

    :raises InputError: if the file is not a picture.
    """
    if not is_picture(path):
        raise InputError(
            f"The file {path.name} holds {source.GetNumberOfComponentsPerPixel()} values per voxel.",
            "A greyscale volume is needed.",
            "Save one component of it, and open that.",
            code="dimensions",
        )
    channels = itk.GetArrayFromImage(source).astype(np.float64)  # (rows, columns, channels)
    grey = channels[..., :3] @ (0.299, 0.587, 0.114) if channels.shape[-1] >= 3 else channels[..., 0]
    return itk.GetImageFromArray(np.rint(grey).astype(np.uint16))


def _plane(path: Path, source: Any, pixels: Array) -> Volume:
    spacing = source.GetSpacing()
    stated = None if is_picture(path) else (float(spacing[1]), float(spacing[0]))  # a picture's DPI is not a size in the patient
    millimetres, note = plane_spacing(stated, pixels.shape)
    single = Note("single-slice", "There is a single slice: structures that cross its plane are only partly seen.", "warning")
    return Volume(path, role_of_name(path), image_of_plane(pixels, millimetres), stated is not None, (note, single))


def _affine(source: Any) -> FloatArray:
    lps = np.eye(4)
    lps[:3, :3] = np.array(source.GetDirection()).reshape(3, 3) * np.array(source.GetSpacing())
    lps[:3, 3] = source.GetOrigin()
    affine: FloatArray = LPS_FROM_RAS @ lps
    return affine


def _is_placed(path: Path, source: Any) -> bool:
    """False if a file does not state the directions of its axes; a MetaImage always does, if only by default."""
    name = path.name.lower()
    if name.endswith(_NIFTI):
        return is_oriented(path)
    return not name.endswith((".nrrd", ".nhdr")) or bool(source.HasMetaDataKey("NRRD_space"))


def _check_sagittal(image: Image, path: Path) -> None:
    """Refuse a stack whose slices are not sagittal, and one that is not high enough for the lumbar spine."""
    spacing = image.spacing
    through = int(np.argmax(spacing))
    thick = spacing[through] > _THROUGH_PLANE * np.median(spacing)
    if thick and image.codes[through] not in "LR" and image.voxels.shape[through] < max(image.voxels.shape):
        plane = "axial" if image.codes[through] in "SI" else "coronal"
        raise InputError(
            f"The volume {path.name} is {plane}: its slices, {spacing[through]:.1f} mm apart, do not run from left to right.",
            "A sagittal volume, or one of about equal spacing along every axis, is needed.",
            "Open the sagittal series.",
            code="no-sagittal-series",
        )
    axis = next(index for index, code in enumerate(image.codes) if code in "SI")
    height = image.voxels.shape[axis] * spacing[axis]
    if height < MINIMUM_HEIGHT:
        raise InputError(
            f"The volume {path.name} is {height:.0f} mm high.",
            f"The lumbar spine needs {MINIMUM_HEIGHT:.0f} mm from head to foot.",
            "Check the spacing in the file, or open a volume of the lumbar spine.",
            code="field-of-view",
        )
