"""Energy by what a designer asks: rail, partition, kind of tensor; power, energy per bit, what follows VDD, the system.

Attribution where hardware has none: background and interface that all share are listed apart (`shared`), a bank's own
energy goes to partitions by their share of its rows, and to kinds of tensors by the bytes they moved. The system is
compute, on-chip buffers, package and DRAM, with energies per operation from Horowitz (ISSCC 2014, 45 nm, 0.9 V) unless
`[energy.system]` says otherwise; never from a result of EDEN. Register files and reads of the buffer by the array are
zero unless given, so the share of DRAM is an upper bound then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.config import Config
from edensim.dram.controller import DramSystem
from edensim.dram.counters import Counters
from edensim.dram.energy import EnergyBreakdown, EnergyModel

KINDS = ("weights", "ifm", "ofm")
MAC_PJ = {"int4": 0.23, "int8": 0.23, "int16": 1.5, "fp32": 4.6}
"""Multiplication plus addition: 8-bit integer 0.2 + 0.03 (also for int4: an upper bound), 16-bit float 1.1 + 0.4 (for
int16, which the source does not list), 32-bit float 3.7 + 0.9 pJ."""
SRAM_PJ_PER_BYTE = ((8 << 10, 1.25), (32 << 10, 2.5), (1 << 62, 12.5))
"""Size up to which an energy holds: 64-bit accesses of 8 KB, 32 KB and 1 MB cost 10, 20 and 100 pJ."""
HOROWITZ = "Horowitz, ISSCC 2014 (45 nm, 0.9 V)"
NOT_ZERO = 1e-9


@dataclass(frozen=True)
class Traffic:
    """What a run did beside DRAM commands: time in ns, bytes by direction and kind, multiply-accumulates."""

    time_ns: float
    moved: Mapping[str, int]
    macs: int


@dataclass(frozen=True)
class _Volts:
    vdd: NDArray[np.float64]


def energy_report(config: Config, system: DramSystem, counters: Counters, traffic: Traffic) -> dict[str, Any]:
    """Break a run's DRAM energy down; energies in pJ, shares in [0, 1].

    Returns
    -------
    dict
        by_rail_pj {rail {component}}, by_partition_pj {partition {component}, "shared"}, by_kind_pj {weights, ifm,
        ofm}, power_mw, energy_per_bit_pj, follows_vdd_share, system_pj {compute, sram, package, dram, total,
        dram_share, source}.
    """
    state = system.state
    breakdown = EnergyModel(config.dram, state, config.energy, system.timing).price(counters)
    resting = EnergyModel(config.dram, _Volts(state.vdd * NOT_ZERO), config.energy, system.timing).price(counters)
    total, bits = breakdown.total, 8 * (traffic.moved["read"] + traffic.moved["write"])
    kinds = sum(traffic.moved[kind] for kind in KINDS)
    return {
        "by_rail_pj": {rail: dict(parts) for rail, parts in breakdown.by_rail.items()},
        "by_partition_pj": _by_partition(breakdown, system),
        "by_kind_pj": {kind: total * traffic.moved[kind] / kinds if kinds else 0.0 for kind in KINDS},
        "power_mw": total / traffic.time_ns if traffic.time_ns else 0.0,
        "energy_per_bit_pj": total / bits if bits else 0.0,
        "follows_vdd_share": 1 - resting.total / total if total else 0.0,
        "system_pj": system_energy(config, total, traffic),
    }


def _by_partition(breakdown: EnergyBreakdown, system: DramSystem) -> dict[str, Any]:
    partitions = system.state.partitions
    out: dict[str, Any] = {}
    for name, share in zip(partitions.names, partitions.bank_share(), strict=True):
        out[name] = {part: float((values * share).sum()) for part, values in breakdown.by_bank.items()}
    return out | {"shared": float(breakdown.shared_background.sum())}


def system_energy(config: Config, dram_pj: float, traffic: Traffic) -> dict[str, Any]:
    """Energy of compute, buffers, package and DRAM in pJ, the share of DRAM, and where the numbers come from."""
    given, machine, workload = config.energy.system, config.machine, config.workload
    if machine is None or workload is None:
        raise ValueError("the energy of a system needs a machine and a workload")
    mac = MAC_PJ[workload.precision] if given.mac_pj is None else given.mac_pj
    sram = given.sram_pj_per_byte
    if sram is None:
        sram = next(energy for size, energy in SRAM_PJ_PER_BYTE if machine.buffer_bytes <= size)
    through = traffic.moved["read"] + traffic.moved["write"] + given.sram_bytes_per_mac * traffic.macs
    parts = {
        "compute": traffic.macs * (mac + given.registers_pj_per_mac),
        "sram": sram * through,
        # W * ns = 1000 pJ
        "package": given.package_w * traffic.time_ns * 1000,
        "dram": dram_pj,
    }
    total = sum(parts.values())
    sources = [HOROWITZ] if given.mac_pj is None or given.sram_pj_per_byte is None else []
    return parts | {
        "total": total,
        "dram_share": dram_pj / total if total else 0.0,
        "source": "; ".join([*sources, given.source] if given.source else sources),
    }
