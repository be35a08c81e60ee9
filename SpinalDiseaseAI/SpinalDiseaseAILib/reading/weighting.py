"""The tissue contrast of a series, judged first by its timing and last by its description."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from .slices import Acquisition


class Weighting(Enum):
    """Tissue contrast of an MR series; the value is for a reader."""

    T2 = "T2"
    T1 = "T1"
    FAT_SUPPRESSED_T2 = "fat-suppressed T2"
    FAT_SUPPRESSED_T1 = "fat-suppressed T1"
    STIR = "STIR"
    FLAIR = "FLAIR"
    PROTON_DENSITY = "proton density"
    GRADIENT_ECHO = "gradient echo"
    DIFFUSION = "diffusion"
    MYELOGRAM = "myelogram"
    UNKNOWN = "unknown"


class Evidence(Enum):
    """What a weighting is based on, strongest first."""

    TIMING = 0
    DESCRIPTION = 1
    NONE = 2


@dataclass(frozen=True)
class Judgement:
    """A weighting and the evidence for it.

    :param because: clause for a reader, such as ``"TR 3600 ms and TE 110 ms indicate T2 weighting"``.
    """

    weighting: Weighting
    because: str
    evidence: Evidence


# Milliseconds, for spin echo at 1.5 T and 3 T; TE / TR in SPIDER: T2 80-124 / 1000-5600, T1 7-14 / 450-750.
_T2_ECHO = (60.0, 400.0)
_T2_REPETITION = 1500.0
_T2_REPETITION_3D = 600.0  # SPACE, CUBE, VISTA: long variable-flip-angle trains give T2 weighting at a short TR
_T1_ECHO = 30.0
_T1_REPETITION = 1200.0
_STIR_INVERSION = (50.0, 350.0)
_T1_INVERSION = (350.0, 1500.0)

_CONTRASTS = {
    "T1": Weighting.T1,
    "T2": Weighting.T2,
    "STIR": Weighting.STIR,
    "FLUID_ATTENUATED": Weighting.FLAIR,
    "PROTON_DENSITY": Weighting.PROTON_DENSITY,
    "T2_STAR": Weighting.GRADIENT_ECHO,
    "DIFFUSION": Weighting.DIFFUSION,
}
_SUPPRESSED = {Weighting.T2: Weighting.FAT_SUPPRESSED_T2, Weighting.T1: Weighting.FAT_SUPPRESSED_T1}

_WORDS = (  # the first match counts; "_" and "-" count as blanks
    (r"stir|tirm?", Weighting.STIR),
    (r"flair", Weighting.FLAIR),
    (r"dwi|diff\w*|adc|trace\w*", Weighting.DIFFUSION),
    (r"myelo\w*", Weighting.MYELOGRAM),
    (r"t2\*|t2 ?star|medic|merge|gre|ciss|fiesta|trufi", Weighting.GRADIENT_ECHO),
    (r"pdw?|proton\w*", Weighting.PROTON_DENSITY),
    (r"t2\w*", Weighting.T2),
    (r"t1\w*", Weighting.T1),
)
_FAT_WORDS = r"fs|fatsat|fat ?sat\w*|spair|spir|fat ?supp?\w*|water|dixon w"


def judge(acquisition: Acquisition) -> Judgement:
    """The weighting of an acquisition.

    An explicit statement in an enhanced object comes first, then inversion, echo and repetition time, then the description.
    """
    judgement = _by_statement(acquisition) or _by_inversion(acquisition) or _by_timing(acquisition) or _by_text(acquisition)
    suppressed = _SUPPRESSED.get(judgement.weighting)
    if suppressed is None:
        return judgement
    if acquisition.fat_suppressed or {"W", "WATER"} & set(acquisition.image_type):
        return Judgement(suppressed, f"{judgement.because}, and its fat is suppressed", judgement.evidence)
    if says(acquisition.text, "stir|tirm?") and judgement.weighting is Weighting.T2:
        return Judgement(Weighting.STIR, "its description says STIR", Evidence.DESCRIPTION)
    if says(acquisition.text, _FAT_WORDS):
        return Judgement(suppressed, f"{judgement.because}, and its description says that fat is suppressed", judgement.evidence)
    return judgement


def _by_statement(acquisition: Acquisition) -> Judgement | None:
    if "DIFFUSION" in acquisition.image_type or "EP" in acquisition.scanning_sequence:
        return Judgement(Weighting.DIFFUSION, "its image type or its echo-planar sequence says so", Evidence.TIMING)
    weighting = _CONTRASTS.get(acquisition.contrast)
    if weighting is None:
        return None
    return Judgement(weighting, f"its header states {acquisition.contrast} contrast", Evidence.TIMING)


def _by_inversion(acquisition: Acquisition) -> Judgement | None:
    """Weighting of an inversion recovery: the inversion time determines which tissue is nulled."""
    time = acquisition.inversion_time or 0.0
    inverted = time > 0 or "IR" in acquisition.scanning_sequence or "tir" in acquisition.sequence_name
    if not inverted or "GR" in acquisition.scanning_sequence:
        return None
    if _STIR_INVERSION[0] <= time < _STIR_INVERSION[1]:
        return Judgement(Weighting.STIR, f"an inversion time of {time:.0f} ms nulls fat", Evidence.TIMING)
    short_echo = acquisition.echo_time is not None and acquisition.echo_time <= _T1_ECHO
    if _T1_INVERSION[0] <= time < _T1_INVERSION[1] and short_echo:
        return Judgement(Weighting.T1, f"TE {acquisition.echo_time:.0f} ms after inversion indicates T1", Evidence.TIMING)
    if time >= _T1_INVERSION[1]:
        return Judgement(Weighting.FLAIR, f"an inversion time of {time:.0f} ms nulls fluid", Evidence.TIMING)
    if time == 0:
        return Judgement(Weighting.STIR, "its sequence inverts the signal first", Evidence.TIMING)
    return None


def _by_timing(acquisition: Acquisition) -> Judgement | None:
    if "GR" in acquisition.scanning_sequence and "SE" not in acquisition.scanning_sequence:
        return Judgement(Weighting.GRADIENT_ECHO, "its scanning sequence is GR", Evidence.TIMING)
    echo, repetition = acquisition.echo_time, acquisition.repetition_time
    if not echo or not repetition:
        return None
    times = f"TR {repetition:.0f} ms and TE {echo:.0f} ms"
    if echo > _T2_ECHO[1]:
        return Judgement(Weighting.MYELOGRAM, f"{times} show fluid only", Evidence.TIMING)
    if echo >= _T2_ECHO[0] and repetition >= (_T2_REPETITION_3D if acquisition.three_dimensional else _T2_REPETITION):
        return Judgement(Weighting.T2, f"{times} indicate T2 weighting", Evidence.TIMING)
    if echo <= _T1_ECHO and repetition <= _T1_REPETITION:
        return Judgement(Weighting.T1, f"{times} indicate T1 weighting", Evidence.TIMING)
    if echo < _T2_ECHO[0] and repetition > _T1_REPETITION:
        return Judgement(Weighting.PROTON_DENSITY, f"{times} indicate proton density weighting", Evidence.TIMING)
    return None


def _by_text(acquisition: Acquisition) -> Judgement:
    for words, weighting in _WORDS:
        if says(acquisition.text, words):
            return Judgement(weighting, f"its description says {weighting.value}", Evidence.DESCRIPTION)
    return Judgement(Weighting.UNKNOWN, "neither its timing nor its description tells the weighting", Evidence.NONE)


def says(text: str, words: str) -> bool:
    """True if a description contains a whole word that matches the regular expression ``words``."""
    return re.search(rf"(?:^|[^a-z0-9])(?:{words})(?![a-z0-9])", text.lower().replace("_", " ").replace("-", " ")) is not None
