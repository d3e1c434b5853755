"""Energy against time of every point of a sweep, with the points that no other beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edensim.study.plots.drawing import Drawing
from edensim.study.plots.labels import metric_label
from edensim.study.plots.options import DEFAULT, Options
from edensim.study.plots.style import calm_limits
from edensim.study.plots.sweep_points import Points, SweepPoints
from edensim.study.sweep.pareto import front as marks

MOST_VECTORS = 2000
"""Points above which they are drawn as an image inside svg and pdf."""
SMALLEST_GAP = 0.06
"""Of the width of the figure: names of points nearer than that are written together."""
TIME, ENERGY = "time_ns", "energy_pj.total"


def draw(sweep: Points, options: Options = DEFAULT) -> Drawing:
    """Draw all points, the front as a staircase, and the settings of its ends."""
    points = SweepPoints(sweep)
    rows = points.merged(points.needed((TIME, ENERGY), "pareto"), points.axes, (TIME, ENERGY)).reset_index(drop=True)
    time, energy = rows[TIME].astype(float).tolist(), rows[ENERGY].astype(float).tolist()
    marked = marks(list(zip(time, energy, strict=True)), (TIME, ENERGY))
    front = sorted((k for k in range(len(time)) if marked[k]), key=lambda k: (time[k], energy[k]))
    label_t, scale_t = metric_label(TIME, max(time))
    label_e, scale_e = metric_label(ENERGY, max(energy))
    x, y = [value * scale_t for value in time], [value * scale_e for value in energy]

    figure = Figure(figsize=(options.inches, 2.8))
    axes = figure.subplots()
    others = [k for k in range(len(x)) if not marked[k]]
    dots: dict[str, Any] = {
        "linestyle": "none",
        "marker": "o",
        "markersize": 3.5,
        "markerfacecolor": "none",
        "rasterized": len(x) > MOST_VECTORS,
    }
    if others:
        axes.plot([x[k] for k in others], [y[k] for k in others], color="0.45", label="beaten", **dots)
    axes.step(
        [x[k] for k in front],
        [y[k] for k in front],
        where="post",
        color="C5",
        marker="D",
        markersize=4.5,
        label="front",
    )
    axes.set_xlabel(label_t)
    axes.set_ylabel(label_e)
    axes.ticklabel_format(useOffset=False, style="plain")
    axes.set_xlim(calm_limits(x, 0.12))
    axes.set_ylim(calm_limits(y, 0.12))
    ends = dict(zip(dict.fromkeys((front[0], front[-1])), "AB", strict=False))
    spots = {(x[k], y[k]): name for k, name in ends.items()}
    if _touch(axes, list(spots)):
        spots = {(x[front[0]], y[front[0]]): ", ".join(ends.values())}
    for spot, name in spots.items():
        # Nothing lies to the lower left of a point of the front.
        bold: dict[str, Any] = {"fontsize": 7, "fontweight": "bold"}
        axes.annotate(name, spot, (-4, -9), textcoords="offset points", ha="right", **bold)
    axes.set_title("\n".join(f"{name}: {points.described(rows.loc[k])}" for k, name in ends.items()), fontsize=7)
    figure.legend(loc="outside upper center", ncols=2)
    table = [
        [*(rows.loc[k, key] for key in points.axes), time[k], energy[k], "yes" if marked[k] else "no"]
        for k in range(len(rows))
    ]
    return Drawing(figure, [*points.axes, TIME, ENERGY, "front"], table)


def _touch(axes: Axes, spots: Sequence[tuple[float, float]]) -> bool:
    """Whether names at the first and the last of these places would cover each other."""
    limits = (axes.get_xlim(), axes.get_ylim())
    ends = zip(spots[0], spots[-1], limits, strict=True)
    return all(abs(first - last) < SMALLEST_GAP * (high - low) for first, last, (low, high) in ends)
