"""Points of a sweep in the shape figures need: those that succeeded, cut along an axis.

An axis called `seed` (or that ends in `.seed`) is a repetition: its points are drawn as one, with their range.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from edensim.errors import ConfigError
from edensim.study.plots.kinds import CannotDrawError, unknown
from edensim.study.plots.labels import SPOKEN, axis_label, axis_name, setting_text

if TYPE_CHECKING:
    import pandas as pd


NESTED = (list, tuple, dict)
NO_METRICS = ("point", "status", "pareto")
MOST_SERIES = 7
"""Lines that can be told apart."""


class Points(Protocol):
    """What is read of a sweep."""

    @property
    def meta(self) -> Mapping[str, Any]:
        """`sweep.json`."""

    @property
    def axes(self) -> Mapping[str, list[Any]]:
        """Values by key, in order."""

    @property
    def frame(self) -> pd.DataFrame:
        """Columns point, axes, status, metrics."""


@dataclass(frozen=True)
class Cut:
    """Points along axis `x`, one series per value of axis `by` (None: one series), the other axes held at `fixed`."""

    x: str
    by: str | None
    series: list[tuple[Any, pd.DataFrame]]
    fixed: dict[str, Any]
    of: int

    @property
    def legend(self) -> str | None:
        """Title of the legend; tells when only some of the values are shown, and what is held fixed."""
        if self.by is None:
            return None
        some = f", {len(self.series)} of {self.of} values" if len(self.series) < self.of else ""
        return axis_label(self.by) + some + (f"; at {self.title}" if self.title else "")

    @property
    def title(self) -> str:
        """What the other axes are held at."""
        return ", ".join(setting_text(key, value) for key, value in self.fixed.items())


class SweepPoints:
    """The successful points of a sweep.

    Attributes
    ----------
    frame : DataFrame
        One row per point: axes and metrics.
    axes : list of str
        Axes that vary, without repetitions.
    is_grid : bool
        Every combination of values was asked for.
    """

    def __init__(self, sweep: Points) -> None:
        self.frame = _plain(sweep.frame[sweep.frame["status"] == "ok"], sweep.axes)
        self.is_grid = sweep.meta.get("mode", "grid") == "grid"
        self.mode = sweep.meta.get("mode", "grid")
        self._listed = {
            key: [_text(value) for value in values] for key, values in sweep.axes.items() if key in self.frame
        }
        self.axes = [key for key in self._listed if not _is_seed(key)]
        self.repeats = len(self.axes) < len(self._listed)
        if self.frame.empty:
            raise CannotDrawError("the sweep has no successful point: there is nothing to draw.")

    @property
    def varied(self) -> list[str]:
        """Axes with more than one value among the points."""
        return [key for key in self.axes if self.frame[key].nunique() > 1]

    def find(self, name: str) -> str:
        """Full key of an axis given by its key or the last part of it."""
        for key in self.axes:
            if name in (key, key.rpartition(".")[2]):
                return str(key)
        known = ", ".join(self.axes) or "none"
        raise ConfigError(f"--x {name}: the sweep has no such axis; its axes are {known}.")

    def metric(self, name: str) -> str:
        """Column of a metric given by its name or a short one (`energy`, `time`)."""
        column = SPOKEN.get(name, name)
        columns = (str(key) for key in self.frame)
        known = tuple(key for key in columns if key not in (*NO_METRICS, *self._listed) and self.is_number(key))
        if column not in known:
            raise CannotDrawError(unknown("metric", name, (*SPOKEN, *known)))
        return column

    def needed(self, names: Sequence[str], kind: str) -> pd.DataFrame:
        """Rows that have all of these metrics."""
        missing = [name for name in names if name not in self.frame]
        rows: pd.DataFrame = self.frame.dropna(subset=[name for name in names if name not in missing])
        if missing or rows.empty:
            raise CannotDrawError(
                f"figure {kind} cannot be drawn: no point of the sweep has {', '.join(missing or names)}."
            )
        return rows

    def values(self, key: str, rows: pd.DataFrame) -> list[Any]:
        """Values of an axis that occur: numbers in ascending order, others as listed."""
        found = rows[key].dropna().unique().tolist()
        if self.is_number(key):
            return sorted(found)
        order = {str(value): k for k, value in enumerate(self._listed[key])}
        return sorted(found, key=lambda value: order.get(str(value), len(order)))

    def is_number(self, key: str) -> bool:
        """Whether a column has a scale, rather than names."""
        import pandas as pd

        kind = self.frame[key].dtype
        return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)

    def cut(self, rows: pd.DataFrame, x: str, with_series: bool = True) -> Cut:
        """Cut a grid along `x`, a series for each value of the next axis; of other sweeps, take all points as one."""
        if not self.is_grid:
            return Cut(x, None, [(None, rows)], {}, 1)
        others = [key for key in self.axes if key != x]
        by = others.pop(0) if others and with_series else None
        rows, fixed = self.held(rows, others)
        if by is None:
            return Cut(x, None, [(None, rows)], fixed, 1)
        values = self.values(by, rows)
        shown = [values[k] for k in evenly(len(values), MOST_SERIES)]
        return Cut(x, by, [(value, rows[rows[by] == value]) for value in shown], fixed, len(values))

    def held(self, rows: pd.DataFrame, axes: Sequence[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
        """Rows at one value of each of these axes: the one with most points, the first listed among equals."""
        fixed = {}
        for key in axes:
            counts = rows[key].value_counts()
            most = set(counts[counts == counts.max()].index)
            listed = [value for value in self._listed[key] if value in most]
            fixed[key] = listed[0] if listed else counts.index[0]
            rows = rows[rows[key] == fixed[key]]
        return rows, {key: value for key, value in fixed.items() if len(self._listed[key]) > 1}

    def merged(self, rows: pd.DataFrame, keys: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
        """One row per combination of `keys`: means over repetitions, as columns `keys` then `metrics`."""
        if not self.repeats or not keys:
            return rows[[*keys, *metrics]]
        return rows.groupby(list(keys), sort=False, dropna=False)[list(metrics)].mean().reset_index()

    def described(self, row: Any) -> str:
        """Setting of a point in short, for a mark in a figure."""
        return ", ".join(setting_text(key, row[key]) for key in self.axes)


def left_out(sweep: Points) -> str | None:
    """Sentence about points that no figure shows, if there are any."""
    status = sweep.frame["status"]
    failed = int((status != "ok").sum())
    absent = int(sweep.meta.get("points") or 0) - len(status)
    parts = [f"{failed} failed" if failed else "", f"{absent} not computed yet" if absent > 0 else ""]
    if not any(parts):
        return None
    return f"of {len(status) + max(absent, 0)} points, {' and '.join(filter(None, parts))}: left out of the figures."


def evenly(count: int, most: int) -> Iterator[int]:
    """At most `most` of `count` places, first and last among them, in equal steps where half of `most` fit so."""
    if count <= most:
        yield from range(count)
        return
    chosen = next((n for n in range(most, most // 2, -1) if (count - 1) % (n - 1) == 0), most)
    yield from (round(k * (count - 1) / (chosen - 1)) for k in range(chosen))


def find_vdd(points: SweepPoints) -> str | None:
    """Axis of the supply voltage, if it varies."""
    return _ending(points, ("vdd", "delta_vdd"))


def find_trcd(points: SweepPoints) -> str | None:
    """Axis of the activation time, if it varies."""
    return _ending(points, ("tRCD_ns", "delta_tRCD_ns"))


def _ending(points: SweepPoints, names: tuple[str, ...]) -> str | None:
    return next((key for key in points.varied if key.rpartition(".")[2] in names), None)


def _plain(frame: pd.DataFrame, axes: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Lists and tables as values of an axis become text, so that they can be compared."""
    nested = [key for key, values in axes.items() if key in frame and any(isinstance(v, NESTED) for v in values)]
    return frame.assign(**{key: [_text(value) for value in frame[key]] for key in nested}) if nested else frame


def _text(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, NESTED) else value


def _is_seed(key: str) -> bool:
    return axis_name(key) == "seed"
