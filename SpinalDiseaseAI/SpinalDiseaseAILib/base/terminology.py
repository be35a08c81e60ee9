"""Codes of structures as 3D Slicer's segmentations keep them."""

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
    """Slicer's serialized terminology entry: category, type and no modifiers.

    A level that DICOM has no code for (L6 and its discs) carries the lumbar spine's code with its own name.
    """
    code = structure.code or Code(LUMBAR_REGION.value, LUMBAR_REGION.scheme, structure.display)
    return "~".join((_TYPES, _triplet(CATEGORY), _triplet(code), _NONE, _REGIONS, _NONE, _NONE))


def _triplet(code: Code) -> str:
    return f"{code.value}^{code.scheme}^{code.meaning}"
