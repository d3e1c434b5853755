"""Networks on accelerators: a layer is a program of tiles that one engine loads, computes and stores.

Modelled: double-buffered tiles, the DMA window and link width. Not modelled: pooling and element-wise
layers as traffic.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import simpy

from edensim.config.accelerator_schema import AcceleratorMachine
from edensim.config.schema import Workload
from edensim.machines import Accelerator, LayerPlan, build_machine
from edensim.machines.program import KINDS, LayerTensors
from edensim.memory.placement import TensorRequest
from edensim.system.environment import WorldEnvironment
from edensim.system.simulate import LayerRecord, Simulation
from edensim.system.tensors import tensor_requests
from edensim.system.world import AgentSpec, Part
from edensim.workloads.layer import PRECISION_BITS, Network


@lru_cache(maxsize=8)
def shared_machine(machine: AcceleratorMachine) -> Accelerator:
    """One accelerator per description and process, so that checks, compared points and sweeps search a tiling once."""
    return build_machine(machine)


def accelerator_tensors(
    machine: AcceleratorMachine, network: Network, workload: Workload, line_bytes: int
) -> list[TensorRequest]:
    """What a network on an accelerator keeps in memory: its tensors, and the partial sums that spill.

    Raises
    ------
    ConfigError
        For the first layer that cannot be tiled.
    """
    spilled = _spilled_bytes(machine, network, PRECISION_BITS[workload.precision], workload.batch, line_bytes)
    return tensor_requests(network, workload, machine.fmaps_in_dram, spilled)


@lru_cache(maxsize=8)
def _spilled_bytes(
    machine: AcceleratorMachine, network: Network, bits: int, batch: int, line_bytes: int
) -> Mapping[str, int]:
    accelerator, spilled = shared_machine(machine), {}
    for layer in network.layers:
        if machine.fmaps_in_dram:
            spilled[layer.name] = accelerator.spilled_bytes(layer, bits, batch, line_bytes)
        else:
            accelerator.plan(layer, LayerTensors(0, 0, 0), bits, batch, line_bytes)
    return spilled


class AcceleratorSimulation(Simulation):
    """A network on an Eyeriss-like or TPU-like array."""

    summed = ("compute_ns", "load_wait_ns")

    @property
    def description(self) -> AcceleratorMachine:
        """The table [machine]."""
        assert isinstance(self.config.machine, AcceleratorMachine)
        return self.config.machine

    @property
    def machine(self) -> Accelerator:
        """What tiles the layers."""
        return shared_machine(self.description)

    def requests(self) -> list[TensorRequest]:
        """Tensors and partial sums that spill."""
        return accelerator_tensors(self.description, self.network, self.workload, self.line_bytes)

    def agents(self) -> list[AgentSpec]:
        """One tile engine."""
        engine = AgentSpec(
            clock_mhz=Fraction(str(self.description.clock_mhz)),
            window=self.description.dma_outstanding,
            bytes_per_cycle=Fraction(str(self.description.dma_bytes_per_cycle)),
            depth=self.machine.depth,
        )
        return [engine]

    @cached_property
    def plans(self) -> list[LayerPlan]:
        """How each layer is tiled."""
        bits, batch = PRECISION_BITS[self.workload.precision], self.workload.batch
        return [
            self.machine.plan(layer, self.tensors.layers[layer.name], bits, batch, self.line_bytes)
            for layer in self.network.layers
        ]

    @cached_property
    def _expected_lines(self) -> float:
        return sum(sum(p.traffic_bytes.values()) for p in self.plans) / self.line_bytes

    def expected_lines(self) -> float:
        """Lines of all tiles, as planned."""
        return self._expected_lines

    def layers(self, env: WorldEnvironment) -> Generator[simpy.Event, Any, None]:
        """Run the tiles of each layer."""
        agent, to_ns = self.world.agents[self.first_agent], self.world.to_ns
        before = self.system.counters(self.world.channels, self.world.now_clock)
        for plan in self.plans:
            start, busy, wait = self.world.now, int(agent["busy_time"]), int(agent["load_wait_time"])
            lines = dict.fromkeys(("read", "write", *KINDS), 0)
            self.world.start(self.first_agent, _counted(plan.programs(), lines))
            yield env.finished(self.first_agent)
            after = self.system.counters(self.world.channels, self.world.now_clock)
            details = {
                "compute_ns": to_ns(int(agent["busy_time"]) - busy),
                "load_wait_ns": to_ns(int(agent["load_wait_time"]) - wait),
                "useful_bytes": dict(plan.traffic_bytes),
                "lower_bound_bytes": plan.lower_bound_bytes,
                "utilization": plan.utilization,
                "tiles": plan.tile_count,
            }
            time_ns = to_ns(self.world.now) - to_ns(start)
            self.end_layer(LayerRecord(plan.layer.name, plan.macs, time_ns, lines, after - before, details))
            before = after


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
