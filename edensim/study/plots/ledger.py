"""The ledger as figures in the paper's layout, the paper's values drawn in.

Energy and speed are bars, one per network and machine; items with curves have a figure of panels each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from edensim.study.plots.drawing import Drawing
from edensim.study.plots.style import HATCHES, encode, line_style, plain_decades, styled

PANELS = {
    "energy": "DRAM energy saved (%)",
    "speed": "speed gained (%)",
}
"""Figure -> axis label; an item names its figure."""
IDEAL = ", tRCD = 0"
MOST_BARS = 21
"""Side by side on a page."""
MOST_MARKS = 20
"""On a line."""
MARK = {"markersize": 4, "markerfacecolor": "white", "markeredgecolor": "black"}
LOOKS: dict[str, dict[str, dict[str, Any]]] = {
    "": {"bar": {"facecolor": "C0", "width": 0.55}, "paper": {"marker": "D", **MARK}},
    IDEAL: {"bar": {"facecolor": "none", "hatch": HATCHES[1], "width": 0.8}, "paper": {"marker": "^", **MARK}},
}
SHORT = {"no loss of accuracy, mean": "no loss, mean", "no loss of accuracy, most": "no loss, most"}
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
    """Bars of ours, a diamond for the paper's number, a line for the band; rows of panels, one per item.

    Rows named `X, tRCD = 0` stand behind X as open bars, the paper's number as a triangle.
    """
    lines = _lines(items)
    figure = Figure(figsize=(7.0, 2.3 * len(lines)))
    highest = max(value for item in items.values() for row in item["rows"] for value in _values(row))
    lowest = min(0.0, *(value for item in items.values() for row in item["rows"] for value in _values(row)))
    for part, names in zip(figure.subfigures(len(lines), 1, squeeze=False)[:, 0], lines, strict=True):
        ratios = [len(_bars(items[name])) + 0.5 for name in names]
        ratios += [max(MOST_BARS - sum(ratios), 0.01)]
        panels = part.subplots(1, len(ratios), sharey=True, squeeze=False, width_ratios=ratios)[0]
        for axes, name in zip(panels, names, strict=False):
            _bar_panel(axes, items[name], 100 * lowest * 1.05, 100 * highest * 1.12)
            axes.set_title(name, fontsize=7)
        panels[-1].set_visible(False)
        panels[0].set_ylabel(label)
    figure.legend(handles=_entries(items), loc="outside upper right", ncols=4)
    rows = [[key, row["name"], row["paper"], row["ours"]] for key, item in items.items() for row in item["rows"]]
    return Drawing(figure, ["item", "row", "paper", "ours"], rows)


def _lines(items: Items) -> list[list[str]]:
    """Items that stand side by side."""
    lines: list[list[str]] = [[]]
    for name, item in items.items():
        if lines[-1] and sum(len(_bars(items[n])) + 0.5 for n in lines[-1]) + len(_bars(item)) > MOST_BARS:
            lines.append([])
        lines[-1].append(name)
    return lines


def _bars(item: Mapping[str, Any]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Rows of an item by bar: the row itself (""), and that of the ideal memory."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in item["rows"]:
        name = row["name"]
        found.setdefault(name.removesuffix(IDEAL), {})[IDEAL if name.endswith(IDEAL) else ""] = row
    return found


def _values(row: Mapping[str, Any]) -> Iterator[float]:
    """Whatever a row has to show."""
    yield from (row[key] for key in ("paper", "ours") if row[key] is not None)
    yield from (end["ours"] for end in row.get("band", ()))


def _bar_panel(axes: Axes, item: Mapping[str, Any], low: float, high: float) -> None:
    bars = _bars(item)
    for x, rows in enumerate(bars.values()):
        for kind in sorted(rows, reverse=True):  # the ideal one behind
            row, look = rows[kind], LOOKS[kind]
            if row["ours"] is not None:
                axes.bar(x, 100 * row["ours"], edgecolor="black", **look["bar"])
            if "band" in row:
                ends = [100 * end["ours"] for end in row["band"]]
                at = x + (0.25 if kind else 0.0)
                axes.plot([at, at], ends, color="black", linewidth=1.0, marker="_", markersize=4)
            if row["paper"] is not None:
                axes.plot(x, 100 * row["paper"], linestyle="none", **look["paper"])
    axes.set_xticks(range(len(bars)), [SHORT.get(name, name) for name in bars], rotation=90, fontsize=6)
    axes.set_xlim(-0.7, len(bars) - 0.3)
    axes.set_ylim(low, high)
    axes.axhline(0, color="black", linewidth=0.6)
    axes.grid(visible=False, axis="x")


def _entries(items: Items) -> list[Artist]:
    """Entries of the legend."""
    kinds = {kind for item in items.values() for rows in _bars(item).values() for kind in rows}
    found: list[Artist] = []
    for kind in sorted(kinds):
        told = "tRCD = 0" if kind else "EDEN"
        found.append(Patch(edgecolor="black", label=f"{told}, ours", **_face(LOOKS[kind]["bar"])))
        found.append(Line2D([], [], linestyle="none", label=f"{told}, paper", **LOOKS[kind]["paper"]))
    return found


def _face(look: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in look.items() if key != "width"}


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
    figure.legend(list(seen.values()), list(seen), loc="outside upper center", ncols=2 if across == 1 else 4)
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
            every = max(1, len(curve["x"]) // MOST_MARKS)
            look = line_style(names.index(curve["name"]))
            axes.plot(curve["x"], curve["y"], label=curve["name"], markevery=every, **look)
    if "x" in first["log"]:
        axes.set_xscale("log")
        plain_decades(axes.xaxis)
    else:
        axes.xaxis.set_inverted(first["falls"])
    if "y" in first["log"]:
        axes.set_yscale("log")
        plain_decades(axes.yaxis)
    axes.set_xlabel(first["x_label"])
