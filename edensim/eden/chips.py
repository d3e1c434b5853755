"""Supplies of single chips: how low each may go so that what the whole rank gets wrong stays within a bound.

Chips of a rank hold a slice of every burst (`edensim.memory.partition`), so a tensor cannot choose its chip, but a
chip its VDD: the rate that a tensor meets is the mean over chips, and so is the energy. With several supplies the rate
on offer is finer than the list of voltages, and a network that does not quite tolerate the next voltage may have it on
some chips. Timings are those of the rank, one for all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edensim.eden.points import Choice, cost
from edensim.errors import ConfigError

ROUNDING = 1 + 1e-12
"""A mean of rates that are all at the bound may come out a little above it."""


@dataclass(frozen=True)
class ChipSettings:
    """A point for every supply, and what they come to: mean bit error rate, energy and time relative to nominal."""

    points: dict[str, Choice]
    ber: float
    energy: float
    time: float


def best_of_chips(
    choices: Sequence[Choice], shares: Mapping[str, float], ber: float, goal: str = "energy"
) -> ChipSettings:
    """The settings of least energy (or time, or their product "edp") whose mean bit error rate is within `ber`.

    Exact: all combinations are looked at but those that another one beats in both rate and energy.

    Parameters
    ----------
    choices : sequence of Choice
        Points on offer, whole memory at one of them.
    shares : dict of str to float
        Share of the chips that each supply feeds, sums to 1; one that feeds none is set as another.

    Raises
    ------
    ConfigError
        If there is none (give a point without errors), or the goal is unknown.
    """
    by_times = defaultdict(list)
    for choice in choices:
        by_times[choice.tRCD_ns, choice.tRP_ns].append(choice)
    found = [
        settings for same in by_times.values() for settings in _front(same, shares) if settings.ber <= ber * ROUNDING
    ]
    if not found:
        raise ConfigError(f"no operating point has a bit error rate within {ber:.3g}")
    best = min(found, key=lambda s: (cost(goal, s.energy, s.time), s.ber))
    feeding = next(choice for name, choice in best.points.items() if shares[name])
    return replace(best, points={n: c if shares[n] else feeding for n, c in best.points.items()})


def _front(choices: Sequence[Choice], shares: Mapping[str, float]) -> list[ChipSettings]:
    """Settings of the same timings that no other beats in rate and energy."""
    front = [ChipSettings({}, 0.0, 0.0, 0.0)]
    for name, share in shares.items():
        grown = [
            ChipSettings(s.points | {name: c}, s.ber + share * c.ber, s.energy + share * c.energy, max(s.time, c.time))
            for s in front
            for c in choices
        ]
        front = []
        for s in sorted(grown, key=lambda s: (s.ber, s.energy)):
            if not front or s.energy < front[-1].energy:
                front.append(s)
    return front
