"""Empirical Bayes for the models whose lines differ: P and F of every bitline (`bitline`) or row (`wordline`).

A line has few cells, and most lines no flips at all. So lines are drawn from a common population, P from a beta
distribution and F from another, whose means and widths are estimated from all lines (by moments of the between-line
variance), and each line gets the mean of what it then is: its own counts plus those of the population, in proportion to
what each has to say. Lines without flips stay finite, and where lines do not differ the population swallows them all.

Not modelled: bitlines that differ between subarrays (rows read together should lie in one).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edensim.approx.fit_cells import fit_uniform, logistic_interval, sums_of
from edensim.approx.fit_reads import FOLDS, Counts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ROUNDS = 60
STRONGEST = 1e9
"""Strength of a population whose lines do not differ."""


@dataclass(frozen=True, eq=False)
class LineFit:
    """P and F of every line, and of the population.

    Attributes
    ----------
    axis : str
        "bitline" or "wordline".
    weak_share, fail_probability : float64 arrays (lines,)
        P and F of each line.
    population : dict
        `weak_share`, `fail_probability`: means; `weak_strength`, `fail_strength`: a + b of the beta distributions, in
        cells and in reads of weak cells (the larger, the less lines differ).
    intervals : dict
        95 % intervals of the two means, from the variance between lines.
    """

    axis: Literal["bitline", "wordline"]
    weak_share: Floats
    fail_probability: Floats
    population: dict[str, float]
    intervals: dict[str, tuple[float, float]]

    def ber(self) -> float:
        """Mean of P F over the lines."""
        return float((self.weak_share * self.fail_probability).mean())


def fit_lines(counts: Counts, axis: Literal["bitline", "wordline"], folds: tuple[int, ...]) -> LineFit:
    """Fit all lines by the cells in some folds.

    Parameters
    ----------
    counts : Counts
        Flips of all cells.
    axis : str
        Which lines differ.
    folds : tuple of int
        Cells to look at.
    """
    mine = np.isin(counts.fold, folds)
    lines, index = (counts.bits, counts.at_bit) if axis == "bitline" else (counts.rows, counts.at_row)
    flipped = np.bincount(index[mine], minlength=lines).astype(np.float64)
    flips = np.bincount(index[mine], (counts.k1 + counts.k0)[mine], minlength=lines).astype(np.float64)
    cells = _cells_of_lines(counts, axis, folds)
    start = fit_uniform(sums_of(counts, folds))
    p = np.full(lines, start.weak_share)
    f = np.full(lines, start.fail_one)
    weak = flipped
    population = {}
    for _ in range(ROUNDS):
        q = p * (1 - f) ** counts.reads
        weak = flipped + (cells - flipped) * q / np.maximum(q + 1 - p, 1e-300)
        p_mean, p_strength = _population(weak, cells)
        f_mean, f_strength = _population(flips, weak * counts.reads)
        new_p = (weak + p_strength * p_mean) / (cells + p_strength)
        new_f = (flips + f_strength * f_mean) / (weak * counts.reads + f_strength)
        moved = float(np.abs(new_p - p).max() + np.abs(new_f - f).max())
        p, f = np.minimum(new_p, 1.0), np.minimum(new_f, 1.0)
        population = {
            "weak_share": p_mean, "fail_probability": f_mean, "weak_strength": p_strength, "fail_strength": f_strength,
        }  # fmt: skip
        if moved < 1e-10:
            break
    intervals = {
        "weak_share": _interval(weak, cells),
        "fail_probability": _interval(flips, weak * counts.reads),
    }
    return LineFit(axis, p, f, population, intervals)


def _cells_of_lines(counts: Counts, axis: str, folds: tuple[int, ...]) -> Floats:
    """Cells of every line in some folds."""
    if axis == "wordline":
        return np.asarray(counts.cells_of(folds).sum(1), np.float64)
    rows_by_residue = np.bincount(np.arange(counts.rows) % FOLDS, minlength=FOLDS)
    residue = np.arange(counts.bits) % FOLDS
    return np.asarray(sum(rows_by_residue[(fold - residue) % FOLDS] for fold in folds), np.float64)


def _interval(hits: Floats, trials: Floats) -> tuple[float, float]:
    """95 % interval of the mean, whatever makes lines differ."""
    total = float(trials.sum())
    if total == 0:
        return 0.0, 1.0
    mean = min(float(hits.sum()) / total, 1.0)
    return logistic_interval(mean, float(((hits - trials * mean) ** 2).sum()) / total**2)


def _population(hits: Floats, trials: Floats) -> tuple[float, float]:
    """Mean and strength of the beta distribution behind lines with `hits` of `trials`, by moments.

    Between lines of equal P the variance of hits is binomial; what exceeds it says how much lines differ.
    """
    used = trials > 0
    if not used.any() or hits.sum() <= 0:
        return 0.0, STRONGEST
    hits, trials = hits[used], trials[used]
    mean = float(hits.sum() / trials.sum())
    scale = mean * (1 - mean)
    if scale <= 0:
        return min(mean, 1.0), STRONGEST
    expected = float((trials * scale).sum())
    excess = float(((hits - trials * mean) ** 2).sum()) - expected
    pairs = float((trials * (trials - 1)).sum()) * scale
    noise = 2 * expected * np.sqrt(2 / len(hits))
    if pairs <= 0 or excess <= noise:
        return mean, STRONGEST
    correlation = min(excess / pairs, 1 - 1e-9)
    return mean, 1 / correlation - 1
