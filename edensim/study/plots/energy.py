"""Where the energy goes: one stacked bar per operating point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from edensim.dram.energy import COMPONENTS
from edensim.study.plots.drawing import Drawing
from edensim.study.plots.style import HATCHES
from edensim.study.points import energy_unit, points

if TYPE_CHECKING:
    from edensim.system.result import Result

LABELS = {"act": "ACT", "pre": "PRE", "rd": "RD", "wr": "WR", "ref": "REF", "background": "background", "io": "I/O"}


def draw(result: Result) -> Drawing:
    """Draw DRAM energy by component for the main point and every compared one."""
    shown = points(result.data)
    unit, scale = energy_unit(max(point.energy_pj for point in shown))
    figure = Figure(figsize=(3.4, 1.1 + 0.42 * len(shown)))
    axes = figure.subplots()
    for place, point in enumerate(shown):
        left = 0.0
        for k, name in enumerate(COMPONENTS):
            width = point.data["energy_pj"][name] * scale
            label = LABELS[name] if place == 0 else None
            axes.barh(place, width, 0.62, left, label=label, color=f"C{k}", hatch=HATCHES[k], edgecolor="black")
            left += width
        note = f" {left:.3g}" + (f" ({-point.saving('energy_pj'):+.1%})" if place else "")
        axes.annotate(note, (left, place), va="center", fontsize=7)
    axes.set_yticks(range(len(shown)), [f"{point.label}\n{point.setting}" for point in shown])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"DRAM energy ({unit})")
    axes.margins(x=0.38)
    axes.set_xlim(left=0)
    figure.legend(loc="outside upper center", ncols=4)
    rows = [
        [point.name, name, float(point.data["energy_pj"][name])] for point in shown for name in (*COMPONENTS, "total")
    ]
    return Drawing(figure, ["point", "component", "energy_pj"], rows)
