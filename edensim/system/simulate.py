"""One operating point, simulated: layers one after the other on a machine, in a closed loop with the DRAM.

What all machines have in common: the world, the clock, counters per layer, the report. How a layer becomes requests is
the matter of one class per family of machines (`accelerator_simulation`, `cpu_simulation`, `gpu_simulation`).
Modelled: every DRAM command; a layer begins when the last one has ended. Not modelled: prefetch of the next layer's
weights, host transfers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import simpy
from numpy.typing import NDArray

from edensim.config.schema import Config, Tenant
from edensim.dram.commands import RD, RDA, WR, WRA
from edensim.dram.controller import DramSystem
from edensim.dram.counters import Counters
from edensim.dram.energy import EnergyModel
from edensim.dram.switched_energy import energy_of
from edensim.dram.switching import SwitchedSystem
from edensim.errors import ConfigError
from edensim.machines.cpu.cache import Caches
from edensim.machines.program import KINDS
from edensim.memory import OperatingState
from edensim.memory.placement import TensorRequest
from edensim.memory.switches import PointSwitch
from edensim.system import measure
from edensim.system.core import CoreSpec
from edensim.system.energy_report import Traffic, energy_report
from edensim.system.environment import WorldEnvironment
from edensim.system.errors_draw import ErrorDraw
from edensim.system.errors_source import ErrorSource
from edensim.system.gpu import GpuSpec
from edensim.system.kind_report import kind_energy, tensor_energy
from edensim.system.partition_report import partition_report, supply_warnings
from edensim.system.switch_process import switch_points
from edensim.system.switch_report import switch_report
from edensim.system.tensors import TensorMap, layer_tensors, map_tensors, part_of, prefixed
from edensim.system.world import AgentSpec, World
from edensim.workloads.layer import Network

Int = NDArray[np.int64]
Progress = Callable[[float, float | None, str], None]
MAIN = "main"
"""What results call the network of [workload]."""


@dataclass(frozen=True)
class LayerRecord:
    """What one layer cost: the difference of all readings over it.

    `lines` counts read, write, weights, ifm and ofm; `details` is what its family of machines reports beside.
    """

    name: str
    macs: int
    time_ns: float
    lines: dict[str, int]
    counters: Counters
    details: dict[str, Any] = field(default_factory=dict)


class RunSwitch(NamedTuple):
    """A switch of the operating point in a run, and the errors of the reads from then on."""

    point: PointSwitch
    errors: ErrorSource | None


class Totals(NamedTuple):
    """What a run came to: time in ns, clocks, counters; `counts`, `latency_count`, `latency_sum` of all channels."""

    time_ns: float
    clocks: int
    counters: Counters
    channels: Mapping[str, Int] | NDArray[Any]


@dataclass(frozen=True)
class End:
    """A network has run: when it began and ended, and what the memory had counted by then.

    `met` and `queued` (see `World`) are those of its own requests.
    """

    begin: int
    time: int
    clock: int
    counters: Counters
    channels: NDArray[Any]
    met: Int
    queued: Int


class Simulation(ABC):
    """A network on a machine at one operating state; a family of machines fills in the gaps.

    Parameters
    ----------
    config : Config
        With `workload` and `machine`.
    network : Network
        The layers.
    state : OperatingState
        Of every bank.
    progress : callable, optional
        Called with lines moved so far, lines expected in all, and a label.
    on_requests : callable, optional
        Receives every accepted request (see `World`).
    label : str
        Of the operating point, for progress.
    errors : ErrorSource, optional
        Errors to draw for the reads.
    switches : sequence of RunSwitch
        Changes of the operating point, and the errors from then on.
    tenant : Tenant, optional
        It runs beside another network, on whose memory (and caches, if it names no machine) it finds itself when that
        one is built; without, it builds its own.
    beside : sequence of Simulation
        Those that run beside it.
    """

    summed: ClassVar[tuple[str, ...]] = ()
    """Details of layers whose sums the report gives for the whole network."""

    def __init__(
        self,
        config: Config,
        network: Network,
        state: OperatingState,
        progress: Progress | None = None,
        on_requests: Callable[[Int], None] | None = None,
        label: str = "",
        errors: ErrorSource | None = None,
        switches: Sequence[RunSwitch] = (),
        tenant: Tenant | None = None,
        beside: Sequence[Simulation] = (),
    ) -> None:
        if config.workload is None or config.machine is None:
            raise ConfigError("a run needs the tables [workload] and [machine]")
        self.config, self.network, self.progress, self.label = config, network, progress, label
        self.workload = config.workload
        self.system = DramSystem(config.dram, state)
        if switches:
            self.system = SwitchedSystem(config.dram, state, [switch.point for switch in switches])
        later = [switch.errors for switch in switches if switch.errors is not None]
        self.line_bytes = self.system.geometry.burst_bytes
        self.tenant, self.beside = tenant, tuple(beside)
        self.records: list[LayerRecord] = []
        self.end: End | None = None
        self.errors: ErrorDraw | None = None
        self.first_agent = self.group = self.live = 0
        if tenant is None:
            self._build(errors, later, on_requests)

    def _build(
        self, errors: ErrorSource | None, later: list[ErrorSource], on_requests: Callable[[Int], None] | None
    ) -> None:
        """Place the tensors of all that run here, and make the world of all their agents."""
        parts = (self, *self.beside)
        requests = [request for part in parts for request in prefixed(part.requests(), part.prefix)]
        tensors = layer_tensors(self.network, map_tensors(requests, self.config, self.system))
        for part in parts:
            tensors = part.laid_out(tensors)
        placement = tensors.placement
        if errors is not None:
            self.errors = ErrorDraw(errors, self.system, placement, self.workload.precision, later)
        columns = self.errors.columns if self.errors else None
        agents: list[AgentSpec | CoreSpec | GpuSpec] = []
        groups: list[Caches] = []
        for part in parts:
            own = part.prefix and part_of(placement, part.prefix)
            part.tensors = layer_tensors(part.network, own) if own else tensors
            if not part.joins and (caches := part.shared_caches()) is not None:
                part.group = len(groups)
                groups.append(caches)
            part.live = len(groups)
            for own_caches in part.own_caches():
                own_caches.put_above(part.group, groups[part.group])
                groups.append(own_caches)
            part.first_agent = len(agents)
            agents += part.agents()
            part.agent_count = len(agents) - part.first_agent
        table = placement.page_table, placement.page_lines
        self.world = World(self.system, agents, *table, on_requests, columns, groups)
        for part in self.beside:
            part.world = self.world

    tensors: TensorMap
    world: World
    agent_count: int

    @property
    def name(self) -> str:
        """What results call it."""
        return self.tenant.name if self.tenant else MAIN

    @property
    def prefix(self) -> str:
        """What the names of its tensors begin with in the memory that it shares."""
        return f"{self.tenant.name}/" if self.tenant else ""

    @property
    def joins(self) -> bool:
        """Whether it runs on the machine of the main network instead of one of its own."""
        return self.tenant is not None and self.tenant.machine is None

    @abstractmethod
    def requests(self) -> list[TensorRequest]:
        """Everything that wants a place in memory."""

    def laid_out(self, tensors: TensorMap) -> TensorMap:
        """The placement as the machine's own addressing leaves it."""
        return tensors

    @abstractmethod
    def agents(self) -> Sequence[AgentSpec | CoreSpec | GpuSpec]:
        """The agents that the machine has in the world."""

    def shared_caches(self) -> Caches | None:
        """Caches that its cores share, if it has any."""
        return None

    def own_caches(self) -> list[Caches]:
        """Caches of single cores that lose lines to what they share, and so must be looked up as the cores go."""
        return []

    @abstractmethod
    def layers(self, env: WorldEnvironment) -> Generator[simpy.Event, Any, None]:
        """Process that runs all layers and hands a record of each to `end_layer`."""

    def end_layer(self, record: LayerRecord) -> None:
        """Keep what a layer cost when it first ran; the reads since the last one's end were its own."""
        if self.end is not None:
            return
        self.records.append(record)
        if self.errors:
            self.world.save_log()
            self.errors.end_layer(record.name)

    def expected_lines(self) -> float:
        """Lines that will move in all, 0 if unknown, for the progress bar."""
        return 0.0

    def details(self) -> dict[str, Any]:
        """What the report says of this family of machines beside what it says of all."""
        return {name: sum(r.details[name] for r in self.records) for name in self.summed}

    def warnings(self) -> list[str]:
        """What a reader of the numbers should know of this machine's run."""
        return []

    def run(self, only: str = "") -> None:
        """Simulate all layers; of several networks (or `only` one of them) each until all have run once."""
        env = WorldEnvironment(self.world, self._tick)
        parts = [part for part in (self, *self.beside) if only in ("", part.name)]
        firsts = [env.event() for _ in parts]
        rounds = [part._rounds(env, first, again=len(parts) > 1) for part, first in zip(parts, firsts, strict=True)]
        for each in rounds:
            env.process(each)
        if isinstance(self.system, SwitchedSystem):
            env.process(switch_points(env, self.system, self._switched))
        env.run(until=env.all_of(firsts))
        for each in rounds:  # some run again when the last first run ends
            each.close()
        self.world.save_log()

    def _rounds(self, env: WorldEnvironment, first: simpy.Event, again: bool) -> Generator[simpy.Event, Any, None]:
        """Run the network, and again while others have not run once."""
        if self.tenant is not None and self.tenant.start_ns:
            yield env.timeout(self.world.from_ps(round(1000 * self.tenant.start_ns)))
        begin, mine = self.world.now, slice(self.first_agent, self.first_agent + self.agent_count)
        yield from self.layers(env)
        now, clock, state = self.world.now, self.world.now_clock, self.world.state
        counters, channels = self.system.counters(self.world.channels, clock), self.world.channels
        seen = (state[name][0][mine].sum(axis=0) for name in ("met", "queued"))
        self.end = End(begin, now, clock, counters, channels.copy() if again else channels, *seen)
        first.succeed()
        while again:
            before = self.world.now
            yield from self.layers(env)
            again = self.world.now > before  # a program that takes no time would never let the others go on

    def _switched(self, channel: int, switches: int) -> None:
        """Another point holds in a channel: what it read until now was read at the last one."""
        if self.errors is not None:
            self.world.save_log()
            self.errors.switch(channel, switches)

    @cached_property
    def energy(self) -> EnergyModel:
        """Prices of this memory at its operating state, for the data that moved if a run has any; a trace has none."""
        model = energy_of(self.system, self.config.energy)
        if self.errors is None or self.errors.moved is None:
            return model
        return energy_of(self.system, self.config.energy, self.errors.moved.rates(model.assumed))

    def _tick(self) -> None:
        if self.progress is None:
            return
        done = float(self.world.channels["counts"][:, [RD, WR, RDA, WRA]].sum())
        count = len(self.network.layers)
        label = f"{self.label} layer {min(len(self.records) + 1, count)} of {count}"
        expected = self.expected_lines()
        self.progress(done, max(done, expected) if expected else None, label)

    def totals(self) -> Totals:
        """What the whole run came to."""
        end = self.ended
        return Totals(self.world.to_ns(end.time - end.begin), end.clock, end.counters, end.channels)

    @property
    def ended(self) -> End:
        """How the network came to its end."""
        assert self.end is not None, "the simulation has not run"
        return self.end

    def report(self) -> dict[str, Any]:
        """Everything the run measured, as plain data."""
        system = self.system
        time_ns, clocks, counters, channels = self.totals()
        energy = self.energy.price(counters)
        line = self.line_bytes
        moved = {name: sum(r.lines[name] for r in self.records) * line for name in ("read", "write", *KINDS)}
        layers = [(record, self.energy.price(record.counters)) for record in self.records]
        return {
            "time_ns": time_ns,
            "cycles": clocks,
            "requests": {"read": moved["read"] // line, "write": moved["write"] // line},
            "bytes": {"read": moved["read"], "write": moved["write"], "by_kind": {k: moved[k] for k in KINDS}},
            "row": measure.row_counts(counters),
            "read_latency_ns": measure.read_latency_ns(system, channels),
            "bandwidth_gb_s": (moved["read"] + moved["write"]) / time_ns if time_ns else 0.0,
            "commands": measure.commands(channels),
            **measure.asleep(system, counters),
            "energy_pj": energy.as_dict(),
            "energy_report": energy_report(
                self.config,
                system,
                counters,
                Traffic(time_ns, moved, sum(r.macs for r in self.records)),
                self.energy,
            )
            | {
                "by_kind_pj": kind_energy(self.energy, energy, counters),
                "by_tensor_pj": tensor_energy(
                    ((record.name, kind_energy(self.energy, cost, record.counters)) for record, cost in layers),
                    self.tensors.placement,
                ),
            },
            "operating_point": measure.operating_point(system.state),
            **({"errors": self.errors.report()} if self.errors else {}),
            **partition_report(system, counters, energy, self.tensors.placement, moved),
            **switch_report(system, counters, self.energy),
            **self.details(),
            "layers": [self._layer(record, cost.as_dict()) for record, cost in layers],
            "timeline": self._timeline(),
            "warnings": [
                *self.energy.warnings,
                *(self.errors.warnings if self.errors else []),
                *supply_warnings(self.config.dram, self.config.energy, system, counters),
                *self.warnings(),
            ],
        }

    def _timeline(self) -> dict[str, Any]:
        """What was simulated over time, also where parts of it stand for more."""
        end = self.ended
        return measure.timeline(self.system, end.channels, end.clock, self.energy.price(end.counters))

    def _layer(self, record: LayerRecord, energy: dict[str, float]) -> dict[str, Any]:
        return {
            "name": record.name,
            "time_ns": record.time_ns,
            **record.details,
            "bytes": {name: count * self.line_bytes for name, count in record.lines.items()},
            "macs": record.macs,
            "row": measure.row_counts(record.counters),
            "energy_pj": energy,
            "power_mw": energy["total"] / record.time_ns if record.time_ns else 0.0,
        }
