"""Figure of the main table of `boosting.py`: tolerable bit error rates of every seed, before, control and boosted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from boosting_rows import FRESH, NETS, OWN, SEEDS, Row
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edensim.study.plots.style import LINE_COLOURS, MARKERS, encode, plain_decades, styled

PICTURE = Path(__file__).parent.parent / "docs" / "pictures" / "boosting.svg"
ARMS = ("before", "control", "boosted")
TYPES = [(precision, recipe) for precision in ("fp32", "int8", "int4") for recipe in ("paper", "best")]
LOWEST, NONE_AT = 5e-7, 7e-7
"""Bottom of the axis, and where rates of 0 are drawn."""


def draw(done: dict[Row, dict[str, Any]], target: Path = PICTURE) -> None:
    """Draw the rows that are done, a column for each precision and recipe that has all of them."""
    columns = [
        (precision, recipe)
        for precision, recipe in TYPES
        if all(Row(net, precision, s, recipe, e) in done for net, s, e in product(NETS, SEEDS, (FRESH, OWN)))
    ]
    if not columns:
        return
    with styled():
        figure = Figure(figsize=(1.4 + 1.75 * len(columns), 4.6), layout="constrained")
        panels = figure.subplots(2, len(columns), sharex=True, sharey=True, squeeze=False)
        for axes_of_errors, errors in zip(panels, (FRESH, OWN), strict=True):
            for axes, (precision, recipe) in zip(axes_of_errors, columns, strict=True):
                _panel(axes, [_rates(done, net, precision, recipe, errors) for net in NETS])
                if errors == FRESH:
                    axes.set_title(f"{precision}, {recipe}")
            axes_of_errors[0].set_ylabel(f"tolerable BER, {errors}")
        handles = [
            panels[0][0].plot([], [], MARKERS[k], color=LINE_COLOURS[k], markerfacecolor="none")[0]
            for k in range(len(ARMS))
        ]
        figure.legend(handles, ["before", "error-free control", "boosted"], loc="outside lower center", ncols=3)
        target.write_bytes(encode(figure, target.suffix[1:]))


def _rates(
    done: dict[Row, dict[str, Any]], net: str, precision: str, recipe: str, errors: str
) -> dict[str, list[float]]:
    """Rates of the seeds that are done, by arm."""
    found = [done[row] for seed in SEEDS if (row := Row(net, precision, seed, recipe, errors)) in done]
    return {arm: [x[arm]["0.01"]["ber"] for x in found if x[arm] is not None] for arm in ARMS}


def _panel(axes: Axes, nets: Sequence[dict[str, list[float]]]) -> None:
    for at, rates in enumerate(nets):
        for k, arm in enumerate(ARMS):
            x = at + 0.24 * (k - 1)
            shown = [max(rate, NONE_AT) for rate in rates[arm]]
            style = {"color": LINE_COLOURS[k], "markerfacecolor": "none", "markersize": 4.5}
            axes.plot([x] * len(shown), shown, MARKERS[k], linestyle="-", linewidth=0.8, **style)
            for rate in rates[arm]:
                if rate == 0:
                    axes.annotate("0", (x, NONE_AT), (4, -2), textcoords="offset points", fontsize=6)
    axes.set_yscale("log")
    axes.set_ylim(LOWEST, 0.05)
    plain_decades(axes.yaxis)
    axes.set_xticks(range(len(NETS)), [net.removesuffix("-small") for net in NETS], rotation=50)
