"""A GPU as its table [machine] describes it: what kernels see of it, the check of its geometry, where lines lie."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from edensim.config.gpu_schema import GpuMachine
from edensim.config.schema import Workload
from edensim.errors import ConfigError
from edensim.machines.gpu.device import Device, Tile
from edensim.machines.gpu.launch import choose_tile
from edensim.machines.gpu.launch_kernel import KIND_SHIFT
from edensim.memory.address_map import AddressMap
from edensim.memory.partition import PartitionMap
from edensim.memory.placement import Placement, TensorRequest
from edensim.workloads.layer import PRECISION_BITS, Network

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio (Knuth): neighbours land far apart
HASH_SHIFT = np.uint64(40)


def gpu_sets(machine: GpuMachine) -> int:
    """Sets of a slice. Raises ConfigError if they or the line are no power of two."""
    line, problems = machine.line_bytes, []
    if line & (line - 1):
        problems.append(f"machine.line_bytes: found {line} bytes; expected a power of two from 32 to 256")
    sets, rest = divmod(machine.slice_bytes, machine.ways * line)
    if rest or sets < 1 or sets & (sets - 1):
        problems.append(
            f"machine.slice_bytes: {machine.slice_bytes} bytes / ({machine.ways} ways x {line} bytes) is "
            f"{machine.slice_bytes / (machine.ways * line):g} sets; expected a power of two"
        )
    if problems:
        raise ConfigError(problems)
    return sets


def gpu_device(machine: GpuMachine) -> Device:
    """What kernels see of a GPU. Raises ConfigError for a geometry that cannot be built."""
    gpu_sets(machine)
    return Device(
        Fraction(str(machine.clock_mhz)),
        machine.sms,
        {name: getattr(machine, f"{name}_macs") for name in PRECISION_BITS},
        machine.lanes,
        machine.threads,
        machine.registers,
        machine.shared_bytes,
        machine.blocks,
        machine.thread_registers,
        machine.stages,
        tuple(Tile.parse(text) for text in machine.tiles),
        machine.layout == "channels_last",
        Fraction(str(machine.sm_bytes_per_cycle)),
        machine.line_bytes,
    )


def gpu_requests(
    machine: GpuMachine, network: Network, workload: Workload, tensors: list[TensorRequest]
) -> list[TensorRequest]:
    """What a network keeps in memory. Raises ConfigError if a layer has no kernel or there are too many tensors."""
    device, bits = gpu_device(machine), PRECISION_BITS[workload.precision]
    for layer in network.layers:
        if layer.kind != "dwconv":
            choose_tile(device, layer, bits, workload.precision, workload.batch)
    if len(tensors) >= 1 << KIND_SHIFT:
        raise ConfigError(f"workload.network: found {len(tensors)} tensors; a GPU can tell {1 << KIND_SHIFT} apart")
    return tensors


def scatter_channels(
    placement: Placement, address_map: AddressMap, partitions: PartitionMap, channel_bytes: int
) -> Placement:
    """The placement with a page per line: runs of `channel_bytes` go to one channel after the other.

    GPUs scatter addresses over their channels, or kernels that walk along columns would use a single one: which channel
    the first run of a row of runs meets is a hash of the row's number. Within a channel neighbours stay neighbours.

    Raises
    ------
    ConfigError
        If neighbouring lines do not lie in neighbouring channels, `channel_bytes` is no power of two up to a row, or
        partitions divide what is exchanged.
    """
    channels, most = address_map.geometry.channels, address_map.geometry.row_bytes
    if channels == 1:
        return placement
    if channel_bytes & (channel_bytes - 1) or channel_bytes > most:
        raise ConfigError(
            f"machine.channel_bytes: found {channel_bytes} bytes; expected a power of two from 32 to {most}, a row of "
            "this memory"
        )
    if (address_map.decode(np.arange(channels))[0] != np.arange(channels)).any():
        raise ConfigError(
            f"machine.channel_hash: dram.address_map = {address_map.order!r} does not put neighbouring bursts into "
            "neighbouring channels; expected a map that ends with Ch, or machine.channel_hash = false"
        )
    if (partitions.owner != partitions.owner[:1]).any():
        raise ConfigError(
            "machine.channel_hash: the partitions divide the channels, among which a hash scatters all tensors; "
            "expected partitions of ranks, banks or subarrays, or machine.channel_hash = false"
        )
    before = placement.physical_lines(all_lines(placement, address_map))
    run = max(1, channel_bytes // address_map.geometry.burst_bytes)
    row, within = np.divmod(before, channels * run)
    channel, line = np.divmod(within, run)
    turn = ((row.astype(np.uint64) * MULTIPLIER) >> HASH_SHIFT).astype(np.int64)
    after = (row * run + line) * channels + (channel + turn) % channels
    owners, new_owners = (partitions.at(*address_map.decode(line)[:3]) for line in (before, after))
    if len(placement.page_table) and (owners != new_owners).any():  # else no tensor was given a partition
        raise ConfigError(
            f"machine.channel_bytes: the partitions divide the runs of {channel_bytes} bytes that a channel holds; "
            f"expected channel_bytes = {address_map.geometry.burst_bytes} (a burst), a dram.address_map with Co lower, "
            "or machine.channel_hash = false"
        )
    return replace(placement, page_table=after, page_lines=1)


def all_lines(placement: Placement, address_map: AddressMap) -> NDArray[np.int64]:
    """Virtual numbers of all lines that hold a tensor, with the padding between them."""
    return np.arange(-(-placement.total_bytes // address_map.geometry.burst_bytes), dtype=np.int64)
