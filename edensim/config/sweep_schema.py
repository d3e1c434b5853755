"""[sweep]: which keys vary, over which values, and how they combine. `edensim.study.sweep` gives it its meaning.

An axis is a list of values, `{linspace = [first, last, number]}` or `{range = [start, stop, step]}` (without `stop`,
as in Python). Its key is any dotted key of the configuration, in quotes: `"operating_point.vdd" = [1.2, 1.1]`.
"""

from __future__ import annotations

from typing import Any, Literal

from edensim.config.table import Table, key

Number = int | float


class AxisSpan(Table):
    """An axis given by its ends: exactly one of the two keys."""

    linspace: list[Number] | None = key(
        None, "first, last and number of evenly spaced values", min_length=3, max_length=3
    )
    range: list[Number] | None = key(None, "start, stop (left out) and step (default 1)", min_length=2, max_length=3)


class Sweep(Table):
    """[sweep]: the points that `edensim sweep` runs. `edensim run` leaves this table alone."""

    mode: Literal["grid", "zip", "list", "sample"] = key(
        "grid",
        "grid: every combination of the axes; zip: first values together, then second …; "
        "list: the tables under `points`; sample: `number` points of the grid, drawn at random",
    )
    axes: dict[str, list[Any] | AxisSpan] = key({}, "values by dotted key")
    points: list[dict[str, Any]] = key([], "points of mode list, each a table of dotted keys in quotes and values")
    where: str = key("", "condition that points must satisfy, e.g. 'operating_point.vdd >= 1.1'", max_length=2000)
    number: int | None = key(None, "points that mode sample draws", ge=1, le=1_000_000_000)
    seed: int = key(0, "seed of mode sample", ge=0, lt=1 << 63)
