"""A GPU as an agent of the world: its parameters and its state.

Modelled: see `gpu_kernel`. Not modelled: instruction issue (a step takes its products at the SM's full rate), the
first-level cache (loads of tiles pass it by), the crossbar's topology (every SM is equally far from every slice),
address translation, atomics, several kernels at once, kernel launch overhead unless `launch_cycles` gives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from edensim.dram.channel_kernel import NEVER
from edensim.dram.controller import DramSystem
from edensim.errors import ConfigError
from edensim.machines.gpu.launch_kernel import LAUNCH, SECTOR

SCALARS = """sms slots stages slices sets ways units unit_sectors queue merges write_room mshrs clock l2_time memory_time
    link_time sector_time hashed launch_time set_shift read_time leaves leaf_slices leaf_fetch leaf_returns leaf_slots
    ring batches accesses begun next_cta live requests sector_hits sector_misses merged busy_time""".split()
STALLS = ("l2", "dram", "activation", "queue")
"""What an SM without anything to compute waits for; see `gpu_kernel`."""
KINDS = 4  # kinds of tensors that bursts are counted by


@dataclass(frozen=True)
class GpuSpec:
    """A GPU's timing and second-level cache.

    Parameters
    ----------
    clock_mhz : Fraction
        Of SMs, crossbar and cache.
    sms, blocks, stages : int
        SMs, blocks per SM at most, tiles per block whose loads may be in flight or in use.
    slices, sets, ways, line_bytes : int
        The cache; `sets` per slice and `line_bytes` are powers of two.
    hashed : bool
        Upper address bits are folded into the choice of slice and set.
    queue : int
        Requests that wait in front of a slice; a full queue stops the SM that has the next one.
    mshrs, merges : int
        Lines under way per slice, and requests that wait for one of them.
    write_backs : int
        Dirty bursts that wait to leave a slice.
    slice_bytes, sm_bytes : Fraction
        Data a slice serves, and an SM receives, per clock.
    l2_cycles : int
        From an SM's request to its data when the cache has them.
    memory_cycles : int
        What a miss takes beside that and beside what the memory itself takes.
    launch_cycles : int
        From the start of a kernel to its first loads.
    """

    clock_mhz: Fraction
    sms: int
    blocks: int
    stages: int
    slices: int
    sets: int
    ways: int
    line_bytes: int
    hashed: bool
    queue: int
    mshrs: int
    merges: int
    write_backs: int
    slice_bytes: Fraction
    sm_bytes: Fraction
    l2_cycles: int
    memory_cycles: int
    launch_cycles: int = 0


def gpu_state(spec: GpuSpec, system: DramSystem, unit_ps: Fraction, most_requests: int) -> np.ndarray:
    """State of an idle GPU with an empty cache, in a world whose unit of time is `unit_ps`.

    `most_requests`: of a step of any kernel that it will run.

    Raises
    ------
    ConfigError
        If the memory's bursts are no parts of a line made of whole sectors.
    """
    burst = system.geometry.burst_bytes
    if burst % SECTOR or spec.line_bytes % burst:
        raise ConfigError(
            f"a burst of this memory is {burst} bytes; the cache of a GPU is filled by bursts of 32 bytes to "
            f"machine.l2.line_bytes, which is {spec.line_bytes}"
        )
    channels, period = system.geometry.channels, int(system.period / unit_ps)
    clock = int(Fraction(1_000_000) / spec.clock_mhz / unit_ps)
    units = spec.line_bytes // burst
    lines = spec.slices * spec.sets * spec.ways
    slots, mshrs = spec.sms * spec.blocks, spec.slices * spec.mshrs
    back = spec.memory_cycles * clock // (system.timing.burst_ck * period) + system.timing.read_latency
    ring = 1 << (2 * back + 64).bit_length()
    leaf_slices = spec.sms
    leaf_fetch = leaf_slices + spec.slices
    leaf_returns = leaf_fetch + 2 * spec.slices
    leaf_slots = leaf_returns + channels
    leaves = 1 << (leaf_slots + slots - 1).bit_length()
    batches = spec.blocks * (spec.stages + 1) + 1
    arrays = {
        "due": (np.int64, leaves), "best": (np.int32, leaves),
        # SMs: what waits to be issued, the requests of the first of it, and the link that brings data
        "batch": (np.int64, spec.sms * batches), "batch_head": (np.int64, spec.sms), "batch_count": (np.int64, spec.sms),
        "words": (np.int64, spec.sms * most_requests), "word": (np.int64, spec.sms), "word_count": (np.int64, spec.sms),
        "sm_free": (np.int64, spec.sms), "sm_next": (np.int32, spec.sms), "sm_granted": (np.int32, spec.sms),
        "link": (np.int64, spec.sms), "compute_free": (np.int64, spec.sms),
        # blocks
        "cta": (np.int64, slots), "loaded": (np.int64, slots), "computed": (np.int64, slots),
        "computing": (np.int64, slots), "slot_begin": (np.int64, slots), "left": (np.int64, slots * spec.stages),
        "ready": (np.int64, slots * spec.stages), "late": (np.int64, slots * spec.stages * 4),
        # slices
        "queue_word": (np.int64, spec.slices * spec.queue), "queue_who": (np.int64, spec.slices * spec.queue),
        "queue_born": (np.int64, spec.slices * spec.queue), "queue_head": (np.int64, spec.slices),
        "queue_count": (np.int64, spec.slices), "promised": (np.int64, spec.slices),
        "sm_first": (np.int64, spec.slices), "sm_last": (np.int64, spec.slices), "slice_free": (np.int64, spec.slices),
        "stalled": (np.int64, spec.slices),
        "tag": (np.int64, lines), "used": (np.int64, lines), "valid": (np.uint8, lines), "dirty": (np.uint8, lines),
        "owner": (np.int32, lines), "way_mshr": (np.int32, lines),
        "mshr_line": (np.int64, mshrs), "mshr_way": (np.int64, mshrs), "mshr_pending": (np.int64, mshrs),
        "mshr_waiters": (np.int64, mshrs), "mshr_owner": (np.int64, mshrs),
        "mshr_free": (np.int64, mshrs), "free_mshrs": (np.int64, spec.slices),
        "waiter": (np.int64, mshrs * spec.merges), "waiter_mask": (np.uint8, mshrs * spec.merges),
        "waiter_born": (np.int64, mshrs * spec.merges),
        # towards memory
        "fetch": (np.int64, mshrs * units), "fetch_born": (np.int64, mshrs * units),
        "fetch_channel": (np.int64, mshrs * units), "fetch_head": (np.int64, spec.slices), "fetch_count": (np.int64, spec.slices),
        "send_free": (np.int64, 2 * spec.slices),
        "write": (np.int64, spec.slices * spec.write_backs), "write_owner": (np.int64, spec.slices * spec.write_backs),
        "write_head": (np.int64, spec.slices), "write_count": (np.int64, spec.slices),
        "wait_first": (np.int64, 2 * channels), "wait_last": (np.int64, 2 * channels), "wait_next": (np.int64, 2 * spec.slices),
        "return_time": (np.int64, channels * ring), "return_what": (np.int64, channels * ring),
        "return_head": (np.int64, channels), "return_count": (np.int64, channels), "return_last": (np.int64, channels),
        "stall_time": (np.int64, len(STALLS)), "row_time": (np.int64, 4), "moved": (np.int64, 2 * KINDS),
    }  # fmt: skip
    layout: list[tuple[Any, ...]] = [(name, np.int64) for name in SCALARS] + [("launch", LAUNCH)]
    layout += [(name, kind, (size,)) for name, (kind, size) in arrays.items()]
    g = np.zeros(1, np.dtype((np.record, layout)))
    to_time = {
        "clock": clock, "l2_time": spec.l2_cycles * clock, "memory_time": spec.memory_cycles * clock,
        "launch_time": spec.launch_cycles * clock, "link_time": -(-SECTOR * clock // spec.sm_bytes),
        "sector_time": -(-SECTOR * clock // spec.slice_bytes), "read_time": system.timing.read_latency * period,
    }  # fmt: skip
    shapes = {
        "sms": spec.sms, "slots": spec.blocks, "stages": spec.stages, "slices": spec.slices, "sets": spec.sets,
        "ways": spec.ways, "units": units, "unit_sectors": burst // SECTOR, "queue": spec.queue, "mshrs": spec.mshrs,
        "merges": spec.merges, "write_room": spec.write_backs, "hashed": spec.hashed,
        "set_shift": spec.sets.bit_length() - 1, "leaves": leaves, "leaf_slices": leaf_slices,
        "leaf_fetch": leaf_fetch, "leaf_returns": leaf_returns, "leaf_slots": leaf_slots, "ring": ring,
        "batches": batches, "begun": 1,
    }  # fmt: skip
    for name, value in (to_time | shapes).items():
        g[name] = value
    g["due"], g["tag"], g["way_mshr"] = NEVER, -1, -1
    for name in ("word_count", "sm_first", "wait_first"):
        g[name] = -1
    g["free_mshrs"] = spec.mshrs
    g["mshr_free"] = np.arange(mshrs)
    nodes = np.arange(leaves)
    below = leaves.bit_length() - 1 - np.array([int(n).bit_length() - 1 for n in nodes])
    g["best"] = (nodes << below) - leaves
    activate, precharge = system.timing.ck["nRCD"], system.timing.ck["nRP"]
    g["row_time"] = np.array([0, activate, 0, activate + precharge]) * period
    return g
