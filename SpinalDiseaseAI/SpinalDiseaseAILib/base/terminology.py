"""Codes of structures in the form used by 3D Slicer's segmentations."""

from __future__ import annotations

from .anatomy import LUMBAR_REGION, Code, Structure

TERMINOLOGY_TAG = "TerminologyEntry"
"""Tag of a segment that holds its :func:`terminology`."""

CATEGORY = Code("123037004", "SCT", "Anatomical Structure")
"""Segmented property category of every structure (DICOM PS3.16 CID 7150)."""

_TYPES = "Segmentation category and type - DICOM master list"
_REGIONS = "Anatomic codes - DICOM master list"
_NONE = "^^"


def terminology(structure: Structure) -> str:
    """Slicer's serialized terminology entry: category and type, without modifiers.

    A level without a DICOM code (L6 and its discs) gets the code of the lumbar spine with its own name.
    """
    code = structure.code or Code(LUMBAR_REGION.value, LUMBAR_REGION.scheme, structure.display)
    return "~".join((_TYPES, _triplet(CATEGORY), _triplet(code), _NONE, _REGIONS, _NONE, _NONE))


def _triplet(code: Code) -> str:
    return f"{code.value}^{code.scheme}^{code.meaning}"
