"""Beyond the paper: what can be had without a single bit error, so that EDEN's own gain is what lies beyond it.

Voltron-like (Chang et al., SIGMETRICS 2017): lower VDD with latencies that are still safe there
(`operating_point.latency = "lowest_safe"`); reached only as far as the published circuit describes the device.
AL-DRAM-like (Lee et al., HPCA 2015): the VDD or tRCD, each alone, at which a publicly measured module is expected to
hold 4 GiB without an error.
"""

from __future__ import annotations

from functools import partial

from edensim.study.ledger import paper
from edensim.study.ledger.accelerators import setup
from edensim.study.ledger.item import Context, Item, Row, row
from edensim.study.ledger.operating_points import CHIPS, lowest_tRCD, lowest_vdd
from edensim.study.ledger.pricing import REFERENCE_V, energy_pj, saving
from edensim.study.ledger.setup import Setup
from edensim.workloads.eden import EDEN_NETWORKS

AXES = ("voltage_model", "row_policy", "address_map", "organisation")
VOLTAGES = (1.25, 1.15, 1.05, 0.95)
"""Of a 1.35 V memory."""
NO_ERROR = 1 / (8 * 4 * 2**30)
"""Bit error rate at which 4 GiB hold one error."""
MACHINES = {"eyeriss": "Eyeriss", "tpu": "TPU"}
DELTA = paper.reductions("int8")["AlexNet"].delta_vdd


def safe_setup(machine: str, volts: float) -> Setup:
    """AlexNet int8 with DDR4-2400 at a share of nominal VDD and the lowest latencies that are safe there."""
    network = EDEN_NETWORKS["AlexNet"].network
    return Setup(f"{machine}-eden", network, "int8", "DDR4-2400", safe_vdd_share=volts / REFERENCE_V)


def _saved(context: Context, machine: str, volts: float) -> float:
    usual, safe = (context.measured(s) for s in (setup(machine, "AlexNet", "DDR4-2400"), safe_setup(machine, volts)))
    nominal, model = usual["nominal_vdd"], context.corner.voltage_model
    return 1 - energy_pj(safe, nominal * volts / REFERENCE_V, model) / energy_pj(usual, nominal, model)


def _slower(context: Context, machine: str, volts: float) -> str:
    usual, safe = (context.measured(s) for s in (setup(machine, "AlexNet", "DDR4-2400"), safe_setup(machine, volts)))
    return f"takes {safe['time_ns'] / usual['time_ns'] - 1:+.2%} of time; tRCD {safe['tRCD_ns']:.1f} ns"


def _eden(context: Context, machine: str) -> float:
    return saving(context.measured(setup(machine, "AlexNet", "DDR4-2400")), DELTA, context.corner)


def _alone(context: Context, machine: str, name: str) -> float:
    return saving(context.measured(setup(machine, "AlexNet", "DDR4-2400")), lowest_vdd(name, NO_ERROR), context.corner)


def _energy(context: Context) -> list[Row]:
    rows = []
    for machine, shown in MACHINES.items():
        eden = f"3 % of bits wrong, VDD {REFERENCE_V + DELTA:.2f} V of {REFERENCE_V} V, data-sheet latency"
        rows.append(row(f"{shown}, EDEN (for comparison)", None, partial(_eden, context, machine), note=eden))
        for volts in VOLTAGES:
            ours, note = partial(_saved, context, machine, volts), partial(_slower, context, machine, volts)
            rows.append(row(f"{shown}, no errors, {volts:.2f} V of {REFERENCE_V} V", None, ours, note=note))
        for name in CHIPS:
            allowed = f"VDD alone, {lowest_vdd(name, NO_ERROR):+.2f} V: median module at tRCD = tRP = 10 ns"
            ours = partial(_alone, context, machine, name)
            rows.append(row(f"{shown}, no errors on chip {name}", None, ours, note=allowed))
    return rows


def _latency(context: Context) -> list[Row]:
    lowered = paper.reductions("int8")["AlexNet"].delta_tRCD_ns
    rows = [Row("EDEN, AlexNet int8 (for comparison)", None, lowered, "ns", note="at 3 % of bits wrong")]
    return rows + [row(f"no errors on chip {n}", None, partial(lowest_tRCD, n, NO_ERROR), "ns") for n in CHIPS]


ITEMS = [
    Item(
        "error-free-energy",
        "Energy saved without any bit error, beside EDEN: AlexNet int8, DDR4-2400",
        "beyond; compare section 7.2",
        _energy,
        tuple(
            s
            for machine in MACHINES
            for s in (setup(machine, "AlexNet", "DDR4-2400"), *(safe_setup(machine, volts) for volts in VOLTAGES))
        ),
        AXES,
        beyond=True,
    ),
    Item("error-free-latency", "tRCD lowered without any bit error, beside EDEN", "beyond", _latency, beyond=True),
]
