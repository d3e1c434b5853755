"""Table 3: the lowest VDD and tRCD at which a module's bit error rate stays within what each network tolerates.

The tolerable rates are the paper's. Chip `eden` carries Table 3's own curve, so its rows check the way back from rate
to operating point, and nothing about devices; chips A, B and C are public measurements of other modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache, partial

from edensim.approx.chip import Chip, Setting
from edensim.approx.chip_load import load_chip
from edensim.study.ledger import paper
from edensim.study.ledger.item import Context, Item, Row, row

VDD_STEP_V, TRCD_STEP_NS = 0.05, 0.5
"""Grids of Table 3."""
NOMINAL_V, NOMINAL_NS = 1.35, 12.5
LOWEST_V, LOWEST_NS = 1.00, 2.5
"""Where the search ends: the lowest VDD of Table 3, near which the public voltage data end; and tRCD of figure 9."""
VOLTAGE_STUDY_NS = 10.0
"""tRCD and tRP at which the public voltage data were taken."""
CHIPS = ("A", "B", "C")
SHOWN_BER = (0.005, 0.015, 0.03, 0.05)
CLOSE = 1e-9


@cache
def chip(name: str) -> Chip:
    """A chip of the library."""
    return load_chip(name)


def lowest_vdd(name: str, ber: float) -> float:
    """Change of VDD in V: the largest in steps of 0.05 V whose rate, and that of all smaller ones, is at most `ber`.

    Public chips run at the latency of the voltage study, 10 ns.
    """
    usual = chip(name).nominal
    if name.partition("@")[0] in CHIPS:
        usual = replace(usual, tRCD_ns=VOLTAGE_STUDY_NS, tRP_ns=VOLTAGE_STUDY_NS)
    steps = range(1, round((NOMINAL_V - LOWEST_V) / VDD_STEP_V) + 1)
    settings = (replace(usual, vdd=round(NOMINAL_V - k * VDD_STEP_V, 6)) for k in steps)
    return round(-VDD_STEP_V * _tolerated(chip(name), settings, ber), 6)


def lowest_tRCD(name: str, ber: float) -> float:
    """Change of tRCD in ns from 12.5 ns, likewise in steps of 0.5 ns."""
    steps = range(1, round((NOMINAL_NS - LOWEST_NS) / TRCD_STEP_NS) + 1)
    settings = (replace(chip(name).nominal, tRCD_ns=round(NOMINAL_NS - k * TRCD_STEP_NS, 6)) for k in steps)
    return -TRCD_STEP_NS * _tolerated(chip(name), settings, ber)


def _tolerated(module: Chip, settings: Iterable[Setting], ber: float) -> int:
    count = 0
    for setting in settings:
        if mean_ber(module, setting) > ber * (1 + CLOSE):
            break
        count += 1
    return count


def mean_ber(module: Chip, setting: Setting) -> float:
    """Bit error rate over all banks, ones and zeros in equal parts."""
    return float(module.reliability(setting).ber_by_bank().mean())


KNOBS: dict[str, tuple[Callable[[str, float], float], str, str]] = {
    "VDD": (lowest_vdd, "V", "delta_vdd"),
    "tRCD": (lowest_tRCD, "ns", "delta_tRCD_ns"),
}


def _table3(context: Context) -> list[Row]:
    own = "chip eden is Table 3's own curve: this checks the way back"
    return [
        row(f"{network} {precision}, {knob}", getattr(cell, field), partial(find, "eden", cell.ber), unit, note=own)
        for precision in ("fp32", "int8")
        for network, cell in paper.reductions(precision).items()
        for knob, (find, unit, field) in KNOBS.items()
    ]


def _public_chips(context: Context) -> list[Row]:
    published = {cell.ber: cell for cell in paper.reductions("fp32").values() if cell.ber in SHOWN_BER}
    note = "median module of the public measurements, not the paper's"
    return [
        row(
            f"chip {name}, {knob} at {ber:.1%}",
            getattr(published[ber], field),
            partial(find, name, ber),
            unit,
            note=note,
        )
        for name in CHIPS
        for knob, (find, unit, field) in KNOBS.items()
        for ber, cell in sorted(published.items())
    ]


ITEMS = [
    Item("table3", "Reductions of VDD and tRCD at the tolerable bit error rates", paper.source("table3"), _table3),
    Item("public-chips", "The same on publicly measured modules", "beside Table 3", _public_chips, beyond=True),
]
