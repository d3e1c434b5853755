"""Where the energy goes along one axis of a sweep: a stack per value."""

from __future__ import annotations

from matplotlib.figure import Figure

from edensim.dram.energy import COMPONENTS
from edensim.study.plots.drawing import Drawing
from edensim.study.plots.kinds import CannotDrawError
from edensim.study.plots.labels import axis_label, cell_text, value_text
from edensim.study.plots.options import DEFAULT, Options
from edensim.study.plots.stack import energy_parts, stack_bars
from edensim.study.plots.sweep_points import Points, SweepPoints, evenly
from edensim.study.points import energy_unit

MOST_BARS = {"single": 12, "double": 24}


def draw(sweep: Points, options: Options = DEFAULT) -> Drawing:
    """Draw DRAM energy by component along `options.x` (default: the first axis), other axes held at one value."""
    points = SweepPoints(sweep)
    if not points.axes:
        raise CannotDrawError("figure energy cannot be drawn: the sweep has no axis but the seed.")
    columns = {name: f"energy_pj.{name}" for name in (*COMPONENTS, "total")}
    rows = points.needed(list(columns.values()), "energy")
    x = points.find(options.x) if options.x else points.axes[0]
    cut = points.cut(rows, x, with_series=False)
    frame = cut.series[0][1]
    means = frame.groupby(x)[list(columns.values())].mean()
    if not points.is_grid and len(means) < len(frame):
        raise CannotDrawError(
            f"figure energy cannot be drawn along {x}: in a sweep of mode {points.mode} several points share a value."
        )
    values = points.values(x, frame)
    values = [values[k] for k in evenly(len(values), MOST_BARS[options.width])]
    energies = [{name: float(means.loc[value, column]) for name, column in columns.items()} for value in values]
    unit, scale = energy_unit(max(energy["total"] for energy in energies))

    figure = Figure(figsize=(options.inches, 2.6))
    axes = figure.subplots()
    places = range(len(values))
    ends = stack_bars(axes, places, energy_parts(energies, scale), 0.68, lying=False)
    room = options.inches / len(values)
    if room >= 0.28:
        for place, end in zip(places, ends, strict=True):
            axes.annotate(cell_text(end), (place, end), (0, 2), textcoords="offset points", ha="center", fontsize=6)
    labels = [value_text(value) for value in values]
    turned = max(map(len, labels)) * 0.075 > room
    axes.set_xticks(places, labels, rotation=45 if turned else 0, ha="right" if turned else "center")
    axes.set_xlim(-0.6, len(values) - 0.4)
    axes.grid(visible=False, axis="x")
    axes.set_ylim(0, max(ends) * 1.08)
    axes.set_xlabel(axis_label(x) + (f", at {cut.title}" if cut.title else ""))
    axes.set_ylabel(f"DRAM energy ({unit})")
    figure.legend(loc="outside upper center", ncols=7 if options.is_double else 4)
    table = [[value, name, energy[name]] for value, energy in zip(values, energies, strict=True) for name in columns]
    return Drawing(figure, [x, "component", "energy_pj"], table)
