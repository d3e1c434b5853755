"""What a memory did, as plain counts: the only thing energy is computed from.

Counts add up: the counters of two windows of one run, added, are those of both together, and a difference of two
readings is a window.

The last fields are optional: zero unless given, for what not every controller does (refreshes of single banks,
power-down, self refresh) or counts. A controller that does it must fill them, or that energy is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]
TAGS = 4
"""What requests may belong to: nothing in particular, or one of three kinds of tensors."""


def _optional() -> Int:
    """A field that becomes zeros of its shape unless it is given."""
    absent: Int = field(default_factory=lambda: np.zeros(0, np.int64))
    return absent


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
        Clocks with at least one bank of the rank open. Runs also count those with one in a refresh of its own.
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
    cut_ck : int64 [channels, banks], optional
        Clocks by which rows were closed before nominal tRAS had passed, summed over their precharges.
    n_refpb, n_refsb, n_ref2b : int64 [channels, banks], optional
        Refreshes that the bank took part in: of it alone, of the same bank of every group, of two banks.
    bank_refreshing_ck : int64 [channels, banks], optional
        Clocks of these refreshes; `bank_open_ck` does not hold them.
    rank_refreshing_ck : int64 [channels, ranks], optional
        Clocks with a bank of the rank in such a refresh and none open, as far as neither `rank_open_ck` nor
        `refreshing_ck` holds them.
    pda_ck, pdp_ck, sref_ck : int64 [channels, ranks], optional
        Clocks in active and precharge power-down and in self refresh, in which no bank or rank counts as open.
    by_tag : int64 [channels, tags, 3, banks], optional
        Reads, writes and activations by what the request that caused them belongs to (1 is the first kind of tensor).
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
    cut_ck: Int = _optional()
    n_refpb: Int = _optional()
    n_refsb: Int = _optional()
    n_ref2b: Int = _optional()
    bank_refreshing_ck: Int = _optional()
    rank_refreshing_ck: Int = _optional()
    pda_ck: Int = _optional()
    pdp_ck: Int = _optional()
    sref_ck: Int = _optional()
    by_tag: Int = _optional()

    def __post_init__(self) -> None:
        for like, names in ((self.n_act, PER_BANK), (self.n_ref, PER_RANK)):
            for name in names:
                if not getattr(self, name).size:
                    object.__setattr__(self, name, np.zeros(like.shape, np.int64))
        if not self.by_tag.size:
            channels, banks = self.n_act.shape
            object.__setattr__(self, "by_tag", np.zeros((channels, TAGS, 3, banks), np.int64))

    @classmethod
    def zeros(cls, period_ps: Fraction, channels: int, ranks: int, banks: int) -> Counters:
        """Counters of a memory that did nothing; `banks` per channel, over all its ranks."""
        shapes = {name: (channels, banks) for name in PER_BANK} | {name: (channels, ranks) for name in PER_RANK}
        names = [each.name for each in fields(cls) if each.name not in ("period_ps", "by_tag")]
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
        names = [each.name for each in fields(self) if each.name != "period_ps"]
        return Counters(self.period_ps, **{name: times * getattr(self, name) for name in names})

    def _with(self, other: Counters, sign: int) -> Counters:
        if self.period_ps != other.period_ps:
            raise ValueError(f"counters of different clocks ({self.period_ps} and {other.period_ps} ps) do not add up")
        names = [each.name for each in fields(self) if each.name != "period_ps"]
        return Counters(self.period_ps, **{name: getattr(self, name) + sign * getattr(other, name) for name in names})


@dataclass(frozen=True, eq=False)
class PhasedCounters(Counters):
    """Counters in parts, between which the memory's operating point changed; the other fields hold their sum.

    Attributes
    ----------
    phases : tuple of Counters
        In order of time, one more than there are switches; they are differences, so a window may miss some of them.
    """

    phases: tuple[Counters, ...] = ()

    @classmethod
    def of(cls, total: Counters, phases: Sequence[Counters]) -> PhasedCounters:
        """Counters that are `total` and the sum of `phases`."""
        return cls(**{each.name: getattr(total, each.name) for each in fields(Counters)}, phases=tuple(phases))

    @property
    def total(self) -> Counters:
        """The sum alone."""
        return Counters(**{each.name: getattr(self, each.name) for each in fields(Counters)})

    def __add__(self, other: Counters) -> PhasedCounters:
        parts = self._parts_of(other)
        return self.of(self.total + _total(other), [a + b for a, b in zip(self.phases, parts, strict=True)])

    __radd__ = __add__

    def __sub__(self, other: Counters) -> PhasedCounters:
        parts = self._parts_of(other)
        return self.of(self.total - _total(other), [a - b for a, b in zip(self.phases, parts, strict=True)])

    def __mul__(self, times: int) -> PhasedCounters:
        """What `times` windows that are all alike count."""
        return self.of(self.total * times, [part * times for part in self.phases])

    def _parts_of(self, other: Counters) -> tuple[Counters, ...]:
        """Counters without parts are of the first one."""
        if isinstance(other, PhasedCounters):
            return other.phases
        return (other, *(part * 0 for part in self.phases[1:]))


def _total(counters: Counters) -> Counters:
    return counters.total if isinstance(counters, PhasedCounters) else counters


PER_BANK = (
    *("n_act", "n_pre", "n_rd", "n_wr", "bank_open_ck"),
    *("cut_ck", "n_refpb", "n_refsb", "n_ref2b", "bank_refreshing_ck"),
)
"""Fields of shape [channels, banks]."""

PER_RANK = ("n_ref", "rank_open_ck", "refreshing_ck", "rank_refreshing_ck", "pda_ck", "pdp_ck", "sref_ck")
"""Fields of shape [channels, ranks]; all others but `by_tag` are [channels]."""
