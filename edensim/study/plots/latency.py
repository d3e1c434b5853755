"""Read latency against the throughput a memory delivers, a line per access pattern; of many memories a panel each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edensim.study.plots.drawing import Drawing
from edensim.study.plots.kinds import CannotDrawError, unknown
from edensim.study.plots.options import DEFAULT, Options
from edensim.study.plots.style import MARKERS, line_style

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("offered_gb_s", "bandwidth_gb_s", "latency_ns")
"""Columns: GB/s offered, GB/s delivered, mean read latency in ns; with them may stand `memory`, `pattern`, `BESIDE`."""
BESIDE = ("latency_p50_ns", "latency_p99_ns", "peak_gb_s")
"""Median and 99th percentile of the latency, GB/s of the data buses: kept in the data of the figure."""
X_LABEL, Y_LABEL = "throughput (GB/s)", "read latency, mean (ns)"

Curves = dict[str, "pd.DataFrame"]


def draw(table: pd.DataFrame, options: Options = DEFAULT) -> Drawing:
    """Draw latency over delivered bandwidth, in the order of what was offered; peaks of the buses as dashed lines.

    Memories whose curves can be told apart share one pair of axes; more have panels of their own.
    """
    for name in NEEDED:
        if name not in table:
            raise CannotDrawError(f"figure latency cannot be drawn: {unknown('column', name, tuple(map(str, table)))}")
    table = table.dropna(subset=list(NEEDED))
    if table.empty:
        raise CannotDrawError("figure latency cannot be drawn: the table has no rows.")
    names = [name for name in ("memory", "pattern") if name in table] or ["pattern"]
    table = table.assign(**{name: table[name].astype(str) if name in table else "" for name in names})
    groups = {
        tuple(map(str, key)): part.sort_values("offered_gb_s", kind="stable")
        for key, part in table.groupby(names, sort=False)
    }
    together = {", ".join(key): group for key, group in groups.items()}
    if len(together) <= len(MARKERS):
        figure = _one(together, options)
    else:
        by_memory: dict[str, Curves] = {}
        for key, group in groups.items():
            by_memory.setdefault(key[0] if len(names) == 2 else "", {})[key[-1]] = group
        most = max(map(len, by_memory.values()))
        if most > len(MARKERS):
            raise CannotDrawError(
                f"figure latency cannot be drawn: {most} patterns; at most {len(MARKERS)} can be told apart."
            )
        figure = _panels(by_memory, options)
    columns = [*NEEDED, *(name for name in BESIDE if name in table)]
    rows = [
        [*key, *map(float, values)]
        for key, group in groups.items()
        for values in group[columns].itertuples(index=False)
    ]
    return Drawing(figure, [*names, *columns], rows)


def _one(curves: Curves, options: Options) -> Figure:
    """All curves in one pair of axes."""
    figure = Figure(figsize=(options.inches, 2.5))
    axes = figure.subplots()
    _curves(axes, curves)
    for peak in _peaks(curves):
        axes.annotate(
            f"peak {peak:.3g} GB/s", (peak, 0.97), (-2, 0), xycoords=axes.get_xaxis_transform(),
            textcoords="offset points", rotation=90, ha="right", va="top", fontsize=6,
        )  # fmt: skip
    axes.set_xlabel(X_LABEL)
    axes.set_ylabel(Y_LABEL)
    if len(curves) > 1 or "" not in curves:
        longest = max(map(len, curves))
        figure.legend(loc="outside upper center", ncols=max(1, 40 * (1 + options.is_double) // (8 + longest)))
    return figure


def _panels(memories: dict[str, Curves], options: Options) -> Figure:
    """A pair of axes for every memory, each with its own scales."""
    columns = 4 if options.is_double else 2
    count = -(-len(memories) // columns)
    figure = Figure(figsize=(options.inches, 0.6 + 1.25 * count))
    grid = figure.subplots(count, columns, squeeze=False).ravel()
    for axes, (memory, curves) in zip(grid, memories.items(), strict=False):
        _curves(axes, curves)
        axes.set_title(memory, fontsize=6)
    for axes in grid[len(memories) :]:
        axes.remove()
    figure.supxlabel(f"{X_LABEL}; dashed: peak of the data buses", fontsize=7)
    figure.supylabel(Y_LABEL, fontsize=7)
    most = max(range(len(memories)), key=lambda k: len(list(memories.values())[k]))
    figure.legend(*grid[most].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def _curves(axes: Axes, curves: Curves) -> None:
    for k, (name, group) in enumerate(curves.items()):
        axes.plot(group["bandwidth_gb_s"], group["latency_ns"], label=name, **line_style(k))
    for peak in _peaks(curves):
        axes.axvline(peak, color="0.3", linestyle="--", linewidth=0.8)
    axes.set_xlim(left=0)
    highest = max(float(group["latency_ns"].max()) for group in curves.values())
    axes.set_ylim(0, 1.06 * highest if highest > 0 else 1)


def _peaks(curves: Curves) -> list[float]:
    return sorted({float(x) for group in curves.values() if "peak_gb_s" in group for x in group["peak_gb_s"].dropna()})
