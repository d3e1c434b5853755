"""A hierarchy of caches that turns line touches into the requests that leave it.

Modelled: contents of any number of levels (LRU, tree PLRU, random; inclusive or not; write-back, write-allocate),
stream and stride prefetchers, dirty write-backs. Not modelled: coherence between cores, instruction fetches, TLBs, the
time an access takes (the core model's part).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.errors import ConfigError
from edensim.jit import LANES
from edensim.machines.cpu import cache_kernel as kernel

Words = NDArray[np.uint64]
POLICIES = {"lru": kernel.LRU, "plru": kernel.PLRU, "random": kernel.RANDOM}
PREFETCHERS = {"none": kernel.NO_PREFETCH, "stream": kernel.STREAM, "stride": kernel.STRIDE}
MAX_LINE = 1 << 30
"""Line numbers lie below this: 64 GiB with lines of 64 bytes."""


@dataclass(frozen=True)
class CacheLevel:
    """One cache.

    Parameters
    ----------
    size_bytes : int
        Capacity; `size_bytes / (ways * line_bytes)` sets, a power of two.
    ways : int
        Places per set, 1 to 32; a power of two under PLRU.
    policy : {"lru", "plru", "random"}
        Which way leaves a full set.
    inclusive : bool
        A line that leaves here leaves the levels above too.
    hashed : bool
        Fold upper line bits into the set index, as sliced last-level caches do.
    prefetcher : {"none", "stream", "stride"}
        `stream`: neighbouring lines of a 4 KiB page, either direction. `stride`: constant steps of one array.
    degree, distance : int
        Lines brought in per access, and how many steps ahead the first of them lies.
    name : str
        For messages.
    """

    size_bytes: int
    ways: int
    line_bytes: int = 64
    policy: str = "lru"
    inclusive: bool = False
    hashed: bool = False
    prefetcher: str = "none"
    degree: int = 2
    distance: int = 1
    name: str = "cache"

    @property
    def sets(self) -> int:
        """Number of sets."""
        return self.size_bytes // (self.ways * self.line_bytes)

    def check(self) -> None:
        """Raise ConfigError for a geometry that cannot be built."""
        where = f"machine.{self.name}"
        if not 1 <= self.ways <= 32:
            raise ConfigError(f"{where}.ways: found {self.ways}; expected 1 to 32")
        if self.policy == "plru" and self.ways & (self.ways - 1):
            raise ConfigError(f"{where}.ways: found {self.ways}; a plru tree needs a power of two")
        per_way = self.size_bytes / (self.ways * self.line_bytes)
        if per_way != self.sets or self.sets < 1 or self.sets & (self.sets - 1):
            raise ConfigError(
                f"{where}.size_bytes: {self.size_bytes} bytes / ({self.ways} ways x {self.line_bytes} bytes) is "
                f"{per_way:g} sets; expected a power of two"
            )


class Caches:
    """Caches from the core outwards, empty at the start.

    Parameters
    ----------
    levels : sequence of CacheLevel
        1 to 8, the first nearest to the core, all with the same line size.
    emit_level : int, optional
        Accesses that reach this level or lie beyond it leave a record (default: only what goes to memory).
    seed : int
        Of random replacement.
    """

    def __init__(self, levels: list[CacheLevel], emit_level: int | None = None, seed: int = 0) -> None:
        if not 1 <= len(levels) <= kernel.MAX_LEVELS:
            raise ConfigError(f"found {len(levels)} caches; expected 1 to {kernel.MAX_LEVELS}")
        for level in levels:
            level.check()
        if len({level.line_bytes for level in levels}) > 1:
            raise ConfigError("caches differ in line_bytes; expected one line size for all levels")
        self.levels = list(levels)
        self.emit_level = len(levels) if emit_level is None else emit_level
        self.state = np.zeros(1, kernel.HIERARCHY)
        h = self.state[0]
        h.depth, h.emit_level = len(levels), self.emit_level
        h.below = -1
        h.random = (2 * seed + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        words = 0
        for lv, level in zip(h.levels, levels, strict=False):
            lv.tags, lv.trees = words, words + level.sets * level.ways
            words = int(lv.trees) + (level.sets if level.policy == "plru" else 0)
            lv.sets_mask, lv.ways = level.sets - 1, level.ways
            lv.policy, lv.inclusive = POLICIES[level.policy], level.inclusive
            lv.hash_shift = (level.sets - 1).bit_length() if level.hashed else 0
            lv.prefetcher, lv.degree, lv.distance = PREFETCHERS[level.prefetcher], level.degree, level.distance
            lv.last[:] = -1
        if words > kernel.TAG_WORDS - LANES:  # kernels look at whole vectors, also at the end
            raise ConfigError(f"caches of {words} lines in all; expected at most {kernel.TAG_WORDS - LANES}")
        self._room = (len(levels) + 2) * self.fetches

    @property
    def fetches(self) -> int:
        """Lines that one access fetches at most: its own and those of the prefetchers."""
        return 1 + sum(level.degree for level in self.levels if level.prefetcher != "none")

    @property
    def most_records(self) -> int:
        """Bound of the records that one access leaves, and of the lines that it pushes out, of these and those above.

        A fetch or a write-back takes one victim per level; each may be written back below, where it takes others.
        """
        return self.fetches * (2 << len(self.levels))

    def put_above(self, group: int, shared: Caches) -> None:
        """Make these a core's own caches above those of `group`, whose inclusive levels take lines from them."""
        self.state["below"], shared.state["watched"] = group, 1

    def drive(self, touches: Words, count: int | None = None) -> Iterator[Words]:
        """Drive touches through the caches; yields the records that leave, in pieces that stay valid until the next."""
        at, end = 0, len(touches) if count is None else count
        while at < end:
            at = kernel.run_touches(self.state, touches, at, end, self._room)
            yield self.state["out"][0][: int(self.state["written"][0])]

    def rest(self) -> Iterator[Words]:
        """Records for the instructions since the last one, so that their time passes too."""
        while self.pending_instructions:
            gap = min(self.pending_instructions, kernel.RECORD_GAP_MASK)
            self.state["instructions"] -= gap
            yield np.array([gap << kernel.RECORD_GAP_SHIFT | kernel.PREFETCH], np.uint64)

    def counts(self) -> list[dict[str, int]]:
        """Per level: fetches that reached it (`reads`; at the first level all touches), misses and so on.

        `write_backs` counts dirty lines that left the level; `read_misses` of the last level are reads of memory.
        """
        levels = self.state["levels"][0][: len(self.levels)]
        return [{name: int(lv[name]) for name in kernel.COUNTS} for lv in levels]

    @property
    def pending_instructions(self) -> int:
        """Instructions since the last record."""
        return int(self.state["instructions"][0])

    def digest_state(self) -> NDArray[Any]:
        """All tags, for comparisons."""
        tags: NDArray[Any] = self.state["tags"][0].copy()
        return tags


