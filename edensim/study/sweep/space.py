"""The settings of all points of a sweep, in a fixed order, without any of them being held in memory.

grid: every combination, the last axis fastest. zip: values of equal place together. list: the points as written.
sample: points of the grid drawn one after the other, none twice, so that a larger `number` only adds points.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edensim.config.tree import show_value
from edensim.errors import ConfigError
from edensim.study.sweep.axes import Axes
from edensim.study.sweep.expression import condition

MODES = ("grid", "zip", "list", "sample")
LARGE = 1_000_000
"""Sweeps of more points than this run only when the user insists."""


@dataclass(frozen=True)
class Space:
    """Axes and how they combine. In mode list, `listed` are the points and `axes` the values that occur in them."""

    axes: Axes
    mode: str = "grid"
    where: str = ""
    number: int | None = None
    seed: int = 0
    listed: list[dict[str, Any]] = field(default_factory=list)

    def check(self) -> None:
        """Refuse what makes no sweep.

        Raises
        ------
        ConfigError
            No axis; zip of unequal lengths; sample without `number`; a condition that is not understood.
        """
        if self.mode not in MODES:
            raise ConfigError(f"sweep mode: found {show_value(self.mode)}; expected one of {', '.join(MODES)}")
        if not self.axes:
            needed = "points" if self.mode == "list" else "axes"
            raise ConfigError(f"a sweep needs {needed}: give [sweep.axes] in the configuration, or --axis KEY=VALUES")
        lengths = {key: len(values) for key, values in self.axes.items()}
        if self.mode == "zip" and len(set(lengths.values())) > 1:
            listed = ", ".join(f"{key} {n}" for key, n in lengths.items())
            raise ConfigError(f"sweep mode zip takes axes of equal length; found {listed} values")
        if self.mode == "sample" and self.number is None:
            raise ConfigError("sweep mode sample needs the number of points to draw (sweep.number, or --number)")
        if self.where:
            condition(self.where, self.axes)

    @property
    def bound(self) -> int:
        """At most so many points (`where` and duplicates may leave fewer)."""
        if self.mode == "list":
            return len(self.listed)
        if self.mode == "zip":
            return min(map(len, self.axes.values()), default=0)
        total = self.combinations
        return min(total, self.number or 0) if self.mode == "sample" else total

    @property
    def combinations(self) -> int:
        """Points of the whole grid."""
        return math.prod(map(len, self.axes.values()))

    def settings(self) -> Iterator[dict[str, Any]]:
        """Yield the settings of every point that satisfies `where`, in order; equal points may occur again."""
        wanted = condition(self.where, self.axes) if self.where else None
        if self.mode == "list":
            candidates: Iterator[dict[str, Any]] = map(dict, self.listed)
        elif self.mode == "zip":
            rows = zip(*self.axes.values(), strict=True)
            candidates = (dict(zip(self.axes, row, strict=True)) for row in rows)
        elif self.mode == "sample":
            candidates = self._drawn()
        else:
            candidates = map(self.combination, range(self.combinations))
        left = self.number if self.mode == "sample" else None
        for point in candidates:
            if left == 0:
                return
            if wanted is None or wanted(point):
                left = None if left is None else left - 1
                yield point

    def combination(self, index: int) -> dict[str, Any]:
        """Point of the grid by its number."""
        chosen = []
        for values in reversed(self.axes.values()):
            index, place = divmod(index, len(values))
            chosen.append(values[place])
        return dict(zip(self.axes, reversed(chosen), strict=True))

    def _drawn(self) -> Iterator[dict[str, Any]]:
        # Random.random() is the part of Python's generator whose sequence is guaranteed for a seed.
        draw, total, seen = random.Random(self.seed), self.combinations, set[int]()
        while len(seen) < total:
            index = min(total - 1, int(draw.random() * total))
            while index in seen:
                index = (index + 1) % total if len(seen) > total // 2 else min(total - 1, int(draw.random() * total))
            seen.add(index)
            yield self.combination(index)

    def to_json(self) -> dict[str, Any]:
        """Everything that `from_json` needs, as plain data."""
        names = ("axes", "mode", "where", "number", "seed", "listed")
        return {name: getattr(self, name) for name in names}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Space:
        """The space that `to_json` described."""
        names = ("axes", "mode", "where", "number", "seed", "listed")
        return Space(**{name: data[name] for name in names if name in data})


def settings_key(settings: Mapping[str, Any]) -> str:
    """One spelling per point, whatever the order of its keys."""
    return json.dumps(settings, sort_keys=True, separators=(",", ":"), default=str)


def listed_axes(points: list[dict[str, Any]]) -> Axes:
    """The values that occur in a list of points, by key, in order of appearance."""
    axes: Axes = {}
    for point in points:
        for key, value in point.items():
            known = axes.setdefault(key, [])
            if value not in known:
                known.append(value)
    return axes
