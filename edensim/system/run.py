"""`run(config) -> Result`: the main path, read like a table of contents.

configuration -> network -> operating states -> simulation of each -> result.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.config import Config, Resolved, load_config
from edensim.errors import ConfigError
from edensim.memory import Geometry, OperatingState, resolve_operating_state
from edensim.memory.switches import resolve_switches
from edensim.system.check import check_recording, check_run
from edensim.system.errors_source import ErrorSource, error_source
from edensim.system.result import Result
from edensim.system.simulate import MAIN, Progress, RunSwitch, Simulation
from edensim.system.tenants import interference, simulation, tenant_network
from edensim.version import __version__
from edensim.workloads import load_network
from edensim.workloads.layer import Network


def run(
    config: Resolved | str | Path | Mapping[str, Any],
    progress: Progress | None = None,
    network: Network | None = None,
) -> Result:
    """Simulate a configuration at its operating point and at every `[compare.NAME]`.

    Parameters
    ----------
    config : Resolved, path or mapping
        What `load_config` returns or accepts.
    progress : callable, optional
        Called about once per second with requests so far, requests expected in all, and a label.
    network : Network, optional
        What `selected_network` gives, for callers that run many points of one network.

    Returns
    -------
    Result
        With the keys of `edensim run --json`.

    Raises
    ------
    ConfigError, InputError
        All that is wrong with the configuration or a file it names.
    """
    began = time.perf_counter()
    if not isinstance(network, Network | None):
        raise ConfigError(
            f"network: found {type(network).__name__}; expected a Network: edensim.dnn.to_network(module, shape) makes "
            "one of a torch module"
        )
    resolved = load_config(config, check=partial(check_run, network=network))
    network = selected_network(resolved) if network is None else network
    states = operating_states(resolved.config)
    sources = error_sources(resolved, states)
    networks = [network, *(tenant_network(t, resolved.base_folder) for t in resolved.config.tenant)]
    points: dict[str, dict[str, Any]] = {}
    tensors: dict[str, NDArray[Any]] = {}
    for name, state in states.items():
        share = progress and _share(progress, len(points), len(states))
        switches = run_switches(resolved) if name == MAIN else []
        simulated = simulation(
            resolved.config, networks, state, share, label=name, errors=sources[name], switches=switches
        )
        simulated.run()
        points[name] = simulated.report()
        if simulated.beside:
            points[name]["interference"] = interference(simulated, resolved.config, networks)
        if name == MAIN and simulated.errors is not None:
            tensors = simulated.errors.tensors()
    data = points.pop(MAIN)
    data["compare"] = {name: point | {"saving": saving(data, point)} for name, point in points.items()}
    data["warnings"] = [
        *data["warnings"],
        *(f"[compare.{name}] {text}" for name, point in points.items() for text in _new(point, data)),
    ]
    data |= {"config_hash": resolved.hash, "version": __version__, "wall_s": time.perf_counter() - began}
    data["warnings"] = [*network.warnings, *data["warnings"]]
    return Result(data, tensors)


def _new(point: Mapping[str, Any], main: Mapping[str, Any]) -> list[str]:
    """Warnings of a compared point that the main point does not give."""
    return [text for text in point["warnings"] if text not in main["warnings"]]


def _share(progress: Progress, point: int, points: int) -> Progress:
    """Progress of one of several points, which move about the same number of lines each."""

    def report(done: float, total: float | None, label: str) -> None:
        progress(done + point * (total or 0), total and total * points, label)

    return report


def record_requests(
    config: Resolved, on_requests: Callable[[NDArray[np.int64]], None], progress: Progress | None = None
) -> Simulation:
    """Run the main operating point and hand over every request the memory accepted, in order."""
    config = load_config(config, check=check_recording)
    networks = [selected_network(config), *(tenant_network(t, config.base_folder) for t in config.config.tenant)]
    state = operating_states(config.config)[MAIN]
    switches = [RunSwitch(switch.point, None) for switch in run_switches(config)]
    recorded = simulation(
        config.config, networks, state, progress, on_requests=on_requests, label=MAIN, switches=switches
    )
    recorded.run()
    return recorded


def selected_network(resolved: Resolved) -> Network:
    """The network of the configuration, cut down to `workload.layers` if given."""
    workload = resolved.config.workload
    if workload is None:
        raise ConfigError("table [workload] is missing; a run needs it")
    network = load_network(workload.network, resolved.base_folder)
    if workload.layers is None:
        return network
    return network.select(workload.layers)


def operating_states(config: Config) -> dict[str, OperatingState]:
    """Resolved operating state of the main point and of every point it is compared with."""
    points = {MAIN: config.operating_point, **config.compare}
    problems: list[str] = []
    states = {}
    for name, point in points.items():
        where = "[operating_point]" if name == MAIN else f"[compare.{name}]"
        try:
            states[name] = resolve_operating_state(config.dram, point, config.partition, where)
        except ConfigError as error:
            problems += [p for p in error.problems if p not in problems]
    if problems:
        raise ConfigError(problems)
    return states


def run_switches(resolved: Resolved) -> list[RunSwitch]:
    """The switches of the main point, with the errors that follow them."""
    config = resolved.config
    geometry = Geometry.from_config(config.dram)
    points = resolve_switches(config.dram, config.operating_point, config.partition, config.switch)
    return [RunSwitch(p, error_source(config, p.state, geometry, resolved.base_folder)) for p in points]


def error_sources(resolved: Resolved, states: Mapping[str, OperatingState]) -> dict[str, ErrorSource | None]:
    """What `[errors]` means at every point."""
    config = resolved.config
    geometry = Geometry.from_config(config.dram)
    return {name: error_source(config, state, geometry, resolved.base_folder) for name, state in states.items()}


def saving(reference: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, float]:
    """Share of energy and time that a point saves against the reference (negative: it needs more)."""

    def share(base: float, value: float) -> float:
        return 1 - value / base if base else 0.0

    return {
        "energy_pj": share(reference["energy_pj"]["total"], point["energy_pj"]["total"]),
        "time_ns": share(reference["time_ns"], point["time_ns"]),
    }
