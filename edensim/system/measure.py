"""From counters to the figures of a result: latencies, energy, commands, timeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.dram.channel_kernel import EXACT
from edensim.dram.commands import COMMAND_NAMES, REFAB, REFSB
from edensim.dram.controller import DramSystem
from edensim.dram.counters import Counters
from edensim.dram.energy import EnergyBreakdown
from edensim.dram.reading_kernel import (
    ACTS,
    BANK_OPEN,
    CLOSINGS,
    HITS,
    OTHERS,
    RANK_OPEN,
    READING,
    READS,
    REFRESHES,
    WRITES,
    take_reading,
)
from edensim.memory import OperatingState

Int = NDArray[np.int64]
Readings = Mapping[str, NDArray[np.int64]] | NDArray[Any]
"""Channels, or arrays of theirs by name."""
ALWAYS_SHOWN = ("ACT", "PRE", "RD", "WR", "REF")
COMMAND_KEYS = {"PREpb": "PRE", "PREab": "PREA", "REFab": "REF", "REFpb": "REFpb"}


def operating_point(state: OperatingState) -> dict[str, Any]:
    """Operating point of the module (and of partitions, if any) as plain data."""
    points = state.describe()
    module = points.pop("module")
    return module | ({"partitions": points} if points else {})


def row_counts(counters: Counters) -> dict[str, int]:
    """Requests by what they found in their bank."""
    return {
        "hit": int(counters.row_hit.sum()),
        "miss": int(counters.row_miss.sum()),
        "conflict": int(counters.row_conflict.sum()),
    }


def commands(channels: Readings) -> dict[str, int]:
    """Commands of all channels by name; PRE = one bank, PREA = all banks of a rank. Unusual ones only if they occur."""
    total = channels["counts"].sum(axis=(0, 2))
    named = {COMMAND_KEYS.get(name, name): int(n) for name, n in zip(COMMAND_NAMES, total, strict=True)}
    return {name: n for name, n in named.items() if n or name in ALWAYS_SHOWN}


def asleep(system: DramSystem, counters: Counters) -> dict[str, dict[str, float]]:
    """Shares of the ranks' time in each state of rest, as key `asleep`; empty if ranks are never powered down."""
    if system.policy.sleep is None:
        return {}
    total = int(counters.cycles.sum()) * system.shape.ranks
    states = {"active": counters.pda_ck, "precharge": counters.pdp_ck, "self_refresh": counters.sref_ck}
    return {"asleep": {name: float(clocks.sum() / total) if total else 0.0 for name, clocks in states.items()}}


