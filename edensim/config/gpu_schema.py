"""[machine] of kind "gpu": SMs, the kernels they run, and the sliced second-level cache in front of the memory."""

from __future__ import annotations

from typing import Literal

from edensim.config.table import Name, Table, key


class GpuMachine(Table):
    """[machine] of kind "gpu": streaming multiprocessors (SMs) behind a second-level cache in slices."""

    preset: Name | None = key(None, "shipped machine to start from")
    kind: Literal["gpu"] = key(..., "streaming multiprocessors behind a sliced cache (gpu)")
    source: str = key("", "where the numbers come from")
    sms: int = key(..., "streaming multiprocessors", ge=1, le=192)
    clock_mhz: float = key(..., "clock of the array or the cores", "MHz", ge=1, le=10_000)
    fp32_macs: int = key(..., "products of an SM per clock, fp32", ge=1, le=1 << 20)
    int16_macs: int = key(..., "products of an SM per clock, int16", ge=1, le=1 << 20)
    int8_macs: int = key(..., "products of an SM per clock, int8", ge=1, le=1 << 20)
    int4_macs: int = key(..., "products of an SM per clock, int4", ge=1, le=1 << 20)
    lanes: int = key(..., "elements of an SM per clock in element-wise kernels", ge=1, le=1 << 12)
    # what limits the blocks of an SM
    threads: int = key(2048, "threads an SM holds", "thread", ge=1024, le=1 << 14)
    registers: int = key(65_536, "32-bit registers of an SM", ge=1 << 14, le=1 << 20)
    shared_bytes: int = key(..., "shared memory of an SM", "byte", ge=1 << 12, le=1 << 20)
    blocks: int = key(32, "thread blocks an SM holds at most", "block", ge=1, le=32)
    # kernels
    tiles: list[Name] = key(
        ..., 'GEMM kernels to choose from: filters x pixels x depth / threads, e.g. "128x128x8/256"', min_length=1
    )
    stages: int = key(
        2, "tiles of a block whose loads are in flight or in use (1: none ahead, 2: double buffered)", ge=1, le=8
    )
    thread_registers: int = key(
        60, "registers of a GEMM thread beside its accumulators (operands, addresses)", ge=0, le=255
    )
    layout: Literal["channels_first", "channels_last"] = key(
        "channels_first", "order of feature maps: NCHW, loaded along pixels, or NHWC, loaded along channels"
    )
    launch_cycles: int = key(0, "from the start of a kernel to its first loads", "clock", ge=0, le=10_000_000)
    # second-level cache
    slices: int = key(..., "slices of the second-level cache", ge=1, le=128)
    slice_bytes: int = key(..., "capacity of a slice: ways x line_bytes x a power of two", "byte", ge=128, le=1 << 27)
    ways: int = key(16, "lines of a set", ge=1, le=64)
    line_bytes: int = key(128, "line of the cache, made of sectors of 32 bytes; a power of two", "byte", ge=32, le=256)
    slice_bytes_per_cycle: float = key(..., "data a slice serves per clock", "byte", ge=1, le=4096)
    sm_bytes_per_cycle: float = key(..., "data an SM receives per clock", "byte", ge=1, le=4096)
    slice_queue: int = key(32, "requests that wait in front of a slice", "request", ge=1, le=1024)
    mshrs: int = key(256, "lines under way per slice (miss registers)", "line", ge=1, le=4096)
    mshr_merges: int = key(64, "requests that may wait for a line under way", "request", ge=1, le=1024)
    write_backs: int = key(32, "dirty bursts that wait to leave a slice", "burst", ge=8, le=1024)
    l2_cycles: int = key(..., "from an SM's request to its data when the cache has them", "clock", ge=0, le=10_000)
    memory_cycles: int = key(..., "what a miss takes beside l2_cycles and the memory itself", "clock", ge=0, le=10_000)
    hashed: bool = key(True, "upper address bits are folded into the choice of slice and set")
    channel_hash: bool = key(
        True,
        "pieces of channel_bytes start at a channel that upper address bits scatter, so that strides use all channels",
    )
    channel_bytes: int = key(
        256, "consecutive addresses in one channel, with channel_hash; a power of two", "byte", ge=32, le=65536
    )

    @property
    def buffer_bytes(self) -> int:
        """Capacity of the cache that traffic with memory passes."""
        return self.slices * self.slice_bytes
