"""The one style of all figures, and files that are the same bytes whenever and wherever they are drawn."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

HATCHES = ("", "////", "..", "\\\\\\\\", "xxxx", "----", "++++", "||||")
"""Fills that keep stacked parts apart in grey print, in the order of the colours."""

LINE_COLOURS = ("C0", "C1", "C2", "C3", "C4", "C5", "0.35")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (3, 3)), (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
"""Marks and strokes that keep lines apart in grey print, in the order of the colours."""

_UNDATED = {"png": {"Software": "edensim"}, "svg": {"Date": None, "Creator": "edensim"}, "pdf": {"CreationDate": None}}


@contextmanager
def styled() -> Iterator[None]:
    """Draw with edensim's own style, whatever the user's matplotlib is set to."""
    with (
        resources.as_file(resources.files("edensim.study.plots") / "edensim.mplstyle") as path,
        matplotlib.rc_context(fname=path),
    ):
        yield


def encode(figure: Figure, fmt: str) -> bytes:
    """Return the bytes of the picture file."""
    target = io.BytesIO()
    figure.savefig(target, format=fmt, metadata=_UNDATED[fmt])
    return target.getvalue()


def line_style(k: int) -> dict[str, Any]:
    """Colour, stroke and mark of the k-th line; open marks, so that lines on top of each other stay visible."""
    return {
        "color": LINE_COLOURS[k % len(LINE_COLOURS)],
        "linestyle": DASHES[k % len(DASHES)],
        "marker": MARKERS[k % len(MARKERS)],
        "markersize": 5.5 - 0.5 * (k % len(MARKERS)),
        "markerfacecolor": "none",
        "markeredgewidth": 0.9,
    }


def place_values(axes: Axes, values: Sequence[float], texts: Sequence[str]) -> None:
    """Put ticks at the values themselves where they are few and far enough apart to be read."""
    span = max(values) - min(values)
    gaps = [b - a for a, b in itertools.pairwise(sorted(values))]
    if 1 < len(values) <= 8 and min(gaps) >= 0.09 * span:
        axes.set_xticks(values, texts)


def calm(axes: Axes, values: list[float]) -> None:
    """Keep the y axis from magnifying differences below a few percent, and from splitting off an offset."""
    axes.ticklabel_format(axis="y", useOffset=False, style="plain")
    axes.set_ylim(calm_limits(values, 0.08))


def calm_limits(values: Sequence[float], margin: float) -> tuple[float, float]:
    """Limits around the values with a share of their span as room, at least 5 % of the largest apart."""
    low, high = min(values), max(values)
    if low == high == 0:
        return 0.0, 1.0
    room = max(margin * (high - low), (0.05 * max(abs(low), abs(high)) - (high - low)) / 2)
    return max(low - room, 0.0) if low >= 0 else low - room, high + room


def plain_decades(axis: Axis) -> None:
    """Powers of ten of a logarithmic axis as 1e-3: the style has no mathematical text."""
    low, high = axis.get_view_interval()
    every = 1 + int(math.log10(high / low) // 5)
    axis.set_major_locator(LogLocator(10 ** float(every), numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0e}".replace("e-0", "e-").replace("1e+00", "1")))
    axis.set_minor_formatter(NullFormatter())
