"""One operating point, simulated: layers one after the other on the accelerator, in a closed loop with the DRAM.

Modelled: double-buffered tiles, the DMA window and link width, every DRAM command. A layer begins when the last one has
ended. Not modelled: prefetch of the next layer's weights, host transfers, pooling and element-wise layers as traffic.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from edensim.config.schema import Config
from edensim.dram.commands import RD, RDA, WR, WRA
from edensim.dram.controller import DramSystem
from edensim.dram.counters import Counters
from edensim.dram.energy import EnergyModel
from edensim.errors import ConfigError
from edensim.machines import Accelerator, LayerPlan
from edensim.machines.program import KINDS
from edensim.memory import OperatingState
from edensim.system import measure
from edensim.system.energy_report import Traffic, energy_report
from edensim.system.environment import WorldEnvironment
from edensim.system.kind_report import kind_energy, tensor_energy
from edensim.system.partition_report import partition_report, supply_warnings
from edensim.system.tensors import TensorMap, map_tensors
from edensim.system.world import AgentSpec, Part, World
from edensim.workloads.layer import PRECISION_BITS, Network

Int = NDArray[np.int64]
Progress = Callable[[float, float | None, str], None]


@dataclass(frozen=True)
class LayerRecord:
    """What one layer cost: its plan and the difference of all readings over it."""

    plan: LayerPlan
    time_ns: float
    compute_ns: float
    load_wait_ns: float
    lines: dict[str, int]  # read, write, weights, ifm, ofm
    counters: Counters
    opened: Int  # rows, [channels, tags, banks]


class Simulation:
    """A network on a machine at one operating state.

    Parameters
    ----------
    config : Config
        With `workload` and `machine`.
    network : Network
        The layers.
    state : OperatingState
        Of every bank.
    machine : Accelerator
        Shared between points, so that tilings are searched once.
    progress : callable, optional
        Called with lines moved so far, lines expected in all, and a label.
    on_requests : callable, optional
        Receives every accepted request (see `World`).
    """

    def __init__(
        self,
        config: Config,
        network: Network,
        state: OperatingState,
        machine: Accelerator,
        progress: Progress | None = None,
        on_requests: Callable[[Int], None] | None = None,
        label: str = "",
    ) -> None:
        if config.workload is None or config.machine is None:
            raise ConfigError("a run needs the tables [workload] and [machine]")
        self.config, self.network, self.machine, self.progress, self.label = config, network, machine, progress, label
        self.system = DramSystem(config.dram, state)
        bits, batch = PRECISION_BITS[config.workload.precision], config.workload.batch
        line_bytes = self.system.geometry.burst_bytes
        spilled = {x.name: machine.spilled_bytes(x, bits, batch, line_bytes) for x in network.layers}
        fmaps = config.machine.fmaps_in_dram
        self.tensors: TensorMap = map_tensors(network, config, self.system, fmaps, spilled)
        spec = AgentSpec(
            clock_mhz=Fraction(str(config.machine.clock_mhz)),
            window=config.machine.dma_outstanding,
            bytes_per_cycle=Fraction(str(config.machine.dma_bytes_per_cycle)),
            depth=machine.depth,
        )
        placement = self.tensors.placement
        self.world = World(self.system, [spec], placement.page_table, placement.page_lines, on_requests)
        self.plans = [
            machine.plan(layer, self.tensors.layers[layer.name], bits, batch, line_bytes) for layer in network.layers
        ]
        self.expected_lines = sum(sum(p.traffic_bytes.values()) for p in self.plans) / line_bytes
        self.records: list[LayerRecord] = []

    def run(self) -> None:
        """Simulate all layers."""
        env = WorldEnvironment(self.world, self._tick)
        env.run(until=env.process(self._layers(env)))
        self.world.save_log()

    def _layers(self, env: WorldEnvironment) -> Generator[simpy.Event, Any, None]:
        agent = self.world.agents[0]
        before, opened = self.system.counters(self.world.channels, 0), self.system.opened_by(self.world.channels)
        for plan in self.plans:
            start, busy, wait = self.world.now, int(agent["busy_time"]), int(agent["load_wait_time"])
            lines = dict.fromkeys(("read", "write", *KINDS), 0)
            self.world.start(0, _counted(plan.programs(), lines))
            yield env.finished(0)
            after = self.system.counters(self.world.channels, self.world.now_clock)
            upto = self.system.opened_by(self.world.channels)
            to_ns = self.world.to_ns
            self.records.append(
                LayerRecord(
                    plan,
                    to_ns(self.world.now) - to_ns(start),
                    to_ns(int(agent["busy_time"]) - busy),
                    to_ns(int(agent["load_wait_time"]) - wait),
                    lines,
                    after - before,
                    upto - opened,
                )
            )
            before, opened = after, upto

    @cached_property
    def energy(self) -> EnergyModel:
        """Prices of this memory at its operating state; a trace is recorded without."""
        return EnergyModel(self.config.dram, self.system.state, self.config.energy, self.system.timing)

    def _tick(self) -> None:
        if self.progress is None:
            return
        done = float(self.world.channels["counts"][:, [RD, WR, RDA, WRA]].sum())
        label = f"{self.label} layer {min(len(self.records) + 1, len(self.plans))} of {len(self.plans)}"
        self.progress(done, max(done, self.expected_lines), label)

    def report(self) -> dict[str, Any]:
        """Everything the run measured, as plain data."""
        system, channels = self.system, self.world.channels
        end = self.world.now_clock
        counters = system.counters(channels, end)
        energy = self.energy.price(counters)
        line = system.geometry.burst_bytes
        moved = {name: sum(r.lines[name] for r in self.records) * line for name in ("read", "write", *KINDS)}
        time_ns = self.world.now_ns
        lines = {name: count // line for name, count in moved.items()}
        kinds = kind_energy(energy, counters, system.opened_by(channels), lines)
        layers = [(record, self.energy.price(record.counters)) for record in self.records]
        tensors = [
            (record.plan.layer.name, kind_energy(cost, record.counters, record.opened, record.lines))
            for record, cost in layers
        ]
        return {
            "time_ns": time_ns,
            "cycles": end,
            "requests": {"read": moved["read"] // line, "write": moved["write"] // line},
            "bytes": {"read": moved["read"], "write": moved["write"], "by_kind": {k: moved[k] for k in KINDS}},
            "row": measure.row_counts(counters),
            "read_latency_ns": measure.read_latency_ns(system, channels),
            "bandwidth_gb_s": (moved["read"] + moved["write"]) / time_ns if time_ns else 0.0,
            "commands": measure.commands(channels),
            "energy_pj": energy.as_dict(),
            "energy_report": energy_report(
                self.config, system, counters, Traffic(time_ns, moved, sum(r.plan.macs for r in self.records))
            )
            | {"by_kind_pj": kinds, "by_tensor_pj": tensor_energy(tensors, self.tensors.placement)},
            "operating_point": measure.operating_point(system.state),
            **partition_report(system, counters, energy, self.tensors.placement, moved),
            "compute_ns": sum(r.compute_ns for r in self.records),
            "load_wait_ns": sum(r.load_wait_ns for r in self.records),
            "layers": [self._layer(record, line, cost.as_dict()) for record, cost in layers],
            "timeline": measure.timeline(system, channels, end, energy),
            "warnings": [
                *self.energy.warnings,
                *supply_warnings(self.config.dram, self.config.energy, system, counters),
            ],
        }

    def _layer(self, record: LayerRecord, line: int, energy: dict[str, float]) -> dict[str, Any]:
        plan = record.plan
        return {
            "name": plan.layer.name,
            "time_ns": record.time_ns,
            "compute_ns": record.compute_ns,
            "load_wait_ns": record.load_wait_ns,
            "bytes": {name: count * line for name, count in record.lines.items()},
            "useful_bytes": dict(plan.traffic_bytes),
            "lower_bound_bytes": plan.lower_bound_bytes,
            "macs": plan.macs,
            "utilization": plan.utilization,
            "tiles": plan.tile_count,
            "row": measure.row_counts(record.counters),
            "energy_pj": energy,
            "power_mw": energy["total"] / record.time_ns if record.time_ns else 0.0,
        }


def _counted(parts: Iterable[Part], lines: dict[str, int]) -> Iterator[Part]:
    """Hand on the parts of a program and add the lines they move, by direction and kind."""
    for tiles, runs in parts:
        upto = np.concatenate([[0], np.cumsum(runs["count"], dtype=np.int64)])
        lines["read"] += int((upto[tiles["load_end"]] - upto[tiles["load_begin"]]).sum())
        lines["write"] += int((upto[tiles["store_end"]] - upto[tiles["store_begin"]]).sum())
        per_kind = np.bincount(runs["kind"], weights=runs["count"], minlength=len(KINDS))
        for kind, count in zip(KINDS, per_kind, strict=True):
            lines[kind] += int(count)
        yield tiles, runs
