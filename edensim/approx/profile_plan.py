"""What is measured when a module is profiled, and how long a tester takes for it.

EDEN's procedure (Koppula et al., MICRO 2019, section 3.4): for every voltage and latency, two neighbouring rows at a
time are filled with a pattern and its inverse, at nominal settings, and then every bit is read back, again and again,
at the lowered ones; several patterns. Errors strike the first burst after an activation, so each burst of a row needs
an activation of its own. Time is counted for one bank after the other, command by command:

    write a row   tRCD + bursts * tCCD + tCWL + burst + tWR + tRP
    read a burst  max(tRAS, tRCD + tRTP) + tRP

and stretched by refresh. Not counted: changing the supply, moving data to the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edensim.errors import ConfigError
from edensim.memory.geometry import Geometry
from edensim.rng import key, uniform

Ints = NDArray[np.int64]
PATTERNS = (0x00, 0xFF, 0xAA, 0x55)
MOST_ROWS = 1 << 16
MOST_READS = 1000


@dataclass(frozen=True)
class RigTimes:
    """Times of the memory in ns that decide how long profiling takes; `refresh_share`: time lost to refresh."""

    tRTP_ns: float
    tWR_ns: float
    tCCD_ns: float
    tCWL_ns: float
    burst_ns: float
    refresh_share: float = 0.0


@dataclass(frozen=True)
class Plan:
    """Which rows are read, how often, with which data.

    Parameters
    ----------
    pairs : int
        Pairs of rows per bank, spread evenly over it. Where rows differ (a chip's supply), the interval of a bank's
        rate needs about 32; with 16, half of the banks of a module may lie outside of theirs.
    reads : int
        Reads of each pattern, at least 2.
    patterns : sequence of int
        Bytes that even rows hold; odd rows hold the inverse.

    Raises
    ------
    ConfigError
        If a number is out of range, or patterns repeat.
    """

    pairs: int = 32
    reads: int = 4
    patterns: tuple[int, ...] = PATTERNS

    def __post_init__(self) -> None:
        if not 1 <= self.pairs <= MOST_ROWS // 2:
            raise ConfigError(f"pairs = {self.pairs}: expected 1 to {MOST_ROWS // 2:,} pairs of rows per bank")
        if not 2 <= self.reads <= MOST_READS:
            raise ConfigError(
                f"reads = {self.reads}: expected 2 to {MOST_READS:,} reads of each pattern (one cannot tell cells that "
                "fail rarely from cells that fail always)"
            )
        if not self.patterns or len(set(self.patterns)) < len(self.patterns) or len(self.patterns) > 8:
            raise ConfigError("patterns: expected 1 to 8 different bytes")
        if any(not 0 <= pattern <= 255 for pattern in self.patterns):
            raise ConfigError(f"patterns = {list(self.patterns)}: expected bytes, 0 to 255")

    def first_rows(self, geometry: Geometry) -> Ints:
        """First row of every pair, even: one at random (but always the same) in each of `pairs` equal parts of a bank.

        At most all rows but 0 and 1: row 1 is open before the first possible pair.
        """
        possible = max(geometry.rows // 2 - 1, 1)
        edges = np.arange(min(self.pairs, possible) + 1) * possible // min(self.pairs, possible)
        inside = uniform(key(0, "profile pairs"), np.arange(len(edges) - 1)) * np.diff(edges)
        return 2 + 2 * (edges[:-1] + inside.astype(np.int64))

    @property
    def order(self) -> Ints:
        """Pattern of every read, the patterns taking turns."""
        return np.tile(np.arange(len(self.patterns)), self.reads)


def stored_rows(plan: Plan, rows: Ints, width: int) -> NDArray[np.uint8]:
    """Data of rows under every pattern: (patterns, rows, bytes)."""
    flip = np.where(rows % 2, 0xFF, 0x00).astype(np.uint8)
    bytes_ = np.array(plan.patterns, np.uint8)[:, None] ^ flip[None, :]
    return np.repeat(bytes_[:, :, None], width, axis=2)


def seconds(
    plan: Plan,
    geometry: Geometry,
    rig: RigTimes,
    nominal: Sequence[float],
    lowered: Sequence[float],
    whole: bool = False,
) -> float:
    """Time of one step in s.

    Parameters
    ----------
    plan : Plan
        What is read.
    geometry : Geometry
        The memory.
    rig : RigTimes
        Its other timings.
    nominal, lowered : sequence of float
        tRCD, tRAS, tRP in ns of writing and of reading.
    whole : bool
        Count every row of the memory, not only those of the plan.
    """
    rows = geometry.channels * geometry.banks * (geometry.rows if whole else 2 * len(plan.first_rows(geometry)))
    tRCD, _, tRP = nominal
    write = tRCD + geometry.columns * rig.tCCD_ns + rig.tCWL_ns + rig.burst_ns + rig.tWR_ns + tRP
    tRCD, tRAS, tRP = lowered
    read = geometry.columns * (max(tRAS, tRCD + rig.tRTP_ns) + tRP)
    per_row = len(plan.patterns) * (write + plan.reads * read)
    return rows * per_row * 1e-9 / (1 - rig.refresh_share)
