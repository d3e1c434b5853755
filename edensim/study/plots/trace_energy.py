"""Where the energy of a command trace goes: one stacked bar per setting of the supplies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from edensim.dram.energy import COMPONENTS
from edensim.study.plots.drawing import Drawing
from edensim.study.plots.kinds import CannotDrawError
from edensim.study.plots.options import DEFAULT, Options
from edensim.study.plots.stack import energy_parts, stack_bars
from edensim.study.points import energy_unit

if TYPE_CHECKING:
    from edensim.study.priced_trace import PricedTrace

MOST = 40
"""Bars that stay readable on a page."""


def draw(trace: PricedTrace, options: Options = DEFAULT) -> Drawing:
    """Draw energy by component at nominal supplies and at every further setting."""
    points = trace.points()
    if len(points) > MOST:
        raise CannotDrawError(f"figure energy cannot be drawn: {len(points)} settings are more than {MOST} bars.")
    energies = [point["energy_pj"] for point in points]
    unit, scale = energy_unit(max(energy["total"] for energy in energies))
    figure = Figure(figsize=(options.inches, 1.1 + 0.36 * len(points)))
    axes = figure.subplots()
    ends = stack_bars(axes, range(len(points)), energy_parts(energies, scale), 0.62)
    for place, (end, energy) in enumerate(zip(ends, energies, strict=True)):
        change = energy["total"] / energies[0]["total"] - 1 if energies[0]["total"] else 0.0
        axes.annotate(f" {end:.3g}" + (f" ({change:+.1%})" if place else ""), (end, place), va="center", fontsize=7)
    axes.set_yticks(range(len(points)), [_setting(point["supplies_v"]) for point in points])
    axes.set_ylim(len(points) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"DRAM energy ({unit})")
    axes.margins(x=0.15 if options.is_double else 0.38)
    axes.set_xlim(left=0)
    figure.legend(loc="outside upper center", ncols=7 if options.is_double else 4)
    rows = [
        [*point["supplies_v"].values(), component, float(point["energy_pj"][component])]
        for point in points
        for component in (*COMPONENTS, "total")
    ]
    return Drawing(figure, [*(f"{rail}_v" for rail in points[0]["supplies_v"]), "component", "energy_pj"], rows)


def _setting(supplies: Mapping[str, float]) -> str:
    """One rail a line, as a figure of one column has room for two of them beside each other."""
    texts = [f"{rail} {volt:g} V" for rail, volt in supplies.items()]
    return "\n".join(", ".join(texts[k : k + 2]) for k in range(0, len(texts), 2))
