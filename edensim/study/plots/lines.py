"""Energy and time of a sweep against one axis, a line per value of the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edensim.study.plots.drawing import Drawing
from edensim.study.plots.kinds import CannotDrawError, ShownElsewhereError
from edensim.study.plots.labels import axis_label, metric_label, value_text
from edensim.study.plots.options import DEFAULT, Options
from edensim.study.plots.style import calm, line_style, place_values
from edensim.study.plots.sweep_points import Cut, Points, SweepPoints, find_trcd, find_vdd

if TYPE_CHECKING:
    import pandas as pd


METRICS = ("energy_pj.total", "time_ns")


def draw_vdd(sweep: Points, options: Options = DEFAULT) -> Drawing:
    """Draw energy and time against VDD."""
    points = SweepPoints(sweep)
    return _against(points, _swept(find_vdd(points), "vdd", "VDD (operating_point.vdd or delta_vdd)", points), options)


def draw_trcd(sweep: Points, options: Options = DEFAULT) -> Drawing:
    """Draw energy and time against tRCD."""
    points = SweepPoints(sweep)
    key = _swept(find_trcd(points), "trcd", "tRCD (operating_point.tRCD_ns or delta_tRCD_ns)", points)
    return _against(points, key, options)


def draw(sweep: Points, options: Options = DEFAULT) -> Drawing:
    """Draw energy and time against `options.x`, or the first axis that has no figure of its own."""
    points = SweepPoints(sweep)
    if options.x is not None:
        return _against(points, points.find(options.x), options)
    shown = [key for key in (find_vdd(points), find_trcd(points)) if key]
    free = [key for key in points.varied if key not in shown]
    if shown and not free:
        raise ShownElsewhereError("figure lines has nothing to add to vdd and trcd: no other axis varies (see --x).")
    return _against(points, _swept(next(iter(free), None), "lines", "any axis", points), options)


def _swept(key: str | None, kind: str, what: str, points: SweepPoints) -> str:
    if key is None:
        axes = ", ".join(points.axes) or "none"
        raise CannotDrawError(f"figure {kind} cannot be drawn: the sweep does not vary {what}; its axes are {axes}.")
    return key


def _against(points: SweepPoints, x: str, options: Options) -> Drawing:
    rows = points.needed(METRICS, "lines")
    cut = points.cut(rows, x)
    shape = (1, 2) if options.is_double else (2, 1)
    figure = Figure(figsize=(options.inches, 2.7 if options.is_double else 3.9))
    panels = figure.subplots(*shape, sharex=True)
    names = None if points.is_number(x) else points.values(x, rows)
    table: list[list[Any]] = []
    for axes, metric in zip(panels, METRICS, strict=True):
        drawn = _panel(axes, cut, metric, names, points.is_grid)
        table += drawn
        if options.is_double:
            axes.set_xlabel(axis_label(x))
    panels[-1].set_xlabel(axis_label(x))
    if cut.by is not None:
        handles, labels = panels[0].get_legend_handles_labels()
        ncols = 7 if options.is_double else 4
        figure.legend(handles, labels, loc="outside upper center", ncols=ncols, title=cut.legend, title_fontsize=7)
    figure.align_ylabels()
    return Drawing(figure, [x, cut.by or "series", "metric", "value", "least", "most", "points"], table)


def _panel(axes: Axes, cut: Cut, metric: str, names: list[Any] | None, joined: bool) -> list[list[Any]]:
    """Draw one metric; gives the rows of the data table."""
    label, scale = metric_label(metric, max(float(frame[metric].max()) for _, frame in cut.series))
    table: list[list[Any]] = []
    for k, (value, frame) in enumerate(cut.series):
        at, mean, least, most, count = _averaged(frame, cut.x, metric, names, joined)
        where = [names.index(v) for v in at] if names else at
        look = line_style(k)
        if names or not (joined or len(set(at)) == len(at)):
            look["linestyle"] = "none"
        scaled = [v * scale for v in mean]
        axes.plot(where, scaled, label="" if value is None else value_text(value), **look)
        if any(c > 1 for c in count):
            reach = [[max(0.0, m - a) * scale for m, a in zip(mean, least, strict=True)]]
            reach.append([max(0.0, b - m) * scale for m, b in zip(mean, most, strict=True)])
            axes.errorbar(where, scaled, reach, fmt="none", ecolor=look["color"], elinewidth=0.8, capsize=1.5)
        series = "" if value is None else value
        table += [[v, series, metric, *rest] for v, *rest in zip(at, mean, least, most, count, strict=True)]
    axes.set_ylabel(label)
    calm(axes, [bound * scale for row in table for bound in row[4:6]])
    if names:
        axes.set_xticks(range(len(names)), [value_text(name) for name in names], rotation=20 if len(names) > 3 else 0)
        axes.margins(x=0.15)
    else:
        values = sorted({row[0] for row in table})
        place_values(axes, values, [value_text(value) for value in values])
    return table


def _averaged(
    frame: pd.DataFrame, x: str, metric: str, names: list[Any] | None, grid: bool
) -> tuple[list[Any], list[float], list[float], list[float], list[int]]:
    """Values of x, and the mean, least, greatest and number of the values there."""
    if not grid:
        frame = frame.sort_values(x, kind="stable") if names is None else frame
        values = frame[metric].astype(float).tolist()
        return frame[x].tolist(), values, values, values, [1] * len(values)
    found = frame.groupby(x, sort=names is None)[metric].agg(["mean", "min", "max", "count"])
    columns = [found[name].astype(float).tolist() for name in ("mean", "min", "max")]
    return found.index.tolist(), columns[0], columns[1], columns[2], found["count"].astype(int).tolist()
