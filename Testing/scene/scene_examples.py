"""A small hand-made study and a report on it."""

import numpy as np

from SpinalDiseaseAILib.base import anatomy
from SpinalDiseaseAILib.base.geometry import Image
from SpinalDiseaseAILib.base.masks import LABELS, masks_of
from SpinalDiseaseAILib.base.report import (
    FindingResult,
    ModelProvenance,
    Note,
    Numbering,
    Report,
    StructureResult,
)
from SpinalDiseaseAILib.base.study import Role, Series, Study

NAMES = ("L4", "L4-L5", "L5", "L5-S1", "canal")
"""Structures of the masks, from cranial to caudal."""

MODEL = ModelProvenance("lumbar-mr-degeneration", "1.0.0", "ab" * 32, "Apache-2.0")


def finding(name, predicted, probability=0.7):
    """A result in which one class has a given probability and the others share the rest."""
    names = anatomy.finding(name).class_names
    rest = (1 - probability) / (len(names) - 1)
    return FindingResult(name, {key: probability if key == predicted else rest for key in names}, MODEL.name)


def make_report(study_uid="1.2.3", pfirrmann="4", series=()):
    """Eleven structures, 17 mm apart; two findings per disc, none per vertebra."""
    structures = tuple(
        StructureResult(
            name,
            (1.5, -20.25 + index / 3, 85.0 - 17 * index),
            0.98,
            (finding("pfirrmann", pfirrmann), finding("bulging", "present", 0.85)) if "-" in name else (),
        )
        for index, name in enumerate(anatomy.KEY_POINTS)
    )
    return Report(
        pipeline="lumbar-mr",
        structures=structures,
        numberings=(Numbering(0, 0.9, "lowest mobile disc is L5-S1"), Numbering(-1, 0.1, "lowest mobile disc is L4-L5")),
        models=(MODEL,),
        series=series,
        study_uid=study_uid,
        device="cpu",
        seconds={"total": 1.25},
        notes=(Note("gap", "One slice of „T2“ is missing — 4 mm.", "warning"),),
        created="2026-01-02T03:04:05Z",
        software="SpinalDiseaseAI 0.1.0",
    )


def make_image(codes_matrix=None, seed=0):
    """Twelve sagittal slices of 20 × 24 voxels, 4 × 1.5 × 1.25 mm, slightly oblique, right-handed."""
    angle = np.radians(7)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([4.0, -1.5, -1.25]) if codes_matrix is None else codes_matrix
    affine[:3, 3] = (-22, 30, 90)
    return Image(np.random.default_rng(seed).integers(0, 900, (12, 20, 24)).astype(np.int16), affine)


def make_study(uid="1.2.3", with_t1=False):
    """A study with a T2 series and optionally a T1 series."""
    series = [Series(Role.SAGITTAL_T2, make_image(), f"{uid}.2", "T2 sagittal", f"{uid}.9")]
    if with_t1:
        series.append(Series(Role.SAGITTAL_T1, make_image(seed=1), f"{uid}.1", "T1 sagittal", f"{uid}.9"))
    return Study(tuple(series), uid)


def make_masks(image, model="m"):
    """Five boxes, one per structure, on the grid of an image in the sagittal frame."""
    labels = np.zeros(image.voxels.shape, dtype=np.uint8)
    for index, name in enumerate(NAMES[:4]):
        labels[3:9, 4:12, 2 + 5 * index : 6 + 5 * index] = LABELS[name]
    labels[4:8, 14:17, :] = LABELS["canal"]
    return masks_of(Image(labels, image.affine), model)
