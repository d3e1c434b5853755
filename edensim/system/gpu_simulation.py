"""Networks on a GPU: a layer is one or a few kernels, whose thread blocks run in an agent of the world.

Modelled: see `machines.gpu` and `gpu_kernel`; kernels run one after the other and find in the cache what the one before
left there. What is dirty in the cache at the end stays there, as on a GPU that goes on. Not modelled: streams, graphs,
the host.
"""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction
from functools import cached_property
from typing import Any

import simpy

from edensim.config.gpu_schema import GpuMachine
from edensim.config.schema import Workload
from edensim.machines.gpu.device import Device
from edensim.machines.gpu.launch import Launch, launches
from edensim.machines.gpu.launch_kernel import GEMM
from edensim.machines.gpu.machine import gpu_device, gpu_requests, gpu_sets, scatter_channels
from edensim.machines.program import KINDS
from edensim.memory.placement import TensorRequest
from edensim.system.environment import WorldEnvironment
from edensim.system.gpu import GpuSpec
from edensim.system.simulate import LayerRecord, Simulation
from edensim.system.tensors import TensorMap, tensor_requests
from edensim.workloads.layer import PRECISION_BITS, Network

STACK = ("compute", "l2", "row_hit", "row_miss", "queue", "other")
"""Where the time of an average SM goes; `other`: no block has anything to compute (few blocks, stores, launches)."""


def gpu_tensors(machine: GpuMachine, network: Network, workload: Workload, line_bytes: int) -> list[TensorRequest]:
    """Tensors of a network on a GPU. Raises ConfigError for a layer that no kernel can run."""
    return gpu_requests(machine, network, workload, tensor_requests(network, workload))


def gpu_spec(machine: GpuMachine) -> GpuSpec:
    """The agent that a GPU is in the world. Raises ConfigError for a cache that cannot be built."""
    m = machine
    clock, slice_bytes, sm_bytes = (
        Fraction(str(x)) for x in (m.clock_mhz, m.slice_bytes_per_cycle, m.sm_bytes_per_cycle)
    )
    return GpuSpec(
        clock, m.sms, m.blocks, m.stages, m.slices, gpu_sets(m), m.ways, m.line_bytes, m.hashed, m.slice_queue,
        m.mshrs, m.mshr_merges, m.write_backs, slice_bytes, sm_bytes, m.l2_cycles, m.memory_cycles, m.launch_cycles,
    )  # fmt: skip


class GpuSimulation(Simulation):
    """A network on a GPU."""

    summed = ("compute_ns", "load_wait_ns")

    @property
    def description(self) -> GpuMachine:
        """The table [machine]."""
        assert isinstance(self.config.machine, GpuMachine)
        return self.config.machine

    @cached_property
    def device(self) -> Device:
        """What kernels see of the GPU."""
        return gpu_device(self.description)

    def requests(self) -> list[TensorRequest]:
        """Tensors of all layers."""
        return gpu_tensors(self.description, self.network, self.workload, self.line_bytes)

    def laid_out(self, tensors: TensorMap) -> TensorMap:
        """Scatter lines over channels, if the machine does so."""
        if not self.description.channel_hash:
            return tensors
        placement = scatter_channels(
            tensors.placement,
            self.system.address_map,
            self.system.state.partitions,
            self.description.channel_bytes,
        )
        return TensorMap(placement, tensors.layers)

    def agents(self) -> list[GpuSpec]:
        """One GPU."""
        return [gpu_spec(self.description)]

    @cached_property
    def kernels(self) -> list[list[Launch]]:
        """The kernels of each layer."""
        bits, batch = PRECISION_BITS[self.workload.precision], self.workload.batch
        return [
            launches(self.device, layer, self.network, self.tensors.layers, bits, self.workload.precision, batch)
            for layer in self.network.layers
        ]

    def expected_lines(self) -> float:
        """Every tensor once."""
        return sum(x.tensor_bytes for kernels in self.kernels for x in kernels) / self.line_bytes

    def layers(self, env: WorldEnvironment) -> Generator[simpy.Event, Any, None]:
        """Run the kernels of each layer."""
        world = self.world
        before, start = self.system.counters(world.channels, world.now_clock), self._reading()
        for layer, kernels in zip(self.network.layers, self.kernels, strict=True):
            rows = []
            began = world.now
            for kernel in kernels:
                kernel_began = world.now
                world.start_gpu(self.first_agent, kernel.record)
                yield env.finished(self.first_agent)
                rows.append(_kernel_row(kernel, world.to_ns(world.now) - world.to_ns(kernel_began)))
            after, end = self.system.counters(world.channels, world.now_clock), self._reading()
            time_ns = world.to_ns(world.now) - world.to_ns(began)
            change = {name: end[name] - start[name] for name in end}
            macs = sum(x.macs for x in kernels)
            peak = self.device.macs_per_cycle[self.workload.precision] * self.device.sms
            details = self._times(change, time_ns) | {
                "utilization": macs / (peak * time_ns * float(self.device.clock_mhz) / 1000) if time_ns else 0.0,
                "tensor_bytes": sum(x.tensor_bytes for x in kernels),
                "tile_bytes": sum(x.tile_bytes for x in kernels),
                "l2": {name: change[name] for name in ("requests", "sector_hits", "sector_misses", "merged")},
                "kernels": rows,
            }
            lines = {"read": 0, "write": 0}
            for k, kind in enumerate(KINDS):
                read, write = change[f"moved{2 * k}"], change[f"moved{2 * k + 1}"]
                lines["read"] += read
                lines["write"] += write
                lines[kind] = read + write
            self.end_layer(LayerRecord(layer.name, macs, time_ns, lines, after - before, details))
            before, start = after, end

    def _reading(self) -> dict[str, int]:
        """Counters of the GPU at present."""
        assert self.world.gpu is not None
        g = self.world.gpu.record[0]
        names = ("busy_time", "requests", "sector_hits", "sector_misses", "merged")
        found = {name: int(g[name]) for name in names}
        found |= {f"stall{k}": int(x) for k, x in enumerate(g["stall_time"])}
        return found | {f"moved{k}": int(x) for k, x in enumerate(g["moved"])}

    def _times(self, change: dict[str, int], time_ns: float) -> dict[str, Any]:
        """Where the time went, of an average SM."""
        parts = [change["busy_time"], *(change[f"stall{k}"] for k in range(4))]
        stack = [self.world.to_ns(x) / self.device.sms for x in parts]
        stack.append(max(0.0, time_ns - sum(stack)))
        return {
            "compute_ns": stack[0],
            "load_wait_ns": sum(stack[1:5]),
            "cpi_stack_ns": dict(zip(STACK, stack, strict=True)),
        }

    def details(self) -> dict[str, Any]:
        """Where the time of all layers went."""
        stacks = [r.details["cpi_stack_ns"] for r in self.records]
        return super().details() | {"cpi_stack_ns": {name: sum(s[name] for s in stacks) for name in STACK}}


def _kernel_row(kernel: Launch, time_ns: float) -> dict[str, Any]:
    """A kernel as the result names it."""
    r = kernel.record
    tile = f"{r['tile_m']}x{r['tile_n']}x{r['tile_k']}" if r["kind"] == GEMM else ""
    row = {"name": kernel.name, "tile": tile, "blocks": kernel.blocks, "blocks_per_sm": int(r["slots"])}
    return row | {"time_ns": time_ns}
