"""What a memory did, as plain counts: the only thing energy is computed from.

Counts add up: the counters of two windows of one run, added, are those of both together, and a difference of two
readings is a window. Not counted: power-down and self refresh, which the controller does not use.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Counters:
    """Commands and bank states of every channel.

    Attributes
    ----------
    period_ps : Fraction
        Clock period in ps.
    cycles : int64 [channels]
        Clocks that went by.
    n_act, n_pre, n_rd, n_wr : int64 [channels, banks]
        Commands per bank; `n_pre` counts transitions from open to closed, those by PREab included.
    n_ref : int64 [channels, ranks]
        All-bank refreshes.
    bank_open_ck : int64 [channels, banks]
        Clocks a bank was open (from ACT to PRE).
    rank_open_ck : int64 [channels, ranks]
        Clocks with at least one bank of the rank open.
    refreshing_ck : int64 [channels, ranks]
        Clocks spent in refresh, n_ref * nRFC; all banks of the rank are closed then.
    row_hit, row_miss, row_conflict : int64 [channels]
        Requests by what they found: row open, bank closed, other row open.
    reads, writes : int64 [channels]
        Requests that were served, forwarded and coalesced ones included.
    reads_forwarded, writes_coalesced : int64 [channels]
        Reads answered from the write queue and writes merged into it.
    read_latency_ck_sum : int64 [channels]
        Latencies of all reads, from acceptance to the last beat of data.
    """

    period_ps: Fraction
    cycles: Int
    n_act: Int
    n_pre: Int
    n_rd: Int
    n_wr: Int
    n_ref: Int
    bank_open_ck: Int
    rank_open_ck: Int
    refreshing_ck: Int
    row_hit: Int
    row_miss: Int
    row_conflict: Int
    reads: Int
    writes: Int
    reads_forwarded: Int
    writes_coalesced: Int
    read_latency_ck_sum: Int

    @classmethod
    def zeros(cls, period_ps: Fraction, channels: int, ranks: int, banks: int) -> Counters:
        """Counters of a memory that did nothing; `banks` per channel, over all its ranks."""
        shapes = {name: (channels, banks) for name in PER_BANK} | {name: (channels, ranks) for name in PER_RANK}
        names = [field.name for field in fields(cls) if field.name != "period_ps"]
        return cls(period_ps, **{name: np.zeros(shapes.get(name, (channels,)), np.int64) for name in names})

    @property
    def time_ns(self) -> float:
        """Time of the longest channel, in ns."""
        return float(self.period_ps * int(self.cycles.max(initial=0)) / 1000)

    def __add__(self, other: Counters) -> Counters:
        return self._with(other, 1)

    def __sub__(self, other: Counters) -> Counters:
        return self._with(other, -1)

    def __mul__(self, times: int) -> Counters:
        """What `times` windows that are all alike count."""
        names = [field.name for field in fields(self) if field.name != "period_ps"]
        return Counters(self.period_ps, **{name: times * getattr(self, name) for name in names})

    def _with(self, other: Counters, sign: int) -> Counters:
        if self.period_ps != other.period_ps:
            raise ValueError(f"counters of different clocks ({self.period_ps} and {other.period_ps} ps) do not add up")
        names = [field.name for field in fields(self) if field.name != "period_ps"]
        return Counters(self.period_ps, **{name: getattr(self, name) + sign * getattr(other, name) for name in names})


PER_BANK = ("n_act", "n_pre", "n_rd", "n_wr", "bank_open_ck")
"""Fields of shape [channels, banks]."""

PER_RANK = ("n_ref", "rank_open_ck", "refreshing_ck")
"""Fields of shape [channels, ranks]; all others are [channels]."""
