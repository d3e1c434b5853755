"""The table of a sweep: one row per finished point, in the order of the plan; as CSV and as a pandas frame.

Columns: point (8 digits of the id), the axes, status, then metrics. No clock readings: equal sweeps give equal bytes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edensim.study.sweep.journal import Reader, Records
from edensim.study.sweep.pareto import check_columns, front
from edensim.study.sweep.point import OK, Record

if TYPE_CHECKING:
    import pandas as pd

_ORDER: dict[str, tuple[str, ...]] = {
    "time_ns": (),
    "energy_pj": ("total", "act", "pre", "rd", "wr", "ref", "background", "io"),
    "bandwidth_gb_s": (),
    "read_latency_ns": ("mean", "p50", "p99"),
    "row": ("hit", "miss", "conflict"),
    "bytes": ("read", "write"),
    "commands": ("ACT", "PRE", "PREA", "RD", "RDA", "WR", "WRA", "REF"),
    "saving": ("energy_pj", "time_ns"),
    "accuracy": (),
}
_GROUPS = list(_ORDER)
Points = Iterable[tuple[str, Mapping[str, Any]]]
CHUNK_ROWS = 1000


class Table:
    """The records of the plan's points, read from the journals each time they are asked for.

    Parameters
    ----------
    points
        Gives id and settings of every point in order, anew at each call.
    axes
        Keys that vary.
    pareto
        Objectives whose front is marked in a column `pareto` (1 or 0); none, or no point, adds no column.
    """

    def __init__(
        self, points: Callable[[], Points], axes: Sequence[str], records: Records, pareto: Sequence[str] = ()
    ) -> None:
        self.axes = list(axes)
        self._points, self._records = points, records
        self.ok = self.failed = self.missing = 0
        shapes: set[tuple[str, ...]] = set()
        for _, _, record in self._read():
            if record is None:
                self.missing += 1
            elif record["status"] == OK:
                self.ok += 1
                shapes.add(tuple(record["metrics"]))
            else:
                self.failed += 1
        self.metrics = sorted(set().union(*shapes), key=_rank)
        self.columns = ["point", *self.axes, "status", *self.metrics]
        self._marks: list[bool] = []
        self.pareto = list(pareto) if self.ok else []
        if self.pareto:
            check_columns(pareto, [*self.metrics, *self.axes])
            places = [self.columns.index(name) for name in pareto]
            self._marks = front([[row[k] for k in places] for row in self.rows()], pareto)
            self.columns.append("pareto")

    def rows(self) -> Iterator[list[Any]]:
        """One row per finished point; a failed point has None for its metrics."""
        marks = iter(self._marks)
        for identity, settings, record in self._read():
            if record is None:
                continue
            row = [identity[:8], *(settings.get(key) for key in self.axes)]
            if record["status"] == OK:
                found = record["metrics"]
                row += ["ok", *(found.get(name, 0 if is_count(name) else None) for name in self.metrics)]
            else:
                row += ["failed", *(None for _ in self.metrics)]
            yield row + ([int(mark)] if (mark := next(marks, None)) is not None else [])

    def csv(self) -> Iterator[bytes]:
        """Contents of `results.csv`, in pieces."""
        return _csv(self.columns, self.rows())

    def failures_csv(self) -> Iterator[bytes]:
        """Contents of `failures.csv`, in pieces."""
        rows = (
            [identity[:8], *(settings.get(key) for key in self.axes), *_error(record)]
            for identity, settings, record in self._read()
            if record is not None and record["status"] != OK
        )
        return _csv(["point", *self.axes, "class", "message", "trace"], rows)

    def frame(self) -> pd.DataFrame:
        """The rows as a frame; what a failed point lacks is NaN."""
        import pandas as pd

        cells: list[list[Any]] = [[] for _ in self.columns]
        for row in self.rows():
            for column, value in zip(cells, row, strict=True):
                column.append(value)
        return pd.DataFrame({name: _series(values) for name, values in zip(self.columns, cells, strict=True)})

    def _read(self) -> Iterator[tuple[str, Mapping[str, Any], Record | None]]:
        with Reader(self._records) as reader:
            for identity, settings in self._points():
                yield identity, settings, reader.get(identity)


def _error(record: Record) -> list[str]:
    error = record.get("error", {})
    return [str(error.get(name, "")) for name in ("class", "message", "trace")]


def is_count(name: str) -> bool:
    """Whether a metric that a point lacks was counted zero times there."""
    return name.rsplit(":", 1)[-1].startswith("commands.")


def _rank(name: str) -> tuple[str, int, int, str]:
    compare, _, column = name.rpartition(":")
    group, _, component = column.partition(".")
    known = _ORDER.get(group, ())
    place = known.index(component) if component in known else len(known)
    return compare, _GROUPS.index(group) if group in _GROUPS else len(_GROUPS), place, column


def _csv(header: Sequence[str], rows: Iterable[list[Any]]) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for number, row in enumerate(rows, 1):
        writer.writerow([_cell(value) for value in row])
        if number % CHUNK_ROWS == 0:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool | list | dict):
        return json.dumps(value)
    return value


def _series(cells: list[Any]) -> list[Any]:
    numeric = all(x is None or (isinstance(x, int | float) and not isinstance(x, bool)) for x in cells)
    return [float("nan") if x is None else x for x in cells] if numeric else cells
