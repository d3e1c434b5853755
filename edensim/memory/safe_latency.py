"""The lowest safe latencies at a supply voltage: how much slower activation, restore and precharge get below nominal.

tRCD and tRAS follow a circuit simulation of one DRAM cell, bitline and sense amplifier: the schematic published with
Chang et al., SIGMETRICS 2017 (CMU-SAFARI/DRAM-Voltage-Study, `SPICE_circuit_model`), turned into a netlist and run
with ngspice at ten voltages: bitline at 75 % of VDD for tRCD, cell at 97.5 % of VDD for tRAS. The precharge of that
circuit has no word-line fall time, so tRP follows the table of required latencies of the same paper instead (13.75 ns
at 1.35 V to 26.25 ns at 0.90 V, in steps of 1.25 ns; as recalled, not checked against the text).

Times are data-sheet times multiplied by these ratios, so the guard band of the data sheet is kept at every voltage.
Memories of another nominal voltage are read at the same share of nominal (1.08 V of a 1.2 V memory as 1.215 V).
Nothing here was measured on the memory at hand: such a point is always "extrapolated".

Not modelled: temperature, variation between cells (chip profiles have it), the guard band itself.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from edensim.errors import ConfigError

if TYPE_CHECKING:
    from edensim.memory.operating_state import Nominal

NOMINAL_V = 1.35
VOLTAGES_V = (0.90, 0.95, 1.00, 1.05, 1.10, 1.15, 1.20, 1.25, 1.30, 1.35)
ACTIVATE_NS = (15.75, 13.46, 11.83, 10.65, 9.786, 9.153, 8.694, 8.378, 8.184, 8.12)
"""Word line start to bitline at 75 % of VDD, by voltage."""
RESTORE_NS = (39.98, 35.40, 32.08, 29.60, 27.71, 26.26, 25.12, 24.25, 23.60, 23.20)
"""Word line start to cell at 97.5 % of VDD."""
RESTORE_95_NS = (33.77, 29.75, 26.84, 24.69, 23.06, 21.82, 20.86, 20.12, 19.58, 19.22)
"""Word line start to cell at 95 % of VDD."""
PRECHARGE_NS = (26.25, 21.25, 18.75, 17.50, 16.25, 15.00, 15.00, 15.00, 13.75, 13.75)
"""tRP of the paper's table."""
LOWEST_V = 0.75
"""Below this, at a nominal voltage of 1.35 V, the curve is not continued: the sense amplifier hardly switches."""


class LatencyRatios(NamedTuple):
    """Times at a voltage over times at nominal voltage, at least 1."""

    tRCD: float
    tRAS: float
    tRP: float


class SafeLatency(NamedTuple):
    """Lowest safe timings in ns at `vdd` (V), and how well founded they are."""

    vdd: float
    tRCD_ns: float
    tRAS_ns: float
    tRP_ns: float
    basis: str


def latency_ratios(vdd: float, nominal_vdd: float = NOMINAL_V) -> LatencyRatios:
    """How much longer each time is at `vdd` than at nominal voltage.

    Parameters
    ----------
    vdd : float
        Supply in V, at least 0.75 / 1.35 of nominal. At and above nominal the ratios are 1.
    nominal_vdd : float
        Nominal supply in V.

    Raises
    ------
    ConfigError
        If `vdd` is below the range, or no finite number.
    """
    volts = vdd * NOMINAL_V / nominal_vdd
    lowest = LOWEST_V * nominal_vdd / NOMINAL_V
    if not volts >= LOWEST_V * (1 - 1e-9) or math.isinf(volts):
        raise ConfigError(
            f"vdd = {vdd:g} V: no latency is known to be safe; expected at least {lowest:.4g} V, "
            f"where the circuit curve ends (it was simulated down to {VOLTAGES_V[0] * nominal_vdd / NOMINAL_V:.4g} V)"
        )
    return LatencyRatios(*(_interpolate(volts, times) for times in (ACTIVATE_NS, RESTORE_NS, PRECHARGE_NS)))


def lowest_safe_latency(vdd: float, nominal: Nominal) -> SafeLatency:
    """Data-sheet timings stretched to what `vdd` asks for; basis "nominal" at nominal voltage, else "extrapolated".

    Raises
    ------
    ConfigError
        If the memory has no nominal VDD, or `vdd` lies below the curve.
    """
    if nominal.vdd <= 0:
        raise ConfigError("the memory has no power table with a rail that follows VDD, so no voltage can be lowered")
    ratios = latency_ratios(vdd, nominal.vdd)
    times = (nominal.tRCD_ns * ratios.tRCD, nominal.tRAS_ns * ratios.tRAS, nominal.tRP_ns * ratios.tRP)
    return SafeLatency(vdd, *times, "nominal" if vdd == nominal.vdd else "extrapolated")


def restored_share(tRAS_ns: float, vdd: float, nominal_vdd: float = NOMINAL_V) -> float:
    """Cell voltage over VDD after `tRAS_ns`: an exponential through the circuit's 95 % and 97.5 % times, at least 0."""
    volts = min(max(vdd * NOMINAL_V / nominal_vdd, LOWEST_V), NOMINAL_V)
    at_95 = _interpolate(volts, RESTORE_95_NS) * RESTORE_95_NS[-1]
    at_97_5 = _interpolate(volts, RESTORE_NS) * RESTORE_NS[-1]
    return max(0.0, 1 - 0.05 * 2 ** -((tRAS_ns - at_95) / (at_97_5 - at_95)))


def _interpolate(volts: float, times: tuple[float, ...]) -> float:
    """Ratio to the time at nominal: exact at the ten voltages, exponential between and below them, 1 above."""
    if volts >= NOMINAL_V:
        return 1.0
    k = min(max(bisect_right(VOLTAGES_V, volts) - 1, 0), len(VOLTAGES_V) - 2)
    step = (volts - VOLTAGES_V[k]) / (VOLTAGES_V[k + 1] - VOLTAGES_V[k])
    # Held to the end of the piece: rounding must not make a time grow with the voltage.
    share = math.pow(times[k + 1] / times[k], step)
    return max(times[k] * share, times[k + 1]) / times[-1]
