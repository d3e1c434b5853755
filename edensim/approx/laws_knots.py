"""The law of a timing: failing share of cells, probit-linear between the times at which it was measured.

Share of failing cells F = Phi(z(t)), 0 from `safe_ns` on. A cell that fails an activation reads a value of its own, so
the bit error rate is one_share * F for stored ones and (1 - one_share) * F for stored zeros, F/2 on average. A failing
precharge leaves the data of the previous row, so the error rate is F times the share of bits in which the rows differ.

A lower supply makes the same time act like a shorter one. The tRCD study was made at nominal supply and the voltage
study at 10 ns, where the voltage law alone tells what fails. In between nobody measured. The circuit's ratio therefore
acts in full on times up to the last one at which errors were measured and fades out towards `safe_ns`: both laws are
exact on their own axis, and errors never fall when either knob is lowered.

Not modelled: coupling between neighbouring bits (mixed patterns differ from the mean of solid ones by up to a factor
of two near the onset), ageing.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from edensim.approx.chip_failure import Failure, Floats, worst
from edensim.approx.chip_schema import KnotLaw
from edensim.approx.laws_normal import common_z, share_of


def felt_time(law: KnotLaw, time_ns: float, slowdown: float) -> float:
    """Time at nominal supply that a cell slowed down by the factor `slowdown` (>= 1) feels."""
    measured = law.measured_ns[1]
    fade = min(max((law.safe_ns - time_ns) / (law.safe_ns - measured), 0.0), 1.0) if law.safe_ns > measured else 1.0
    return time_ns * (1 - fade * (1 - 1 / slowdown))


def failing_share(law: KnotLaw, time_ns: float) -> float:
    """F at a time at nominal supply: share of the cells (of the rows that can fail); constant below the first knot."""
    return 0.0 if time_ns >= law.safe_ns else share_of(interpolate(law.times_ns, law.z, time_ns))


def knot_failure(
    law: KnotLaw, knob: str, time_ns: float, slowdown: float, banks: int, temperature_C: float | None
) -> Failure | None:
    """What a timing does to reads; None if nothing fails.

    Parameters
    ----------
    law : KnotLaw
        Law of the timing.
    knob : str
        Its name, for the result.
    time_ns : float
        The timing, in ns of the measured chips.
    slowdown : float
        How much slower cells are at the present supply than at nominal supply, >= 1.
    banks : int
        Banks of the result; a law for fewer banks is repeated.
    temperature_C : float, optional
        Temperature (default: that of the law).
    """
    felt = felt_time(law, time_ns, slowdown)
    share = min(failing_share(law, felt) * temperature_factor(law, temperature_C), 1.0)
    if share == 0:
        return None
    offsets = [interpolate(law.times_ns, column, felt) for column in zip(*law.bank_z, strict=True)]
    middle = common_z(share, offsets)
    per_bank = [share_of(middle + offset) for offset in offsets] or [share]
    weak = np.zeros((banks, 2))
    weak[:, 1] = [per_bank[bank % len(per_bank)] for bank in range(banks)]
    if not law.weak_stripe_only:
        weak[:, 0] = weak[:, 1]
    weak, fails = split(weak, law.access)
    one_share = interpolate(law.times_ns, law.one_share, felt) if law.one_share else 0.5
    basis = knot_basis(law, time_ns, slowdown, temperature_C)
    return Failure(knob, "bit", law.effect, weak, fails, min(max(one_share, 0.0), 1.0), basis)


def split(share: Floats, access: float) -> tuple[Floats, Floats]:
    """Shares that fail in one read as shares of weak places times the probability that a weak one fails.

    The probability is `access`; where more than that share fails, every place is weak. So neither of the two ever falls
    when the share rises, and a place that fails goes on failing.
    """
    fails = np.maximum(share, access)
    return share / fails, fails


def temperature_factor(law: KnotLaw, temperature_C: float | None) -> float:
    """Factor on the failing share, linear between the measured temperatures, constant outside."""
    if temperature_C is None or not law.temperature_C:
        return 1.0
    return interpolate(law.temperature_C, law.temperature_factor, temperature_C)


def interpolate(at: Sequence[float], values: Sequence[float], x: float) -> float:
    """Value at x of the line through the points, constant outside of them."""
    if x <= at[0] or len(at) == 1:
        return values[0]
    if x >= at[-1]:
        return values[-1]
    k = bisect_right(at, x) - 1
    step = (x - at[k]) / (at[k + 1] - at[k])
    return values[k] + step * (values[k + 1] - values[k])


def knot_basis(law: KnotLaw, time_ns: float, slowdown: float, temperature_C: float | None) -> str:
    """How well founded the law is there: measured at its knots and where no errors were seen, at nominal supply."""
    low, high = law.measured_ns
    if time_ns >= law.safe_ns:
        return "measured"
    bases = ["measured" if low <= time_ns <= high and math.isclose(slowdown, 1) else "extrapolated"]
    if temperature_C is not None and law.temperature_C and temperature_C != law.temperature_C[0]:
        within = law.temperature_C[0] <= temperature_C <= law.temperature_C[-1]
        bases.append("scaled" if within else "extrapolated")
    return worst(bases)
