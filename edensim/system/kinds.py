"""What the system knows of each kind of machine: how it is checked, what it keeps in memory, how it is simulated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from edensim.config.accelerator_schema import AcceleratorMachine
from edensim.config.cpu_schema import CpuMachine
from edensim.config.gpu_schema import GpuMachine
from edensim.config.schema import Config, Workload
from edensim.errors import ConfigError
from edensim.machines.cpu.machine import cache_levels
from edensim.machines.gpu.machine import gpu_device
from edensim.memory.placement import TensorRequest
from edensim.system.accelerator_simulation import AcceleratorSimulation, accelerator_tensors, shared_machine
from edensim.system.cpu_simulation import CpuSimulation, cpu_tensors
from edensim.system.gpu_simulation import GpuSimulation, gpu_tensors
from edensim.system.simulate import Simulation
from edensim.system.trace_simulation import TraceSimulation, trace_tensors
from edensim.workloads.layer import Network


@dataclass(frozen=True)
class Kind:
    """A family of machines.

    Parameters
    ----------
    simulation : callable
        Makes what runs a network on it (arguments: see `Simulation`).
    build : callable
        Takes the table [machine]; raises ConfigError for a machine that cannot be built.
    tensors : callable
        Takes machine, network, workload and bytes per burst; gives what wants a place in memory. Raises ConfigError
        for a network that the machine cannot run.
    clock_steps : callable
        Takes the table [machine]; steps in ps that the world's unit of time must divide.
    """

    simulation: Callable[..., Simulation]
    build: Callable[[Any], object]
    tensors: Callable[[Any, Network, Workload, int], list[TensorRequest]]
    clock_steps: Callable[[Any], Sequence[Fraction]]


def _accelerator_steps(machine: AcceleratorMachine) -> list[Fraction]:
    return [1_000_000 / Fraction(str(machine.clock_mhz))]


def _core_steps(machine: CpuMachine) -> list[Fraction]:
    return [1_000_000 / Fraction(str(machine.clock_mhz)) / machine.width]


def _gpu_steps(machine: GpuMachine) -> list[Fraction]:
    return [1_000_000 / Fraction(str(machine.clock_mhz))]


def _cpu_simulation(config: Config, network: Network, *given: Any, **named: Any) -> CpuSimulation:
    kind = TraceSimulation if network.trace else CpuSimulation
    return kind(config, network, *given, **named)


def _cpu_tensors(machine: CpuMachine, network: Network, workload: Workload, line_bytes: int) -> list[TensorRequest]:
    return trace_tensors(network) if network.trace else cpu_tensors(machine, network, workload, line_bytes)


KINDS: dict[type, Kind] = {
    AcceleratorMachine: Kind(AcceleratorSimulation, shared_machine, accelerator_tensors, _accelerator_steps),
    CpuMachine: Kind(_cpu_simulation, cache_levels, _cpu_tensors, _core_steps),
    GpuMachine: Kind(GpuSimulation, gpu_device, gpu_tensors, _gpu_steps),
}


def kind_of(machine: object) -> Kind:
    """Its kind. Raises ConfigError without a machine."""
    if machine is None:
        raise ConfigError("table [machine] is missing; a run needs it")
    return KINDS[type(machine)]


def stored_tensors(machine: Any, network: Network, workload: Workload, line_bytes: int) -> list[TensorRequest]:
    """What a network on a machine keeps in memory.

    Raises
    ------
    ConfigError
        For a network that the machine cannot run.
    """
    if network.trace and not isinstance(machine, CpuMachine):
        raise ConfigError(
            f"workload.network: found the address trace {network.trace}; a machine of kind {machine.kind} runs layers, "
            'expected machine.kind = "cpu"'
        )
    return kind_of(machine).tensors(machine, network, workload, line_bytes)
