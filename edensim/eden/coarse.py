"""Coarse characterisation: the highest bit error rate, one for the whole network, that keeps its accuracy.

EDEN's binary search on a logarithmic scale (Koppula et al., MICRO 2019, section 3.3). The paper does not say how often
a rate is measured, nor when the search ends. Here a rate is measured again, with other draws, until the confidence
interval of the accuracy leaves the target out or `most_repeats` is reached, when the mean decides; the search ends when
the highest rate that passed and the lowest that failed are within a factor `precision`. Means that decide leave open
how sure the rate is; so rates further and further away are measured, on both sides, until one passes and one fails with
its whole interval.

The search takes accuracy to fall with the rate. A network trained for the weak cells of one operating point may break
that: it has learned their errors and misses them below. It must be judged at that point (`edensim.eden` evaluates every
mapping with the errors of its final placement); `Search.from_above` finds the highest such point.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edensim.eden.estimate import Estimate
from edensim.errors import ConfigError

APART = 1.5
"""Factor between rates that are measured to learn how sure a tolerable rate is."""
Measure = Callable[[float, int], Sequence[float]]
"""(bit error rate, repeat) -> accuracy under each of its draws; another repeat, other draws."""


@dataclass(frozen=True)
class Search:
    """How to search.

    Attributes
    ----------
    lowest, highest : float
        Bit error rates between which to search.
    precision : float
        Factor between the last rates that passed and failed.
    least_repeats, most_repeats : int
        Measurements of one rate.
    confidence : float
        Of intervals.
    from_above : bool
        Where the lowest rate fails, try others from the highest down. A rate found so holds for itself, not for lower
        ones.

    Raises
    ------
    ConfigError
        If a field is out of range.
    """

    lowest: float = 1e-6
    highest: float = 0.1
    precision: float = 1.1
    least_repeats: int = 1
    most_repeats: int = 4
    confidence: float = 0.95
    from_above: bool = False

    def __post_init__(self) -> None:
        problems = []
        if not 0 < self.lowest < self.highest < 0.5:
            problems.append(
                f"lowest = {self.lowest:g}, highest = {self.highest:g}: expected bit error rates, "
                "0 < lowest < highest < 0.5"
            )
        if not 1 < self.precision < math.inf:
            problems.append(f"precision = {self.precision:g}: expected a factor above 1")
        if not 1 <= self.least_repeats <= self.most_repeats:
            problems.append(
                f"least_repeats = {self.least_repeats}, most_repeats = {self.most_repeats}: expected 1 <= least <= most"
            )
        if not 0 < self.confidence < 1:
            problems.append(f"confidence = {self.confidence:g}: expected between 0 and 1")
        if problems:
            raise ConfigError(problems)


@dataclass(frozen=True)
class Tolerance:
    """What a network tolerates.

    Attributes
    ----------
    ber : float
        Highest rate that passed; 0 if none did.
    low, high : float
        Highest rate up to `ber` that passed, and lowest above it that failed, with the whole interval on one side: what
        the draws support. 0 and 0.5 if there is none between the bounds of the search.
    target : float
        The accuracy that had to be kept.
    points : dict of float to Estimate
        Every rate that was measured, ascending.
    """

    ber: float
    low: float
    high: float
    target: float
    points: dict[float, Estimate] = field(default_factory=dict)


def tolerable_ber(measure: Measure, clean: float, max_loss: float, search: Search | None = None) -> Tolerance:
    """Search the highest tolerable bit error rate.

    Parameters
    ----------
    measure : callable
        The network under errors.
    clean : float
        Accuracy that losses count from, 0 … 1.
    max_loss : float
        The user's bound, 0 … 1 (0.01: one percent point).
    search : Search, optional

    Raises
    ------
    ConfigError
        If the bound leaves no target between 0 and 1, or a measurement is NaN.
    """
    search = search or Search()
    target = target_of(clean, max_loss)
    points: dict[float, Estimate] = {}

    def passes(rate: float) -> bool:
        points[rate] = repeated(lambda k: measure(rate, k), target, search)
        verdict = points[rate].verdict(target)
        return points[rate].mean >= target if verdict is None else verdict

    low, high = search.lowest, search.highest
    if not passes(low):
        low, high = _from_above(passes, search) if search.from_above else (0.0, 0.0)
    elif passes(high):
        low = high
    while high > low * search.precision:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if passes(middle) else (low, middle)
    ber = low

    def certain(wanted: bool) -> list[float]:
        return [r for r, found in points.items() if (r <= ber) == wanted and found.verdict(target) is wanted]

    rate = (ber or search.lowest) * APART
    while rate < min([*certain(False), search.highest]):
        passes(rate)
        rate *= APART
    rate = ber / APART
    while rate > max([*certain(True), search.lowest]):
        passes(rate)
        rate /= APART
    sure, failed = max(certain(True), default=0.0), min(certain(False), default=0.5)
    return Tolerance(ber, sure, failed, target, dict(sorted(points.items())))


def _from_above(passes: Callable[[float], bool], search: Search) -> tuple[float, float]:
    """A rate that passes and one above it that fails, at most `APART` from each other; both 0 if none passes."""
    high = rate = search.highest
    while rate > search.lowest:
        if passes(rate):
            return rate, high
        high, rate = rate, rate / APART
    return 0.0, 0.0


def target_of(clean: float, max_loss: float) -> float:
    """Accuracy to keep.

    Raises
    ------
    ConfigError
        If it is not between 0 and the clean accuracy.
    """
    target = clean - max_loss
    if not (0 <= max_loss < 1 and 0 < target <= clean <= 1):
        raise ConfigError(
            f"max_loss = {max_loss:g} below a clean accuracy of {clean:.4g}: expected a loss of 0 … 1 (0.01 is one "
            "percent point) that leaves an accuracy above 0 and not above the clean one"
        )
    return target


def repeated(once: Callable[[int], Sequence[float]], target: float, search: Search) -> Estimate:
    """Measure until it is clear on which side of the target the accuracy lies, or repeats are used up."""
    shares: list[float] = []
    for repeat in range(search.most_repeats):
        shares += once(repeat)
        found = Estimate.of(shares, search.confidence)
        if repeat + 1 >= search.least_repeats and found.verdict(target) is not None:
            break
    return found
