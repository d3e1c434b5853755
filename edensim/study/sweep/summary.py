"""What a finished sweep tells in the terminal: best and worst points, failures, the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edensim.config.tree import show_value
from edensim.study.points import energy_unit, time_unit
from edensim.study.sweep.pareto import sense
from edensim.study.sweep.table import Table
from edensim.study.text_table import columns

SHOWN = ("time_ns", "energy_pj.total", "bandwidth_gb_s", "read_latency_ns.mean", "accuracy")
FRONT_ROWS = 30


def summarize(table: Table) -> str:
    """One row per main metric: the best and the worst point with its settings; then the Pareto front, if marked."""
    best: dict[str, tuple[float, list[Any]]] = {}
    worst: dict[str, tuple[float, list[Any]]] = {}
    places = {name: table.columns.index(name) for name in SHOWN if name in table.columns}
    marked: list[list[Any]] = []
    for row in table.rows():
        for name, place in places.items():
            value = row[place]
            if value is None:
                continue
            goodness = value * sense(name)
            if name not in best or goodness < best[name][0]:
                best[name] = goodness, row
            if name not in worst or goodness > worst[name][0]:
                worst[name] = goodness, row
        if table.columns[-1] == "pareto" and row[-1] == 1:
            marked.append(row)
    if not best:
        return ""
    cells = [["", "best", "at", "worst", "at"]]
    for name, place in places.items():
        if name in best:
            ends = [(best[name][1], quantity(name, best[name][1][place]))]
            ends.append((worst[name][1], quantity(name, worst[name][1][place])))
            cells.append([name, *(text for row, value in ends for text in (value, _at(table.axes, row)))])
    text = columns(cells, right_from=9)
    if table.columns[-1] == "pareto":
        text += "\n\n" + _front(table, marked)
    return text


def _front(table: Table, rows: list[list[Any]]) -> str:
    wanted = dict.fromkeys([*table.pareto, "energy_pj.total", "time_ns", "accuracy"])
    names = [name for name in wanted if name in table.metrics]
    cells = [["Pareto front", *table.axes, *names]]
    for row in rows[:FRONT_ROWS]:
        settings = [show_value(value, 24) for value in row[1 : 1 + len(table.axes)]]
        cells.append([row[0], *settings, *(quantity(name, row[table.columns.index(name)]) for name in names)])
    more = len(rows) - FRONT_ROWS
    return columns(cells) + (f"\n… and {more} more, marked 1 in the column pareto" if more > 0 else "")


def _at(axes: Sequence[str], row: Sequence[Any]) -> str:
    values = row[1 : 1 + len(axes)]
    return ", ".join(
        f"{key.rsplit('.', 1)[-1]} {show_value(value, 24)}" for key, value in zip(axes, values, strict=True)
    )


def quantity(name: str, value: float | None) -> str:
    """A metric for people, in a unit that suits it."""
    if value is None:
        return "-"
    if name.startswith("energy_pj"):
        unit, scale = energy_unit(value)
        return f"{value * scale:.5g} {unit}"
    if name == "time_ns":
        unit, scale = time_unit(value)
        return f"{value * scale:.5g} {unit}"
    unit = {"bandwidth_gb_s": " GB/s", "read_latency_ns.mean": " ns"}.get(name, "")
    return f"{value:.5g}{unit}"
