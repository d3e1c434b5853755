"""Where the energy goes by partition: one stacked bar per partition and operating point, and what banks share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from edensim.dram.energy import COMPONENTS
from edensim.study.plots.drawing import Drawing
from edensim.study.plots.kinds import ShownElsewhereError
from edensim.study.plots.labels import short
from edensim.study.plots.options import DEFAULT, Options
from edensim.study.plots.stack import energy_parts, stack_bars
from edensim.study.points import energy_unit, points

if TYPE_CHECKING:
    from edensim.system.result import Result

SHARED = "shared background"
GAP = 0.6
"""Space between operating points, in bars."""


def draw(result: Result, options: Options = DEFAULT) -> Drawing:
    """Draw the energy of every partition by component, at the main point and every compared one."""
    shown = [point for point in points(result.data) if "partitions" in point.data]
    if not shown:
        raise ShownElsewhereError("figure partitions cannot be drawn: the run has no [[partition]].")
    labels: list[str] = []
    places: list[float] = []
    energies, rows = [], []
    for k, point in enumerate(shown):
        parts = {name: part["energy_pj"] for name, part in point.data["partitions"].items()}
        settings = {name: f"{part['operating_point']['vdd']:.4g} V" for name, part in point.data["partitions"].items()}
        shared = dict.fromkeys(COMPONENTS, 0.0) | point.data["shared_energy_pj"]
        for name, energy in [*parts.items(), (SHARED, shared)]:
            labels.append(f"{short(point.label)}: {short(name)}" + (f"\n{settings[name]}" if name in settings else ""))
            places.append(len(places) + GAP * k)
            energies.append(energy)
            rows += [[point.name, "" if energy is shared else name, part, float(energy[part])] for part in COMPONENTS]
    unit, scale = energy_unit(max(point.energy_pj for point in shown))
    figure = Figure(figsize=(options.inches, min(1.1 + 0.36 * (places[-1] + 1), 9.0)))
    axes = figure.subplots()
    ends = stack_bars(axes, places, energy_parts(energies, scale), 0.7)
    for place, end in zip(places, ends, strict=True):
        axes.annotate(f" {end:.3g}", (end, place), va="center", fontsize=7)
    axes.set_yticks(places, labels)
    axes.set_ylim(places[-1] + 0.6, -0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"DRAM energy ({unit})")
    axes.margins(x=0.15)
    axes.set_xlim(left=0)
    figure.legend(loc="outside upper center", ncols=7 if options.is_double else 4)
    return Drawing(figure, ["point", "partition", "component", "energy_pj"], rows)
