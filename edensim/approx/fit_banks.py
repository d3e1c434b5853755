"""Fit of `bank_clustered`: which banks fail, in which range of their rows, with P there and elsewhere, and one F.

Coordinate ascent on the likelihood: given P inside, P elsewhere and F, the best range of a bank is the cyclic run of
its rows with the largest gain over "elsewhere" (none, if no run gains); given the ranges, P follows. F is that of the
`uniform` model: a weak cell is the same wherever it lies.
Rows must be sampled all over the banks: ranges are known to the spacing of the rows that were read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edensim.approx.fit_cells import fit_uniform, sums_of
from edensim.approx.fit_reads import Counts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ROUNDS = 30


@dataclass(frozen=True, eq=False)
class BankFit:
    """Parameters of `bank_clustered` and the failing rows among those that were read.

    Attributes
    ----------
    weak_share, elsewhere, fail_probability : float
        P in failing rows, P in all others, F.
    ranges : dict
        Failing bank -> first and last failing row that was read (first > last: around the end of the bank).
    row_share : float
        Share of the rows of a failing bank that fail, mean over these banks.
    failing : bool array (rows,)
        Which of the rows read belong to a failing range.
    """

    weak_share: float
    elsewhere: float
    fail_probability: float
    ranges: dict[int, tuple[int, int]]
    row_share: float
    failing: NDArray[np.bool_]

    def ber(self) -> float:
        """Mean bit error rate over the rows that were read."""
        share = float(self.failing.mean())
        return (share * self.weak_share + (1 - share) * self.elsewhere) * self.fail_probability


def fit_banks(counts: Counts, folds: tuple[int, ...]) -> BankFit:
    """Fit the model by the cells in some folds."""
    mine = np.isin(counts.fold, folds)
    flipped = np.bincount(counts.at_row[mine], minlength=counts.rows).astype(np.float64)
    cells = counts.cells_of(folds).sum(1).astype(np.float64)
    start = fit_uniform(sums_of(counts, folds))
    fail = start.fail_one
    failing = flipped / cells > flipped.sum() / cells.sum()
    inside = elsewhere = start.weak_share
    for _ in range(ROUNDS):
        seen = 1 - (1 - fail) ** counts.reads  # a weak cell flips at least once
        inside, elsewhere = _share(flipped, cells, failing, seen), _share(flipped, cells, ~failing, seen)
        if inside <= elsewhere:
            break
        gain = _row_gain(flipped, cells, inside * seen, elsewhere * seen)
        new = np.zeros(counts.rows, bool)
        for bank in np.unique(counts.bank):
            members = np.flatnonzero(counts.bank == bank)
            members = members[np.argsort(counts.row[members])]
            new[members[_best_run(gain[members])]] = True
        if (new == failing).all():
            break
        failing = new
    if inside <= elsewhere or not failing.any():
        failing = np.zeros(counts.rows, bool)
        inside = elsewhere = start.weak_share
    ranges, shares = {}, []
    for bank in np.unique(counts.bank[failing]):
        members = np.flatnonzero(counts.bank == bank)
        members = members[np.argsort(counts.row[members])]
        ranges[int(bank)] = _ends(counts.row[members], failing[members])
        shares.append(float(failing[members].mean()))
    return BankFit(inside, elsewhere, fail, ranges, float(np.mean(shares)) if shares else 0.0, failing)


def _share(flipped: Floats, cells: Floats, rows: NDArray[np.bool_], seen: float) -> float:
    """P of some rows: share of their cells that flipped, corrected for weak cells that happened not to."""
    total = float(cells[rows].sum())
    return min(float(flipped[rows].sum()) / (total * seen), 1.0) if total and seen else 0.0


def _row_gain(flipped: Floats, cells: Floats, high: float, low: float) -> Floats:
    """Log-likelihood of each row inside over elsewhere, for shares of cells that flip at least once."""
    high, low = min(high, 1 - 1e-12), max(low, 1e-12)
    return np.asarray(flipped * np.log(high / low) + (cells - flipped) * np.log((1 - high) / (1 - low)))


def _best_run(gain: Floats) -> Ints:
    """Indices of the cyclic run with the largest sum; empty if no run has a positive one."""
    size = len(gain)
    best, run = 0.0, (0, 0)
    total = np.concatenate([[0.0], np.cumsum(np.concatenate([gain, gain]))])
    # The best begin for an end is the least prefix sum within one round before it: a monotone queue keeps it in front.
    queue: list[int] = []
    head = 0
    for end in range(1, 2 * size + 1):
        while len(queue) > head and total[queue[-1]] >= total[end - 1]:
            queue.pop()
        queue.append(end - 1)
        while queue[head] < end - size:
            head += 1
        if total[end] - total[queue[head]] > best + 1e-9:
            best, run = float(total[end] - total[queue[head]]), (queue[head], end)
    return np.arange(*run) % size


def _ends(rows: Ints, failing: NDArray[np.bool_]) -> tuple[int, int]:
    """First and last row of a cyclic run."""
    if failing.all():
        return int(rows[0]), int(rows[-1])
    begin = np.flatnonzero(failing & ~np.roll(failing, 1))[0]
    end = np.flatnonzero(failing & ~np.roll(failing, -1))[0]
    return int(rows[begin]), int(rows[end])
