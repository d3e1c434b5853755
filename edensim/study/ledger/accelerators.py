"""Section 7.2, Eyeriss and TPU: DRAM energy with DDR4 and LPDDR3, and no speed-up."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from statistics import mean

from edensim.study.ledger import paper
from edensim.study.ledger.item import Context, Item, Measured, Row, row
from edensim.study.ledger.pricing import energy_pj, follows_share, lowered_vdd, saving
from edensim.study.ledger.setup import Setup
from edensim.workloads.eden import EDEN_NETWORKS

NETWORKS = ("AlexNet", "YOLO-Tiny")
MACHINES = {"eyeriss": "Eyeriss", "tpu": "TPU"}
AXES = ("delta", "voltage_model", "row_policy", "address_map", "organisation")


def setup(machine: str, network: str, memory: str, delta_tRCD_ns: float = 0.0, ideal: bool = False) -> Setup:
    """One of EDEN's networks on one of EDEN's accelerators, int8."""
    return Setup(f"{machine}-eden", EDEN_NETWORKS[network].network, "int8", memory, delta_tRCD_ns, ideal)


def energy_item(machine: str, memory: str, figure: str = "") -> Item:
    """Energy saved on a machine with a memory."""
    family = memory.split("-")[0].lower()
    return Item(
        f"{machine}-{family}",
        f"{MACHINES[machine]} with {memory}: DRAM energy saved, VDD as in Table 3",
        paper.source(machine),
        partial(_energy, machine, memory),
        tuple(setup(machine, network, memory) for network in NETWORKS),
        AXES,
        figure="energy",
    )


def _energy(machine: str, memory: str, context: Context) -> list[Row]:
    published = paper.numbers(machine)
    cells = paper.reductions("int8")

    def saved(network: str) -> float:
        return saving(context.measured(setup(machine, network, memory)), cells[network].delta_vdd, context.corner)

    def why(network: str) -> str:
        return explain(context.measured(setup(machine, network, memory)), cells[network].delta_vdd, context)

    rows = [
        row(name, published.get(f"{memory} {name}"), partial(saved, name), note=partial(why, name)) for name in NETWORKS
    ]
    return [*rows, row("mean", published[f"{memory} mean"], lambda: mean(saved(name) for name in NETWORKS))]


def explain(measured: Measured, delta_vdd: float, context: Context) -> str:
    """What of the energy follows the voltage, what all of it would save, and what stands against that."""
    nominal = measured["nominal_vdd"]
    whole = 1 - (lowered_vdd(nominal, delta_vdd, context.corner.delta) / nominal) ** 2
    total = energy_pj(measured, nominal, "quadratic")
    background = measured["vdd.background"] + measured["fixed.background"]
    return (
        f"{follows_share(measured):.0%} of the energy is on the lowered rail (all of it would save {whole:.1%}); "
        f"standby is {background / total:.0%}, data pins {measured['fixed.io'] / total:.0%}"
    )


SPEEDS = tuple(
    setup(machine, network, "DDR4-2400", *change)
    for machine in MACHINES
    for network in NETWORKS
    for change in ((), (paper.reductions("int8")[network].delta_tRCD_ns,), (0.0, True))
)


def _gain(context: Context, machine: str, network: str, delta_tRCD_ns: float, ideal: bool) -> float:
    usual = context.measured(setup(machine, network, "DDR4-2400"))["time_ns"]
    return usual / context.measured(setup(machine, network, "DDR4-2400", delta_tRCD_ns, ideal))["time_ns"] - 1


def _waits(context: Context, machine: str, network: str) -> str:
    found = context.measured(setup(machine, network, "DDR4-2400"))
    touched = found["row.hit"] + found["row.miss"] + found["row.conflict"]
    waits = found["load_wait_ns"] / found["time_ns"]
    return f"waits for loads {waits:.1%} of its time; {found['row.hit'] / touched:.1%} row hits"


def _speed(context: Context) -> list[Row]:
    rows, published = [], paper.value("accelerator-speed", "speedup")
    for machine, shown in MACHINES.items():
        for network in NETWORKS:
            gain = partial(_gain, context, machine, network)
            lowered = partial(gain, paper.reductions("int8")[network].delta_tRCD_ns, False)
            note = partial(_waits, context, machine, network)
            rows.append(row(f"{shown}, {network}", published, lowered, note=note))
            rows.append(row(f"{shown}, {network}, tRCD = 0", None, partial(gain, 0.0, True)))
    return rows


def _checked(context: Context, machine: str, network: str) -> float:
    usual = setup(machine, network, "DDR4-2400")
    return context.measured(replace(usual, bounding_ck=1))["time_ns"] / context.measured(usual)["time_ns"] - 1


def _check_cost(context: Context) -> list[Row]:
    note = "the paper calls it negligible, without a number; one clock on every read"
    return [
        row(f"{shown}, {network}", None, partial(_checked, context, machine, network), note=note)
        for machine, shown in MACHINES.items()
        for network in NETWORKS
    ]


ITEMS = [
    *(energy_item(machine, memory, "energy") for memory in ("DDR4-2400", "LPDDR3-1600") for machine in MACHINES),
    Item(
        "accelerator-speed",
        "Eyeriss and TPU with DDR4-2400: speed gained by tRCD as in Table 3, and by tRCD = 0",
        paper.source("accelerator-speed"),
        _speed,
        SPEEDS,
        ("delta", "row_policy", "address_map", "organisation"),
    ),
    Item(
        "check-on-load",
        "Time that the check for implausible values costs on accelerators, DDR4-2400",
        "section 5",
        _check_cost,
        tuple(
            replace(setup(machine, network, "DDR4-2400"), bounding_ck=clocks)
            for machine in MACHINES
            for network in NETWORKS
            for clocks in (0, 1)
        ),
        ("row_policy", "address_map", "organisation"),
        beyond=True,
    ),
]
