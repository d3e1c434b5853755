"""Cores as agents of the world: their parameters, their state, and the records they work on.

Modelled: see `core_kernel`. Not modelled: branch mispredictions, instruction fetches, TLBs, functional units: code
issues at `width` instructions per cycle as long as data are there. A level-one or level-two hit costs nothing where the
window covers it, which is why caches usually leave no records of such hits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.dram.controller import DramSystem
from edensim.errors import ConfigError
from edensim.machines.cpu.cache_kernel import LINE_SHIFT, RECORD_LINE_SHIFT, SHARED_RECORDS
from edensim.system.core_kernel import LEVELS, STALLS
from edensim.system.port_kernel import ARRIVALS, LOADS, MISSES

Records = NDArray[np.uint64]
PIECE = 1 << 16
"""Records handed to the kernel at once."""
LINE_BYTES = 64
STREAMS = 16
"""Arrays that records tell apart."""
CORE_SCALARS = """slot window loads stores misses depth bursts return_time memory_time ready instruction stage burst
    place at end own group live own_at shared_at shared_end head tail blocked_on busy_time reads writes""".split()
CORE_MISSES = """miss_done miss_late miss_left miss_outcome miss_sent miss_line miss_load miss_store miss_row miss_queue
    miss_refresh miss_channel miss_bank""".split()
CORE_STATE = np.dtype(
    (
        np.record,
        [
            *((name, np.int64) for name in CORE_SCALARS),
            *((name, np.int64, (MISSES,)) for name in CORE_MISSES),
            *((name, np.int64, (LOADS,)) for name in ("load_at", "load_done", "load_least", "load_miss")),
            *((name, np.int64, (ARRIVALS,)) for name in ("arrival_line", "arrival_miss")),
            ("level_time", np.int64, (LEVELS,)),
            ("level_hits", np.int64, (LEVELS,)),
            ("stall_time", np.int64, (STALLS,)),
            *((name, np.int64, (STREAMS,)) for name in ("tensors", "tags", "stream_reads", "stream_writes")),
            ("program", np.uint64, (PIECE,)),
            ("shared", np.uint64, (SHARED_RECORDS,)),
        ],
    )
)


@dataclass(frozen=True)
class CoreSpec:
    """A core.

    Parameters
    ----------
    clock_mhz : Fraction
        Clock.
    width : int
        Instructions issued per cycle.
    window : int
        Instructions that may be in flight behind an outstanding load (reorder buffer).
    loads, stores : int
        Outstanding loads (at most 512) and stores.
    misses : int
        Reads of memory under way at once (miss status registers), at most 64.
    hit_cycles : tuple of int
        Latency of each cache level, nearest first.
    memory_ns : Fraction
        What a request takes from the last cache to the memory controller and its data back.
    own_levels : int
        Levels that are the core's own, if there are others, which it shares (-1: all are its own). Its records are
        those that leave its own levels; `World.hierarchy` holds the others.
    group : int
        Which of the world's caches these are.
    live : int
        Which of the world's caches are the core's own (-1: none; its program is what leaves them, not touches).
    """

    clock_mhz: Fraction
    width: int
    window: int
    loads: int
    stores: int
    misses: int
    hit_cycles: tuple[int, ...]
    memory_ns: Fraction
    own_levels: int = -1
    group: int = 0
    live: int = -1


def set_up(core: Any, spec: CoreSpec, system: DramSystem, unit_ps: Fraction) -> None:
    """Initial state of a core in a world whose unit of time is `unit_ps`."""
    burst = system.geometry.burst_bytes
    if LINE_BYTES % burst:
        raise ConfigError(f"a burst of this memory is {burst} bytes; a core's caches fill lines of {LINE_BYTES} bytes")
    clock = Fraction(1_000_000) / spec.clock_mhz / unit_ps
    period = int(system.period / unit_ps)
    core["slot"] = int(clock / spec.width)
    core["window"], core["loads"] = spec.window, min(spec.loads, LOADS)
    core["own"], core["group"], core["live"] = spec.own_levels, spec.group, spec.live + 1
    core["stores"], core["misses"] = spec.stores, min(spec.misses, MISSES)
    core["depth"], core["bursts"] = len(spec.hit_cycles), LINE_BYTES // burst
    core["level_time"][: len(spec.hit_cycles)] = [int(clock * cycles) for cycles in spec.hit_cycles]
    core["return_time"] = -(-spec.memory_ns * 1000 // unit_ps) + int(clock * sum(spec.hit_cycles[-1:]))
    core["memory_time"] = int(core["return_time"]) + system.policy.read_latency * period
    core["miss_line"], core["miss_load"], core["arrival_line"] = -1, -1, -1


def pieces(records: Iterable[Records]) -> Iterator[Records]:
    """Records in pieces of at most `PIECE`, none of them empty."""
    for words in records:
        for begin in range(0, len(words), PIECE):
            yield words[begin : begin + PIECE]


def translate(words: Records, page_table: NDArray[np.int64], page_lines: int, touches: bool = False) -> Records:
    """Records (or touches) with physical lines; pages of `page_lines` lines of 64 bytes."""
    if len(page_table) == 0:
        return words
    bits = LINE_SHIFT if touches else RECORD_LINE_SHIFT
    shift = np.uint64(bits)
    line = (words >> shift).astype(np.int64)
    line = page_table[line // page_lines] * page_lines + line % page_lines
    return (line.astype(np.uint64) << shift) | (words & np.uint64((1 << bits) - 1))