def latency_clocks(channels: Readings) -> dict[str, float]:
    """Read latency in clocks: mean, median and 99th percentile (nearest rank); nan-free, 0 without reads.

    Percentiles are exact up to 8191 clocks and at most 1.6 % too high beyond.
    """
    count = channels["latency_count"].sum(axis=0)
    reads = int(count.sum())
    if reads == 0:
        return {"mean": 0.0, "p50": 0.0, "p99": 0.0}
    upto = np.cumsum(count)
    percentile = {f"p{p}": longest_latency(int(np.searchsorted(upto, -(-reads * p // 100)))) for p in (50, 99)}
    return {"mean": float(channels["latency_sum"].sum() / reads)} | percentile


def longest_latency(index: int) -> float:
    """Longest latency, in clocks, that a bin of the kernel counts (see `channel_kernel.latency_bin`)."""
    octave, part = divmod(index - EXACT, 64)
    return float(index if octave < 0 else ((part + 65) << (octave + 7)) - 1)


def read_latency_ns(system: DramSystem, channels: Readings) -> dict[str, float]:
    """Read latency in ns: mean, p50, p99."""
    period_ns = float(system.period / 1000)
    return {name: value * period_ns for name, value in latency_clocks(channels).items()}


def timeline(system: DramSystem, channels: np.ndarray, end_clock: int, breakdown: EnergyBreakdown) -> dict[str, Any]:
    """Bytes, row hits and average power per time bin over the whole run, all channels together.

    Returns
    -------
    dict
        bin_ns, start_ns, bytes_read, bytes_write, row_hit, row_other, power_mw {component: [mW, to 6 digits], total}.
    """
    clocks, parts = readings(system, channels, end_clock)
    bin_ns = float(clocks * system.period / 1000)
    line = system.geometry.burst_bytes
    starts = np.arange(len(parts)) * clocks
    spans = np.minimum(clocks, max(end_clock, 1) - starts)
    return {
        "bin_ns": bin_ns,
        "start_ns": [float(x) for x in np.arange(len(parts)) * bin_ns],
        "bytes_read": (parts[:, READS] * line).tolist(),
        "bytes_write": (parts[:, WRITES] * line).tolist(),
        "row_hit": parts[:, HITS].tolist(),
        "row_other": parts[:, OTHERS].tolist(),
        "power_mw": power_timeline(system, breakdown, parts, spans),
    }


def readings(system: DramSystem, channels: np.ndarray, end_clock: int) -> tuple[int, Int]:
    """What happened in every time bin: clocks of a bin, and int64 [bins, columns of `reading_kernel`]."""
    clocks = int(channels["bin_clocks"].max())
    bins, width = -(-max(end_clock, 1) // clocks), channels["timeline"].shape[2]
    edges = np.minimum(np.arange(1, bins + 1) * clocks, end_clock)
    total = np.zeros((bins, width), np.int64)
    for ch in channels:
        upto = np.zeros(width, np.int64)
        take_reading(ch, upto, end_clock)
        have = np.arange(1, int(ch["bins"]) + 1) * int(ch["bin_clocks"])
        last = np.searchsorted(have, edges, side="right")
        values = np.vstack([np.zeros((1, width), np.int64), ch["timeline"][: int(ch["bins"])]])[last]
        values[(edges >= ch["bin_end"]) | (edges >= end_clock)] = upto  # the open bin holds all that came last
        total += values
    return clocks, np.diff(total, axis=0, prepend=np.zeros((1, width), np.int64))


def power_timeline(
    system: DramSystem, breakdown: EnergyBreakdown, parts: Int, spans: NDArray[np.int64]
) -> dict[str, list[float]]:
    """Average power by component in every bin, in mW; powers times spans add up to the energies.

    Every part of the energy is shared out by what causes it: rows, bursts, refreshes, clocks that banks and ranks were
    open, refreshed or asleep. Exact where all banks have one supply, at mean prices otherwise. A refresh belongs to the
    bin in which it begins.
    """
    single, geometry = system.refresh.command != REFAB, system.geometry
    refreshing = parts[:, REFRESHES] * (system.policy.bank_refresh if single else system.timing.ck["nRFC"])
    banks = 1 if single else geometry.banks_per_rank
    if system.refresh.command == REFSB:
        banks = geometry.banks_per_rank // geometry.banks_per_group
    own = breakdown.by_place["background"].sum()
    standing = breakdown.standing
    caused = {
        "act": [(breakdown.act, parts[:, ACTS])],
        "pre": [(breakdown.pre, parts[:, CLOSINGS])],
        "rd": [(breakdown.rd, parts[:, READS])],
        "wr": [(breakdown.wr, parts[:, WRITES])],
        "ref": [(breakdown.ref, parts[:, REFRESHES])],
        "background": [
            (own, parts[:, BANK_OPEN] + refreshing * banks),
            (standing, spans),
            (
                breakdown.shared_by_chip.sum() - standing - sum(breakdown.slept),
                parts[:, RANK_OPEN] + (0 if single else refreshing),
            ),
            *zip(breakdown.slept, parts[:, READING:].T, strict=False),
        ],
        "io": [(breakdown.io, parts[:, READS] + parts[:, WRITES])],
    }
    energy = {name: sum(value * share(cause) for value, cause in causes) for name, causes in caused.items()}
    energy["total"] = sum(energy.values())
    span_ns = spans * float(system.period / 1000)
    return {name: [float(f"{x:.6g}") for x in values / span_ns] for name, values in energy.items()}


def share(cause: NDArray[np.int64]) -> NDArray[np.float64]:
    """Parts of a whole, by what caused it; evenly if nothing was counted."""
    total = cause.sum()
    return cause / total if total else np.full(len(cause), 1 / len(cause))
