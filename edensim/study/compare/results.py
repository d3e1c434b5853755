"""Results side by side: difference and relative difference of every metric at every point both sides have.

A *place* is a compared operating point of a run, or a point of a sweep without its seed; values of several seeds at
one place are samples of one number. Not modelled: places that only nearly coincide.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edensim.study.compare.settings import flatten
from edensim.study.compare.student import LEAST_SEEDS, Welch, holm, mean, welch
from edensim.study.opened import OpenedRun, OpenedSweep

Samples = dict[str, dict[str, list[float]]]
"""Place to metric to its values, one per seed."""

CLOCK_READINGS = ("wall_s",)
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Difference:
    """One metric at one place.

    Attributes
    ----------
    relative
        (b - a) / |a|; infinite (with the sign of b) where a is 0 and b is not; NaN where one side has no number.
    weight
        |b - a| as a share of the largest value of the metric's family (`energy_pj.*`, `commands.*` …): what the
        results are sorted by, so that a part of 1 % that doubles stands below the whole that grows by 5 %.
    test
        Welch's test over seeds, None where a side has fewer than three.
    p_adjusted
        Its p-value, adjusted for the number of tests in the comparison.
    """

    place: str
    metric: str
    a: float
    b: float
    seeds: tuple[int, int]
    weight: float = 0.0
    test: Welch | None = None
    p_adjusted: float | None = None

    @property
    def difference(self) -> float:
        """Give b - a."""
        return self.b - self.a

    @property
    def relative(self) -> float:
        """Give the difference as a share of a."""
        if self.a == self.b or (math.isnan(self.a) and math.isnan(self.b)):
            return 0.0
        return self.difference / abs(self.a) if self.a else math.copysign(math.inf, self.difference)

    @property
    def verdict(self) -> str:
        """Whether chance may explain the difference."""
        if self.test is None or self.p_adjusted is None:
            fewest = min(self.seeds)
            return f"not tested: {'one seed' if fewest == 1 else f'{fewest} seeds'}"
        if self.test.low == self.test.high:
            return "no spread over seeds"
        return "significant" if self.p_adjusted < SIGNIFICANT else "not significant"


@dataclass(frozen=True)
class Results:
    """Differences sorted by relevance, and places that only one side has (or where its point failed)."""

    differences: list[Difference]
    only_a: list[str] = field(default_factory=list)
    only_b: list[str] = field(default_factory=list)


def run_results(a: OpenedRun, b: OpenedRun) -> Results:
    """Compare every operating point and metric of two runs, whole network."""
    return _results(_run_samples(a), _run_samples(b))


def sweep_results(a: OpenedSweep, b: OpenedSweep) -> Results:
    """Compare two sweeps point by point, matched by axis values.

    A side that lacks an axis of the other has, at all its points, the value of its configuration.
    """
    axes = [axis for axis in dict.fromkeys([*a.axes, *b.axes]) if not is_seed(axis)]
    name = axis_namer(axes)
    return _results(_sweep_samples(a, axes, name), _sweep_samples(b, axes, name))


def is_seed(axis: str) -> bool:
    """Whether an axis only repeats a point with other random numbers."""
    return axis.rpartition(".")[2] == "seed"


def axis_namer(axes: Iterable[str]) -> Callable[[str], str]:
    """Return a function that shortens `operating_point.vdd` to `vdd` where that is unambiguous."""
    short = [axis.rpartition(".")[2] for axis in axes]

    def name(axis: str) -> str:
        last = axis.rpartition(".")[2]
        return last if short.count(last) < 2 else axis

    return name


def show_setting(value: Any) -> str:
    """Value of an axis; floats that differ in rounding only look the same."""
    if isinstance(value, float):
        return f"{value:.12g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _run_samples(opened: OpenedRun) -> Samples:
    samples: Samples = {}
    for point, layer, metric, component, value, _ in opened.result.rows():
        if not layer and metric not in CLOCK_READINGS:
            full = f"{metric}.{component}" if component else metric
            samples.setdefault(point, {})[full] = [float(value)]
    return samples


def _sweep_samples(opened: OpenedSweep, axes: Sequence[str], name: Callable[[str], str]) -> Samples:
    fixed = flatten(opened.config)
    metrics = opened.metrics
    samples: Samples = {}
    frame = opened.frame
    for row in frame[frame["status"] == "ok"].to_dict("records"):
        values = {axis: row[axis] if axis in row else fixed.get(axis) for axis in axes}
        place = ", ".join(f"{name(axis)}={show_setting(value)}" for axis, value in values.items()) or "all"
        found = samples.setdefault(place, {})
        for metric in metrics:
            found.setdefault(metric, []).append(float(row[metric]))
    return samples


def _results(a: Samples, b: Samples) -> Results:
    found = [difference for place in a if place in b for difference in _at_place(place, a[place], b[place])]
    tested = [k for k, difference in enumerate(found) if difference.test is not None]
    adjusted = dict(zip(tested, holm(_p(found[k]) for k in tested), strict=True))
    found = [_with_p(difference, adjusted.get(k)) for k, difference in enumerate(found)]
    found.sort(key=lambda d: (-d.weight, -abs(d.relative), d.metric, d.place))
    return Results(found, [place for place in a if place not in b], [place for place in b if place not in a])


def _at_place(place: str, a: Mapping[str, list[float]], b: Mapping[str, list[float]]) -> Iterator[Difference]:
    largest: dict[str, float] = {}
    for metric, values in [*a.items(), *b.items()]:
        family = metric.partition(".")[0]
        largest[family] = max([largest.get(family, 0.0), *(abs(v) for v in values if math.isfinite(v))])
    for metric in dict.fromkeys([*a, *b]):
        left, right = a.get(metric, [math.nan]), b.get(metric, [math.nan])
        means = mean(left), mean(right)
        scale = largest[metric.partition(".")[0]]
        gap = abs(means[1] - means[0])
        if math.isnan(gap):
            weight = 0.0 if all(map(math.isnan, means)) else math.inf
        else:
            weight = gap / scale if scale else 0.0
        enough = min(len(left), len(right)) >= LEAST_SEEDS and all(map(math.isfinite, means))
        test = welch(left, right) if enough else None
        yield Difference(place, metric, *means, (len(left), len(right)), weight, test)


def _p(difference: Difference) -> float:
    assert difference.test is not None
    return difference.test.p


def _with_p(d: Difference, p: float | None) -> Difference:
    return Difference(d.place, d.metric, d.a, d.b, d.seeds, d.weight, d.test, p)
