"""What a report says about a sweep: axes, points, and points that failed."""

from __future__ import annotations

import csv
import io
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edensim.study.compare.results import show_setting
from edensim.study.opened import OpenedSweep
from edensim.study.plots.labels import axis_label, setting_text
from edensim.study.points import energy_unit, time_unit
from edensim.study.report.markup import Child, Markup, joined, table, tag
from edensim.study.report.page import Fact, Section

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 500
MOST_VALUES = 12
LONGEST_ERROR = 300
MOST_FAILURE_BYTES = 4_000_000
"""As much of failures.csv as is read at all."""

ENERGY, TIME = "energy_pj.total", "time_ns"
COLUMNS: dict[str, tuple[str, Callable[[float], str]]] = {
    "bandwidth_gb_s": ("bandwidth (GB/s)", lambda x: f"{x:.4g}"),
    "read_latency_ns.mean": ("read latency, mean (ns)", lambda x: f"{x:.4g}"),
    "accuracy": ("accuracy", lambda x: f"{x:.2%}"),
}


def facts(opened: OpenedSweep) -> list[Fact]:
    """Numbers that a reader wants first."""
    frame = opened.frame
    good = frame[frame["status"] == "ok"]
    counts = {"failed": len(frame) - len(good), "not computed yet": _planned(opened) - len(frame)}
    told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count > 0)
    found = [Fact("Points", f"{len(frame):,}", told or "all succeeded")]
    for metric, label, unit_of in ((ENERGY, "Lowest DRAM energy", energy_unit), (TIME, "Shortest time", time_unit)):
        if metric in good and good[metric].notna().any():
            best = good.iloc[int(np.nanargmin(good[metric].to_numpy()))]
            unit, scale = unit_of(float(best[metric]))
            found.append(Fact(label, f"{float(best[metric]) * scale:.4g} {unit}", _setting(opened, best)))
    return found


def sections(opened: OpenedSweep) -> Iterator[Section]:
    """Yield results, axes and failures."""
    yield Section("results", "Results", _results(opened))
    yield Section("axes", "Axes", _axes(opened))
    failures = _failures(opened)
    if failures is not None:
        yield Section("failures", "Failures", failures)


def _results(opened: OpenedSweep) -> Markup:
    frame = opened.frame.head(MOST_ROWS)
    good = opened.frame[opened.frame["status"] == "ok"]
    columns: list[tuple[str, Iterable[Child]]] = [
        (axis_label(axis), [show_setting(value) for value in frame[axis].tolist()]) for axis in opened.axes
    ]
    for metric, label, unit_of in ((TIME, "time", time_unit), (ENERGY, "DRAM energy", energy_unit)):
        if metric in frame:
            unit, scale = unit_of(_largest(good[metric]))
            columns.append((f"{label} ({unit})", _cells(frame[metric], lambda x, s=scale: f"{x * s:.4g}")))  # type: ignore[misc]
    if ENERGY in frame and len(good):
        most = _largest(good[ENERGY])
        columns.append(("energy saved", _cells(frame[ENERGY], lambda x: f"{1 - x / most:z.1%}" if most else "-")))
    columns += [(label, _cells(frame[key], text)) for key, (label, text) in COLUMNS.items() if key in frame]
    if "pareto" in frame:
        columns.append(("Pareto front", ["yes" if mark == 1 else "" for mark in frame["pareto"].tolist()]))
    columns.append(("status", [_status(str(status)) for status in frame["status"]]))
    columns.append(("point", frame["point"].astype(str).str[:8]))
    rows = [list(row) for row in zip(*(cells for _, cells in columns), strict=True)]
    notes = ["Energy saved is against the point that needs most. results.csv holds every metric of every point."]
    if _planned(opened) > len(opened.frame):
        notes.append("The sweep is not finished; when it ends, this file is written anew.")
    if len(opened.frame) > len(rows):
        notes.insert(0, f"The first {len(rows):,} of {len(opened.frame):,} points; see results.csv for the rest.")
    return joined([tag("p", " ".join(notes)), table([label for label, _ in columns], rows, label="Points")])


def _axes(opened: OpenedSweep) -> Markup:
    rows = []
    for axis, values in opened.axes.items():
        shown = ", ".join(map(show_setting, values[:MOST_VALUES]))
        more = len(values) - MOST_VALUES
        rows.append([tag("code", axis), str(len(values)), shown + (f", … and {more} more" if more > 0 else "")])
    told = [f"{key}: {opened.meta[key]}" for key in ("mode", "where") if opened.meta.get(key)]
    return joined(
        [
            tag("p", "; ".join(told)) if told else None,
            table(["axis", "number", "values"], rows, numbers_from=9, label="Axes", class_="fit"),
        ]
    )


def _failures(opened: OpenedSweep) -> Markup | None:
    path = opened.folder / "failures.csv"
    failed = int((opened.frame["status"] != "ok").sum())
    if not failed:
        return None
    told = tag("p", f"{failed:,} of {len(opened.frame):,} points failed; failures.csv lists them.")
    rows = _read_failures(path) if path.is_file() else []
    return joined([told, table(rows[0], rows[1:], numbers_from=99, label="Failures") if len(rows) > 1 else None])


def _read_failures(path: Path) -> list[list[str]]:
    """Head and rows of failures.csv without tracebacks, as far as they are shown."""
    with path.open("rb") as file:
        text = file.read(MOST_FAILURE_BYTES).decode("utf-8", errors="replace")
    rows = list(itertools.islice(csv.reader(io.StringIO(text)), MOST_ROWS + 1))
    shown = [k for k, name in enumerate(rows[0]) if name != "trace"] if rows else []
    return [[_shortened(row[k]) for k in shown if k < len(row)] for row in rows]


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_ERROR else text[:LONGEST_ERROR] + "…"


def _status(status: str) -> Child:
    return status if status == "ok" else tag("strong", status, class_="bad")


def _planned(opened: OpenedSweep) -> int:
    points = opened.meta.get("points")
    return points if isinstance(points, int) else 0


def _setting(opened: OpenedSweep, row: pd.Series[Any]) -> str:
    return ", ".join(setting_text(axis, row[axis]) for axis in opened.axes)


def _largest(values: Any) -> float:
    return max((float(x) for x in values if math.isfinite(x)), default=0.0)


def _cells(values: Any, text: Callable[[float], str]) -> list[str]:
    return [text(float(x)) if math.isfinite(x) else "-" for x in values]
