"""Curves of a chip: what its laws say along one knob at a time, in the units in which it was measured.

tRCD: bit error rate, mean and of stored zeros and ones. tRP: error rate where the previous row holds the inverse. VDD:
share of faulty cache lines at the timing of the study, and the bit error rate for the assumed bits per line. Laws given
as points: bit error rate along each of their knobs, the others nominal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from edensim.approx.chip import KNOBS, Chip, Setting
from edensim.approx.chip_failure import Reliability
from edensim.approx.chip_schema import KnotLaw, LineLaw


class CurvePoint(NamedTuple):
    """One point of a curve.

    `ber`: mean rate; `ber_0`, `ber_1`: of stored zeros and ones; `ber_low`, `ber_high`: band over what is not known;
    `line_fraction`: share of cache lines with an error in any of many reads.
    """

    knob: str
    value: float
    ber: float
    ber_0: float
    ber_1: float
    ber_low: float
    ber_high: float
    line_fraction: float
    basis: str


def knobs_of(chip: Chip) -> list[str]:
    """Knobs of which the chip has a curve, in the order tRCD, tRP, VDD, others."""
    table = chip.table
    with_law = [k for k, law in (("tRCD", table.tRCD), ("tRP", table.tRP), ("VDD", table.VDD)) if law.law != "none"]
    return list(dict.fromkeys([*with_law, *(k for law in table.points for k in law.axes)]))


def curve(chip: Chip, knob: str, values: Sequence[float]) -> list[CurvePoint]:
    """Points of a chip along a knob.

    Parameters
    ----------
    chip : Chip
        The chip; its own nominal point is where the other knobs stay (VDD of a line law: tRCD and tRP of the study).
    knob : str
        One of `knobs_of(chip)`.
    values : sequence of float
        V, ns, or factor, in units of the measured chips.
    """
    return [_point(chip, knob, value) for value in values]


def default_values(chip: Chip, knob: str, count: int = 81) -> list[float]:
    """Evenly spaced values that cover the knob's law with a little room on either side."""
    table = chip.table
    law = {"tRCD": table.tRCD, "tRP": table.tRP, "VDD": table.VDD}.get(knob)
    if isinstance(law, KnotLaw):
        low, high = law.times_ns[0], law.safe_ns * 1.1
    elif isinstance(law, LineLaw):
        low, high = law.measured_v[0] - 0.02, law.error_free_v + 0.02
    else:
        axes = [points.axes[knob] for points in table.points if knob in points.axes]
        low, high = min(axis[0] for axis in axes), max(axis[-1] for axis in axes)
    return [low + (high - low) * k / (count - 1) for k in range(count)]


def _point(chip: Chip, knob: str, value: float) -> CurvePoint:
    base, law = chip.nominal, chip.table.VDD
    if knob == "VDD" and isinstance(law, LineLaw):
        base = replace(base, tRCD_ns=law.at_ns, tRP_ns=law.at_ns)
    key, _ = KNOBS[knob]
    setting: Setting = replace(base, **{key: value})
    # What other points give at their highest setting is not of this knob; a user need not have measured a safe one.
    own = tuple(points for points in chip.table.points if knob in points.axes)
    alone = Chip(chip.name, chip.table.model_copy(update={"points": own}))
    result = alone.reliability(setting, experimental=True)
    ber, ber_0, ber_1 = result.ber, result.ber_of(0), result.ber_of(1)
    low, high = result.ber_band
    if knob == "tRP" and isinstance(chip.table.tRP, KnotLaw):
        ber = ber_0 = ber_1 = low = high = _inverse_row(result)
    return CurvePoint(knob, value, ber, ber_0, ber_1, low, high, result.line_fraction, result.basis)


def _inverse_row(result: Reliability) -> float:
    """Error rate where the previous row holds the inverse of everything."""
    return max((float(f.ber_by_bank(previous_differs=1.0).mean()) for f in result.failures), default=0.0)
