"""The signal of a disc relative to that of cerebrospinal fluid, because MR signals have no unit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...base.geometry import Array, FloatArray
from .not_measurable import NotMeasurable

_BORDER = 1.0  # width in millimetres of the disc's rim that is left out, because it is partly endplate
_LEAST_LEFT = 0.25  # of the disc: if less would be left, the whole disc is used
FLUID_REACH = 40.0
"""Millimetres up and down the canal from the disc within which fluid is searched for: the sensitivity of coils varies."""

_FLUID_PERCENTILE = 90  # the cord and the nerve roots are darker than the fluid around them
_LEAST_FLUID = 50.0  # mm² of canal


def without_border(mask: npt.NDArray[np.bool_], spacing: FloatArray) -> npt.NDArray[np.bool_]:
    """A mask without its rim; the mask itself if hardly anything would be left.

    :param mask: (columns, rows).
    :param spacing: millimetres, (column step, row step).
    """
    reach = np.maximum(1, np.rint(_BORDER / spacing)).astype(int)
    padded = np.pad(mask, [(step, step) for step in reach])
    left = mask.copy()
    for axis, step in enumerate(reach):
        for shift in (-step, step):
            left &= np.roll(padded, shift, axis)[reach[0] : reach[0] + mask.shape[0], reach[1] : reach[1] + mask.shape[1]]
    return left if left.sum() >= _LEAST_LEFT * mask.sum() else mask


def fluid_signal(canal: Array, distance: FloatArray, pixel_area: float, least: float) -> float:
    """Signal of cerebrospinal fluid near a disc.

    :param canal: intensities of the canal's pixels; (N,).
    :param distance: distance of each from the disc in millimetres, up or down the spine; (N,).
    :param pixel_area: square millimetres.
    :param least: lowest intensity in the plane.
    :raises NotMeasurable: if the plane shows too little canal, has negative intensities, or the canal has no signal.
    """
    near = distance <= FLUID_REACH
    if near.sum() * pixel_area < _LEAST_FLUID:
        raise NotMeasurable("The slice shows too little of the canal to measure the signal of cerebrospinal fluid.")
    fluid = float(np.percentile(canal[near], _FLUID_PERCENTILE))
    if fluid <= 0 or least < 0:
        raise NotMeasurable("The image has intensities below zero, so their ratios mean nothing.")
    return fluid


def signal_ratio(pixels: Array, disc: npt.NDArray[np.bool_], fluid: float, spacing: FloatArray) -> float:
    """Mean signal of a disc divided by that of fluid.

    :param pixels: intensities of the plane; (columns, rows).
    :param disc: mask of the disc; (columns, rows).
    :param fluid: signal of the fluid.
    :param spacing: millimetres, (column step, row step).
    """
    return float(pixels[without_border(disc, spacing)].mean()) / fluid
