"""From what an operating point does to a chip to the cell laws that the injector draws.

Rows have a level for every bank of a rank, stripe and kind of row group. Weak cells of one knob share a stream, so the
cells that fail at one voltage or latency fail at every lower one, too. A cell that reads a value of its own has one of
64 kinds: kinds prefer 0 or 1 (one of them a mixture), so that stored ones and zeros fail in the measured proportion.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edensim.approx.chip import Chip, Setting
from edensim.approx.chip_failure import Failure, Floats, Reliability
from edensim.approx.law import CellLaw
from edensim.approx.row_groups import spread_over_row_groups
from edensim.approx.rows import Rows
from edensim.approx.subarrays import spread_over_subarrays
from edensim.memory.geometry import Geometry
from edensim.memory.operating_state import Nominal

KINDS = 64
Levels = Callable[[Rows, int], NDArray[np.int64]]


def chip_laws(
    chip: Chip, setting: Setting, geometry: Geometry, nominal: Nominal | None = None, experimental: bool = False
) -> list[CellLaw]:
    """Cell laws of a chip at an operating point, one per way in which reads fail; none if nothing fails.

    Parameters
    ----------
    chip : Chip
        The chip.
    setting : Setting
        The point, in units of the memory.
    geometry : Geometry
        The memory: banks of a rank, bits of a line.
    nominal : Nominal, optional
        Data-sheet values of the memory (default: those of the chip).
    experimental : bool
        Whether laws without chip data may be used.

    Raises
    ------
    ConfigError
        As `Chip.reliability`.
    """
    found = chip.reliability(setting, nominal, geometry.banks_per_rank, experimental)
    return cell_laws(found, chip.table.stripe.period_rows, 8 * geometry.row_bytes, chip.subarray_correlation)


def cell_laws(
    reliability: Reliability, stripe_rows: int, row_bits: int, subarray_correlation: float = 0.0
) -> list[CellLaw]:
    """Cell laws of all failures; `stripe_rows` is the period of the row stripes."""
    laws = [_law(failure, stripe_rows, row_bits) for failure in reliability.failures]
    return [spread_over_subarrays(law, subarray_correlation) for law in laws]


def stripe_of(rows: NDArray[np.int64], period: int) -> NDArray[np.int64]:
    """1 for rows of the weak stripe, which is the first half of every period; 0 for the others."""
    return (2 * (rows % period) < period).astype(np.int64)


def _law(failure: Failure, stripe_rows: int, row_bits: int) -> CellLaw:
    weak = failure.weak.reshape(-1, 1)
    fails = failure.fails.reshape(-1, 1, 1)
    one, zero = _kinds(failure)
    unit = min(failure.line_bits, row_bits) if failure.unit == "line" else 1
    law = CellLaw(
        weak_share=weak,
        fail_one=fails * one,
        fail_zero=fails * zero,
        row_level=_levels(len(failure.weak), stripe_rows),
        previous_row=failure.effect == "previous_row",
        unit_bits=unit,
        cells_per_unit=min(failure.bits_per_line[1], unit) if failure.unit == "line" else 1,
        stream=f"chip {failure.knob}",
    )
    return spread_over_row_groups(law, failure.row_correlation, failure.row_own, failure.row_group)


def _kinds(failure: Failure) -> tuple[Floats, Floats]:
    """Shares of the failures of a cell of each kind in which it misreads a stored 1, and a stored 0."""
    if failure.effect != "value":
        # Two kinds that are alike: with one, a law whose cells are all weak would draw failures from another stream
        # (`CellLaw.fresh`), and cells that fail at one voltage could be sound at a lower one.
        return np.ones(2), np.ones(2)
    prefers_zero = np.clip(failure.one_share * KINDS - np.arange(KINDS), 0, 1)
    return prefers_zero, 1 - prefers_zero


def _levels(banks: int, stripe_rows: int) -> Levels:
    def level(rows: Rows, seed: int) -> NDArray[np.int64]:
        return np.asarray(rows.bank_in_rank % banks * 2 + stripe_of(rows.row, stripe_rows))

    return level
