"""A request trace on the DRAM alone, and the request trace of a run.

A replay is an open loop: requests are offered at their arrival clocks, or as fast as the queues accept, whatever the
memory answers. A trace made from a run carries the clocks at which the memory accepted each request then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from edensim.config import Resolved
from edensim.dram.command_log import CommandLog
from edensim.dram.command_log_write import Sink
from edensim.dram.controller import DramSystem
from edensim.dram.counters import Counters
from edensim.dram.replay import ReplayResult, replay_requests
from edensim.dram.switched_energy import energy_of
from edensim.dram.switching import SwitchedSystem
from edensim.dram.trace import CHUNK, Requests
from edensim.memory import Geometry, resolve_operating_state
from edensim.memory.switches import resolve_switches
from edensim.system import measure
from edensim.system.partition_report import partition_report, supply_warnings
from edensim.system.run import record_requests
from edensim.system.simulate import Progress
from edensim.system.switch_report import switch_report
from edensim.version import __version__

ROW = np.dtype([("clock", "<i8"), ("line", "<i8"), ("is_write", "<i8"), ("tensor", "<i8")])


def memory_system(resolved: Resolved) -> DramSystem:
    """The memory of a configuration at its operating point, for one run if that changes."""
    config = resolved.config
    given = config.dram, config.operating_point, config.partition
    state = resolve_operating_state(*given)
    if not config.switch:
        return DramSystem(config.dram, state)
    return SwitchedSystem(config.dram, state, resolve_switches(*given, config.switch))


def replay_trace(
    resolved: Resolved,
    parts: Iterable[Requests],
    *,
    where: str = "trace",
    keep_log: bool = False,
    command_hash: bool = False,
    system: DramSystem | None = None,
    sinks: Sequence[Sink] = (),
    progress: Callable[[int], None] | None = None,
) -> tuple[dict[str, Any], CommandLog | None]:
    """Replay a trace on the memory of a configuration, at its operating point.

    Parameters
    ----------
    resolved : Resolved
    parts : iterable of Requests
        Requests in order, in pieces of any size.
    where : str
        Name of the trace in error messages.
    keep_log : bool
        Keep every command, for the protocol checker.
    command_hash : bool
        Add `command_sha256`, one digest per channel over all its commands.
    system : DramSystem, optional
        `memory_system(resolved)`, if the caller has it already.
    sinks : sequence of callables
        Take the commands of each channel as they are issued, see `replay_requests`.
    progress : callable, optional
        Called with the number of requests consumed so far.

    Returns
    -------
    data : dict
        The keys of `edensim trace replay --json`; `energy_pj` only if the memory has a power table.
    log : CommandLog or None
    """
    began = time.perf_counter()
    config = resolved.config
    system = memory_system(resolved) if system is None else system
    done = replay_requests(
        system,
        parts,
        keep_log=keep_log,
        command_hash=command_hash,
        sinks=sinks,
        progress=progress,
        where=where,
    )
    data, model = _measured(system, done), None
    if config.dram.power is not None:
        model = energy_of(system, config.energy)
        priced = model.price(done.counters)
        data |= {"energy_pj": priced.as_dict()} | partition_report(system, done.counters, priced)
        data["warnings"] = [*model.warnings, *supply_warnings(config.dram, config.energy, system, done.counters)]
    data |= switch_report(system, done.counters, model)
    if done.command_sha256 is not None:
        data["command_sha256"] = done.command_sha256
    data |= {"operating_point": measure.operating_point(system.state), "config_hash": resolved.hash}
    return data | {"version": __version__, "wall_s": time.perf_counter() - began}, done.log


def _measured(system: DramSystem, done: ReplayResult) -> dict[str, Any]:
    counters = done.counters
    time_ns = float(done.cycles * system.period / 1000)
    requests = {"read": _sum(counters, "reads"), "write": _sum(counters, "writes")}
    moved = {kind: count * system.line_bytes for kind, count in requests.items()}
    latency_sum = _sum(counters, "read_latency_ck_sum")
    return {
        "time_ns": time_ns,
        "cycles": done.cycles,
        "requests": requests,
        "bytes": moved,
        "row": measure.row_counts(counters),
        "read_latency_ns": measure.read_latency_ns(system, done.channels),
        "read_latency_ck_mean": latency_sum / requests["read"] if requests["read"] else 0.0,
        "read_latency_ck_sum": latency_sum,
        "reads_forwarded": _sum(counters, "reads_forwarded"),
        "writes_coalesced": _sum(counters, "writes_coalesced"),
        "bandwidth_gb_s": sum(moved.values()) / time_ns if time_ns else 0.0,
        "commands": measure.commands(done.channels),
        **measure.asleep(system, counters),
    }


def _sum(counters: Counters, name: str) -> int:
    return int(getattr(counters, name).sum())


class RecordedRequests:
    """Every request that the memory accepted during a run of the main operating point.

    Parameters
    ----------
    spool : binary file
        Holds the requests, 32 bytes each; a temporary file of the caller.
    resolved : Resolved
        With `[workload]` and `[machine]`.
    arrivals : bool
        Carry the clock at which each request was accepted.
    """

    def __init__(
        self, spool: IO[bytes], resolved: Resolved, progress: Progress | None = None, arrivals: bool = True
    ) -> None:
        self._file, self._arrivals = spool, arrivals
        simulation = record_requests(resolved, self._keep, progress)
        self.tensors = [t.name for t in sorted(simulation.tensors.placement.tensors.values(), key=lambda t: t.index)]
        self.clock_ps: Fraction = simulation.system.period
        self.warnings = list(simulation.network.warnings)
        self._burst_bytes = Geometry.from_config(resolved.config.dram).burst_bytes

    def _keep(self, rows: NDArray[np.int64]) -> None:
        self._file.write(rows.tobytes())

    def chunks(self, size: int = CHUNK) -> Iterator[Requests]:
        """Yield the requests in the order in which they were accepted."""
        self._file.seek(0)
        while block := self._file.read(size * ROW.itemsize):
            rows = np.frombuffer(block, ROW)
            yield Requests(
                rows["line"].astype(np.uint64) * np.uint64(self._burst_bytes),
                rows["is_write"].astype(np.uint8),
                rows["clock"].astype(np.uint64) if self._arrivals else None,
                rows["tensor"].astype(np.uint16),
            )
