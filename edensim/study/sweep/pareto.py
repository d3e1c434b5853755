"""The Pareto front of a sweep: points that no other point beats in one objective without losing in another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edensim.errors import ConfigError, did_you_mean

SHORT = {
    "energy": "energy_pj.total",
    "time": "time_ns",
    "accuracy": "accuracy",
    "bandwidth": "bandwidth_gb_s",
    "latency": "read_latency_ns.mean",
}
"""Short names of objectives."""
LARGER_IS_BETTER = ("accuracy", "bandwidth_gb_s", "row.hit", "saving.energy_pj", "saving.time_ns")


def objectives(text: str) -> list[str]:
    """Columns named by `energy,time` and the like; a name that is no short one is a column of results.csv.

    Raises
    ------
    ConfigError
        If nothing is named, or something twice.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    columns = [SHORT.get(word, word) for word in words]
    if not columns or len(set(columns)) < len(columns):
        raise ConfigError(f"found the objectives {text!r}; expected different ones, such as energy,time")
    return columns


def sense(column: str) -> int:
    """1 where smaller is better, -1 where larger is."""
    return -1 if column.rsplit(":", 1)[-1] in LARGER_IS_BETTER else 1


def check_columns(columns: Sequence[str], known: Sequence[str]) -> None:
    """Refuse objectives that no point has.

    Raises
    ------
    ConfigError
        With the nearest names.
    """
    problems = []
    for column in columns:
        if column not in known:
            guess = did_you_mean(column, [*known, *(word for word, name in SHORT.items() if name in known)])
            if column.endswith("accuracy"):
                guess = "; a point has an accuracy only if it evaluates its network on data"
            problems.append(f"objective {column!r} is no result of this sweep{guess} (results: {', '.join(known)})")
    if problems:
        raise ConfigError(problems)


def front(rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> list[bool]:
    """Whether each row of values of `columns` lies on the front; rows that lack a value do not.

    Equal rows lie on it together.
    """
    have = [k for k, row in enumerate(rows) if all(isinstance(value, int | float) for value in row)]
    marks = [False] * len(rows)
    if not have:
        return marks
    values = np.array([rows[k] for k in have], float) * [sense(column) for column in columns]
    best: list[int] = []
    for k in np.lexsort(values.T[::-1]):
        # Sorted by all objectives in turn, a point can only be beaten by one before it.
        known = values[best]
        if not ((known <= values[k]).all(axis=1) & (known < values[k]).any(axis=1)).any():
            best.append(int(k))
            marks[have[k]] = True
    return marks
