"""The ledger as text: one table per item, its notes below it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edensim.study.text_table import columns

DIGITS = {"V": 2, "ns": 1, "MB": 2, "B": 0, "min": 2, "x": 1, "clocks": 0, "voltages": 0}
NOTHING = "–"


def shown(value: float | None, unit: str) -> str:
    """A number with its unit."""
    if value is None:
        return NOTHING
    if unit == "%":
        return f"{100 * value:.1f}%"
    if unit == "BER":
        return f"{100 * value:.3g}%"
    return f"{value:.{DIGITS[unit]}f} {unit}"


def difference(row: Mapping[str, Any]) -> str:
    """Ours minus the paper's: in points for shares, in the unit and percent otherwise."""
    value, unit = row["difference"], row["unit"]
    if value is None:
        return NOTHING
    if unit in ("%", "BER"):
        return f"{100 * value:+.1f} points"
    relative = f" ({value / abs(row['paper']):+.0%})" if row["paper"] else ""
    return f"{value:+.{DIGITS[unit]}f} {unit}{relative}"


def item_text(name: str, item: Mapping[str, Any]) -> str:
    """One item: heading, table, notes."""
    notes = list(dict.fromkeys(row["note"] for row in item["rows"] if row["note"]))
    is_banded = any("band" in row for row in item["rows"])
    statuses = {row["status"] for row in item["rows"]}
    head = ["", "paper", "ours", "difference", *(["band"] if is_banded else []), ""]
    lines = []
    for row in item["rows"]:
        mark = f"[{notes.index(row['note']) + 1}]" if row["note"] else ""
        status = row["status"] if len(statuses) > 1 else ""
        cells = [f"  {row['name']}", shown(row["paper"], row["unit"]), shown(row["ours"], row["unit"]), difference(row)]
        if is_banded:
            cells.append(_band(row))
        lines.append([*cells, f"{status} {mark}".strip()])
    table = columns([head, *lines])
    title = f"{name}: {item['title']} ({item['where']}): {item['status']}"
    return "\n".join([title, table, *(f"  [{k}] {note}" for k, note in enumerate(notes, 1))])


def _band(row: Mapping[str, Any]) -> str:
    if "band" not in row:
        return ""
    low, high = (shown(end["ours"], row["unit"]) for end in row["band"])
    return low if low == high else f"{low} to {high}"


def text(items: Mapping[str, Mapping[str, Any]]) -> str:
    """All items, what the statuses mean, and how many rows have which."""
    parts = [item_text(name, item) for name, item in items.items()]
    return "\n\n".join([*parts, summary(items.values())])


def summary(items: Iterable[Mapping[str, Any]]) -> str:
    """How many numbers of the paper have which status."""
    rows = [row for item in items if not item["beyond"] for row in item["rows"] if row["paper"] is not None]
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["status"]] = counts.get(row["status"], 0) + 1
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    return (
        f"{len(rows)} numbers of the paper: {told or 'none'}. Nothing is tuned; differences are ours minus the paper's."
    )
