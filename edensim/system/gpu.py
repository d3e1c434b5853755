"""A GPU as an agent of the world: its parameters and its state.

Modelled: see `gpu_kernel`. Not modelled: instruction issue (a step takes its products at the SM's full rate), the
first-level cache (loads of tiles pass it by), the crossbar's topology (every SM is equally far from every slice),
address translation, atomics, several kernels at once, kernel launch overhead unless `launch_cycles` gives it,
channels that take a few hundred bytes in a row (neighbouring bursts lie in neighbouring channels, so write-backs that
come in no order open a row for nearly every burst).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from edensim.dram.channel_kernel import NEVER
from edensim.dram.controller import DramSystem
from edensim.errors import ConfigError
from edensim.machines.gpu.device import MOST_REQUESTS
from edensim.machines.gpu.launch_kernel import LAUNCH, SECTOR
from edensim.system.gpu_kernel import RETURNS

SCALARS = """sms slots stages slices sets ways units unit_sectors queue merges write_room mshrs clock l2_time
    memory_time link_time sector_time hashed launch_time set_shift read_time leaves leaf_slices leaf_fetch leaf_returns
    leaf_slots batches accesses begun next_cta live requests sector_hits sector_misses merged busy_time""".split()
STALLS = ("l2", "dram", "activation", "queue")
"""What an SM without anything to compute waits for; see `gpu_kernel`."""
KINDS = 4  # kinds of tensors that bursts are counted by

# Sizes of arrays belong to a record's type, and every type is compiled by itself: so they are the same for all GPUs.
# Memory that is not used is never touched.
SMS, BLOCKS, STEPS, SLICES, CHANNELS = 192, 6144, 1 << 15, 128, 64
QUEUED, LINES, MISSES, WAITERS, BURSTS, LEAVES = 1 << 13, 1 << 20, 1 << 15, 1 << 21, 1 << 17, 1 << 13
I64, I32, U8 = np.int64, np.int32, np.uint8
ARRAYS = {
    "due": (I64, LEAVES), "best": (I32, LEAVES),
    # per SM: what waits to be issued, the requests of the first of it, and the link that brings data
    "batch": (I64, 2 * STEPS), "batch_head": (I64, SMS), "batch_count": (I64, SMS),
    "words": (I64, SMS * MOST_REQUESTS), "word": (I64, SMS), "word_count": (I64, SMS), "sm_free": (I64, SMS),
    "sm_next": (I32, SMS), "sm_granted": (I32, SMS), "link": (I64, SMS), "compute_free": (I64, SMS),
    # per slot for a block, and per step under way
    "cta": (I64, BLOCKS), "loaded": (I64, BLOCKS), "computed": (I64, BLOCKS), "computing": (I64, BLOCKS),
    "slot_begin": (I64, BLOCKS), "left": (I64, STEPS), "ready": (I64, STEPS), "late": (I64, 4 * STEPS),
    # slices
    "queue_word": (I64, QUEUED), "queue_who": (I64, QUEUED), "queue_born": (I64, QUEUED), "queue_head": (I64, SLICES),
    "queue_count": (I64, SLICES), "promised": (I64, SLICES), "sm_first": (I64, SLICES), "sm_last": (I64, SLICES),
    "slice_free": (I64, SLICES), "stalled": (I64, SLICES),
    "tag": (I64, LINES), "used": (I64, LINES), "valid": (U8, LINES), "dirty": (U8, LINES), "owner": (I32, LINES),
    "way_mshr": (I32, LINES),
    "mshr_line": (I64, MISSES), "mshr_way": (I64, MISSES), "mshr_pending": (I64, MISSES),
    "mshr_waiters": (I64, MISSES), "mshr_owner": (I64, MISSES), "mshr_free": (I64, MISSES), "free_mshrs": (I64, SLICES),
    "waiter": (I64, WAITERS), "waiter_mask": (U8, WAITERS), "waiter_born": (I64, WAITERS),
    # towards memory
    "fetch": (I64, BURSTS), "fetch_born": (I64, BURSTS), "fetch_channel": (I64, BURSTS), "fetch_head": (I64, SLICES),
    "fetch_count": (I64, SLICES), "send_free": (I64, 2 * SLICES), "write": (I64, QUEUED), "write_owner": (I64, QUEUED),
    "write_head": (I64, SLICES), "write_count": (I64, SLICES), "wait_first": (I64, 2 * CHANNELS),
    "wait_last": (I64, 2 * CHANNELS), "wait_next": (I64, 2 * SLICES),
    "return_time": (I64, CHANNELS * RETURNS), "return_what": (I64, CHANNELS * RETURNS), "return_head": (I64, CHANNELS),
    "return_count": (I64, CHANNELS), "return_last": (I64, CHANNELS),
    "stall_time": (I64, len(STALLS)), "row_time": (I64, 4), "moved": (I64, 2 * KINDS),
}  # fmt: skip
GPU_STATE = np.dtype(
    (
        np.record,
        [(name, np.int64) for name in SCALARS]
        + [("launch", LAUNCH)]
        + [(name, kind, (size,)) for name, (kind, size) in ARRAYS.items()],
    )
)


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


class GpuState:
    """An idle GPU with an empty cache, in a world whose unit of time is `unit_ps`; `record[0]` is what kernels work on.

    Raises
    ------
    ConfigError
        If the memory's bursts are no parts of a line made of whole sectors, or the GPU is larger than can be kept.
    """

    def __init__(self, spec: GpuSpec, system: DramSystem, unit_ps: Fraction) -> None:
        burst = system.geometry.burst_bytes
        if burst % SECTOR or spec.line_bytes % burst:
            raise ConfigError(
                f"a burst of this memory is {burst} bytes; the cache of a GPU is filled by bursts of 32 bytes to "
                f"machine.line_bytes, which is {spec.line_bytes}"
            )
        self.spec, self.units = spec, spec.line_bytes // burst
        self._check_size(system.geometry.channels)
        self.record = np.zeros(1, GPU_STATE)
        period = int(system.period / unit_ps)
        clock = int(Fraction(1_000_000) / spec.clock_mhz / unit_ps)
        self._set_shape(burst, system.geometry.channels)
        self._set_times(system, clock, period)
        self._set_idle()

    def _set_shape(self, burst: int, channels: int) -> None:
        spec, g = self.spec, self.record
        leaf_fetch = spec.sms + spec.slices
        leaf_returns = leaf_fetch + 2 * spec.slices
        leaf_slots = leaf_returns + channels
        shape = {
            "sms": spec.sms, "slots": spec.blocks, "stages": spec.stages, "slices": spec.slices, "sets": spec.sets,
            "ways": spec.ways, "units": self.units, "unit_sectors": burst // SECTOR, "queue": spec.queue,
            "mshrs": spec.mshrs, "merges": spec.merges, "write_room": spec.write_backs, "hashed": spec.hashed,
            "set_shift": spec.sets.bit_length() - 1, "leaf_slices": spec.sms, "leaf_fetch": leaf_fetch,
            "leaf_returns": leaf_returns, "leaf_slots": leaf_slots,
            "leaves": 1 << (leaf_slots + spec.sms * spec.blocks - 1).bit_length(),
            "batches": spec.blocks * (spec.stages + 1), "begun": 1,
        }  # fmt: skip
        for name, value in shape.items():
            g[name] = value

    def _set_times(self, system: DramSystem, clock: int, period: int) -> None:
        spec, ck = self.spec, system.timing.ck
        times = {
            "clock": clock, "l2_time": spec.l2_cycles * clock, "memory_time": spec.memory_cycles * clock,
            "launch_time": spec.launch_cycles * clock, "link_time": -(-SECTOR * clock // spec.sm_bytes),
            "sector_time": -(-SECTOR * clock // spec.slice_bytes), "read_time": system.timing.read_latency * period,
        }  # fmt: skip
        for name, value in times.items():
            self.record[name] = value
        self.record["row_time"] = np.array([0, ck["nRCD"], 0, ck["nRCD"] + ck["nRP"]]) * period
        back = spec.memory_cycles * clock // (system.timing.burst_ck * period) + system.timing.read_latency
        if back >= RETURNS:
            raise ConfigError(
                f"machine.memory_cycles: found {spec.memory_cycles}, in which a channel sends {back} bursts; expected "
                f"fewer than {RETURNS}"
            )

    def _set_idle(self) -> None:
        spec, g = self.spec, self.record[0]
        leaves, lines, mshrs = int(g["leaves"]), spec.slices * spec.sets * spec.ways, spec.slices * spec.mshrs
        g["due"][:leaves], g["tag"][:lines], g["way_mshr"][:lines] = NEVER, -1, -1
        for name in ("word_count", "sm_first", "wait_first"):
            g[name] = -1
        g["free_mshrs"], g["mshr_free"][:mshrs] = spec.mshrs, np.arange(mshrs)
        below = leaves.bit_length() - 1 - np.array([int(n).bit_length() - 1 for n in range(leaves)])
        g["best"][:leaves] = (np.arange(leaves) << below) - leaves

    def _check_size(self, channels: int) -> None:
        spec = self.spec
        problems = [
            f"{name}: found {found}{of}; expected at most {most}"
            for name, found, of, most in (
                ("machine.sms", spec.sms, "", SMS),
                ("machine.slices", spec.slices, "", SLICES),
                ("machine.blocks", spec.sms * spec.blocks, " blocks in all", BLOCKS),
                ("machine.stages", spec.sms * spec.blocks * spec.stages, " steps in all", STEPS),
                ("machine.slice_bytes", spec.slices * spec.sets * spec.ways, " lines in all", LINES),
                ("machine.slice_queue", spec.slices * spec.queue, " places in all", QUEUED),
                ("machine.write_backs", spec.slices * spec.write_backs, " places in all", QUEUED),
                ("machine.mshrs", spec.slices * spec.mshrs, " registers in all", MISSES),
                ("machine.mshr_merges", spec.slices * spec.mshrs * spec.merges, " requests in all", WAITERS),
                ("machine.mshrs", spec.slices * spec.mshrs * self.units, " bursts in all", BURSTS),
                ("dram.channels", channels, "", CHANNELS),
            )
            if found > most
        ]
        if problems:
            raise ConfigError(problems)

    def tobytes(self) -> bytes:
        """All of it that matters."""
        g = self.record[0]
        lines, misses = self.spec.slices * self.spec.sets * self.spec.ways, self.spec.slices * self.spec.mshrs
        used = {LINES: lines, MISSES: misses, WAITERS: misses * self.spec.merges, BURSTS: misses * self.units}
        arrays = [g[name][: used.get(size, size)].tobytes() for name, (_, size) in ARRAYS.items() if name != "words"]
        return b"".join([*(g[name].tobytes() for name in SCALARS), *arrays])
