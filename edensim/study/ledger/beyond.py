"""Beyond the paper: approximate data pins, both knobs at once, and how much modules differ."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import sqrt
from statistics import mean, stdev

from edensim.dram.energy import COMPONENTS
from edensim.study.ledger import paper
from edensim.study.ledger.accelerators import AXES, MACHINES, NETWORKS, setup
from edensim.study.ledger.item import Context, Item, Row, row
from edensim.study.ledger.operating_points import CHIPS, lowest_tRCD, lowest_vdd
from edensim.study.ledger.pricing import energy_pj, lowered_vdd, saving

MEMORIES = ("DDR4-2400", "LPDDR3-1600")
MODULES = 20
"""Drawn modules of a chip, seeds 0 to 19."""
T_975 = 2.093
"""Student's t, 97.5 %, 19 degrees of freedom."""
BUDGET = 0.03
"""Bit error rate that AlexNet int8 tolerates (Table 3)."""


PINS: dict[str, tuple[bool, tuple[str, ...]]] = {
    "pins at nominal": (False, COMPONENTS),
    "pins lowered too": (True, COMPONENTS),
    "pins not counted": (False, tuple(name for name in COMPONENTS if name != "io")),
}
"""Whether the supply of the data pins follows, and what is counted. DRAMPower, which the paper used, leaves pins out
unless told otherwise."""


def _io(context: Context, machine: str, network: str, memory: str, label: str) -> float:
    delta, (follows, components) = paper.reductions("int8")[network].delta_vdd, PINS[label]
    return saving(
        context.measured(setup(machine, network, memory)), delta, context.corner, "", follows, components=components
    )


def _published(machine: str, memory: str, network: str) -> float | None:
    """The paper's number, the mean where it gives no other."""
    numbers = paper.numbers(machine)
    return numbers.get(f"{memory} {network}", numbers[f"{memory} mean"])


def _pins(context: Context) -> list[Row]:
    rows = []
    for memory in MEMORIES:
        for machine, shown in MACHINES.items():
            for network in NETWORKS:
                for label in PINS:
                    published = _published(machine, memory, network)
                    ours = partial(_io, context, machine, network, memory, label)
                    rows.append(row(f"{shown}, {memory}, {network}, {label}", published, ours))
    return rows


LAWS = {
    "quadratic": "V²",
    "drampower": "V (DRAMPower's own law)",
    "regulated": "array V, periphery V²",
    "array_only": "array V², periphery fixed",
}
LAW_NOTE = (
    "means over AlexNet and YOLO-Tiny, data pins not counted. LPDDR3's 21 % on both machines is what DRAMPower's own "
    "law gives; DDR4's 31 to 32 % is above anything that law can give with these changes of VDD"
)


def _law(context: Context, machine: str, memory: str, law: str) -> float:
    other = replace(context, corner=replace(context.corner, voltage_model=law))
    return mean(_io(other, machine, network, memory, "pins not counted") for network in NETWORKS)


def _laws(context: Context) -> list[Row]:
    return [
        row(f"{shown}, {memory}, {told}", paper.value(machine, f"{memory} mean"),
            partial(_law, context, machine, memory, law), note=LAW_NOTE)
        for memory in MEMORIES
        for machine, shown in MACHINES.items()
        for law, told in LAWS.items()
    ]  # fmt: skip


def _both(context: Context, machine: str, network: str) -> float:
    cell = paper.reductions("int8")[network]
    usual = context.measured(setup(machine, network, "DDR4-2400"))
    fast = context.measured(setup(machine, network, "DDR4-2400", cell.delta_tRCD_ns))
    nominal, model = usual["nominal_vdd"], context.corner.voltage_model
    low = lowered_vdd(nominal, cell.delta_vdd, context.corner.delta)
    return 1 - energy_pj(fast, low, model) / energy_pj(usual, nominal, model)


def _joint(context: Context) -> list[Row]:
    note = "VDD and tRCD of Table 3 together; their errors add up, so the network must tolerate about twice the rate"
    return [
        row(f"{shown}, {network}", None, partial(_both, context, machine, network), note=note)
        for machine, shown in MACHINES.items()
        for network in NETWORKS
    ]


def _spread(values: list[float]) -> str:
    half = T_975 * stdev(values) / sqrt(len(values))
    return f"mean of {len(values)} drawn modules, 95 % interval ± {half:.2g}; {min(values):.3g} to {max(values):.3g}"


def _seeds(context: Context) -> list[Row]:
    rows = []
    for name in CHIPS:
        modules = [f"{name}@{seed}" for seed in range(MODULES)]
        for knob, unit, find in (("VDD", "V", lowest_vdd), ("tRCD", "ns", lowest_tRCD)):
            values = [find(module, BUDGET) for module in modules]
            rows.append(Row(f"chip {name}, {knob} at {BUDGET:.0%}", None, mean(values), unit, note=_spread(values)))
    return rows


ITEMS = [
    Item(
        "approximate-io",
        "Energy saved with the data pins at nominal voltage, lowered, and not counted",
        "beyond; open in the paper",
        _pins,
        tuple(setup(machine, n, memory) for machine in MACHINES for n in NETWORKS for memory in MEMORIES),
        AXES,
        beyond=True,
    ),
    Item(
        "voltage-laws",
        "Energy saved by how it follows VDD, data pins not counted",
        "beyond; open in the paper",
        _laws,
        tuple(setup(machine, n, memory) for machine in MACHINES for n in NETWORKS for memory in MEMORIES),
        tuple(axis for axis in AXES if axis != "voltage_model"),
        beyond=True,
    ),
    Item(
        "joint",
        "Energy saved with VDD and tRCD lowered at once, DDR4-2400",
        "beyond",
        _joint,
        tuple(
            setup(machine, n, "DDR4-2400", delta)
            for machine in MACHINES
            for n in NETWORKS
            for delta in (0.0, paper.reductions("int8")[n].delta_tRCD_ns)
        ),
        AXES,
        beyond=True,
    ),
    Item("chip-seeds", "Reductions at 3 % over modules of public chips", "beyond", _seeds, beyond=True),
]
