"""Figures of `edensim eden`: accuracy against error rate and operating point, energy, tolerances by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edensim.study.plots.drawing import Drawing
from edensim.study.plots.heatmap import COLOURS, luminance
from edensim.study.plots.options import DEFAULT
from edensim.study.plots.style import calm, encode, line_style, plain_decades, styled

WHO = ("before", "control", "boosted")
MOST_WRITTEN = 10  # layers up to which the numbers stand in the heat map
KNOBS = {"vdd": "supply voltage (V)", "tRCD_ns": "tRCD (ns)"}


def render_eden(results: Mapping[str, Any], formats: list[str]) -> dict[str, bytes]:
    """All figures as files: name to contents, with the numbers of each."""
    files: dict[str, bytes] = {}
    with styled():
        drawings = {"ber": draw_ber(results), "tolerable": draw_tolerable(results)}
        drawings |= {
            name.removesuffix("_ns"): draw_knob(results, name) for name in KNOBS if len(results["curves"][name]) > 1
        }
        for name, drawing in drawings.items():
            for fmt in formats:
                files[f"figures/{name}.{fmt}"] = encode(drawing.figure, fmt)
            files[f"figures/{name}.csv"] = drawing.table()
    return files


def draw_ber(results: Mapping[str, Any]) -> Drawing:
    """Accuracy against bit error rate before, of the control and after boosting, with intervals."""
    figure = Figure(figsize=(DEFAULT.inches, 2.6))
    axes = figure.subplots()
    found = {"before": results["before"]} | {name: results["characterisation"][name] for name in WHO[1:]}
    table: list[list[Any]] = []
    for k, name in enumerate(WHO):
        curve = [(float(ber), e) for ber, e in found[name]["curve"].items()]
        table += [[name, ber, e["mean"], e["low"], e["high"]] for ber, e in curve]
        _line(axes, k, name, curve)
    axes.axhline(100 * results["before"]["target"], color="0.5", linewidth=0.8, linestyle=":", label="target")
    axes.set_xscale("log")
    plain_decades(axes.xaxis)
    axes.set_xlabel("bit error rate")
    axes.set_ylabel("accuracy (%)")
    figure.legend(loc="outside upper center", ncols=4)
    return Drawing(figure, ["network", "ber", "accuracy", "low", "high"], table)


def draw_knob(results: Mapping[str, Any], knob: str) -> Drawing:
    """Accuracy and energy against one knob, the other nominal; shaded where the boosted network keeps its accuracy."""
    figure = Figure(figsize=(DEFAULT.inches, 3.6))
    above, below = figure.subplots(2, 1, sharex=True)
    points = sorted(results["curves"][knob], key=lambda p: p[knob])
    table = []
    for k, name in enumerate(WHO):
        curve = [(p[knob], p[name]) for p in points]
        _line(above, k, name, curve)
        table += [
            [name, p[knob], p["ber"], p["energy"], *(p[name][x] for x in ("mean", "low", "high"))] for p in points
        ]
    target = results["before"]["target"]
    above.axhline(100 * target, color="0.5", linewidth=0.8, linestyle=":", label="target")
    above.set_ylabel("accuracy (%)")
    below.plot([p[knob] for p in points], [p["energy"] for p in points], **line_style(0))
    calm(below, [p["energy"] for p in points])
    below.set_ylabel("DRAM energy, nominal = 1")
    below.set_xlabel(KNOBS[knob])
    safe = [points[-1][knob]]
    for p in reversed(points):
        if p["boosted"]["mean"] < target:
            break
        safe.append(p[knob])
    for axes in (above, below):
        axes.axvspan(min(safe), max(safe), color="C2", alpha=0.12, linewidth=0)
    figure.legend(*above.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return Drawing(figure, ["network", knob, "ber", "energy", "accuracy", "low", "high"], table)


def draw_tolerable(results: Mapping[str, Any]) -> Drawing:
    """Tolerable bit error rate of every tensor, layer by kind."""
    rates = results["characterisation"]["fine"]
    layers = list(dict.fromkeys(name.rpartition(".")[0] for name in rates))
    kinds = list(dict.fromkeys(name.rpartition(".")[2] for name in rates))
    field = np.array([[rates.get(f"{layer}.{kind}", np.nan) for layer in layers] for kind in kinds], float)
    lowest = field[field > 0].min() if (field > 0).any() else 1e-6
    figure = Figure(figsize=(DEFAULT.inches, 1.1 + 0.35 * len(kinds)))
    axes = figure.subplots()
    shown = np.log10(np.maximum(field, lowest / 10))
    picture = axes.imshow(shown, cmap=COLOURS, aspect="auto")
    # One rate for all must not look like the middle of a range.
    picture.set_clim(np.nanmin(shown) - 0.05, np.nanmax(shown) + 0.05)
    axes.grid(visible=False)
    for (j, i), rate in np.ndenumerate(field if len(layers) <= MOST_WRITTEN else field[:, :0]):
        if not np.isnan(rate):
            ink = "black" if luminance(picture.to_rgba(shown[j, i])) > 0.4 else "white"
            axes.text(i, j, _short(rate), ha="center", va="center", fontsize=6, color=ink)
    step = max(1, len(layers) // 12)
    axes.set_xticks(range(0, len(layers), step), layers[::step], rotation=30 if len(layers) > 6 else 0)
    axes.set_yticks(range(len(kinds)), kinds)
    axes.set_xlabel("layer")
    figure.colorbar(picture, ax=axes, label="log10 of tolerable BER")
    return Drawing(figure, ["tensor", "tolerable_ber"], [[name, rate] for name, rate in rates.items()])


def _short(rate: float) -> str:
    """E.g. "3.3e-3"."""
    return f"{rate:.1e}".replace("e-0", "e-") if rate else "0"


def _line(axes: Axes, k: int, name: str, curve: list[tuple[float, Mapping[str, float]]]) -> None:
    x = [at for at, _ in curve]
    axes.plot(x, [100 * e["mean"] for _, e in curve], label=name, **line_style(k))
    low, high = ([100 * e[side] for _, e in curve] for side in ("low", "high"))
    axes.fill_between(x, low, high, color=line_style(k)["color"], alpha=0.15, linewidth=0)
