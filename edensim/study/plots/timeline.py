"""What the memory does over time: bandwidth, and the share of requests that find their row open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from edensim.study.plots.drawing import Drawing
from edensim.study.plots.labels import drawn_point
from edensim.study.plots.options import DEFAULT, Options
from edensim.study.points import time_unit

if TYPE_CHECKING:
    from edensim.system.result import Result


def draw(result: Result, options: Options = DEFAULT) -> Drawing:
    """Draw bandwidth (read below write, stacked) and the share of row hits of the main point, per time bin."""
    line = result.data["timeline"]
    start = np.asarray(line["start_ns"], float)
    width = float(line["bin_ns"])
    read, write, hit, other = (
        np.asarray(line[name], float) for name in ("bytes_read", "bytes_write", "row_hit", "row_other")
    )
    end = start[-1] + width if start.size else width
    unit, scale = time_unit(end)
    edges = np.append(start, end) * scale
    read, write = read / width, write / width
    accesses = hit + other
    share = np.divide(hit, accesses, out=np.full_like(hit, np.nan), where=accesses > 0)

    figure = Figure(figsize=(options.inches, 2.6))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    if start.size:
        upper.stairs(read, edges, fill=True, color="C0", label="read")
        stripes = {"hatch": "//////", "edgecolor": "black", "linewidth": 0}
        upper.stairs(read + write, edges, baseline=read, fill=True, color="C1", label="write", **stripes)
        upper.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2)
        lower.stairs(100 * share, edges, baseline=None, color="C2")
    if note := drawn_point(result.data):
        figure.suptitle(note, fontsize=7)
    upper.set_ylabel("bandwidth (GB/s)")
    upper.set_ylim(bottom=0)
    lower.set_ylabel("row hits (%)")
    lower.set_ylim(0, 105)
    lower.set_xlim(0, end * scale)
    lower.set_xlabel(f"time ({unit})")
    figure.align_ylabels()
    rows = [list(row) for row in zip(start.tolist(), read.tolist(), write.tolist(), share.tolist(), strict=True)]
    for row in rows:
        row[3] = "" if np.isnan(row[3]) else row[3]
    return Drawing(figure, ["start_ns", "read_gb_s", "write_gb_s", "row_hit_fraction"], rows)
