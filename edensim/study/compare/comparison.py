"""Two runs or two sweeps side by side: the whole comparison as data."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

from edensim.errors import InputError
from edensim.study.compare.results import Difference, Results, run_results, sweep_results
from edensim.study.compare.settings import (
    Change,
    axis_changes,
    config_changes,
    environment_changes,
    model_warning,
)
from edensim.study.opened import Opened, OpenedRun, OpenedSweep, open_folder

METHOD = (
    "Welch's t test over seeds, 95 % intervals of the difference of means; significant: p < 0.05 "
    "after Holm's correction for all tests of the comparison"
)
TINY = 1e-3
"""Relative differences below this are hidden unless asked for."""


@dataclass(frozen=True)
class Comparison:
    """What differs between A and B."""

    a: Opened
    b: Opened
    config: list[Change]
    axes: list[Change]
    environment: list[Change]
    results: Results
    warnings: list[str]

    @property
    def shown(self) -> list[Difference]:
        """Differences that are not tiny, most relevant first."""
        return [d for d in self.results.differences if not abs(d.relative) < TINY]

    @property
    def tested(self) -> bool:
        """Whether seeds allowed to test any difference."""
        return any(d.test is not None for d in self.results.differences)

    def exceeds(self, limit: float) -> bool:
        """Whether any result differs by more than `limit` (a fraction), or is there on one side only."""
        one_sided = bool(self.results.only_a or self.results.only_b)
        return one_sided or any(not abs(d.relative) <= limit for d in self.results.differences)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON has it: numbers that are not finite become None."""
        return {
            "a": _identity(self.a),
            "b": _identity(self.b),
            "warnings": self.warnings,
            "config": [vars(change) for change in self.config],
            "axes": [{"key": c.key, "a": c.a, "b": c.b} for c in self.axes],
            "environment": [{"key": c.key, "a": c.a, "b": c.b} for c in self.environment],
            "only_a": self.results.only_a,
            "only_b": self.results.only_b,
            "method": METHOD if self.tested else "not tested: fewer than three seeds",
            "results": [_row(d) for d in self.results.differences],
        }


def compare(a: str | os.PathLike[str], b: str | os.PathLike[str]) -> Comparison:
    """Compare two run folders or two sweep folders.

    Raises
    ------
    InputError
        If one is neither, or they are not of a kind.
    """
    return compare_opened(open_folder(a), open_folder(b))


def compare_opened(a: OpenedRun | OpenedSweep, b: OpenedRun | OpenedSweep) -> Comparison:
    """Compare what has been opened already."""
    if isinstance(a, OpenedRun) and isinstance(b, OpenedRun):
        axes, results = [], run_results(a, b)
    elif isinstance(a, OpenedSweep) and isinstance(b, OpenedSweep):
        axes, results = axis_changes(a, b), sweep_results(a, b)
    else:
        kinds = ["a run" if isinstance(x, OpenedRun) else "a sweep" for x in (a, b)]
        raise InputError(f"{a.folder} is {kinds[0]} and {b.folder} is {kinds[1]}: expected two runs or two sweeps.")
    return Comparison(a, b, config_changes(a, b), axes, environment_changes(a, b), results, model_warning(a, b))


def _identity(opened: Opened) -> dict[str, Any]:
    return {
        "folder": os.fspath(opened.folder),
        "name": opened.name,
        "config_hash": opened.config_hash,
        "model_version": opened.model_version,
    }


def _row(d: Difference) -> dict[str, Any]:
    row: dict[str, Any] = {
        "point": d.place,
        "metric": d.metric,
        "a": _finite(d.a),
        "b": _finite(d.b),
        "difference": _finite(d.difference),
        "relative": _finite(d.relative),
        "seeds": list(d.seeds),
        "verdict": d.verdict,
    }
    if d.test is not None:
        row |= {"interval": [d.test.low, d.test.high], "p": d.test.p, "p_adjusted": d.p_adjusted}
    return row


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
