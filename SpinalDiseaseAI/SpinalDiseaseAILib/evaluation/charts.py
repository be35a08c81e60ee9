"""Charts of the report, each a self-contained SVG text."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from ..base.anatomy import Finding, finding
from . import metrics
from .intervals import Figure
from .predictions import FloatArray, Graded

INK, SOFT, BLUE, ORANGE = "#1b1f24", "#5c6670", "#20638f", "#d9731a"

_STYLE: Any = {  # matplotlib's type lists every setting by name
    "svg.fonttype": "none",  # keep text as text
    "svg.hashsalt": "spinal-disease-ai",  # equal charts give equal files
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}


@contextmanager
def _chart(width: float, height: float) -> Iterator[tuple[Axes, list[str]]]:
    """Axes to draw on; the list holds the SVG text afterwards."""
    result: list[str] = []
    with matplotlib.rc_context(_STYLE):
        canvas = Canvas(figsize=(width, height), layout="constrained")
        axes = canvas.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        yield axes, result
        stream = io.StringIO()
        canvas.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
        result.append(stream.getvalue())


def confusion_chart(graded: Graded) -> str:
    """Counts by true and predicted class, shaded by the share of the true class."""
    info = finding(graded.name)
    matrix = metrics.confusion(graded.truth.argmax(1), graded.probability.argmax(1), len(info.classes))
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    labels = [_short(info, key) for key in info.class_names]
    size = 1.5 + 0.5 * len(labels)
    with _chart(size, size) as (axes, result):
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for row in range(len(labels)):
            for column in range(len(labels)):
                colour = "white" if share[row, column] > 0.55 else INK
                axes.text(column, row, f"{matrix[row, column]:.0f}", ha="center", va="center", color=colour)
        axes.set(xticks=range(len(labels)), yticks=range(len(labels)), xlabel="predicted", ylabel="true")
        axes.set_xticklabels(labels, rotation=30 if max(map(len, labels)) > 2 else 0)
        axes.set_yticklabels(labels)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return result[0]


def reliability_chart(graded: Graded) -> str:
    """Observed share against stated probability; the size of a marker is the number of structures."""
    info = finding(graded.name)
    if info.exclusive:
        label = "present" if info.class_names == ("absent", "present") else "most probable class"
        label = info.classes[1].display if len(info.classes) == 2 else label
        curves = {label: metrics.reliability(*metrics.stated(graded.truth, graded.probability))}
    else:
        curves = {
            item.display: metrics.reliability(graded.truth[:, k], graded.probability[:, k]) for k, item in enumerate(info.classes)
        }
    with _chart(3.0, 3.0 + 0.18 * ((len(curves) + 1) // 2)) as (axes, result):
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=0.8, linestyle=":")
        for index, (label, curve) in enumerate(curves.items()):
            colour = BLUE if len(curves) == 1 else matplotlib.colormaps["tab10"](index)
            axes.plot(curve[:, 0], curve[:, 1], color=colour, linewidth=1.2, label=label)
            axes.scatter(curve[:, 0], curve[:, 1], s=6 + 120 * curve[:, 2] / curve[:, 2].sum(), color=colour, alpha=0.8)
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel="stated probability", ylabel="observed share", aspect="equal")
        _legend_above(axes, 2)
    return result[0]


def level_chart(figures: Mapping[str, Mapping[str, Figure]], names: Sequence[str], unit: str) -> str:
    """Figures level by level, each with its interval.

    :param figures: level to figures by name, from cranial to caudal.
    :param names: the figures to draw.
    :param unit: unit of the axis, such as ``"share"`` or ``"mm"``.
    """
    levels = list(figures)
    with _chart(max(3.6, 0.52 * len(levels) + 1.2), 2.7) as (axes, result):
        for index, name in enumerate(names):
            values = [figures[level].get(name) for level in levels]
            place = np.arange(len(levels)) + 0.16 * (index - (len(names) - 1) / 2)
            colour = (BLUE, ORANGE, SOFT)[index % 3]
            centre = np.array([np.nan if item is None else item.value for item in values])
            low, high = (np.array([np.nan if item is None else getattr(item, end) for item in values]) for end in ("low", "high"))
            axes.vlines(place, low, high, color=colour, linewidth=1.2, alpha=0.7)
            axes.plot(place, centre, "o", color=colour, markersize=4, label=name)
        axes.set(xticks=range(len(levels)), ylabel=unit)
        axes.set_xticklabels(levels, rotation=30 if len(levels) > 6 else 0)
        if unit == "share":
            axes.set_ylim(min(0.9, *axes.get_ylim()) if _lowest(figures, names) > 0.9 else 0, 1.02)
        else:
            axes.set_ylim(bottom=0)
        axes.grid(axis="y", color="#e6eaed", linewidth=0.7)
        axes.set_axisbelow(True)
        _legend_above(axes, 1)
    return result[0]


def difference_chart(differences: Mapping[str, Figure]) -> str:
    """Differences with their intervals, one row per name from the top."""
    names = list(differences)
    with _chart(6.2, 0.6 + 0.26 * len(names)) as (axes, result):
        axes.axvline(0, color=SOFT, linewidth=0.8)
        for row, item in enumerate(differences.values()):
            clear = item.low > 0 or item.high < 0
            axes.hlines(row, item.low, item.high, color=BLUE if clear else SOFT, linewidth=1.4)
            axes.plot(item.value, row, "o", color=BLUE if clear else SOFT, markersize=4)
        axes.set(yticks=range(len(names)), xlabel="second minus first")
        axes.set_yticklabels(names)
        axes.set_ylim(len(names) - 0.5, -0.5)
    return result[0]


def _legend_above(axes: Axes, columns: int) -> None:
    """Put the legend above the axes, where it hides nothing."""
    axes.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=columns, borderaxespad=0.2)


def _lowest(figures: Mapping[str, Mapping[str, Figure]], names: Sequence[str]) -> float:
    ends = [item[name].low for item in figures.values() for name in names if name in item]
    finite: FloatArray = np.array([value for value in ends if np.isfinite(value)])
    return float(finite.min()) if finite.size else 0.0


def _short(info: Finding, key: str) -> str:
    """A short label for a class: its key if the display text is long or merely repeats the key."""
    display = info.class_of(key).display
    return key if display.endswith(f" {key}") or len(display) > 12 else display
