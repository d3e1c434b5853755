"""Networks on a CPU: the code of each layer drives the caches, what leaves them drives a core of the world.

With one core the stream behind all caches is made once for all operating points. Several cores run images of the batch,
each its own; the streams behind their own caches are made once, and what they share is looked up as they go, in order
of time. All cores begin a layer together.
Modelled: see `machines.cpu` and `core_kernel`. Not modelled: several cores on one image.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import simpy

from edensim.config.cpu_schema import CpuMachine
from edensim.config.schema import Workload
from edensim.dram.switching import SwitchedSystem
from edensim.machines.cpu.cache import Caches
from edensim.machines.cpu.machine import (
    active_cores,
    cache_levels,
    cpu_requests,
    first_felt_level,
    layer_styles,
    own_levels,
)
from edensim.machines.cpu.network_stream import LayerCode, NetworkStream, network_code
from edensim.machines.cpu.stretch import Sampling, Stretch
from edensim.memory.placement import Tensor, TensorRequest
from edensim.system.core import CoreSpec
from edensim.system.core_reading import Reading
from edensim.system.environment import WorldEnvironment
from edensim.system.simulate import LayerRecord, Simulation, Totals
from edensim.system.tensors import tensor_requests
from edensim.workloads.layer import Network


def cpu_tensors(machine: CpuMachine, network: Network, workload: Workload, line_bytes: int) -> list[TensorRequest]:
    """Tensors as the code of each layer stores them, and scratch space.

    Raises
    ------
    ConfigError
        A layer has no code for the precision.
    """
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
        """The cores that have an image to run."""
        m = self.description
        own = self.own_levels
        hits = tuple(m.cache[f"l{k + 1}"].latency_cycles for k in range(len(m.cache)))
        clock, memory = Fraction(str(m.clock_mhz)), Fraction(str(m.memory_ns))
        spec = CoreSpec(
            clock, m.width, m.window, m.loads, m.stores, m.misses, hits, memory, own if own < len(m.cache) else -1,
            self.group,
        )  # fmt: skip
        if not self.looks_up_as_it_goes:
            return [spec] * self.cores
        return [replace(spec, live=self.live + k) for k in range(self.cores)]

    @property
    def looks_up_as_it_goes(self) -> bool:
        """Whether an inclusive level that cores share takes lines from their own caches."""
        return any(level.inclusive for level in cache_levels(self.description)[self.own_levels :])

    def own_caches(self) -> list[Caches]:
        """Those of each core, if a shared level is inclusive."""
        if not self.looks_up_as_it_goes:
            return []
        return [self.caches_of_a_core(self.config.seed + k) for k in range(self.cores)]

    def caches_of_a_core(self, seed: int) -> Caches:
        """Empty caches that no other core uses."""
        return Caches(cache_levels(self.description)[: self.own_levels], self.emit_level, seed)

    @property
    def emit_level(self) -> int:
        """Hits in a core's own caches leave records from this level on."""
        return min(self.own_levels, first_felt_level(self.description))

    @property
    def own_levels(self) -> int:
        """Levels that no other core uses."""
        return own_levels(self.description, self.joins or any(part.joins for part in self.beside))

    @property
    def cores(self) -> int:
        """Cores that run the network."""
        return active_cores(self.description, self.workload)

    def shared_caches(self) -> Caches | None:
        """Levels that all cores share."""
        levels = cache_levels(self.description)[self.own_levels :]
        return Caches(levels, emit_level=0, seed=self.config.seed) if levels else None

    @cached_property
    def code(self) -> list[list[LayerCode]]:
        """Every layer as it runs, for each core."""
        styles, cores = layer_styles(self.description, self.network, self.workload), self.cores
        placed = self.tensors.placement.tensors
        return [network_code(self.network, styles, self.workload.precision, placed, (k, cores)) for k in range(cores)]

    def streams(self) -> list[NetworkStream]:
        """What leaves the own caches of each core."""
        m = self.description
        levels, cores = cache_levels(m)[: self.own_levels], len(self.code)
        # Errors need every read, switches the true time.
        needs_all = self.errors is not None or isinstance(self.system, SwitchedSystem)
        sampling = Sampling() if m.extrapolate and not needs_all else None
        shares = [range(self.workload.batch)[k::cores] for k in range(cores)]
        return [
            NetworkStream(code, levels, images, sampling, self.config.seed, self.emit_level)
            for code, images in zip(self.code, shares, strict=True)
        ]

    def layers(self, env: WorldEnvironment) -> Generator[simpy.Event, Any, None]:
        """Run the streams of each layer on the cores."""
        live = self.looks_up_as_it_goes
        streams = [stream.touches() if live else stream.layers() for stream in self.streams()]
        run = self._alone if len(streams) == 1 else self._together
        before = self._read()
        try:
            for layer, *stretches in zip(self.code[0], *streams, strict=True):
                spent, before = yield from run(env, stretches, layer.tensors, before)
                self.end_part(spent, self._record(layer, spent))
        finally:
            for stream in streams:
                stream.close()

    def end_part(self, spent: Reading, record: LayerRecord) -> None:
        """Keep what a layer took when it first ran."""
        if self.end is None:
            self.parts.append(spent)
        self.end_layer(record)

    @cached_property
    def parts(self) -> list[Reading]:
        """What each layer took."""
        return []

    def _read(self) -> Reading:
        first = int(self.world.agents[self.first_agent]["core"])
        return Reading.of(self.world, slice(first, first + self.cores))

    def _alone(
        self, env: WorldEnvironment, stretches: list[Iterable[Stretch]], tensors: Sequence[Tensor], before: Reading
    ) -> Generator[simpy.Event, Any, tuple[Reading, Reading]]:
        """One core, stretch by stretch; returns what it spent, and the reading at its end."""
        spent = before - before
        for stretch in stretches[0]:
            self.world.start_core(self.first_agent, stretch.records, tensors)
            yield env.finished(self.first_agent)
            now = self._read()
            spent, before = spent + (now - before) * stretch.weight, now
        return spent, before

    def _together(
        self, env: WorldEnvironment, stretches: list[Iterable[Stretch]], tensors: Sequence[Tensor], before: Reading
    ) -> Generator[simpy.Event, Any, tuple[Reading, Reading]]:
        """All cores, until the last has finished."""
        for core, mine in enumerate(stretches):
            records = (words for stretch in mine for words in stretch.records)
            self.world.start_core(self.first_agent + core, records, tensors)
        yield env.all_of([env.finished(self.first_agent + core) for core in range(len(stretches))])
        now = self._read()
        return now - before, now

    def _record(self, layer: LayerCode, spent: Reading) -> LayerRecord:
        core = self._core
        return LayerRecord(
            layer.layer.name,
            layer.layer.macs * self.workload.batch,
            self.world.to_ns(spent.time),
            spent.lines(layer.tensors, int(core["bursts"])),
            spent.counters,
            {
                "code": layer.style,
                "cpi_stack_ns": spent.stack(self.cores, int(core["depth"]), self.world.to_ns),
            },
        )

    @property
    def _core(self) -> Any:
        """State of the first core."""
        return self.world.state["cores"][0][int(self.world.agents[self.first_agent]["core"])]

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
        return {
            "cpi_stack_ns": {name: sum(s[name] for s in stacks) for name in (stacks[0] if stacks else ())},
            "extrapolated_share": 1 - (self.ended.time - self.ended.begin) / total
            if (total := sum(p.time for p in self.parts))
            else 0.0,
        }

    def warnings(self) -> list[str]:
        """That loops were sampled, if they were."""
        share = self.details()["extrapolated_share"]
        if share <= 0:
            return []
        return [
            f"machine.extrapolate: {share:.0%} of the time stands for iterations that were not run; the timeline shows "
            "those that were"
        ]
