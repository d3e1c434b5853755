"""Networks on a CPU: the code of each layer drives the caches, what leaves them drives a core of the world.

Modelled: see `machines.cpu` and `core_kernel`. Not modelled: what lies between layers (pooling, sums) as traffic,
several cores.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import simpy

from edensim.config.cpu_schema import CpuMachine
from edensim.config.schema import Workload
from edensim.machines.cpu import code
from edensim.machines.cpu.cache import Caches, Words
from edensim.machines.cpu.machine import KINDS, LayerCode, cache_levels, cpu_requests, layer_code, layer_styles
from edensim.machines.cpu.nest import touches
from edensim.memory.placement import TensorRequest
from edensim.system.core import CoreSpec
from edensim.system.core_kernel import DOOR, QUEUE, ROW_HIT, ROW_OPEN
from edensim.system.environment import WorldEnvironment
from edensim.system.simulate import LayerRecord, Simulation
from edensim.system.tensors import tensor_requests
from edensim.workloads.layer import Network

STREAMS = 16


def cpu_tensors(machine: CpuMachine, network: Network, workload: Workload, line_bytes: int) -> list[TensorRequest]:
    """Tensors as the code of each layer stores them, and scratch space."""
    return cpu_requests(machine, network, workload, tensor_requests(network, workload))


class CpuSimulation(Simulation):
    """A network on a core behind its caches."""

    @property
    def description(self) -> CpuMachine:
        """The table [machine]."""
        assert isinstance(self.config.machine, CpuMachine)
        return self.config.machine

    def requests(self) -> list[TensorRequest]:
        """Tensors as the code of each layer stores them, and scratch space."""
        return cpu_tensors(self.description, self.network, self.workload, self.line_bytes)

    def agents(self) -> list[CoreSpec]:
        """One core."""
        m = self.description
        hits = tuple(m.cache[f"l{k + 1}"].latency_cycles for k in range(len(m.cache)))
        clock, memory = Fraction(str(m.clock_mhz)), Fraction(str(m.memory_ns))
        return [CoreSpec(clock, m.width, m.window, m.loads, m.stores, m.misses, hits, memory)]

    @cached_property
    def code(self) -> list[LayerCode]:
        """Every layer as it runs."""
        styles = layer_styles(self.description, self.network, self.workload)
        placed = self.tensors.placement.tensors
        scratch = {name: t.base for name, t in placed.items() if name.startswith("scratch.")}
        out = []
        for layer in self.network.layers:
            base = scratch | {kind: placed[f"{layer.name}.{kind}"].base for kind in KINDS}
            out.append(layer_code(layer, styles[layer.name], self.workload.precision, base))
        return out

    def records_of(self, caches: Caches, layer: LayerCode) -> Iterator[Words]:
        """What leaves the caches while a layer runs."""
        units = code.layer_units(layer.layer, layer.arrays, layer.style, layer.size, self.workload.batch)
        for words in touches(units):
            yield from caches.drive(words)

    def layers(self, env: WorldEnvironment) -> Generator[simpy.Event, Any, None]:
        """Run the code of each layer on the core."""
        caches = Caches(cache_levels(self.description), seed=self.config.seed)
        core, world = self.world.state["cores"][0][0], self.world
        before, start = self.system.counters(world.channels, 0), _Reading(core)
        for layer in self.code:
            began = world.now
            kinds = [KINDS.index(kind) for kind in layer.kinds]
            world.start_core(0, self.records_of(caches, layer), self._tensor_numbers(layer), kinds)
            yield env.finished(0)
            after, end = self.system.counters(world.channels, world.now_clock), _Reading(core)
            time_ns = world.to_ns(world.now) - world.to_ns(began)
            self.end_layer(
                LayerRecord(
                    layer.layer.name,
                    layer.layer.macs * self.workload.batch,
                    time_ns,
                    end.lines(start, layer.kinds, int(core["bursts"])),
                    after - before,
                    {"code": layer.style, "cpi_stack_ns": end.stack(start, time_ns, world.to_ns)},
                )
            )
            before, start = after, end

    def _tensor_numbers(self, layer: LayerCode) -> list[int]:
        placed = self.tensors.placement.tensors
        own = [placed[f"{layer.layer.name}.{kind}"].index for kind in KINDS]
        return own + [
            placed[f"scratch.{kind}"].index if f"scratch.{kind}" in placed else own[KINDS.index(kind)]
            for kind in layer.kinds[len(KINDS) :]
        ]

    def details(self) -> dict[str, Any]:
        """Where the time of all layers went."""
        stacks = [r.details["cpi_stack_ns"] for r in self.records]
        return {"cpi_stack_ns": {name: sum(s[name] for s in stacks) for name in (stacks[0] if stacks else ())}}


class _Reading:
    """Counters of a core at one time."""

    def __init__(self, core: Any) -> None:
        self.reads, self.writes = core["stream_reads"].copy(), core["stream_writes"].copy()
        self.busy, self.stalls, self.depth = int(core["busy_time"]), core["stall_time"].copy(), int(core["depth"])

    def lines(self, before: _Reading, kinds: tuple[str, ...], bursts: int) -> dict[str, int]:
        """Bursts of memory since then, by direction and kind of tensor."""
        reads, writes = self.reads - before.reads, self.writes - before.writes
        lines = {"read": int(reads.sum()), "write": int(writes.sum()), **dict.fromkeys(KINDS, 0)}
        for kind, count in zip(kinds, reads + writes, strict=False):
            lines[kind] += int(count)
        return {name: count * bursts for name, count in lines.items()}

    def stack(self, before: _Reading, time_ns: float, to_ns: Any) -> dict[str, float]:
        """Time since then by what it was spent on; `other` is the end of the layer, when the window drains."""
        stalls = np.asarray(self.stalls - before.stalls)
        parts = {"compute": self.busy - before.busy}
        parts |= {f"l{k + 1}": int(stalls[k]) for k in range(self.depth)}
        parts |= {"row_hit": int(stalls[ROW_HIT]), "row_miss": int(stalls[ROW_OPEN])}
        parts |= {"queue": int(stalls[QUEUE] + stalls[DOOR])}
        stack = {name: to_ns(time) for name, time in parts.items()}
        return stack | {"other": max(0.0, time_ns - sum(stack.values()))}
