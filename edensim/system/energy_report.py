"""Energy by what a designer asks: rail, rank and bank; power, energy per bit, what follows VDD, the system.

Kinds of tensors: see `edensim.system.kind_report`; partitions: `edensim.system.partition_report`.

The system is compute, on-chip buffers, package and DRAM, with energies per operation from Horowitz (ISSCC 2014, 45 nm,
0.9 V) unless `[energy.system]` says otherwise; never from a result of EDEN. The power of a package, if given, holds
compute and buffers: they are then zero unless given too. Register files and reads of the buffer by the array are zero
unless given, so the share of DRAM is an upper bound then.
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
from edensim.dram.energy import EnergyModel

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
class FixedSupplies:
    """Supplies that no operating point gave, for questions such as what follows VDD; as `OperatingState.supplies`."""

    supplies: NDArray[np.float64]


def energy_report(
    config: Config, system: DramSystem, counters: Counters, traffic: Traffic, model: EnergyModel
) -> dict[str, Any]:
    """Break a run's DRAM energy, as `model` prices it, down; energies in pJ, shares in [0, 1].

    Returns
    -------
    dict
        by_rail_pj {rail {component}}, by_command_pj {ACT, PRE, RD, WR (both with their pins), REF, standing},
        by_rank_pj [channel][rank], by_bank_pj [channel][bank] (without what banks share), power_mw, energy_per_bit_pj,
        follows_vdd_share, data {law, rd, wr: factors of the law; seen: whether the data are those that moved; read,
        write: their rates}, supplies_v {rail: V, the highest of all banks}, system_pj {compute, sram, package, dram,
        total, dram_share, source}.
    """
    at_rest = FixedSupplies(system.state.supplies * NOT_ZERO)
    breakdown = model.price(counters)
    resting = EnergyModel(config.dram, at_rest, config.energy, system.timing, model.moved).price(counters)
    total, bits = breakdown.total, 8 * (traffic.moved["read"] + traffic.moved["write"])
    return {
        "by_rail_pj": {rail: dict(parts) for rail, parts in breakdown.by_rail.items()},
        "by_command_pj": {
            "ACT": breakdown.act,
            "PRE": breakdown.pre,
            "RD": breakdown.rd + model.read_io_pj * int(counters.n_rd.sum()),
            "WR": breakdown.wr + model.write_io_pj * int(counters.n_wr.sum()),
            "REF": breakdown.ref,
            "standing": breakdown.background,
        },
        "by_rank_pj": breakdown.by_rank.tolist(),
        "by_bank_pj": np.sum(list(breakdown.by_bank.values()), axis=0).tolist(),
        "power_mw": total / traffic.time_ns if traffic.time_ns else 0.0,
        "energy_per_bit_pj": total / bits if bits else 0.0,
        "follows_vdd_share": 1 - resting.total / total if total else 0.0,
        "data": {
            "law": config.energy.data.law,
            **model.data_factors._asdict(),
            "seen": model.data_seen,
            "read": model.moved.read._asdict(),
            "write": model.moved.write._asdict(),
        },
        "supplies_v": model.supplies_v,
        "system_pj": system_energy(config, total, traffic),
    }


def system_energy(config: Config, dram_pj: float, traffic: Traffic) -> dict[str, Any]:
    """Energy of compute, buffers, package and DRAM in pJ, the share of DRAM, and where the numbers come from."""
    given, machine, workload = config.energy.system, config.machine, config.workload
    if machine is None or workload is None:
        raise ValueError("the energy of a system needs a machine and a workload")
    mac, sram, whole = given.mac_pj, given.sram_pj_per_byte, given.package_w > 0
    if mac is None:
        mac = 0.0 if whole else MAC_PJ[workload.precision]
    if sram is None:
        sram = 0.0 if whole else next(energy for size, energy in SRAM_PJ_PER_BYTE if machine.buffer_bytes <= size)
    through = traffic.moved["read"] + traffic.moved["write"] + given.sram_bytes_per_mac * traffic.macs
    parts = {
        "compute": traffic.macs * (mac + given.registers_pj_per_mac),
        "sram": sram * through,
        # W * ns = 1000 pJ
        "package": given.package_w * traffic.time_ns * 1000,
        "dram": dram_pj,
    }
    total = sum(parts.values())
    borrowed = not whole and (given.mac_pj is None or given.sram_pj_per_byte is None)
    own = given.source or ("package_w: no source given" if whole else "")
    return parts | {
        "total": total,
        "dram_share": dram_pj / total if total else 0.0,
        "source": "; ".join(filter(None, [HOROWITZ if borrowed else "", own])),
    }
