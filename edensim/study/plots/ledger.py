"""The ledger as figures in the paper's layout, the paper's values drawn in.

Energy and speed are bars, one per network and machine; items with curves have a figure of panels each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from edensim.study.plots.drawing import Drawing
from edensim.study.plots.style import HATCHES, encode, line_style, styled

PANELS = {
    "energy": "DRAM energy saved (%)",
    "speed": "speed gained (%)",
}
"""Figure -> axis label; an item names its figure."""
GAP = 0.8
Items = Mapping[str, Mapping[str, Any]]


def render(items: Items, formats: list[str]) -> dict[str, bytes]:
    """Draw every figure for which there are numbers: file name to contents, the numbers as CSV beside each."""
    files = {}
    for name in PANELS:
        chosen = {key: item for key, item in items.items() if item["figure"] == name and _drawable(item)}
        if not chosen:
            continue
        with styled():
            drawing = draw(chosen, PANELS[name])
            for fmt in formats:
                files[f"figures/{name}.{fmt}"] = encode(drawing.figure, fmt)
        files[f"figures/{name}.csv"] = drawing.table()
    for name, item in items.items():
        if item.get("curves"):
            with styled():
                drawing = draw_curves(item["curves"])
                files |= {f"figures/{name}.{fmt}": encode(drawing.figure, fmt) for fmt in formats}
            files[f"figures/{name}.csv"] = drawing.table()
    return files


def _drawable(item: Mapping[str, Any]) -> bool:
    return any(row["ours"] is not None or row["paper"] is not None for row in item["rows"])


def draw(items: Items, label: str) -> Drawing:
    """Bars of ours, a diamond for the paper's number, a line for the band; a group per item."""
    shown = list(_places(items))
    figure = Figure(figsize=(max(3.4, 0.9 + 0.34 * len(shown)), 2.8))
    axes = figure.subplots()
    for k, name in enumerate(items):
        bars = [(x, row["ours"]) for x, key, row in shown if key == name and row["ours"] is not None]
        if bars:
            heights = [100 * ours for _, ours in bars]
            axes.bar([x for x, _ in bars], heights, 0.7, color=f"C{k % 8}", edgecolor="black", hatch=HATCHES[k % 8])
    for x, _, row in shown:
        if "band" in row:
            low, high = (100 * end["ours"] for end in row["band"])
            axes.plot([x, x], [low, high], color="black", linewidth=1.0, marker="_", markersize=4)
    told = [(x, 100 * row["paper"]) for x, _, row in shown if row["paper"] is not None]
    axes.plot(
        [x for x, _ in told], [y for _, y in told], linestyle="none", marker="D", markersize=4,
        markerfacecolor="white", markeredgecolor="black", label="paper",
    )  # fmt: skip
    axes.set_xticks([x for x, _, _ in shown], [row["name"] for _, _, row in shown], rotation=60, ha="right")
    for name in items:
        places = [x for x, key, _ in shown if key == name]
        middle = (places[0] + places[-1]) / 2
        axes.text(middle, 1.0, name, transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=6)
    axes.axhline(0, color="black", linewidth=0.6)
    axes.grid(visible=False, axis="x")
    axes.set_ylabel(label)
    figure.legend(loc="outside upper right")
    rows = [[key, row["name"], row["paper"], row["ours"]] for _, key, row in shown]
    return Drawing(figure, ["item", "row", "paper", "ours"], rows)


def _places(items: Items) -> Iterator[tuple[float, str, Mapping[str, Any]]]:
    """Place of every bar, its item and its row."""
    place = 0.0
    for name, item in items.items():
        for row in item["rows"]:
            yield place, name, row
            place += 1
        place += GAP


def draw_curves(curves: Sequence[Mapping[str, Any]]) -> Drawing:
    """Panels of lines, at most four to a row; the paper's points as white diamonds."""
    panels = list(dict.fromkeys(curve["panel"] for curve in curves))
    across = 4 if len(panels) == 4 else min(3, len(panels))
    down = -(-len(panels) // across)
    figure = Figure(figsize=(max(3.4, 1.75 * across + 0.5), 1.7 * down + 0.5))
    names = list(dict.fromkeys(curve["name"] for curve in curves if not curve["is_paper"]))
    labels = [
        {c["x_label"] for c in curves if c["panel"] in panels[k : k + across]} for k in range(0, len(panels), across)
    ]
    alike: Literal["row", "none"] = "row" if all(len(row) == 1 for row in labels) else "none"
    grid = figure.subplots(down, across, squeeze=False, sharey=True, sharex=alike)
    seen: dict[str, Any] = {}
    for axes, panel in zip(grid.ravel(), panels, strict=False):
        _panel(axes, [curve for curve in curves if curve["panel"] == panel], names)
        axes.set_title(panel, fontsize=7)
        handles, labels = axes.get_legend_handles_labels()
        seen |= dict(zip(labels, handles, strict=True))
    for axes in grid[:, 0]:
        axes.set_ylabel(curves[0]["y_label"])
    for axes in grid.ravel()[len(panels) :]:
        axes.set_visible(False)
    figure.legend(list(seen.values()), list(seen), loc="outside upper center", ncols=4)
    rows = [
        [curve["panel"], curve["name"], x, y] for curve in curves for x, y in zip(curve["x"], curve["y"], strict=True)
    ]
    return Drawing(figure, ["panel", "line", "x", "y"], rows)


def _panel(axes: Axes, curves: Sequence[Mapping[str, Any]], names: list[str]) -> None:
    first = curves[0]
    for curve in curves:
        if curve["is_paper"]:
            axes.plot(
                curve["x"], curve["y"], linestyle="none", marker="D", markersize=5, markerfacecolor="white",
                markeredgecolor="black", label=curve["name"], zorder=5,
            )  # fmt: skip
        else:
            axes.plot(curve["x"], curve["y"], label=curve["name"], **line_style(names.index(curve["name"])))
    if "x" in first["log"]:
        axes.set_xscale("log")
        _plain_decades(axes.xaxis, "x", axes)
    else:
        axes.xaxis.set_inverted(True)  # as in the paper: from nominal downwards
    if "y" in first["log"]:
        axes.set_yscale("log")
        _plain_decades(axes.yaxis, "y", axes)
    axes.set_xlabel(first["x_label"])


def _plain_decades(axis: Axis, which: str, axes: Axes) -> None:
    """Powers of ten as 1e-3: the style has no mathematical text."""
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    every = 1 + int(math.log10(high / low) // 5)
    axis.set_major_locator(LogLocator(10 ** float(every), numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0e}".replace("e-0", "e-").replace("1e+00", "1")))
    axis.set_minor_formatter(NullFormatter())
