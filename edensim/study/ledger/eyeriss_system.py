"""Section 7.2: energy of the whole Eyeriss, AlexNet, by kind of layer.

The paper multiplies the DRAM energy it saves with the share of DRAM in a published breakdown of Eyeriss, which it does
not print. Here the chip's energy is counted instead: operations and buffer traffic at Horowitz' energies, DRAM
from the simulation. A breakdown that prices DRAM per access has no standing power, and one of a row-stationary array
has register files: both are tried, to see which of them makes the difference; and the prices of Eyeriss' own authors,
relative to an operation (Chen et al., ISCA 2016, table IV).
"""

from __future__ import annotations

from functools import partial

from edensim.dram.energy import COMPONENTS
from edensim.study.ledger import paper
from edensim.study.ledger.accelerators import AXES, setup
from edensim.study.ledger.item import SCALED, Context, Item, Measured, Row, row
from edensim.study.ledger.measure import CONV, FC
from edensim.study.ledger.pricing import DYNAMIC, energy_pj, saving
from edensim.system.energy_report import MAC_PJ, SRAM_PJ_PER_BYTE

BUFFER_BYTES = 331776
REGISTERS_PER_MAC = 4
"""Register accesses per operation, each at the price of the operation itself: a row-stationary PE reads two operands
and a partial sum and writes one back; prices relative to an operation are those of Chen et al., ISCA 2016, table IV."""
COUNTS: dict[str, tuple[tuple[str, ...], bool]] = {
    "": (COMPONENTS, False),
    ", DRAM priced per access": (DYNAMIC, False),
    ", per access, with registers": (DYNAMIC, True),
}
"""What is counted: components of the DRAM energy, and whether register files are."""
RELATIVE = ", prices relative to an operation"
DRAM_PER_WORD, BUFFER_PER_WORD = 200.0, 6.0
"""Of a word, over an operation (Chen et al., ISCA 2016, table IV)."""
SETUP = setup("eyeriss", "AlexNet", "DDR4-2400")


def relative_share(measured: Measured, part: str) -> float:
    """DRAM in prices relative to an operation (Chen et al.); a word of int8 is a byte and passes the buffer once."""
    dram, buffer = (price * measured[f"{part}bytes"] for price in (DRAM_PER_WORD, BUFFER_PER_WORD))
    return dram / (dram + buffer + measured[f"{part}macs"] * (1 + REGISTERS_PER_MAC))


def chip_energy_pj(measured: Measured, part: str, has_registers: bool) -> float:
    """Compute and buffer for a part of the network, optionally with register files."""
    mac = MAC_PJ["int8"] * (1 + REGISTERS_PER_MAC * has_registers)
    sram = next(energy for size, energy in SRAM_PJ_PER_BYTE if size >= BUFFER_BYTES)
    return measured[f"{part}macs"] * mac + measured[f"{part}bytes"] * sram


def _dram_share(context: Context, part: str, label: str) -> float:
    if label == RELATIVE:
        return relative_share(context.measured(SETUP), part)
    found, (components, has_registers) = context.measured(SETUP), COUNTS[label]
    dram = energy_pj(found, found["nominal_vdd"], "quadratic", part, components=components)
    return dram / (dram + chip_energy_pj(found, part, has_registers))


def _saved(context: Context, part: str, label: str) -> float:
    delta = paper.reductions("int8")["AlexNet"].delta_vdd
    components = COMPONENTS if label == RELATIVE else COUNTS[label][0]
    own = saving(context.measured(SETUP), delta, context.corner, part, components=components)
    return _dram_share(context, part, label) * own


def _note(context: Context, part: str, label: str) -> str:
    return f"in place of the published breakdown: DRAM is {_dram_share(context, part, label):.0%} of what is counted"


def _rows(context: Context) -> list[Row]:
    return [
        row(
            f"{shown}{label}",
            paper.value("eyeriss-system", key),
            partial(_saved, context, part, label),
            status=SCALED,
            note=partial(_note, context, part, label),
        )
        for part, shown, key in ((FC, "fully connected", "fc"), (CONV, "convolutions", "conv"))
        for label in (*COUNTS, RELATIVE)
    ]


ITEMS = [
    Item(
        "eyeriss-system",
        "Energy of the whole Eyeriss with DDR4-2400 saved, AlexNet",
        paper.source("eyeriss-system"),
        _rows,
        (SETUP,),
        AXES,
    )
]
