"""The error models: EDEN's four (Koppula et al., MICRO 2019, section 4) and one whose weak cells cluster in banks.

=== ================= ============================================== ===========================================
 #  name              weak cells (share P)                           failures of a weak cell (probability F)
=== ================= ============================================== ===========================================
 0  `uniform`         anywhere alike                                 one F
 1  `bitline`         P differs between bitlines                     F differs between bitlines
 2  `wordline`        P differs between rows                         F differs between rows
 3  `data_dependent`  anywhere alike                                 one F for stored ones, one for stored zeros
 -  `bank_clustered`  in some banks, in a range of their rows        one F
=== ================= ============================================== ===========================================

The fifth is ours: undervolted DDR3L modules fail in whole banks (Chang et al., SIGMETRICS 2017, published data set:
four of eight banks of a vendor C module fail at 1.10 V, the other four not at all). With P = 1 (`uniform`) every cell
may fail, and errors of different accesses are independent: that is a plain bit error rate F.

A model is a description; `law(geometry)` makes of it the `CellLaw` that is injected. Not modelled: couplings of cells
beyond these, errors of several models at once (write a `CellLaw` for that), drift in time or with temperature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edensim.approx.law import CellLaw, RowLevel, check_shares, one_level
from edensim.approx.lines import Lines
from edensim.approx.rows import Rows
from edensim.errors import ConfigError
from edensim.memory import Geometry


@dataclass(frozen=True)
class Uniform:
    """Error model 0: weak cells anywhere alike.

    Parameters
    ----------
    fail_probability : float
        F, probability that a weak cell fails in one access, 0 … 1.
    weak_share : float
        P, share of weak cells, 0 … 1; 1 is a plain bit error rate, drawn anew at every access.
    """

    name: ClassVar[str] = "uniform"
    number: ClassVar[int | None] = 0
    fail_probability: float
    weak_share: float = 1.0

    def __post_init__(self) -> None:
        check_shares("fail_probability", self.fail_probability, 0)
        check_shares("weak_share", self.weak_share, 0)

    def flip_probability(self, ones: float = 0.5) -> float:
        """Expected bit error rate, P F, whatever the share of ones."""
        return self.weak_share * self.fail_probability

    def law(self, geometry: Geometry) -> CellLaw:
        """Law of this model; `geometry` makes no difference."""
        return simple_law([self.weak_share], self.fail_probability)


@dataclass(frozen=True, eq=False)
class Bitline:
    """Error model 1: P and F differ between the bitlines of a subarray, and are the same for all cells of one."""

    name: ClassVar[str] = "bitline"
    number: ClassVar[int | None] = 1
    lines: Lines

    def flip_probability(self, ones: float = 0.5) -> float:
        """Expected bit error rate: mean of P F over the bitlines."""
        return self.lines.flip_probability()

    def law(self, geometry: Geometry) -> CellLaw:
        """Law of this model; measured lines must be as many as a row of `geometry` has bits."""
        lines = self.lines
        lines.check_members(8 * geometry.row_bytes, "bits in a row")
        fail = np.array(lines.fail_probability)[None, :, None]
        return CellLaw(
            np.array([lines.weak_share]), fail, fail, np.array(lines.share), bitline_class=lines.members_array()
        )


@dataclass(frozen=True, eq=False)
class Wordline:
    """Error model 2: P and F differ between rows, and are the same for all cells of one."""

    name: ClassVar[str] = "wordline"
    number: ClassVar[int | None] = 2
    lines: Lines

    def flip_probability(self, ones: float = 0.5) -> float:
        """Expected bit error rate: mean of P F over the rows."""
        return self.lines.flip_probability()

    def law(self, geometry: Geometry) -> CellLaw:
        """Law of this model; measured lines must be as many as a bank of `geometry` has rows."""
        lines = self.lines
        lines.check_members(geometry.rows, "rows in a bank")
        members, below = lines.members_array(), np.cumsum(lines.share)[:-1]

        def level(rows: Rows, seed: int) -> np.ndarray:
            if members is not None:
                return np.asarray(members[rows.row])
            return np.searchsorted(below, rows.uniform(seed, "row"), side="right")

        return simple_law(lines.weak_share, np.array(lines.fail_probability), level, lines.share)


@dataclass(frozen=True)
class DataDependent:
    """Error model 3: weak cells anywhere alike, whose failures depend on what they store.

    Parameters
    ----------
    weak_share : float
        P, share of weak cells, 0 … 1.
    fail_one, fail_zero : float
        F of a weak cell that stores a 1 (flips 1 -> 0), or a 0 (flips 0 -> 1), 0 … 1.
    anti_cell_rows : int
        Rows of a bank per block, every other block holding anti-cells, which store a 1 as no charge and so exchange the
        two F; 0 means none. (Which rows are anti-cells is not published for the measured modules.)
    """

    name: ClassVar[str] = "data_dependent"
    number: ClassVar[int | None] = 3
    weak_share: float
    fail_one: float
    fail_zero: float
    anti_cell_rows: int = 0

    def __post_init__(self) -> None:
        for name in ("weak_share", "fail_one", "fail_zero"):
            check_shares(name, getattr(self, name), 0)
        if self.anti_cell_rows < 0:
            raise ConfigError(f"anti_cell_rows = {self.anti_cell_rows}: expected 0 or a number of rows")

    def flip_probability(self, ones: float = 0.5) -> float:
        """Expected bit error rate for data with a share `ones` of ones."""
        if self.anti_cell_rows:
            ones = 0.5
        return self.weak_share * (ones * self.fail_one + (1 - ones) * self.fail_zero)

    def law(self, geometry: Geometry) -> CellLaw:
        """Law of this model; `geometry` makes no difference."""
        one, zero, block = self.fail_one, self.fail_zero, self.anti_cell_rows
        if not block:
            return CellLaw(np.array([[self.weak_share]]), np.array([[[one]]]), np.array([[[zero]]]))

        def level(rows: Rows, seed: int) -> np.ndarray:
            return np.asarray(rows.row // block % 2)

        return CellLaw(
            np.full((2, 1), self.weak_share),
            np.array([one, zero]).reshape(2, 1, 1),
            np.array([zero, one]).reshape(2, 1, 1),
            row_level=level,
        )


@dataclass(frozen=True)
class BankClustered:
    """Weak cells in some banks only, and there in one contiguous range of rows.

    Parameters
    ----------
    weak_share : float
        P in the failing rows of failing banks, 0 … 1.
    fail_probability : float
        F of a weak cell, 0 … 1.
    banks : float or sequence of int
        Share of the banks of a rank that fail, rounded to whole banks, which ones being drawn by the seed for every
        rank; or the indices of the failing banks within a rank.
    row_share : float
        Share of the rows of a failing bank that fail, 0 … 1: a range, cyclic, that begins where the seed says.
    elsewhere : float
        P in all other rows.
    """

    name: ClassVar[str] = "bank_clustered"
    number: ClassVar[int | None] = None
    weak_share: float
    fail_probability: float
    banks: float | tuple[int, ...] = 0.5
    row_share: float = 1.0
    elsewhere: float = 0.0

    def __post_init__(self) -> None:
        for name in ("weak_share", "fail_probability", "row_share", "elsewhere"):
            check_shares(name, getattr(self, name), 0)
        if isinstance(self.banks, Sequence):
            object.__setattr__(self, "banks", tuple(self.banks))
            if len(set(self.banks)) < len(self.banks) or any(type(k) is not int or k < 0 for k in self.banks):
                raise ConfigError(f"banks = {list(self.banks)}: expected bank indices within a rank, none twice")
        else:
            check_shares("banks", self.banks, 0)

    def failing_share(self, banks_per_rank: int) -> float:
        """Share of the rows that fail, in ranks of so many banks."""
        count = len(self.banks) if isinstance(self.banks, tuple) else round(self.banks * banks_per_rank)
        return count / banks_per_rank * self.row_share

    def flip_probability(self, ones: float = 0.5, banks_per_rank: int = 16) -> float:
        """Expected bit error rate of a memory with so many banks in a rank."""
        share = self.failing_share(banks_per_rank)
        return (share * self.weak_share + (1 - share) * self.elsewhere) * self.fail_probability

    def law(self, geometry: Geometry) -> CellLaw:
        """Law of this model.

        Raises
        ------
        ConfigError
            If `banks` names a bank that `geometry` does not have.
        """
        per_rank = geometry.banks_per_rank
        if isinstance(self.banks, tuple) and max(self.banks, default=0) >= per_rank:
            raise ConfigError(f"banks = {list(self.banks)}: a rank has the banks 0 to {per_rank - 1}")
        share = self.failing_share(per_rank)

        def level(rows: Rows, seed: int) -> np.ndarray:
            begin = rows.uniform(seed, "bank", "first row") * geometry.rows
            failing = (rows.row - begin) % geometry.rows < self.row_share * geometry.rows
            return np.asarray((failing & self._failing_bank(rows, seed)).astype(np.int64))

        return simple_law([self.elsewhere, self.weak_share], self.fail_probability, level, [1 - share, share])

    def _failing_bank(self, rows: Rows, seed: int) -> np.ndarray:
        if isinstance(self.banks, tuple):
            return np.isin(rows.bank_in_rank, self.banks)
        geometry = rows.geometry
        channel, bank = np.divmod(np.arange(geometry.channels * geometry.banks), geometry.banks)
        marks = Rows(geometry, channel, bank, bank * 0).uniform(seed, "bank", "failing")
        marks = marks.reshape(-1, geometry.banks_per_rank)  # of the banks of every rank
        before = (marks[:, None, :] < marks[:, :, None]).sum(-1)
        failing = before < round(self.banks * geometry.banks_per_rank)
        return np.asarray(failing.reshape(geometry.channels, -1)[rows.channel, rows.bank])


ErrorModel = Uniform | Bitline | Wordline | DataDependent | BankClustered
MODELS: dict[str, type[ErrorModel]] = {
    model.name: model for model in (Uniform, Bitline, Wordline, DataDependent, BankClustered)
}


def simple_law(
    weak_share: Sequence[float] | np.ndarray,
    fail_probability: float | np.ndarray,
    row_level: RowLevel = one_level,
    level_share: Sequence[float] = (),
) -> CellLaw:
    """Law of row levels alone: one class of bitlines, one kind of weak cells, failures blind to what is stored."""
    weak = np.asarray(weak_share, np.float64)[:, None]
    fail = np.broadcast_to(np.reshape(fail_probability, (-1, 1, 1)), (len(weak), 1, 1))
    return CellLaw(weak, fail, fail, row_level=row_level, level_share=np.asarray(level_share, np.float64))
