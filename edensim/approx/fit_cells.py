"""Maximum likelihood of the two models whose cells are all alike: `uniform` (P, F) and `data_dependent` (P, F1, F0).

A cell is weak with probability P; a weak cell that stores a 1 flips in a read with probability F1, one that stores a 0
with F0 (`uniform`: F = F1 = F0), anew in each read. Cells that flipped are weak; of those that never did, a share is.
EM fills in that share. All the data enter through a few sums and the cells without flips by number of reads that found
a 1, so an iteration costs nothing.

Intervals (95 %) are those of the observed information on the logistic scale. F = 1 (every weak cell failed in every
read) has a one-sided one from the likelihood ratio. What the reads cannot tell is said in words (`limits`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edensim.approx.fit_reads import Counts

Floats = NDArray[np.float64]
Z95 = 1.959964
DROP95 = 1.920729
"""Half of the 95 % point of chi-square with one degree of freedom: allowed drop of the log-likelihood."""
TINY = 1e-300
MOST_STEPS = 20_000


class Sums(NamedTuple):
    """Sufficient statistics: flips k and reads n of cells that flipped, by stored bit; cells without flips by n1."""

    flipped: float
    k1: float
    n1: float
    k0: float
    n0: float
    quiet: Floats
    quiet_n1: Floats
    reads: int

    @property
    def cells(self) -> float:
        """All cells."""
        return self.flipped + float(self.quiet.sum())


@dataclass(frozen=True)
class CellFit:
    """Estimates of P, F1 and F0 (equal for `uniform`), each with its interval, and what could not be told."""

    weak_share: float
    fail_one: float
    fail_zero: float
    intervals: dict[str, tuple[float, float]]
    limits: tuple[str, ...] = ()

    def ber(self, ones: float = 0.5) -> float:
        """Expected bit error rate for data with a share `ones` of ones."""
        return self.weak_share * (ones * self.fail_one + (1 - ones) * self.fail_zero)


def sums_of(counts: Counts, folds: tuple[int, ...]) -> Sums:
    """Sufficient statistics of the cells in some folds."""
    mine = np.isin(counts.fold, folds)
    k1, k0, n1 = counts.k1[mine], counts.k0[mine], counts.n1[mine]
    cells = counts.cells_of(folds).sum(0)
    flipped = np.bincount(np.searchsorted(counts.ones, n1), minlength=len(counts.ones))
    n = counts.reads * len(n1)
    return Sums(
        float(len(n1)), float(k1.sum()), float(n1.sum()), float(k0.sum()), float(n - n1.sum()),
        (cells - flipped).astype(np.float64), counts.ones.astype(np.float64), counts.reads,
    )  # fmt: skip


def fit_uniform(sums: Sums) -> CellFit:
    """Fit P and one F for both stored values."""
    share, fail = _em_uniform(sums)
    limits = []
    names = ("weak_share", "fail_probability")
    if sums.flipped == 0:
        limits.append(_nothing(sums))
    elif share > 1 - 1e-6:
        limits.append("every cell seems weak: P and F are only known as their product, the bit error rate")
    intervals = _intervals(lambda x: _likelihood(sums, x[0], x[1], x[1]), np.array([share, fail]), names, sums)
    if fail >= 1:
        limits.append("every weak cell failed in every read: F is 1 or close to it")
    return CellFit(share, fail, fail, intervals, tuple(limits))


def fit_data_dependent(sums: Sums) -> CellFit:
    """Fit P, and F apart for stored ones and zeros."""
    share, one, zero = _em_data(sums)
    limits = []
    if sums.flipped == 0:
        limits.append(_nothing(sums))
    reads_one = float((sums.quiet * sums.quiet_n1).sum()) + sums.n1
    reads_zero = float((sums.quiet * (sums.reads - sums.quiet_n1)).sum()) + sums.n0
    for stored, reads in (("ones", reads_one), ("zeros", reads_zero)):
        if reads == 0:
            limits.append(f"no read found stored {stored}: their F is unknown; read the complementary pattern, too")
    if min(reads_one, reads_zero) > 0 and set(sums.quiet_n1.tolist()) <= {0.0, float(sums.reads)}:
        limits.append(
            "no cell was read with both stored values: F1 and F0 rest on the assumption that both kinds of cells are "
            "weak alike; complementary patterns in the same cells would tell"
        )
    names = ("weak_share", "fail_one", "fail_zero")
    point = np.array([share, one, zero])
    intervals = _intervals(lambda x: _likelihood(sums, x[0], x[1], x[2]), point, names, sums)
    if reads_one == 0:
        intervals["fail_one"] = (0.0, 1.0)
    if reads_zero == 0:
        intervals["fail_zero"] = (0.0, 1.0)
    return CellFit(share, one, zero, intervals, tuple(limits))


def _em_uniform(sums: Sums) -> tuple[float, float]:
    k, n = sums.k1 + sums.k0, sums.n1 + sums.n0
    quiet = float(sums.quiet.sum())
    if sums.flipped == 0:
        return 0.0, 0.0
    share, fail = sums.flipped / sums.cells, k / n
    for _ in range(MOST_STEPS):
        q = share * (1 - fail) ** sums.reads
        weak = sums.flipped + quiet * q / (q + 1 - share if share < 1 else max(q, TINY))
        new_share, new_fail = weak / sums.cells, k / (n + (weak - sums.flipped) * sums.reads)
        moved = abs(new_share - share) + abs(new_fail - fail)
        share, fail = new_share, new_fail
        if moved < 1e-13:
            break
    return min(share, 1.0), min(fail, 1.0)


def _em_data(sums: Sums) -> tuple[float, float, float]:
    if sums.flipped == 0:
        return 0.0, 0.0, 0.0
    share = sums.flipped / sums.cells
    one, zero = sums.k1 / max(sums.n1, 1), sums.k0 / max(sums.n0, 1)
    n0 = sums.reads - sums.quiet_n1
    for _ in range(MOST_STEPS):
        q = share * (1 - one) ** sums.quiet_n1 * (1 - zero) ** n0
        weak = sums.quiet * q / np.maximum(q + 1 - share, TINY)
        new = (
            (sums.flipped + weak.sum()) / sums.cells,
            sums.k1 / max(sums.n1 + (weak * sums.quiet_n1).sum(), TINY),
            sums.k0 / max(sums.n0 + (weak * n0).sum(), TINY),
        )
        moved = abs(new[0] - share) + abs(new[1] - one) + abs(new[2] - zero)
        share, one, zero = (min(float(x), 1.0) for x in new)
        if moved < 1e-13:
            break
    return share, one, zero


def _likelihood(sums: Sums, share: float, one: float, zero: float) -> float:
    n0 = sums.reads - sums.quiet_n1
    quiet = 1 - share + share * (1 - one) ** sums.quiet_n1 * (1 - zero) ** n0
    return float(
        sums.flipped * math.log(max(share, TINY))
        + _binomial(sums.k1, sums.n1, one)
        + _binomial(sums.k0, sums.n0, zero)
        + (sums.quiet * np.log(np.maximum(quiet, TINY))).sum()
    )


def _binomial(k: float, n: float, p: float) -> float:
    return k * math.log(max(p, TINY)) + (n - k) * math.log(max(1 - p, TINY))


def _intervals(likelihood, point: Floats, names: tuple[str, ...], sums: Sums) -> dict[str, tuple[float, float]]:  # type: ignore[no-untyped-def]
    """95 % intervals from the curvature of the likelihood at its peak, on the logistic scale."""
    inner = [k for k, x in enumerate(point) if 1e-12 < x < 1 - 1e-12]
    logits = np.array([math.log(point[k] / (1 - point[k])) for k in inner])

    def at(moved: Floats) -> float:
        x = point.copy()
        x[inner] = 1 / (1 + np.exp(-moved))
        return float(likelihood(x))

    found = dict.fromkeys(names, (0.0, 1.0))
    if inner and sums.flipped:
        variance = _inverse(-_hessian(at, logits))
        for k, name in enumerate(names):
            if k in inner and (v := variance[inner.index(k), inner.index(k)]) > 0:
                reach = Z95 * math.sqrt(v)
                middle = logits[inner.index(k)]
                found[name] = (float(_logistic(middle - reach)), float(_logistic(middle + reach)))
    for k, name in enumerate(names if sums.flipped else ()):
        if point[k] >= 1 - 1e-12:
            n = {"fail_one": sums.n1, "fail_zero": sums.n0, "fail_probability": sums.n1 + sums.n0}.get(name, sums.cells)
            found[name] = (math.exp(-DROP95 / max(n, 1)), 1.0)
        elif point[k] <= 1e-12:
            n = {"fail_one": sums.n1, "fail_zero": sums.n0}.get(name, sums.cells)
            found[name] = (0.0, 1 - math.exp(-DROP95 / max(n, 1)))
    return found


def _hessian(function, x: Floats, step: float = 1e-4) -> Floats:  # type: ignore[no-untyped-def]
    size = len(x)
    found = np.zeros((size, size))
    unit = np.eye(size) * step
    for i in range(size):
        for j in range(i, size):
            corners = [function(x + a * unit[i] + b * unit[j]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            found[i, j] = found[j, i] = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * step * step)
    return found


def _inverse(matrix: Floats) -> Floats:
    """Inverse, or infinite variances where the likelihood is flat."""
    try:
        return np.asarray(np.linalg.inv(matrix), np.float64)
    except np.linalg.LinAlgError:
        return np.full_like(matrix, math.inf)


def logistic_interval(mean: float, variance: float) -> tuple[float, float]:
    """95 % interval of a share from the variance of its estimate, symmetric on the logistic scale."""
    if not 0 < mean < 1:
        return mean, mean
    middle, reach = math.log(mean / (1 - mean)), Z95 * math.sqrt(variance) / (mean * (1 - mean))
    return _logistic(middle - reach), _logistic(middle + reach)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _nothing(sums: Sums) -> str:
    most = 1 - math.exp(-DROP95 / (sums.cells * sums.reads))
    return f"not one bit flipped: the bit error rate is below {most:.2g} (95 %), and nothing else can be told"
