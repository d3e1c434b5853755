"""Read latency against the throughput a memory delivers, a line per access pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from edensim.study.plots.drawing import Drawing
from edensim.study.plots.kinds import CannotDrawError, unknown
from edensim.study.plots.options import DEFAULT, Options
from edensim.study.plots.style import MARKERS, line_style

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("offered_gb_s", "bandwidth_gb_s", "latency_ns")
"""Columns: GB/s offered, GB/s delivered, mean read latency in ns; `pattern` and `BESIDE` may stand beside them."""
BESIDE = ("latency_p50_ns", "latency_p99_ns", "peak_gb_s")
"""Median and 99th percentile of the latency, GB/s of the data buses: kept in the data of the figure."""


def draw(table: pd.DataFrame, options: Options = DEFAULT) -> Drawing:
    """Draw latency over delivered bandwidth, in the order of what was offered; peaks of the buses as dashed lines."""
    for name in NEEDED:
        if name not in table:
            raise CannotDrawError(f"figure latency cannot be drawn: {unknown('column', name, tuple(map(str, table)))}")
    table = table.dropna(subset=list(NEEDED))
    if table.empty:
        raise CannotDrawError("figure latency cannot be drawn: the table has no rows.")
    named = table.groupby("pattern", sort=False) if "pattern" in table else [("", table)]
    groups = {str(name): group for name, group in named}
    if len(groups) > len(MARKERS):
        raise CannotDrawError(
            f"figure latency cannot be drawn: {len(groups)} patterns; at most {len(MARKERS)} can be told apart."
        )
    figure = Figure(figsize=(options.inches, 2.5))
    axes = figure.subplots()
    rows = []
    columns = [*NEEDED, *(name for name in BESIDE if name in table)]
    for k, (name, group) in enumerate(groups.items()):
        group = group.sort_values("offered_gb_s", kind="stable")
        axes.plot(group["bandwidth_gb_s"], group["latency_ns"], label=name, **line_style(k))
        rows += [[name, *(float(row[column]) for column in columns)] for _, row in group.iterrows()]
    for peak in sorted(set(table["peak_gb_s"].dropna().astype(float))) if "peak_gb_s" in table else ():
        axes.axvline(peak, color="0.3", linestyle="--", linewidth=0.8)
        axes.annotate(
            f"peak {peak:.3g} GB/s", (peak, 0.97), (-2, 0), xycoords=axes.get_xaxis_transform(),
            textcoords="offset points", rotation=90, ha="right", va="top", fontsize=6,
        )  # fmt: skip
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("throughput (GB/s)")
    axes.set_ylabel("read latency, mean (ns)")
    if len(groups) > 1 or "" not in groups:
        longest = max(map(len, groups))
        figure.legend(loc="outside upper center", ncols=max(1, 40 * (1 + options.is_double) // (8 + longest)))
    return Drawing(figure, ["pattern", *columns], rows)
