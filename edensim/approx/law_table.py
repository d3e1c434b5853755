"""Cell laws as flat tables of integers for the kernels, and the keys of their streams.

Probabilities become thresholds: a weak cell fails if its 63-bit word is below 2^63 F, and the number of weak cells
comes from the tables of `poisson`. Laws whose errors are independent from access to access (`CellLaw.fresh`) are drawn
without weak cells: what flips is drawn at once. Where they are also symmetric and the same on all bitlines, a row takes
one of two fast ways, exact both: points thrown on the cells, an odd number of which flips a cell (up to a rate of
1/16), or masks of random words, joined bit by bit of the rate by AND and OR, and a few points for the rest of the rate.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edensim import rng
from edensim.approx.law import CellLaw
from edensim.approx.poisson import mean_of_parity, mean_of_share, thresholds
from edensim.approx.tables_kernel import (
    ALL,
    ALL_CHIPS,
    CELLS,
    FIELDS,
    MASK,
    MASK_BITS,
    NOTHING,
    OUTCOME,
    PARITY,
    PREVIOUS,
    WEAK,
    Ints,
    LawTables,
    Words,
)
from edensim.errors import ConfigError

MASK_FROM = 1 / 16
"""Rate from which masks are quicker than points."""


STREAMS = ("weak", "outcome", "kind", "bitline", "place", "previous")
"""Names of the streams of a law, in the order of their columns."""


def compile_laws(groups: Sequence[Sequence[CellLaw]], row_bits: int) -> LawTables:
    """Tables of the laws of several groups, one behind the other, for rows of `row_bits` bits.

    The laws of a group concern the same rows; a bit flips if any of them makes it fail.

    Raises
    ------
    ConfigError
        If a law does not fit such rows.
    """
    table = _Builder(row_bits)
    for laws in groups:
        for law in laws:
            table.add(law, alone=len(laws) == 1)
    return table.done()


def law_keys(laws: Sequence[CellLaw], seed: int) -> tuple[Words, NDArray[np.bool_]]:
    """Keys of the streams of laws, and which of them are drawn anew: the key of access n is then draw(key, n).

    Both have the shape (laws, streams).
    """
    keys = np.zeros((len(laws), len(STREAMS)), np.uint64)
    anew = np.zeros(keys.shape, np.bool_)
    anew[:, [OUTCOME, PREVIOUS]] = True
    for k, law in enumerate(laws):
        keys[k] = [rng.key(seed, law.stream, name) for name in STREAMS]
        if law.fresh:
            keys[k, WEAK], anew[k, WEAK] = rng.key(seed, law.stream, "fresh"), True
    return keys, anew


class _Builder:
    """Collects the parts of `LawTables`."""

    def __init__(self, row_bits: int) -> None:
        self.row_bits = row_bits
        self.law: list[list[int]] = []
        self.level: list[list[int]] = []
        self.groups: list[tuple[int, int, int, int, int]] = []
        self.thresholds: list[Words] = [np.zeros(0, np.uint64)]
        self.fail: list[Words] = [np.zeros((0, 2), np.uint64)]
        self.order: list[Ints] = [np.zeros(0, np.int64)]
        self.length = dict.fromkeys(("order", "thresholds", "fail"), 0)

    def add(self, law: CellLaw, alone: bool) -> None:
        """Add a law; `alone`: no other law concerns the same rows, so that its errors may toggle bits."""
        levels, classes = law.weak_share.shape
        sizes, order = self._bitlines(law)
        weak, one, zero = _drawn_at_once(law)
        plain = alone and law.fresh and law.symmetric and classes == 1 and law.unit_bits == 1 and law.chips is None
        self.law.append(
            [
                levels,
                classes,
                one.shape[2],
                law.unit_bits.bit_length() - 1,
                law.cells_per_unit,
                law.previous_row,
                not bool((one == zero).all()),
                len(self.level),
                len(self.groups),
                self.length["fail"],
                self.length["order"] if order is not None else -1,
                *_chips(law),
            ]
        )
        starts = np.cumsum(sizes) - sizes
        if order is not None:
            self.order.append(order)
            self.length["order"] += len(order)
        for a in range(levels):
            if plain:
                self._plain_level(float(weak[a, 0]))
            else:
                self.level.append([CELLS if (weak[a] @ (one[a] + zero[a]).sum(axis=1)) > 0 else NOTHING, 0])
                for share, start, size in zip(weak[a].tolist(), starts.tolist(), sizes.tolist(), strict=True):
                    self._group(share, start, size)
        both = np.stack([zero.ravel(), one.ravel()], axis=1)
        self.fail.append(np.floor(both * 2.0**63).astype(np.uint64))
        self.length["fail"] += one.size

    def _bitlines(self, law: CellLaw) -> tuple[Ints, Ints | None]:
        """Units in each class, and the units in the order of their classes if those are given one by one."""
        units = self.row_bits // law.unit_bits
        if law.unit_bits > self.row_bits:
            raise ConfigError(f"unit_bits = {law.unit_bits}: a row of this memory has {self.row_bits} bits")
        if law.bitline_class is None:
            edges = np.rint(np.cumsum(law.class_share) * units).astype(np.int64)
            return np.diff(edges, prepend=0), None
        if len(law.bitline_class) != units:
            given = len(law.bitline_class)
            raise ConfigError(
                f"the law gives the class of {given} bitlines (or units); a row of this memory has {units}"
            )
        sizes = np.bincount(law.bitline_class, minlength=law.weak_share.shape[1])
        return sizes.astype(np.int64), np.argsort(law.bitline_class, kind="stable")

    def _plain_level(self, rate: float) -> None:
        units = self.row_bits
        if rate == 0:
            self.level.append([NOTHING, 0])
            self._points(0.0, 0, units)
        elif rate < MASK_FROM:
            self.level.append([PARITY, 0])
            self._points(mean_of_parity(units, rate), 0, units)
        else:
            eighths = int(rate * 2**MASK_BITS)
            rest = rate - eighths / 2**MASK_BITS
            self.level.append([MASK, eighths])
            self._points(mean_of_share(units, rest / (1 - eighths / 2**MASK_BITS)) if rest else 0.0, 0, units)

    def _group(self, share: float, start: int, units: int) -> None:
        if share < 1:
            self._points(mean_of_share(units, share), start, units)
        else:
            self.groups.append((ALL, 0, 0, start, units))

    def _points(self, mean: float, start: int, units: int) -> None:
        low, table = thresholds(mean)
        begin = self.length["thresholds"]
        self.groups.append((low, begin, begin + len(table), start, units))
        self.thresholds.append(table)
        self.length["thresholds"] += len(table)

    def done(self) -> LawTables:
        """Everything added so far."""
        return LawTables(
            np.array(self.law, np.int64).reshape(-1, FIELDS),
            np.array(self.level, np.int64).reshape(-1, 2),
            np.array(self.groups, np.int64).reshape(-1, 5),
            np.concatenate(self.thresholds),
            np.concatenate(self.fail),
            np.concatenate(self.order),
        )


def _chips(law: CellLaw) -> tuple[int, int, int]:
    if law.chips is None:
        return 1, 1, ALL_CHIPS
    return law.chips.width_bits, law.chips.devices, sum(1 << chip for chip in set(law.chips.chosen))


def _drawn_at_once(law: CellLaw) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Weak share and failure probabilities; of a fresh law the share of cells drawn and how they fail then."""
    weak, one, zero = law.weak_share, law.fail_one, law.fail_zero
    if not law.fresh:
        return weak, one, zero
    drawn = np.maximum(one, zero)
    safe = np.where(drawn > 0, drawn, 1.0)
    return drawn[:, :, 0], one / safe, zero / safe
