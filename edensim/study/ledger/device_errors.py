"""Figure 5: bit error rate over VDD and tRCD for three vendors and stored patterns.

From the library's chips: laws fitted to public measurements of DDR3(L) modules, not the paper's modules. Patterns 0xAA
and 0xCC hold as many ones as zeros and are one curve here (the laws know ones and zeros, and no neighbours). The public
voltage data do not tell patterns apart.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from edensim.approx.chip import Setting
from edensim.study.ledger.curve import Curve
from edensim.study.ledger.item import SCALED, Context, Item, Row, row
from edensim.study.ledger.operating_points import CHIPS, VOLTAGE_STUDY_NS, chip

VDD_V = (1.30, 1.25, 1.20, 1.175, 1.15, 1.125, 1.10, 1.075, 1.05, 1.025)
TRCD_NS = (10.0, 7.5, 5.0, 2.5)
MIXED = "0xAA, 0xCC"
PATTERNS = {"VDD": ("all patterns",), "tRCD": ("0xFF", MIXED, "0x00")}
SHOWN: dict[str, tuple[float, ...]] = {"VDD": (1.15, 1.10, 1.05), "tRCD": (7.5, 5.0)}
UNIT = {"VDD": "V", "tRCD": "ns"}
NOTE = "median module of public measurements (Chang et al., SIGMETRICS 2016 and 2017); the figure has no numbers"


def setting_of(name: str, knob: str, value: float) -> Setting:
    """One knob lowered, as it was measured: VDD at tRCD = tRP = 10 ns, tRCD at nominal VDD."""
    nominal = chip(name).nominal
    if knob == "tRCD":
        return replace(nominal, tRCD_ns=value)
    if name in CHIPS:
        nominal = replace(nominal, tRCD_ns=VOLTAGE_STUDY_NS, tRP_ns=VOLTAGE_STUDY_NS)
    return replace(nominal, vdd=value)


def pattern_ber(name: str, knob: str, value: float, pattern: str) -> float:
    """Bit error rate of a stored pattern."""
    found = chip(name).reliability(setting_of(name, knob, value))
    if pattern == "0xFF":
        return found.ber_of(1)
    return found.ber_of(0) if pattern == "0x00" else found.ber


def _rows(context: Context) -> list[Row]:
    return [
        row(f"chip {name}, {knob} {value:g} {UNIT[knob]}, {pattern}", None,
            partial(pattern_ber, name, knob, value, pattern), "BER", SCALED, NOTE)
        for name in CHIPS
        for knob, values in SHOWN.items()
        for value in values
        for pattern in PATTERNS[knob]
    ]  # fmt: skip


def _curves(context: Context) -> list[Curve]:
    found = []
    for knob, values in (("VDD", VDD_V), ("tRCD", TRCD_NS)):
        for name in CHIPS:
            for pattern in PATTERNS[knob]:
                points = [(x, pattern_ber(name, knob, x, pattern)) for x in values]
                points = [(x, y) for x, y in points if y > 1e-9]  # as in the paper, 1e-9 to 1
                xs, ys = zip(*points, strict=True) if points else ((), ())
                found.append(
                    Curve(f"vendor {name}, {knob}", pattern, xs, ys, f"{knob} ({UNIT[knob]})", "bit error rate", "y")
                )
    return found


ITEMS = [
    Item("device-errors", "Bit error rate over VDD and tRCD, three vendors", "section 6.2, figure 5", _rows,
         curves=_curves)
]  # fmt: skip
