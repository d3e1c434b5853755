"""Networks on a CPU: the code of each layer drives the caches, what leaves them drives a core of the world.

Modelled: see `machines.cpu` and `core_kernel`. Not modelled: several cores on one image.
"""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction
from functools import cached_property
from typing import Any

import simpy

from edensim.config.cpu_schema import CpuMachine
from edensim.config.schema import Workload
from edensim.machines.cpu.machine import cache_levels, cpu_requests, layer_styles
from edensim.machines.cpu.network_stream import LayerCode, NetworkStream, network_code
from edensim.machines.cpu.stretch import Sampling
from edensim.memory.placement import TensorRequest
from edensim.system.core import CoreSpec
from edensim.system.core_reading import Reading
from edensim.system.environment import WorldEnvironment
from edensim.system.simulate import LayerRecord, Simulation, Totals
from edensim.system.tensors import tensor_requests
from edensim.workloads.layer import Network


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
        return network_code(self.network, styles, self.workload.precision, self.tensors.placement.tensors)

    def layers(self, env: WorldEnvironment) -> Generator[simpy.Event, Any, None]:
        """Run the stream of each layer on the core."""
        m, world = self.description, self.world
        images = range(self.workload.batch)
        sampling = Sampling() if m.extrapolate else None
        stream = NetworkStream(self.code, cache_levels(m), images, sampling, self.config.seed)
        before = Reading.of(world)
        self.parts: list[Reading] = []
        for layer, stretches in zip(self.code, stream.layers(), strict=True):
            spent = before - before
            for stretch in stretches:
                world.start_core(0, stretch.records, [t.index for t in layer.tensors])
                yield env.finished(0)
                now = Reading.of(world)
                spent, before = spent + (now - before) * stretch.weight, now
            self.parts.append(spent)
            self.records.append(self._record(layer, spent))

    def _record(self, layer: LayerCode, spent: Reading) -> LayerRecord:
        core = self.world.state["cores"][0][0]
        return LayerRecord(
            layer.layer.name,
            layer.layer.macs * self.workload.batch,
            self.world.to_ns(spent.time),
            spent.lines(layer.tensors, int(core["bursts"])),
            spent.counters,
            {"code": layer.style, "cpi_stack_ns": spent.stack(1, int(core["depth"]), self.world.to_ns)},
        )

    def totals(self) -> Totals:
        """Sums over layers, in which a stretch may stand for many."""
        spent = self.parts[0]
        for part in self.parts[1:]:
            spent = spent + part
        clocks = int(spent.counters.cycles.max())
        return Totals(self.world.to_ns(spent.time), clocks, spent.counters, spent.channels)

    def details(self) -> dict[str, Any]:
        """Where the time of all layers went."""
        stacks = [r.details["cpi_stack_ns"] for r in self.records]
        return {"cpi_stack_ns": {name: sum(s[name] for s in stacks) for name in (stacks[0] if stacks else ())}}
