"""Energy of a measured point at a voltage: what EDEN's reductions save, however one reads what the paper leaves open.

The formulas are those of `edensim.dram.energy` for a memory whose banks all run at one voltage; a test holds the two
together.
"""

from __future__ import annotations

from collections.abc import Mapping

from edensim.dram.energy import COMPONENTS
from edensim.dram.voltage import Kind, VoltageScaling
from edensim.study.ledger.corner import Corner

KINDS: dict[str, Kind] = {
    "act": "array",
    "pre": "array",
    "ref": "array",
    "rd": "column",
    "wr": "column",
    "background": "background",
}
REFERENCE_V = 1.35
"""Nominal voltage of the chips behind Table 3."""
DYNAMIC = ("act", "pre", "rd", "wr", "io")
"""Components that a request costs, as a price per access has them."""


def lowered_vdd(nominal_vdd: float, delta_vdd: float, mode: str) -> float:
    """Supply in V after a change that was found on 1.35 V chips."""
    return nominal_vdd + (delta_vdd if mode == "absolute" else delta_vdd * nominal_vdd / REFERENCE_V)


def energy_pj(
    measured: Mapping[str, float],
    vdd: float,
    voltage_model: str,
    part: str = "",
    io_follows: bool = False,
    components: tuple[str, ...] = COMPONENTS,
) -> float:
    """Energy of a measured point.

    Parameters
    ----------
    measured : mapping
        From `measure`.
    vdd : float
        Supply in V.
    voltage_model : str
        As `energy.voltage_model`.
    part : str
        "" for the whole network, or `measure.CONV` or `measure.FC`.
    io_follows : bool
        The supply of the data pins is lowered as well (quadratic in every model: it charges and discharges lines).
    components : tuple of str
        What to count.
    """
    share = vdd / measured["nominal_vdd"]
    scaling = VoltageScaling(voltage_model)
    total = 0.0
    for name in components:
        total += measured[f"{part}fixed.{name}"] * (share**2 if name == "io" and io_follows else 1.0)
        if name in KINDS:
            total += measured[f"{part}vdd.{name}"] * scaling.factor(KINDS[name], share)
    return total


def saving(
    measured: Mapping[str, float],
    delta_vdd: float,
    corner: Corner,
    part: str = "",
    io_follows: bool = False,
    components: tuple[str, ...] = COMPONENTS,
) -> float:
    """Share of the energy that EDEN's change of VDD saves; parameters as of `energy_pj`."""
    nominal = measured["nominal_vdd"]
    low = lowered_vdd(nominal, delta_vdd, corner.delta)
    model = corner.voltage_model
    return 1 - energy_pj(measured, low, model, part, io_follows, components) / energy_pj(
        measured, nominal, model, part, False, components
    )


def follows_share(measured: Mapping[str, float]) -> float:
    """Share of the energy at nominal voltage that the rail which follows VDD feeds."""
    lowered = sum(measured[f"vdd.{name}"] for name in KINDS)
    return lowered / energy_pj(measured, measured["nominal_vdd"], "quadratic")
