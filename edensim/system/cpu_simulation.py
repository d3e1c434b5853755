"""Networks on a CPU: the code of each layer drives the caches, what leaves them drives a core of the world.

With one core the stream behind all caches is made once for all operating points. Several cores run images of the batch,
each its own; the streams behind their own caches are made once, and what they share is looked up as they go, in order
of time. All cores begin a layer together.
Modelled: see `machines.cpu` and `core_kernel`. Not modelled: several cores on one image.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import simpy

from edensim.config.cpu_schema import CpuMachine
from edensim.config.schema import Workload
from edensim.dram.switching import SwitchedSystem
from edensim.machines.cpu.address_trace import AddressTrace, read_address_trace
from edensim.machines.cpu.cache import Caches, Words
from edensim.machines.cpu.cache_kernel import LINE_SHIFT
from edensim.machines.cpu.machine import active_cores, cache_levels, cpu_requests, layer_styles, own_levels
from edensim.machines.cpu.network_stream import LayerCode, NetworkStream, network_code
from edensim.machines.cpu.stretch import Sampling, Stretch
from edensim.memory.placement import Tensor, TensorRequest
from edensim.system.core import CoreSpec
from edensim.system.core_reading import Reading
from edensim.system.environment import WorldEnvironment
from edensim.system.simulate import LayerRecord, Simulation, Totals
from edensim.system.tensors import tensor_requests
from edensim.workloads.layer import Network

BACKGROUND = "background"
"""Name of the memory of a program beside the network."""


def cpu_tensors(machine: CpuMachine, network: Network, workload: Workload, line_bytes: int) -> list[TensorRequest]:
    """Tensors as the code of each layer stores them, scratch space, and the pages of a program beside.

    Raises
    ------
    ConfigError, InputError
        A layer has no code for the precision; the trace of the program cannot be read.
    """
    requests = cpu_requests(machine, network, workload, tensor_requests(network, workload))
    if machine.background is not None:
        requests.append(TensorRequest(BACKGROUND, "ofm", background_trace(machine.background).size_bytes))
    return requests


@lru_cache(maxsize=2)
def background_trace(path: str) -> AddressTrace:
    """The trace of the program beside the network, read once per process."""
    return read_address_trace(Path(path))


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
        """The cores that have an image to run, and that of a program beside."""
        m = self.description
        own = own_levels(m)
        hits = tuple(m.cache[f"l{k + 1}"].latency_cycles for k in range(len(m.cache)))
        clock, memory = Fraction(str(m.clock_mhz)), Fraction(str(m.memory_ns))
        spec = CoreSpec(
            clock, m.width, m.window, m.loads, m.stores, m.misses, hits, memory, own if own < len(m.cache) else -1
        )
        return [spec] * (self.cores + (m.background is not None))

    @property
    def cores(self) -> int:
        """Cores that run the network."""
        return active_cores(self.description, self.workload)

    def shared_caches(self) -> Caches | None:
        """Levels that all cores share."""
        levels = cache_levels(self.description)[own_levels(self.description) :]
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
        levels, cores = cache_levels(m)[: own_levels(m)], len(self.code)
        # Errors need every read, switches the true time.
        needs_all = self.errors is not None or isinstance(self.system, SwitchedSystem)
        sampling = Sampling() if m.extrapolate and not needs_all else None
        shares = [range(self.workload.batch)[k::cores] for k in range(cores)]
        return [
            NetworkStream(code, levels, images, sampling, self.config.seed)
            for code, images in zip(self.code, shares, strict=True)
        ]

    def layers(self, env: WorldEnvironment) -> Generator[simpy.Event, Any, None]:
        """Run the streams of each layer on the cores."""
        streams = [stream.layers() for stream in self.streams()]
        run = self._alone if len(streams) == 1 else self._together
        before = self._read()
        self.parts: list[Reading] = []
        if self.description.background is not None:
            self.world.start_core(self.cores, self._background(), [self.tensors.placement.tensors[BACKGROUND]])
        for layer, *stretches in zip(self.code[0], *streams, strict=True):
            spent, before = yield from run(env, stretches, layer.tensors, before)
            self.parts.append(spent)
            self.end_layer(self._record(layer, spent))

    def _read(self) -> Reading:
        return Reading.of(self.world, slice(0, self.cores))

    def _background(self) -> Iterator[Words]:
        """What leaves the own caches of the program beside the network, over and over."""
        m = self.description
        caches = Caches(cache_levels(m)[: own_levels(m)], seed=self.config.seed + 1)
        base = self.tensors.placement.tensors[BACKGROUND].base // 64
        touches = background_trace(str(m.background)).touches + np.uint64(base << LINE_SHIFT)
        more = True
        while more:  # it ends when a whole round stays in the caches
            more = False
            for words in caches.drive(touches):
                more = more or len(words) > 0
                yield words

    def run(self) -> None:
        """Simulate all layers; beside another program, also without it."""
        super().run()
        if self.description.background is None:
            return
        machine = self.description.model_copy(update={"background": None})
        config = self.config.model_copy(update={"machine": machine, "errors": None})
        alone = CpuSimulation(config, self.network, self.system.state, self.progress, label=f"{self.label} alone")
        alone.run()
        self.alone_ns = alone.totals().time_ns

    def _alone(
        self, env: WorldEnvironment, stretches: list[Iterable[Stretch]], tensors: Sequence[Tensor], before: Reading
    ) -> Generator[simpy.Event, Any, tuple[Reading, Reading]]:
        """One core, stretch by stretch; returns what it spent, and the reading at its end."""
        spent = before - before
        for stretch in stretches[0]:
            self.world.start_core(0, stretch.records, tensors)
            yield env.finished(0)
            now = self._read()
            spent, before = spent + (now - before) * stretch.weight, now
        return spent, before

    def _together(
        self, env: WorldEnvironment, stretches: list[Iterable[Stretch]], tensors: Sequence[Tensor], before: Reading
    ) -> Generator[simpy.Event, Any, tuple[Reading, Reading]]:
        """All cores, until the last has finished."""
        for core, mine in enumerate(stretches):
            self.world.start_core(core, (words for stretch in mine for words in stretch.records), tensors)
        done = env.finished(0)
        for core in range(1, len(stretches)):
            done = done & env.finished(core)
        yield done
        now = self._read()
        return now - before, now

    def _record(self, layer: LayerCode, spent: Reading) -> LayerRecord:
        core = self.world.state["cores"][0][0]
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
            **self._interference(),
            "extrapolated_share": 1 - self.world.now / total if (total := sum(p.time for p in self.parts)) else 0.0,
        }

    def _interference(self) -> dict[str, Any]:
        if self.description.background is None:
            return {}
        beside = self.world.state["cores"][0][self.cores]
        line = int(beside["bursts"]) * self.line_bytes
        moved = {"read": int(beside["reads"]) * line, "write": int(beside["writes"]) * line}
        slowdown = self.totals().time_ns / self.alone_ns
        return {"interference": {"alone_time_ns": self.alone_ns, "slowdown": slowdown, "background_bytes": moved}}

    def warnings(self) -> list[str]:
        """That loops were sampled, if they were."""
        share = self.details()["extrapolated_share"]
        if share <= 0:
            return []
        return [
            f"machine.extrapolate: {share:.0%} of the time stands for iterations that were not run; the timeline shows "
            "those that were"
        ]
