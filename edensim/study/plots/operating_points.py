"""How the operating points compare: energy and time relative to the main point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from edensim.study.plots.drawing import Drawing
from edensim.study.plots.labels import short
from edensim.study.plots.options import DEFAULT, Options
from edensim.study.plots.style import HATCHES
from edensim.study.points import points

if TYPE_CHECKING:
    from edensim.system.result import Result

QUANTITIES = (("energy_pj", "DRAM energy"), ("time_ns", "time"))


def draw(result: Result, options: Options = DEFAULT) -> Drawing:
    """Draw energy and time of every point in percent of the main point."""
    shown = points(result.data)
    figure = Figure(figsize=(options.inches, 0.9 + 0.5 * len(shown)))
    axes = figure.subplots()
    for k, (quantity, label) in enumerate(QUANTITIES):
        base = getattr(shown[0], quantity)
        heights = [100 * getattr(point, quantity) / base if base else 0.0 for point in shown]
        places = [place + (k - 0.5) * 0.36 for place in range(len(shown))]
        bars = axes.barh(places, heights, 0.34, label=label, color=f"C{k}", hatch=HATCHES[k], edgecolor="black")
        axes.bar_label(bars, fmt="%.1f", padding=2, fontsize=7)
    axes.set_yticks(range(len(shown)), [f"{short(point.label)}\n{point.setting}" for point in shown])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"relative to {shown[0].label} (%)")
    axes.margins(x=0.12)
    figure.legend(loc="outside upper center", ncols=2)
    rows = [
        [point.name, point.text("vdd", ""), point.text("tRCD_ns", ""), point.basis, point.energy_pj, point.time_ns]
        for point in shown
    ]
    return Drawing(figure, ["point", "vdd", "tRCD_ns", "basis", "energy_pj", "time_ns"], rows)
