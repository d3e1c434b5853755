"""Average DRAM power over time, stacked by component: of a run, and of a priced command trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from edensim.dram.energy import COMPONENTS
from edensim.study.plots.drawing import Drawing
from edensim.study.plots.kinds import CannotDrawError
from edensim.study.plots.labels import drawn_point
from edensim.study.plots.options import DEFAULT, Options
from edensim.study.plots.stack import ENERGY_LABELS
from edensim.study.plots.style import HATCHES
from edensim.study.points import time_unit

if TYPE_CHECKING:
    from edensim.study.priced_trace import PricedTrace
    from edensim.system.result import Result

MOST_HATCHED = 64
"""Bins in which hatches can still be told apart."""
MOST_LAYERS = 24
"""Layers whose beginnings are marked."""


def draw(result: Result, options: Options = DEFAULT) -> Drawing:
    """Draw the power of the main point in every time bin, and where its layers begin."""
    line = result.data["timeline"]
    if "power_mw" not in line:
        raise CannotDrawError("figure power cannot be drawn: the run records no power over time; run it again.")
    drawing = _draw(line["start_ns"], float(result.data["time_ns"]), line["power_mw"], options)
    axes, layers = drawing.figure.axes[0], result.data.get("layers") or []
    if note := drawn_point(result.data):
        axes.set_title(note, fontsize=7)
    _, scale = time_unit(float(result.data["time_ns"]))
    begins = np.cumsum([0.0, *(layer["time_ns"] for layer in layers)])[1:-1]
    for begin in begins if len(layers) <= MOST_LAYERS else ():
        axes.axvline(begin * scale, color="black", linewidth=0.4, linestyle=(0, (1, 2)))
    return drawing


def draw_trace(trace: PricedTrace, options: Options = DEFAULT) -> Drawing:
    """Draw the power of a command trace, at nominal supplies, in every window."""
    line = trace.data["timeline"]
    return _draw(line["start_ns"], float(trace.data["time_ns"]), line["power_mw"], options)


def _draw(starts: Sequence[float], end: float, powers: Mapping[str, Sequence[float]], options: Options) -> Drawing:
    edges = np.append(np.asarray(starts, float), end)
    unit, scale = time_unit(end)
    figure = Figure(figsize=(options.inches, 2.4))
    axes = figure.subplots()
    _stack(axes, edges * scale, powers)
    axes.set_xlabel(f"time ({unit})")
    axes.set_ylabel("DRAM power (mW)")
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, end * scale or 1)
    if len(edges) > 1:
        figure.legend(loc="outside upper center", ncols=7 if options.is_double else 4)
    rows = [
        [float(start), float(stop), name, float(powers[name][k])]
        for k, (start, stop) in enumerate(zip(edges, edges[1:], strict=False))
        for name in COMPONENTS
    ]
    return Drawing(figure, ["start_ns", "end_ns", "component", "power_mw"], rows)


def _stack(axes: Axes, edges: NDArray[np.float64], powers: Mapping[str, Sequence[float]]) -> None:
    below = np.zeros(len(edges) - 1)
    hatched = len(below) <= MOST_HATCHED
    for k, name in enumerate(COMPONENTS) if len(below) else ():
        above = below + np.asarray(powers[name], float)
        look: dict[str, Any] = {"hatch": HATCHES[k] if hatched else "", "edgecolor": "black", "linewidth": 0}
        axes.stairs(above, edges, baseline=below, fill=True, color=f"C{k}", label=ENERGY_LABELS[name], **look)
        below = above
