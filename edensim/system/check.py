"""Everything that can be known to be wrong before anything runs, found in one go; `load_config` tells the lines.

Every resolver (network, memory, operating points, machine, placement, energy) runs by itself. What it refuses is kept,
with the keys that the verdict rests on; resolvers that need its result are left out. Not checked: what only a trace or
the simulation itself can show.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from edensim.config import Presets
from edensim.config.draft import rests_on
from edensim.config.keys import keys_of
from edensim.config.positions import split_key
from edensim.config.schema import Draft, Dram, DramController, Energy, OperatingPoint, Partition, Workload
from edensim.config.schema import Errors as ErrorsTable
from edensim.config.table import Table
from edensim.dram.controller import bank_shape, refresh_schedule
from edensim.dram.energy import EnergyModel
from edensim.dram.policy import check_policies
from edensim.dram.standard import load_standard
from edensim.dram.switching import check_switches
from edensim.dram.table import Shape
from edensim.dram.timing import TimingSet, resolve_timing
from edensim.errors import ConfigError, EdensimError, Problem
from edensim.memory import AddressMap, Geometry, OperatingState, PartitionMap, place, resolve_operating_state
from edensim.memory.partition import resolve_partitions
from edensim.memory.placement import TensorRequest
from edensim.memory.switches import resolve_switches
from edensim.system.errors_source import check_choice, error_source
from edensim.system.kinds import kind_of, stored_tensors
from edensim.system.stored_data import open_data
from edensim.system.tenants import check_tenants, tenant_network
from edensim.system.tensors import prefixed, tensor_requests
from edensim.system.world import common_unit
from edensim.workloads import builtin_names, load_network
from edensim.workloads.layer import Network

T = TypeVar("T")
Keys = tuple[str, ...]
SIZES: Keys = tuple(f"dram.{name}" for name, key in keys_of(Dram).items() if key.kind == "integer")
CLOCK: Keys = ("dram.data_rate_mt_s", "dram.clock_ps", "dram.standard")
TIMES: Keys = ("dram.timing", "dram.timing_ck", *CLOCK, *SIZES)
MAP: Keys = ("dram.address_map", "dram.address_hash", "dram.channel_interleave_bytes")
WORKLOAD: Keys = tuple(f"workload.{name}" for name in Workload.model_fields)
POLICIES: Keys = tuple(f"dram.controller.{name}" for name in DramController.model_fields)
OF_READS = ("scope", "data", "seed", "save_tensors")
"""Keys of `[errors]` that no error law rests on."""
LINE_BYTES = 64
"""Length of a line if the memory is not known; whether a layer can run does not depend on it."""


def check_run(draft: Draft, folder: Path, network: Network | None = None) -> list[EdensimError]:
    """All that keeps a configuration from running (`network`: the one it names, if already read)."""
    found = _Findings()
    found.errors += _missing(draft)
    _price(found, draft, _examine(found, draft, folder, network).timing)
    return found.errors


def check_recording(draft: Draft, folder: Path) -> list[EdensimError]:
    """All that keeps the requests of a configuration from being recorded: as for a run, but nothing is priced."""
    found = _Findings()
    found.errors += _missing(draft)
    _examine(found, draft, folder)
    return found.errors


def check_shown(draft: Draft, folder: Path) -> list[EdensimError]:
    """All that is wrong with what a configuration holds, whatever it is meant for."""
    found = _Findings()
    timing = _examine(found, draft, folder).timing
    if draft.dram is not None and draft.dram.power is not None:
        _price(found, draft, timing)
    return found.errors


def check_memory(draft: Draft, folder: Path) -> list[EdensimError]:
    """All that is wrong with the memory and its operating points."""
    found = _Findings()
    _memory(found, draft)
    return found.errors


def lasting(errors: Iterable[EdensimError], varied: Iterable[str]) -> list[EdensimError]:
    """What stays wrong whatever the dotted keys `varied` (axes of a sweep) are set to."""
    places = [tuple(split_key(key.removesuffix(".preset"))[0]) for key in varied]
    kept: list[EdensimError] = []
    for error in errors:
        found = error.problems if isinstance(error, ConfigError) else error.args[:1]
        problems = [problem for problem in found if not rests_on(problem, places)]
        if problems:
            kept.append(ConfigError(problems) if isinstance(error, ConfigError) else error)
    return kept


class _Findings:
    """What the resolvers refuse."""

    def __init__(self) -> None:
        self.errors: list[EdensimError] = []
        self.told: set[str] = set()

    def attempt(self, about: Sequence[str], reads: Sequence[str], resolver: Callable[..., T], *given: Any) -> T | None:
        """Result of a resolver, None if it refuses or if something it is `given` is None for that reason.

        `about` are the keys that may be at fault, `reads` what else the verdict rests on; a problem that knows its keys
        keeps them.
        """
        if any(argument is None for argument in given):
            return None
        try:
            return resolver(*given)
        except ConfigError as error:
            # Several resolvers start from the same one, so some things are refused more than once.
            new = [p for p in error.problems if p not in self.told]
            self.told.update(new)
            self.errors.append(ConfigError(p if isinstance(p, Problem) else _tagged(p, about, reads) for p in new))
        except EdensimError as error:
            error.args = (_tagged(str(error), about, reads),)
            self.errors.append(error)
        return None


def _tagged(message: str, about: Iterable[str], reads: Iterable[str]) -> Problem:
    """The message with its keys, those that it names first."""

    def unnamed(key: str) -> int:
        if re.search(rf"(?<![\w.]){re.escape(key)}(?!\w)", message):
            return 0
        return 1 if re.search(rf"\b{re.escape(key.rsplit('.', 1)[-1])}\b", message) else 2

    return Problem(message, *sorted(about, key=unnamed), *reads)


def _missing(draft: Draft) -> list[EdensimError]:
    problems = []
    if draft.workload is None:
        text = f"workload: missing; a run needs [workload] with a network (built in: {', '.join(builtin_names())})"
        problems.append(Problem(text, "workload"))
    if draft.machine is None:
        names = ", ".join(Presets().names("machine"))
        text = f"machine: missing; a run needs [machine]; start from a preset with machine.preset (available: {names})"
        problems.append(Problem(text, "machine"))
    return [ConfigError(problems)] if problems else []


def _examine(found: _Findings, draft: Draft, folder: Path, network: Network | None = None) -> _Memory:
    memory = _memory(found, draft)
    if network is None:
        network = _network(found, draft.workload, folder)
    _errors(found, draft, memory, folder)
    requests = _machine(found, "", draft.machine, network, draft.workload, memory)
    if requests is None:
        fmaps = getattr(draft.machine, "fmaps_in_dram", True)
        requests = found.attempt(WORKLOAD, (), tensor_requests, network, draft.workload, fmaps)
    for k, tenant in enumerate(draft.tenant):
        keys = (f"tenant.{k}.network", f"tenant.{k}.layers")
        guest = found.attempt(keys, (), tenant_network, tenant, folder)
        machine = draft.machine if tenant.machine is None else tenant.machine
        others = _machine(found, f"tenant.{k}.", machine, guest, tenant, memory)
        requests = None if requests is None or others is None else requests + prefixed(others, f"{tenant.name}/")
    if draft.tenant:
        found.attempt(("tenant",), (), check_tenants, draft)
    about = ("placement.weights", "placement.ifm", "placement.ofm", "placement.tensors", *WORKLOAD)
    reads = ("placement", "partition", *MAP, *SIZES, "machine.fmaps_in_dram")
    found.attempt(
        about, reads, place, requests, memory.geometry, memory.address_map, memory.partitions, draft.placement
    )
    if draft.errors is not None and requests is not None:
        sizes = {request.name: request.bytes for request in requests}
        reads = (*WORKLOAD, "machine.fmaps_in_dram")
        found.attempt(("errors.data",), reads, open_data, draft.errors.data, folder, sizes)
    return memory


def _machine(
    found: _Findings, where: str, machine: Any, network: Network | None, workload: Workload | None, memory: _Memory
) -> list[TensorRequest] | None:
    """What a network on its machine keeps in memory, None if it cannot be known; keys begin with `where`."""
    if machine is None:
        return None
    kind = kind_of(machine)
    table: type[Table] = type(machine)
    keys: Keys = tuple(f"{where}machine.{name}" for name in keys_of(table))
    if found.attempt(keys, (), kind.build, machine) is None:
        return None
    about = (*keys, *(f"{where}{key.removeprefix('workload.')}" for key in WORKLOAD)) if where else (*keys, *WORKLOAD)
    if network is not None and network.trace:  # it is read only now
        about = (f"{where or 'workload.'}network", *about)
    line_bytes = memory.geometry.burst_bytes if memory.geometry else LINE_BYTES
    requests = found.attempt(about, (), stored_tensors, machine, network, workload, line_bytes)
    steps = kind.clock_steps(machine)
    found.attempt((f"{where}machine.clock_mhz",), CLOCK, _common_clock, steps, memory.timing)
    return requests


def _errors(found: _Findings, draft: Draft, memory: _Memory, folder: Path) -> None:
    """Whether `[errors]` makes sense, and the chip has a law for every point of every partition."""
    if draft.errors is None:
        return
    about = tuple(f"errors.{name}" for name in ErrorsTable.model_fields if name not in OF_READS)
    found.attempt(about, (), check_choice, draft.errors)
    for where, state in memory.states.items():
        points = [where, *(f"partition.{k}" for k in range(len(draft.partition)))]
        mine = (*(f"{point}.{name}" for point in points for name in OperatingPoint.model_fields), *about)
        found.attempt(mine, ("partition", where, *SIZES), error_source, draft, state, memory.geometry, folder)


def _network(found: _Findings, workload: Workload | None, folder: Path) -> Network | None:
    if workload is None:
        return None
    network = found.attempt(("workload.network",), (), load_network, workload.network, folder)
    if network is None or workload.layers is None:
        return network
    return found.attempt(("workload.layers", "workload.network"), (), network.select, workload.layers)


def _common_clock(steps: Sequence[Fraction], timing: TimingSet) -> Fraction:
    return common_unit([timing.period, *steps])


class _Memory(NamedTuple):
    geometry: Geometry | None = None
    timing: TimingSet | None = None
    address_map: AddressMap | None = None
    partitions: PartitionMap | None = None
    states: Mapping[str, OperatingState] = {}


def _memory(found: _Findings, draft: Draft) -> _Memory:
    dram = draft.dram
    if dram is None:
        return _Memory()
    geometry = found.attempt(SIZES, (), Geometry.from_config, dram)
    timing = found.attempt(TIMES, (), resolve_timing, dram)
    address_map = found.attempt(MAP, SIZES, AddressMap.from_config, geometry, dram)
    shape = found.attempt(SIZES, (), bank_shape, geometry)
    standard = found.attempt(("dram.standard",), (), load_standard, dram.standard)
    found.attempt(POLICIES, ("dram.controller", "dram.standard"), check_policies, dram, standard)
    fine, partitions = _partitions(found, geometry, draft.partition)
    points = {"operating_point": draft.operating_point}
    points |= {f"compare.{name}": point for name, point in draft.compare.items()}
    states = {}
    for where, point in points.items():
        reads = (where, "partition", *TIMES)
        state = found.attempt((), reads, resolve_operating_state, dram, point, fine, f"[{where}]")
        if state is not None:
            states[where] = state
        if timing is not None and shape is not None and state is not None:
            about = (f"{where}.tREFI_scale", "dram.controller.refresh_scatter_ck")
            reads = ("dram.controller", *TIMES)
            found.attempt(about, reads, refresh_schedule, dram, timing, shape, state.tREFI_scale)
    states |= _switches(found, draft, fine, timing, shape)
    return _Memory(geometry, timing, address_map, partitions, states)


def _switches(
    found: _Findings, draft: Draft, partitions: list[Partition], timing: TimingSet | None, shape: Shape | None
) -> dict[str, OperatingState]:
    """The operating states after each [[switch]], by the place of its table."""
    reads = ("operating_point", "partition", "switch", *TIMES)
    given = draft.dram, draft.operating_point, partitions, draft.switch
    points = found.attempt((), reads, resolve_switches, *given)
    if not points or timing is None or shape is None:
        return {}
    scale = draft.operating_point.tREFI_scale
    reads = ("dram.controller", *TIMES)
    found.attempt((), reads, check_switches, draft.dram, timing, 1.0 if scale is None else scale, points)
    for k, point in enumerate(points):
        about = (f"switch.{k}.tREFI_scale",)
        found.attempt(about, reads, refresh_schedule, draft.dram, timing, shape, point.state.tREFI_scale)
    return {f"switch.{k}": point.state for k, point in enumerate(points)}


def _partitions(
    found: _Findings, geometry: Geometry | None, partitions: Sequence[Partition]
) -> tuple[list[Partition], PartitionMap | None]:
    """The partitions that fit the memory and those before them; if all do, how they divide it."""
    fine: list[Partition] = []
    division = found.attempt((), (), resolve_partitions, geometry, fine)
    for k, partition in enumerate(partitions):
        about = tuple(f"partition.{k}.{name}" for name in Partition.model_fields)
        division = found.attempt(about, ("partition", *SIZES), resolve_partitions, geometry, [*fine, partition])
        if division is not None:
            fine.append(partition)
    return fine, division if len(fine) == len(partitions) else None


def _price(found: _Findings, draft: Draft, timing: TimingSet | None) -> None:
    dram = draft.dram
    if dram is not None:
        rails = dram.power.rails if dram.power else {}
        about = [*(f"dram.power.rails.{name}.IDD4R" for name in rails), "energy.currents", "energy.typical_of"]
        about += ["dram.power", "dram.preset"]
        found.attempt(about, ("dram", "energy"), _priced, dram, draft.energy, timing)


def _priced(dram: Dram, energy: Energy, timing: TimingSet) -> EnergyModel:
    return EnergyModel(dram, None, energy, timing)
