"""Average DRAM power over time, layer by layer, stacked by component."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from edensim.dram.energy import COMPONENTS
from edensim.study.plots.drawing import Drawing
from edensim.study.plots.labels import drawn_point
from edensim.study.plots.options import DEFAULT, Options
from edensim.study.plots.stack import ENERGY_LABELS
from edensim.study.plots.style import HATCHES
from edensim.study.points import time_unit

if TYPE_CHECKING:
    from edensim.system.result import Result


def draw(result: Result, options: Options = DEFAULT) -> Drawing:
    """Draw the average power of every layer of the main point over the time it took."""
    layers = [layer for layer in result.data.get("layers", []) if layer["time_ns"] > 0]
    edges = np.concatenate([[0.0], np.cumsum([layer["time_ns"] for layer in layers])])
    unit, scale = time_unit(float(edges[-1]))
    figure = Figure(figsize=(options.inches, 2.4))
    axes = figure.subplots()
    below = np.zeros(len(layers))
    for k, name in enumerate(COMPONENTS):
        power = np.array([layer["energy_pj"][name] / layer["time_ns"] for layer in layers])
        if len(layers):
            axes.stairs(
                below + power,
                edges * scale,
                baseline=below,
                fill=True,
                color=f"C{k}",
                label=ENERGY_LABELS[name],
                hatch=HATCHES[k],
                edgecolor="black",
                linewidth=0,
            )
        below = below + power
    if note := drawn_point(result.data):
        axes.set_title(note, fontsize=7)
    axes.set_xlabel(f"time ({unit})")
    axes.set_ylabel("DRAM power (mW)")
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, float(edges[-1]) * scale or 1)
    if len(layers):
        figure.legend(loc="outside upper center", ncols=4)
    rows = [
        [layer["name"], float(start), float(layer["time_ns"]), name, layer["energy_pj"][name] / layer["time_ns"]]
        for layer, start in zip(layers, edges, strict=False)
        for name in COMPONENTS
    ]
    return Drawing(figure, ["layer", "start_ns", "time_ns", "component", "power_mw"], rows)
