"""The ledger as figures in the paper's layout: a bar per network and machine, the paper's value drawn into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from matplotlib.figure import Figure

from edensim.study.plots.drawing import Drawing
from edensim.study.plots.style import HATCHES, encode, styled

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
