"""Where the energy goes: one stacked bar per operating point, of one run or of several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edensim.dram.energy import COMPONENTS
from edensim.printable import readable
from edensim.study.plots.drawing import Drawing
from edensim.study.plots.labels import short
from edensim.study.plots.options import DEFAULT, Options
from edensim.study.plots.stack import energy_parts, stack_bars
from edensim.study.points import Point, energy_unit, points

if TYPE_CHECKING:
    from edensim.system.result import Result

GAP = 0.6
"""Space above the bars of a run for its name, where there are several, in bars."""


def draw(result: Result, options: Options = DEFAULT) -> Drawing:
    """Draw DRAM energy by component for the main point and every compared one."""
    drawing = draw_runs({"": result}, options)
    return drawing._replace(header=drawing.header[1:], rows=[row[1:] for row in drawing.rows])


def draw_runs(results: Mapping[str, Result], options: Options = DEFAULT) -> Drawing:
    """Draw the same for several runs {name: result}, group by group; savings are against each run's own main point."""
    shown = [(name, point) for name, result in results.items() for point in points(result.data)]
    named = len(results) > 1
    places: list[float] = []
    for k, (name, _) in enumerate(shown):
        starts = k == 0 or shown[k - 1][0] != name
        places.append((places[-1] + 1 if places else 0.0) + (GAP if named and starts else 0.0))
    unit, scale = energy_unit(max(point.energy_pj for _, point in shown))
    figure = Figure(figsize=(options.inches, min(1.1 + 0.42 * (places[-1] + 1), 9.0)))
    axes = figure.subplots()
    energies = [point.data["energy_pj"] for _, point in shown]
    ends = stack_bars(axes, places, energy_parts(energies, scale), 0.62)
    for place, end, (_, point) in zip(places, ends, shown, strict=True):
        note = f" {end:.3g}" + (f" ({-point.saving('energy_pj'):+z.1%})" if point.name != "main" else "")
        axes.annotate(note, (end, place), va="center", fontsize=7)
    if named:
        _name_groups(axes, places, shown)
    axes.set_yticks(places, [f"{short(point.label)}\n{point.setting}" for _, point in shown])
    axes.set_ylim(places[-1] + 0.5, places[0] - (1.0 if named else 0.5))
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"DRAM energy ({unit})")
    axes.margins(x=0.15 if options.is_double else 0.38)
    axes.set_xlim(left=0)
    figure.legend(loc="outside upper center", ncols=7 if options.is_double else 4)
    rows = [
        [name, point.name, component, float(point.data["energy_pj"][component])]
        for name, point in shown
        for component in (*COMPONENTS, "total")
    ]
    return Drawing(figure, ["run", "point", "component", "energy_pj"], rows)


def _name_groups(axes: Axes, places: list[float], shown: list[tuple[str, Point]]) -> None:
    """Write each run's name above its first bar."""
    for k, (place, (name, _)) in enumerate(zip(places, shown, strict=True)):
        if k == 0 or shown[k - 1][0] != name:
            across = axes.get_yaxis_transform()
            axes.text(0.012, place - 0.68, readable(name), transform=across, va="center", fontsize=7, fontweight="bold")
