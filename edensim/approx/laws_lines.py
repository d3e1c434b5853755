"""The law of the supply: share of cache lines with a bit error, as measured at one timing.

    f(V) = s * Phi(slope * (v50 - V)),  0 from `error_free_v` on,  s = 1/2 where only the weak stripe of rows can fail

f counts lines that failed in any of repeated tests; a single read finds the share `access` of them. The study gives no
bits per failing line, so the bit error rate f * access * k / 512 is a band over k. Nor does it tell stored ones from
zeros, or what the previous row held: failing bits are inverted, whatever they store.

At longer times than the study's 10 ns the voltage is the one at which 10 ns leaves as little slack, by the circuit's
ratio r (`edensim.memory.safe_latency`): r(V') = r(V) * 10 ns / t. Shorter times than 10 ns change nothing here: what
they add is the business of the law of that timing.

Not modelled: temperature (the study was made at 20 C only).
"""

from __future__ import annotations

import math

import numpy as np

from edensim.approx.chip_failure import Failure
from edensim.approx.chip_schema import LineLaw
from edensim.approx.laws_normal import common_z, share_of
from edensim.memory.safe_latency import LOWEST_V, NOMINAL_V, latency_ratios

STRIPES = 2


def line_fraction(law: LineLaw, vdd: float) -> float:
    """Share f of faulty lines at a supply in V, at the timing of the study."""
    if vdd >= law.error_free_v:
        return 0.0
    return share_of(law.slope_per_v * (law.v50 - vdd)) * (0.5 if law.weak_stripe_only else 1.0)


def line_failure(law: LineLaw, vdd: float, times_ns: tuple[float, float], banks: int) -> Failure | None:
    """What a low supply does to reads; None if nothing fails.

    Parameters
    ----------
    law : LineLaw
        Law of the supply.
    vdd : float
        Supply, in V of the measured chips.
    times_ns : tuple of float
        tRCD and tRP, in ns of the measured chips.
    banks : int
        Banks of the result; a law for fewer banks is repeated.
    """
    limiting = times_ns[0] if law.limited_by == "tRCD" else times_ns[1]
    fraction = line_fraction(law, equivalent_voltage(vdd, limiting, law.at_ns))
    if fraction == 0:
        return None
    weak = np.array([_stripes(law, share) for share in _per_bank(law, fraction, banks)])
    low, high = law.bits_per_line_band
    bits = (low, law.bits_per_line, high)
    basis = line_basis(law, vdd, times_ns)
    fails = np.full_like(weak, law.access)
    groups = (law.row_group, law.row_correlation, law.row_own)
    return Failure("VDD", "line", "flip", weak, fails, law.one_share, basis, bits, law.line_bits, *groups)


def line_basis(law: LineLaw, vdd: float, times_ns: tuple[float, float]) -> str:
    """How well founded the law is there: measured at its timing, and where longer times only add to no errors."""
    on_axis = law.measured_v[0] <= vdd and all(math.isclose(time, law.at_ns) for time in times_ns)
    clean = vdd >= law.error_free_v and min(times_ns) >= law.at_ns
    return "measured" if on_axis or clean else "extrapolated"


def equivalent_voltage(vdd: float, time_ns: float, at_ns: float) -> float:
    """Supply at which `at_ns` leaves as little slack as `time_ns` at `vdd`; infinite if no supply is that low."""
    if time_ns <= at_ns:
        return vdd
    ratio = latency_ratios(max(vdd, LOWEST_V)).tRCD * at_ns / time_ns
    if ratio < 1:
        return math.inf
    low, high = max(vdd, LOWEST_V), NOMINAL_V
    for _ in range(60):
        middle = (low + high) / 2
        if latency_ratios(middle).tRCD > ratio:
            low = middle
        else:
            high = middle
    return high


def _per_bank(law: LineLaw, fraction: float, banks: int) -> list[float]:
    """Failing share of the lines that can fail, bank by bank; their mean is that of the module."""
    share = min(fraction / (0.5 if law.weak_stripe_only else 1.0), 1.0)
    slope = law.bank_slope_per_v or law.slope_per_v
    offsets = [slope * offset for offset in law.bank_offset_v]
    middle = common_z(share, offsets)
    shares = [share_of(middle + offset) for offset in offsets] if 0 < share < 1 and offsets else [share]
    return [shares[bank % len(shares)] for bank in range(banks)]


def _stripes(law: LineLaw, share: float) -> tuple[float, float]:
    """Failing share in the strong and in the weak stripe of a bank."""
    if law.weak_stripe_only:
        return 0.0, share
    if law.stripe_z == 0 or not 0 < share < 1:
        return share, share
    offsets = (-law.stripe_z / STRIPES, law.stripe_z / STRIPES)
    middle = common_z(share, offsets)
    return share_of(middle + offsets[0]), share_of(middle + offsets[1])
