"""Everything that cores and their memory have counted at one time, to be subtracted, added and multiplied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.dram.counters import Counters
from edensim.memory.placement import Tensor
from edensim.system.core_kernel import DOOR, QUEUE, REFRESH, ROW_HIT, ROW_OPEN
from edensim.system.world import World

Int = NDArray[np.int64]
KINDS = ("weights", "ifm", "ofm")
OF_CORES = ("busy_time", "stall_time", "stream_reads", "stream_writes")
OF_CHANNELS = ("counts", "latency_count", "latency_sum")


@dataclass(frozen=True, eq=False)
class Reading:
    """Time in units of the world, counters of the memory, arrays of the cores (all together) and of the channels."""

    time: int
    counters: Counters
    cores: dict[str, Int]
    channels: dict[str, Int]

    @classmethod
    def of(cls, world: World, cores: slice = slice(None)) -> Reading:
        """Read a world now, of its cores only some."""
        chosen = world.state["cores"][0][cores]
        return cls(
            world.now,
            world.system.counters(world.channels, world.now_clock),
            {name: chosen[name].sum(axis=0) for name in OF_CORES},
            {name: world.channels[name].copy() for name in OF_CHANNELS},
        )

    def __sub__(self, other: Reading) -> Reading:
        return self._with(other, -1)

    def __add__(self, other: Reading) -> Reading:
        return self._with(other, 1)

    def _with(self, other: Reading, sign: int) -> Reading:
        return Reading(
            self.time + sign * other.time,
            self.counters + other.counters if sign > 0 else self.counters - other.counters,
            {name: mine + sign * other.cores[name] for name, mine in self.cores.items()},
            {name: mine + sign * other.channels[name] for name, mine in self.channels.items()},
        )

    def __mul__(self, times: int) -> Reading:
        return Reading(
            self.time * times,
            self.counters * times,
            {name: times * mine for name, mine in self.cores.items()},
            {name: times * mine for name, mine in self.channels.items()},
        )

    def lines(self, tensors: Sequence[Tensor], bursts: int) -> dict[str, int]:
        """Bursts of memory by direction and by kind of tensor, `bursts` to a line of 64 bytes."""
        reads, writes = self.cores["stream_reads"], self.cores["stream_writes"]
        lines = {"read": int(reads.sum()), "write": int(writes.sum()), **dict.fromkeys(KINDS, 0)}
        for tensor, count in zip(tensors, reads + writes, strict=False):
            lines[tensor.kind] += int(count)
        return {name: count * bursts for name, count in lines.items()}

    def stack(self, cores: int, depth: int, to_ns: Callable[[int], float]) -> dict[str, float]:
        """Time by what it was spent on, mean of the cores; `other`: a core without work, and the drain at the end."""
        stalls: Any = self.cores["stall_time"]
        parts = {"compute": int(self.cores["busy_time"])}
        parts |= {f"l{k + 1}": int(stalls[k]) for k in range(depth)}
        parts |= {"row_hit": int(stalls[ROW_HIT]), "row_miss": int(stalls[ROW_OPEN])}
        parts |= {"queue": int(stalls[QUEUE] + stalls[DOOR]), "refresh": int(stalls[REFRESH])}
        stack = {name: to_ns(time) / cores for name, time in parts.items()}
        return stack | {"other": max(0.0, to_ns(self.time) - sum(stack.values()))}
