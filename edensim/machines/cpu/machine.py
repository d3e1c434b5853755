"""A CPU as its table [machine] describes it: cache levels, code per layer, and where a layer's arrays lie."""

from __future__ import annotations

from collections.abc import Sequence

from edensim.config.cpu_schema import CpuMachine
from edensim.config.schema import Workload
from edensim.errors import ConfigError, did_you_mean
from edensim.machines.cpu import code
from edensim.machines.cpu.cache import CacheLevel
from edensim.memory.placement import TensorRequest
from edensim.workloads.layer import Layer, Network

KINDS = ("weights", "ifm", "ofm")
MAX_LEVELS = 6
"""A record has three bits for the level that had the line, of which one value is memory."""


def cache_levels(machine: CpuMachine) -> list[CacheLevel]:
    """The caches from the core outwards.

    Raises
    ------
    ConfigError
        Names other than l1, l2, … without a gap, or a geometry that cannot be built.
    """
    names = [f"l{k + 1}" for k in range(len(machine.cache))]
    problems = []
    if not names or len(names) > MAX_LEVELS or set(names) != set(machine.cache):
        found = ", ".join(machine.cache) or "none"
        problems.append(f"machine.cache: found levels {found}; expected l1, l2, … without a gap, at most l{MAX_LEVELS}")
        raise ConfigError(problems)
    levels = []
    for name in names:
        c = machine.cache[name]
        levels.append(
            CacheLevel(
                c.size_bytes, c.ways, 64, c.policy, c.inclusive, c.hashed, c.prefetcher, c.prefetch_degree,
                c.prefetch_distance, f"cache.{name}",
            )
        )  # fmt: skip
        try:
            levels[-1].check()
        except ConfigError as error:
            problems += error.problems
    shared = [machine.cache[name].shared for name in names]
    if shared != sorted(shared):
        problems.append("machine.cache: a private level lies below a shared one; expected private levels first")
    several = machine.cores > 1
    if several and machine.extrapolate:
        problems.append("machine.extrapolate: found true with several cores; expected machine.cores = 1")
    if several and shared[0]:
        problems.append("machine.cache.l1.shared: found true with several cores; expected an l1 of each core's own")
    if problems:
        raise ConfigError(problems)
    return levels


def layer_styles(machine: CpuMachine, network: Network, workload: Workload) -> dict[str, str]:
    """Style of code of every layer.

    Raises
    ------
    ConfigError
        `layer_code` names no layer, or a style has no code for the precision.
    """
    known = [layer.name for layer in network.layers]
    problems = [
        f"machine.layer_code: {network.name} has no layer {name!r}{did_you_mean(name, known)}"
        for name in machine.layer_code
        if name not in known
    ]
    styles: dict[str, str] = {name: machine.layer_code.get(name, machine.code) for name in known}
    for style in sorted(set(styles.values())):
        try:
            code.value_bytes(style, workload.precision)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return styles


def scratch_totals(layer: Layer, style: str, size: int) -> dict[str, int]:
    """Bytes of scratch memory of a layer by the kind of tensor that it holds copies of."""
    totals = dict.fromkeys(KINDS, 0)
    for kind, count in zip(code.scratch_kinds(style), code.scratch_sizes(layer, style, size), strict=True):
        totals[kind] += code.paged(count) if count else 0
    return {kind: total for kind, total in totals.items() if total}


def cpu_requests(
    machine: CpuMachine, network: Network, workload: Workload, tensors: Sequence[TensorRequest]
) -> list[TensorRequest]:
    """`tensors` as large as the code of their layer stores them, and scratch space per core."""
    styles = layer_styles(machine, network, workload)
    sizes, scratch = {}, dict.fromkeys(KINDS, 0)
    for layer in network.layers:
        style = styles[layer.name]
        size = code.value_bytes(style, workload.precision)
        for kind, count in code.stored_counts(layer, style).items():
            sizes[f"{layer.name}.{kind}"] = count * size * (1 if kind == "weights" else workload.batch)
        for kind, total in scratch_totals(layer, style, size).items():
            scratch[kind] = max(scratch[kind], total)
    placed = [TensorRequest(t.name, t.kind, max(t.bytes, sizes.get(t.name, 0)), t.alias) for t in tensors]
    cores = active_cores(machine, workload)
    return placed + [TensorRequest(f"scratch.{kind}", kind, cores * total) for kind, total in scratch.items() if total]


def active_cores(machine: CpuMachine, workload: Workload) -> int:
    """Cores that have an image to run."""
    return min(machine.cores, workload.batch)


def own_levels(machine: CpuMachine, joined: bool = False) -> int:
    """How many levels are a core's own; all of them if there is one core (`joined`: another network runs beside)."""
    if machine.cores == 1 and not joined:
        return len(machine.cache)
    return sum(not level.shared for level in machine.cache.values())


def first_felt_level(machine: CpuMachine) -> int:
    """First level that a core may have to wait for: nearer ones are over before window or load queue can be full."""
    hidden = min(machine.window, machine.loads)
    felt = (level.latency_cycles * machine.width > hidden for level in machine.cache.values())
    return next((k for k, waits in enumerate(felt) if waits), len(machine.cache))
