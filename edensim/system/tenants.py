"""Several networks on one memory: each with its own agents and its own addresses, and how much they disturb each other.

Every network runs until all have run once, so that each meets the others from its first request to its last; those that
end sooner start again. What sharing costs is told against a run in which a network has the memory (and the caches that
it shares) to itself, at the same addresses. Not modelled: an operating system that moves networks between cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edensim.config.cpu_schema import CpuMachine
from edensim.config.schema import Config, Draft, Tenant, Workload
from edensim.errors import ConfigError, Problem
from edensim.memory import OperatingState
from edensim.system.kinds import kind_of
from edensim.system.simulate import MAIN, Progress, Simulation
from edensim.workloads import load_network
from edensim.workloads.layer import Network


def tenant_network(tenant: Tenant, folder: Path) -> Network:
    """What a tenant runs.

    Raises
    ------
    ConfigError, InputError
        As `load_network`, and for layers it does not have.
    """
    network = load_network(tenant.network, folder)
    return network if tenant.layers is None else network.select(tenant.layers)


def check_tenants(draft: Draft) -> None:
    """Refuse what tenants cannot have. Raises ConfigError."""
    names = [tenant.name for tenant in draft.tenant]
    problems = []
    for k, tenant in enumerate(draft.tenant):
        if tenant.name in (MAIN, *names[:k]):
            owner = "the network of [workload]" if tenant.name == MAIN else "another tenant"
            problems.append(Problem(f'tenant.{k}.name: "{tenant.name}" is {owner}; choose another', f"tenant.{k}.name"))
    if draft.tenant and draft.errors is not None:
        problems.append(
            Problem("errors: given with [[tenant]]; errors are drawn for the reads of one network alone", "errors")
        )
    if draft.tenant and draft.switch:
        problems.append(Problem("switch: given with [[tenant]]; switches are those of one network alone", "switch"))
    machines = [("machine", draft.machine), *((f"tenant.{k}.machine", t.machine) for k, t in enumerate(draft.tenant))]
    for where, machine in machines:
        if draft.tenant and isinstance(machine, CpuMachine) and machine.extrapolate:
            told = "found true with [[tenant]]; loops beside other networks run to their end, expected false"
            problems.append(Problem(f"{where}.extrapolate: {told}", f"{where}.extrapolate"))
    if problems:
        raise ConfigError(problems)


def simulation(
    config: Config,
    networks: Sequence[Network],
    state: OperatingState,
    progress: Progress | None = None,
    **given: Any,
) -> Simulation:
    """The network of [workload] and those of all tenants, in this order, on one memory (`given`: see `Simulation`)."""
    main, *others = networks
    beside = []
    for tenant, network in zip(config.tenant, others, strict=True):
        own = config.model_copy(
            update={
                "workload": Workload.model_validate(tenant.model_dump(include=set(Workload.model_fields))),
                "machine": tenant.machine or config.machine,
            }
        )
        beside.append(kind_of(own.machine).simulation(own, network, state, tenant=tenant))
    return kind_of(config.machine).simulation(config, main, state, progress, beside=beside, **given)


def interference(together: Simulation, config: Config, networks: Sequence[Network]) -> dict[str, Any]:
    """By network: time, queue time of reads and row hits, with the others and without, and what that makes.

    `row_hits_lost` are those that it had alone and not beside the others.
    """
    found = {}
    for part in (together, *together.beside):
        label = f"{together.label} {part.name} alone"
        world = simulation(config, networks, together.system.state, together.progress, label=label)
        world.run(only=part.name)
        alone = next(x for x in (world, *world.beside) if x.name == part.name)
        here, there = _reading(part), _reading(alone)
        found[part.name] = {
            **here,
            "slowdown": here["time_ns"] / there["time_ns"] if there["time_ns"] else 1.0,
            "added_read_queue_ns": here["read_queue_ns"] - there["read_queue_ns"],
            "row_hits_lost": there["row"]["hit"] - here["row"]["hit"],
            "alone": there,
        }
    return found


def _reading(part: Simulation) -> dict[str, Any]:
    """What one network, in its first run, took and found."""
    end, line = part.ended, part.line_bytes
    reads, writes = end.met
    met = reads + writes
    seen = int(np.sum(reads))
    period_ns = float(part.system.period / 1000)
    return {
        "time_ns": part.world.to_ns(end.time - end.begin),
        "read_queue_ns": int(end.queued[0]) * period_ns / seen if seen else 0.0,
        "row": {"hit": int(met[2]), "miss": int(met[1]), "conflict": int(met[3])},  # see `port_kernel.complete`
        "bytes": {way: line * sum(r.lines[way] for r in part.records) for way in ("read", "write")},
    }
