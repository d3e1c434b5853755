"""What one simulation of the ledger leaves in the journal: times, and energies that can be priced at any voltage.

Every component of the energy is split into what the rail that follows VDD feeds (`vdd.act` …) and the rest
(`fixed.act` …), at nominal voltage; the same for convolutions and for fully connected layers alone (`conv.vdd.act`).
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from edensim.config import Resolved
from edensim.dram.energy import COMPONENTS, EnergyModel
from edensim.study.record import require_runnable
from edensim.system.kinds import kind_of
from edensim.system.run import MAIN, operating_states
from edensim.workloads import load_network

MEASURE = "edensim.study.ledger.measure:measure"
CONV, FC = "conv.", "fc."


def measure(resolved: Resolved, inputs: Mapping[str, str]) -> dict[str, float]:
    """Simulate a point; energies in pJ, times in ns. `inputs` are the digests of its input files."""
    require_runnable(resolved)
    config = resolved.config
    assert config.workload is not None
    network = load_network(config.workload.network, Path(resolved.base_folder))
    state = operating_states(config)[MAIN]
    simulation = kind_of(config.machine).simulation(config, network, state, label=MAIN)
    simulation.run()
    totals = simulation.totals()
    at_nominal = EnergyModel(config.dram, None, config.energy, simulation.system.timing)
    followers = (
        {name for name, rail in config.dram.power.rails.items() if rail.follows_vdd} if config.dram.power else ()
    )
    found = {"time_ns": totals.time_ns, "nominal_vdd": state.nominal.vdd, "nominal_tRCD_ns": state.nominal.tRCD_ns}
    found |= _split("", at_nominal.price(totals.counters).by_rail, followers)
    kinds = {layer.name: FC if layer.kind == "fc" else CONV for layer in network.layers}
    for part in (CONV, FC):
        records = [r for r in simulation.records if kinds[r.name] == part]
        if records:
            price = at_nominal.price(reduce(add, (r.counters for r in records)))
            found |= _split(part, price.by_rail, followers)
            found[f"{part}macs"] = sum(r.macs for r in records)
            found[f"{part}bytes"] = simulation.line_bytes * sum(r.lines["read"] + r.lines["write"] for r in records)
            found[f"{part}time_ns"] = sum(r.time_ns for r in records)
    return found | _from_report(simulation.report())


def _split(part: str, by_rail: Mapping[str, Mapping[str, float]], followers: Container[str]) -> dict[str, float]:
    found = {}
    for component in COMPONENTS:
        for name, follows in (("vdd", True), ("fixed", False)):
            rails = [energies[component] for rail, energies in by_rail.items() if (rail in followers) == follows]
            found[f"{part}{name}.{component}"] = float(sum(rails))
    return found


def _from_report(report: Mapping[str, Any]) -> dict[str, float]:
    """Numbers that explain a result."""
    names = ("load_wait_ns", "compute_ns")
    found = {name: float(report[name]) for name in names if name in report}
    found |= {f"bytes.{name}": float(report["bytes"][name]) for name in ("read", "write")}
    found |= {f"row.{name}": float(count) for name, count in report["row"].items()}
    found["tRCD_ns"] = float(report["operating_point"]["tRCD_ns"])
    return found | {f"cpi.{name}": float(time) for name, time in report.get("cpi_stack_ns", {}).items()}
