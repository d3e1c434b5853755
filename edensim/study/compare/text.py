"""A comparison as text for people."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from edensim.study.compare.comparison import METHOD, TINY, Comparison
from edensim.study.compare.results import Difference, show_setting
from edensim.study.compare.settings import Change
from edensim.study.opened import Opened
from edensim.study.text_table import columns

LONGEST_CELL = 40
MOST_ROWS = 30
MOST_PLACES = 5


def describe(comparison: Comparison, everything: bool = False) -> str:
    """Lay out a comparison: who is who, what changed in the settings, then results, most relevant first.

    Parameters
    ----------
    everything
        Show equal results, tiny differences and every row, however many.
    """
    return "\n\n".join(_sections(comparison, everything))


def _sections(comparison: Comparison, everything: bool) -> Iterator[str]:
    yield columns([_title("A", comparison.a), _title("B", comparison.b)], right_from=9)
    if comparison.warnings:
        yield "\n".join(f"warning: {warning}" for warning in comparison.warnings)
    yield _changes("configuration", comparison.config, origins=True)
    if comparison.axes:
        yield _changes("axes", comparison.axes)
    if comparison.environment:
        yield _changes("versions and machine", comparison.environment)
    for side, places in (("A", comparison.results.only_a), ("B", comparison.results.only_b)):
        if places:
            yield _only(side, places)
    yield _results(comparison, everything)


def _title(side: str, opened: Opened) -> list[str]:
    return [side, str(opened.folder), opened.config_hash[:8], opened.name]


def _changes(what: str, changes: list[Change], origins: bool = False) -> str:
    # A table that only one side has brings its defaults along; they say nothing.
    said = [
        c for c in changes if not (c.a is None and c.origin_b == "default" or c.b is None and c.origin_a == "default")
    ]
    changes = said or changes
    if not changes:
        return f"{what}: the same"
    head = ["", "A", "B", *(["A from", "B from"] if origins else [])]
    rows = [
        [change.key, _cell(change.a), _cell(change.b), *([change.origin_a, change.origin_b] if origins else [])]
        for change in changes
    ]
    return f"{what}: {len(changes)} differ{'s' if len(changes) == 1 else ''}\n" + columns([head, *rows], right_from=9)


def _only(side: str, places: list[str]) -> str:
    more = len(places) - MOST_PLACES
    rest = [f"  and {more} more"] if more > 0 else []
    return "\n".join([f"only in {side}, or failed in the other:", *(f"  {p}" for p in places[:MOST_PLACES]), *rest])


def _results(comparison: Comparison, everything: bool) -> str:
    found = comparison.results.differences
    rows = found if everything else comparison.shown[:MOST_ROWS]
    head = ["metric", "point", "A", "B", "difference", "relative"]
    table = [[d.metric, d.place, *(_number(x) for x in (d.a, d.b, d.difference)), share(d.relative)] for d in rows]
    if comparison.tested:
        head += ["95 % interval", "verdict"]
        table = [[*cells, _interval(d), d.verdict] for cells, d in zip(table, rows, strict=True)]
    lines = [f"results: {_count(comparison)}"]
    if rows:
        lines.append(columns([head, *table], right_from=2))
    hidden = len(found) - len(rows)
    if hidden and any(d.relative for d in found):
        lines.append(f"{hidden} more {'is' if hidden == 1 else 'are'} equal or less relevant (--all shows all)")
    if found:
        lines.append(METHOD if comparison.tested else found[0].verdict)
    return "\n".join(lines)


def _count(comparison: Comparison) -> str:
    found = comparison.results.differences
    if not found:
        return "no point is in both"
    differ = sum(d.relative != 0 for d in found)
    if not differ:
        return f"all {len(found)} are the same"
    return f"{differ} of {len(found)} differ, {len(comparison.shown)} by {TINY:.1%} or more"


def _interval(d: Difference) -> str:
    return f"{_number(d.test.low)} … {_number(d.test.high)}" if d.test else ""


def share(relative: float) -> str:
    """Give a relative difference in percent."""
    if math.isnan(relative):
        return "no number"
    if math.isinf(relative):
        return "from zero"
    if relative and abs(relative) < 1e-4:
        return f"{relative * 100:+.1e}%"
    return f"{relative:+.2%}" if relative else "0"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.6g}"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    text = show_setting(value)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
