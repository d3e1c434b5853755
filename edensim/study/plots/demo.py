"""The picture of `edensim demo`: accuracy over supply voltage before and after boosting, and the energy."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from edensim.study.demo.trade import BOUND, Demo
from edensim.study.plots.drawing import Drawing
from edensim.study.plots.options import DEFAULT, Options


def draw(demo: Demo, options: Options = DEFAULT) -> Drawing:
    """Draw both panels over VDD, nominal at the left; the region within the bound of accuracy is shaded."""
    figure = Figure(figsize=(options.inches, 3.6))
    above, below = figure.subplots(2, 1, sharex=True)
    volts = [trade.vdd for trade in demo.curve]
    above.plot(volts, [t.baseline for t in demo.curve], color="0.45", marker="s", markersize=4, label="as trained")
    above.plot(
        volts, [t.boosted for t in demo.curve], color="C5", marker="o", markersize=4, label="boosted for this chip"
    )
    target = demo.curve[0].baseline - BOUND
    above.axhline(target, color="0.6", linewidth=0.8, linestyle=":")
    place: dict[str, Any] = {"textcoords": "offset points", "color": "0.4", "fontsize": "small"}
    above.annotate(f"nominal - {100 * BOUND:g} %", (volts[2], target), (0, -11), **place)
    above.set_ylabel("accuracy")
    above.set_ylim(0, 1.06)
    above.legend(loc="lower left")
    nominal = demo.curve[0].energy_pj
    below.plot(volts, [t.energy_pj / nominal for t in demo.curve], color="C0", marker="o", markersize=4)
    below.set_ylabel("DRAM energy / nominal")
    below.set_ylim(0, 1.06)
    below.set_xlabel("VDD (V)")
    for axes in (above, below):
        axes.axvspan(demo.chosen.vdd, volts[0], color="C2", alpha=0.12, linewidth=0)
    below.set_xlim(volts[0] + 0.01, volts[-1] - 0.01)
    header = ["vdd", "ber", "accuracy_as_trained", "accuracy_boosted", "energy_pj", "time_ns"]
    rows = [[t.vdd, t.ber, t.baseline, t.boosted, t.energy_pj, t.time_ns] for t in demo.curve]
    return Drawing(figure, header, rows)
