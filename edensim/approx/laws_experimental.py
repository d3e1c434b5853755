"""Laws without chip data: a restore that is cut short, and a refresh that comes late. Results are "extrapolated".

Restore: the cell's charge after tRAS follows the circuit curve; a weaker signal takes the sense amplifier longer, by
`sense_tau_ns` for each factor e, which is taken from the next activation's time. Retention: counts of cells that lose
their charge, by interval and temperature, interpolated on logarithms; the study found hardly any effect of VDD.

Not modelled: RowHammer, which a weak restore makes worse; charge lost between refreshes of a weakly restored row.
"""

from __future__ import annotations

import math

import numpy as np

from edensim.approx.chip_failure import Failure
from edensim.approx.chip_schema import RestoreLaw, RetentionLaw
from edensim.memory.safe_latency import restored_share

FULL = 0.975
"""Cell voltage over VDD that counts as restored."""


def restore_delay_ns(law: RestoreLaw, tRAS_ns: float, vdd: float) -> float:
    """Time that the next activation loses after a row was open for `tRAS_ns`; infinite if the cell lost its value."""
    signal = (restored_share(tRAS_ns, vdd) - 0.5) / (FULL - 0.5)
    return law.sense_tau_ns * math.log(1 / min(signal, 1.0)) if signal > 0 else math.inf


def retention_failure(law: RetentionLaw, scale: float, banks: int, temperature_C: float | None) -> Failure | None:
    """What a refresh interval of `scale` times nominal does to reads; None if nothing fails."""
    interval = law.nominal_ms * scale
    if interval <= law.safe_ms:
        return None
    cold, hot = law.temperature_C
    logs = [_log_cells(law, row, interval) for row in law.cells]
    step = ((cold if temperature_C is None else temperature_C) - cold) / (hot - cold)
    share = min(math.exp(logs[0] + step * (logs[1] - logs[0])) / law.module_bits, 1.0)
    return Failure("tREFI", "bit", "value", np.full((banks, 2), share), np.ones((banks, 2)), 0.5, "extrapolated")


def _log_cells(law: RetentionLaw, cells: tuple[float, ...], interval: float) -> float:
    """Logarithm of the failing cells: a line through the two nearest points in log-log, also beyond the ends."""
    at = law.intervals_ms
    k = min(max(int(np.searchsorted(at, interval)) - 1, 0), len(at) - 2)
    step = math.log(interval / at[k]) / math.log(at[k + 1] / at[k])
    return (1 - step) * math.log(cells[k]) + step * math.log(cells[k + 1])
