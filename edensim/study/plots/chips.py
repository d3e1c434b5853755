"""Chips: what their laws say along each knob, beside what was measured and, if given, what was simulated cell by cell.

A row of panels per knob, a column per chip. Line: the law of the family. Area: from the tenth to the ninetieth
percentile of modules drawn from the spread between modules. Bars: measured median, least and greatest module. What is
zero, or too rare to have been seen, lies on the floor of the axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from edensim.approx.chip import Chip
from edensim.approx.chip_curves import CurvePoint, curve, default_values, knobs_of
from edensim.approx.chip_module import module_of
from edensim.study.plots.drawing import Drawing
from edensim.study.plots.kinds import CannotDrawError
from edensim.study.plots.options import DEFAULT, Options

FLOOR = {"ber": 1e-10, "line_fraction": 1e-8}
"""Where zeros are drawn: about what the studies could still see."""
LABELS = {
    "tRCD": "tRCD (ns)",
    "tRP": "tRP (ns)",
    "VDD": "VDD (V)",
    "tRAS": "tRAS (ns)",
    "tREFI": "refresh interval (x)",
}
MODULES, MODULE_VALUES = 60, 25
HEADER = ["chip", "knob", "series", "at", "value", "least", "most"]
Simulated = Mapping[tuple[str, str], Sequence[tuple[float, float]]]


def draw(chips: Sequence[Chip], options: Options = DEFAULT, simulated: Simulated | None = None) -> Drawing:
    """Draw chips.

    Parameters
    ----------
    chips : sequence of Chip
        At least one.
    options : Options
        Width of the figure.
    simulated : mapping, optional
        (chip name, knob) -> pairs of setting and simulated value.

    Raises
    ------
    CannotDrawError
        If no chip has a law.
    """
    knobs = [knob for knob in LABELS if any(knob in knobs_of(chip) for chip in chips)]
    if not knobs:
        raise CannotDrawError("the chip has no error law of any knob: there is nothing to draw.")
    tall = len(chips) == 1 and not options.is_double
    shape = (len(knobs), len(chips)) if len(chips) > 1 or tall else (1, len(knobs))
    figure = Figure(figsize=(options.inches, 0.4 + 1.75 * shape[0]))
    grid = figure.subplots(*shape, squeeze=False)
    rows: list[list[Any]] = []
    for i, knob in enumerate(knobs):
        for j, chip in enumerate(chips):
            axes = grid[i, j] if shape == (len(knobs), len(chips)) else grid[0, i]
            if knob in knobs_of(chip):
                rows += _panel(axes, chip, knob, (simulated or {}).get((chip.name, knob), ()))
            else:
                axes.set_axis_off()
            if i == 0:
                axes.set_title(chip.name if len(chips) > 1 else "")
    if len(chips) == 1:
        figure.suptitle(chips[0].name, fontsize=8)
    handles = {
        label: handle for axes in grid.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4 if options.is_double else 2)
    return Drawing(figure, HEADER, rows)


def _panel(axes: Axes, chip: Chip, knob: str, simulated: Sequence[tuple[float, float]]) -> list[list[Any]]:
    quantity = _quantity(chip, knob)
    floor, rows = FLOOR[quantity], []
    values = default_values(chip, knob)
    law = [getattr(point, quantity) for point in curve(chip, knob, values)]
    axes.plot(values, np.maximum(law, floor), color="C0", label="law", zorder=3)
    rows += [[chip.name, knob, "law", x, y, "", ""] for x, y in zip(values, law, strict=True)]
    rows += _band(axes, chip, knob, quantity)
    if knob == "tRCD" and chip.table.tRCD.law == "knots":
        rows += _by_stored_bit(axes, chip, knob, values)
    measured = [m for m in chip.table.measured if (m.knob, m.quantity) == (knob, quantity) and m.at <= max(values)]
    if measured:
        at, median = [m.at for m in measured], np.array([max(m.median, floor) for m in measured])
        ends = [[max(m.least, floor), max(m.most, floor)] for m in measured]
        reach = np.abs(np.array(ends).T - median)
        axes.errorbar(
            at, median, reach, fmt="o", color="C5", markersize=3.5, elinewidth=0.8, capsize=2, zorder=4,
            label="published" if chip.table.basis == "published" else "measured",
        )  # fmt: skip
        rows += [[chip.name, knob, "measured", m.at, m.median, m.least, m.most] for m in measured]
    shown = [(at, value) for at, value in simulated if at <= max(values)]
    if shown:
        x, y = zip(*shown, strict=True)
        axes.plot(x, np.maximum(y, floor), "x", color="0.1", markersize=5, label="simulated cells", zorder=5)
        rows += [[chip.name, knob, "simulated", a, b, "", ""] for a, b in shown]
    axes.set_yscale("log")
    axes.set_ylim(floor / 1.5, 1.6)
    decades = range(round(np.log10(floor)), 1, 2)
    axes.set_yticks([10.0**k for k in decades], ["none" if 10.0**k <= floor else _power(k) for k in decades])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(LABELS[knob])
    axes.set_ylabel("faulty lines" if quantity == "line_fraction" else "BER")
    return rows


def _band(axes: Axes, chip: Chip, knob: str, quantity: str) -> list[list[Any]]:
    """Area of drawn modules; none for a chip without a spread, or one that is a module itself."""
    laws = {"tRCD": chip.table.tRCD, "tRP": chip.table.tRP, "VDD": chip.table.VDD}
    if "@" in chip.name or getattr(laws.get(knob), "law", "none") == "none":
        return []
    values = default_values(chip, knob, MODULE_VALUES)
    modules = [Chip(f"{chip.name}@{k}", module_of(chip.table, chip.name, str(k))) for k in range(MODULES)]
    found = np.array([[getattr(p, quantity) for p in curve(module, knob, values)] for module in modules])
    low, high = np.quantile(found, [0.1, 0.9], axis=0)
    floor = FLOOR[quantity]
    axes.fill_between(
        values, np.maximum(low, floor), np.maximum(high, floor), color="C0", alpha=0.2, linewidth=0,
        label="modules, 10 to 90 %",
    )  # fmt: skip
    return [[chip.name, knob, "modules", *row] for row in zip(values, np.median(found, axis=0), low, high, strict=True)]


def _by_stored_bit(axes: Axes, chip: Chip, knob: str, values: Sequence[float]) -> list[list[Any]]:
    points: list[CurvePoint] = curve(chip, knob, values)
    rows = []
    for stored, dashes in ((0, (0, (4, 2))), (1, (0, (1, 1.2)))):
        rates = [point.ber_1 if stored else point.ber_0 for point in points]
        axes.plot(
            values,
            np.maximum(rates, FLOOR["ber"]),
            color="C2",
            linestyle=dashes,
            linewidth=0.8,
            label=f"stored {stored}",
        )
        rows += [[chip.name, knob, f"stored {stored}", x, y, "", ""] for x, y in zip(values, rates, strict=True)]
    return rows


def _power(exponent: int) -> str:
    """Power of ten in plain characters (text of figures is no mathematics)."""
    return "1" if exponent == 0 else "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _quantity(chip: Chip, knob: str) -> str:
    return "line_fraction" if knob == "VDD" and chip.table.VDD.law == "lines" else "ber"
