"""Metrics of a sweep over two axes, as fields of colour; light means much, and stays so in grey print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from edensim.study.plots.drawing import Drawing
from edensim.study.plots.kinds import CannotDrawError
from edensim.study.plots.labels import axis_label, cell_text, metric_label, setting_text, value_text
from edensim.study.plots.options import DEFAULT, Options
from edensim.study.plots.style import calm_limits
from edensim.study.plots.sweep_points import Points, SweepPoints, evenly

if TYPE_CHECKING:
    import pandas as pd


COLOURS = "cividis"
"""A map whose lightness rises all the way, for any kind of colour vision."""
MOST_ANNOTATED = 8
"""Cells along either axis up to which each shows its number."""
MOST_TICKS = 9

Field = NDArray[np.float64]


def draw(sweep: Points, options: Options = DEFAULT) -> Drawing:
    """Draw `options.metrics` over `options.x` (default: the first axis) and the next axis; other axes are held."""
    points = SweepPoints(sweep)
    if not points.is_grid:
        raise CannotDrawError(f"figure heatmap cannot be drawn: it needs a grid, the sweep's mode is {points.mode}.")
    varied = points.varied
    if len(varied) < 2:
        axes = ", ".join(varied) or "none"
        raise CannotDrawError(f"figure heatmap cannot be drawn: it needs two axes that vary, the sweep has {axes}.")
    metrics = [points.metric(name) for name in options.metrics]
    rows = points.needed(metrics, "heatmap")
    x = points.find(options.x) if options.x else varied[0]
    y = next(key for key in varied if key != x)
    rows, fixed = points.held(rows, [key for key in points.axes if key not in (x, y)])
    across, up = points.values(x, rows), points.values(y, rows)

    count = len(metrics)
    shape = (-(-count // 2), min(count, 2)) if options.is_double else (count, 1)
    cell = min(0.3, 2.6 / len(up))
    figure = Figure(figsize=(options.inches, shape[0] * max(0.9 + cell * len(up), 1.5) + (0.2 if fixed else 0.0)))
    figure.set_layout_engine("constrained", wspace=0.06)
    panels = figure.subplots(*shape, squeeze=False).ravel()
    table: list[list[Any]] = []
    for place, (axes, metric) in enumerate(zip(panels, metrics, strict=False)):
        means = rows.groupby([x, y])[metric].mean()
        table += [[a, b, metric, float(means[a, b])] for a in across for b in up if (a, b) in means.index]
        _panel(axes, _field(means, across, up), metric)
        _ticks(axes, x, y, across, up)
        if place % shape[1]:
            axes.set_ylabel("")  # as in the panel to the left
    for axes in panels[count:]:
        axes.remove()
    if fixed:
        figure.suptitle("at " + ", ".join(setting_text(*item) for item in fixed.items()), fontsize=7)
    return Drawing(figure, [x, y, "metric", "value"], table)


def _field(means: pd.Series[float], across: list[Any], up: list[Any]) -> Field:
    """Values [up, across]; NaN where the sweep has no point."""
    return np.array([[means.get((a, b), np.nan) for a in across] for b in up], float)


def _panel(axes: Axes, field: Field, metric: str) -> None:
    label, scale = metric_label(metric, float(np.nanmax(field)))
    field = field * scale
    image = axes.pcolormesh(field, cmap=COLOURS, linewidth=0, edgecolors="none", rasterized=True)
    # Differences of a fraction of a percent must not look like the whole range of colours.
    image.set_clim(calm_limits(field[~np.isnan(field)].tolist(), 0.0))
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02)
    bar.outline.set_linewidth(0.4)
    bar.ax.ticklabel_format(useOffset=False, style="plain")
    axes.set_title(label, loc="left")
    axes.grid(visible=False)
    for j, i in np.argwhere(np.isnan(field)):
        axes.add_patch(Rectangle((i, j), 1, 1, facecolor="white", edgecolor="0.5", hatch="////", linewidth=0))
    if max(field.shape) <= MOST_ANNOTATED:
        for (j, i), value in np.ndenumerate(field):
            if not np.isnan(value):
                ink = "black" if luminance(image.to_rgba(np.array([value]))[0]) > 0.4 else "white"
                axes.text(i + 0.5, j + 0.5, cell_text(value), ha="center", va="center", fontsize=6, color=ink)


def _ticks(axes: Axes, x: str, y: str, across: list[Any], up: list[Any]) -> None:
    shown = list(evenly(len(across), MOST_TICKS))
    labels = [value_text(across[k]) for k in shown]
    turned = sum(map(len, labels)) > 34
    axes.set_xticks([k + 0.5 for k in shown], labels, rotation=45 if turned else 0, ha="right" if turned else "center")
    shown = list(evenly(len(up), MOST_TICKS))
    axes.set_yticks([k + 0.5 for k in shown], [value_text(up[k]) for k in shown])
    axes.set_xlabel(axis_label(x))
    axes.set_ylabel(axis_label(y))


def luminance(colour: Any) -> float:
    """Lightness of a colour in grey print, 0 to 1 (Rec. 709 weights on the encoded values)."""
    return float(0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2])