def hierarchies(groups: Sequence[Caches]) -> NDArray[Any] | None:
    """Several empty hierarchies as one array for kernels; None without any.

    Raises
    ------
    ConfigError
        Shared levels prefetch so much that one access may leave more records than there is room for.
    """
    for caches in groups:
        if caches.emit_level == 0 and caches.most_records > kernel.SHARED_RECORDS:
            raise ConfigError(
                f"machine.cache: {len(caches.levels)} shared levels whose prefetchers bring in {caches.fetches - 1} "
                f"lines per access; expected (1 + lines) x 2^(levels + 1) of at most {kernel.SHARED_RECORDS}"
            )
    if len(groups) < 2:
        return groups[0].state if groups else None
    state = np.zeros(len(groups), kernel.HIERARCHY)
    for h, caches in zip(state, groups, strict=True):
        for name in set(kernel.HIERARCHY.names or ()) - {"tags", "out"}:  # these are empty, and large
            h[name] = caches.state[name][0]
    return state


def touch_words(
    line: NDArray[Any], write: NDArray[Any] | int = 0, gap: NDArray[Any] | int = 0, stream: NDArray[Any] | int = 0
) -> Words:
    """Touches as words: line, write flag, instructions since the touch before (0 to 1023), array number 0 to 15."""
    line = np.asarray(line)
    if line.size and (line.min() < 0 or line.max() >= MAX_LINE):
        raise ConfigError(f"line {int(line.max())} lies beyond the {MAX_LINE} lines that caches can tell apart")
    words = (line.astype(np.int64) << kernel.LINE_SHIFT) | (np.asarray(stream, np.int64) << kernel.STREAM_SHIFT)
    words |= (np.asarray(gap, np.int64) << kernel.GAP_SHIFT) | np.asarray(write, np.int64)
    return words.view(np.uint64)


@dataclass(frozen=True)
class Records:
    """What left the caches, unpacked: line, instructions since the record before, level that had it, array, flags."""

    line: NDArray[np.int64]
    gap: NDArray[np.int64]
    level: NDArray[np.int64]
    stream: NDArray[np.int64]
    write: NDArray[np.bool_]
    dependent: NDArray[np.bool_]
    prefetch: NDArray[np.bool_]
    store: NDArray[np.bool_]


def unpack(words: Words) -> Records:
    """Record words as arrays."""

    def field(shift: int, mask: int) -> NDArray[np.int64]:
        return ((words >> np.uint64(shift)) & np.uint64(mask)).astype(np.int64)

    def flag(bit: int) -> NDArray[np.bool_]:
        return np.asarray((words & np.uint64(bit)) != 0)

    return Records(
        field(kernel.RECORD_LINE_SHIFT, MAX_LINE - 1),
        field(kernel.RECORD_GAP_SHIFT, kernel.RECORD_GAP_MASK),
        field(kernel.RECORD_LEVEL_SHIFT, 7),
        field(kernel.RECORD_STREAM_SHIFT, 15),
        flag(kernel.WRITE),
        flag(kernel.DEPENDENT),
        flag(kernel.PREFETCH),
        flag(kernel.STORE),
    )
