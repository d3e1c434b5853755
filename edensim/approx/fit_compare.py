"""How likely the reads of held-out cells are under each fitted model, and which model is chosen.

Models with more parameters always fit the reads they were fitted to better, so they are compared on others. Weak cells
persist: other reads of the *same* cells would reward a model for remembering where they are. What is held out is
therefore every read of a third of the cells, spread evenly over all rows and bitlines.

A model is tied with the best if it lacks less than two standard errors of the difference, estimated from the
differences of single rows. EDEN's rule for ties: model 0 if it is among them (software injects it fastest), otherwise
any; here the one with the fewest parameters, where the paper draws one (Koppula et al., MICRO 2019, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edensim.approx.fit_banks import BankFit, fit_banks
from edensim.approx.fit_cells import CellFit, fit_data_dependent, fit_uniform, sums_of
from edensim.approx.fit_lines import LineFit, fit_lines
from edensim.approx.fit_reads import FOLDS, Counts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
AnyFit = CellFit | LineFit | BankFit
HELD_OUT, USED = (0,), tuple(range(1, FOLDS))
ORDER = ("uniform", "data_dependent", "bank_clustered", "wordline", "bitline")
"""Models by number of parameters."""
TIE = 2.0
SMALLEST = 1e-12


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison.

    Attributes
    ----------
    chosen : str
        Name of the model.
    held_out : dict
        Model -> log-likelihood of the held-out reads.
    behind : dict
        Model -> how far it lies behind the best, in standard errors (0: the best).
    tied : tuple of str
        Models that cannot be told from the best.
    """

    chosen: str
    held_out: dict[str, float]
    behind: dict[str, float]
    tied: tuple[str, ...]


def fit_model(counts: Counts, model: str, folds: tuple[int, ...]) -> AnyFit:
    """Fit one model by the cells in some folds."""
    if model == "uniform":
        return fit_uniform(sums_of(counts, folds))
    if model == "data_dependent":
        return fit_data_dependent(sums_of(counts, folds))
    if model == "bank_clustered":
        return fit_banks(counts, folds)
    return fit_lines(counts, "bitline" if model == "bitline" else "wordline", folds)


def compare(counts: Counts, models: tuple[str, ...] = ORDER) -> Comparison:
    """Fit every model without a third of the cells, and compare the likelihoods of these."""
    rows = {model: row_likelihood(counts, fit_model(counts, model, USED), HELD_OUT) for model in models}
    totals = {model: float(values.sum()) for model, values in rows.items()}
    best = max(totals, key=lambda model: totals[model])
    behind = {model: _standard_errors(rows[best] - values) for model, values in rows.items()}
    tied = tuple(model for model in ORDER if model in models and behind[model] <= TIE)
    return Comparison(tied[0], totals, behind, tied)


def row_likelihood(counts: Counts, fit: AnyFit, folds: tuple[int, ...]) -> Floats:
    """Log-likelihood of all reads of the cells in some folds, row by row (without binomial coefficients)."""
    mine = np.isin(counts.fold, folds)
    at, bit = counts.at_row[mine], counts.at_bit[mine]
    k1, k0, n1 = counts.k1[mine], counts.k0[mine], counts.n1[mine]
    n0 = counts.reads - n1
    if isinstance(fit, LineFit) and fit.axis == "bitline":
        share, fail = _clipped(fit.weak_share), _clipped(fit.fail_probability)
        log_quiet = np.log(1 - share + share * (1 - fail) ** counts.reads)
        by_residue = np.array([log_quiet[r::FOLDS].sum() for r in range(FOLDS)])
        residues = (np.array(folds)[None, :] - np.arange(counts.rows)[:, None]) % FOLDS
        quiet = by_residue[residues].sum(1) - np.bincount(at, log_quiet[bit], minlength=counts.rows)
        return np.asarray(quiet + _flipped(at, share[bit], fail[bit], fail[bit], (k1, k0, n1, n0), counts.rows))
    share, one, zero = (_clipped(x) for x in _by_row(counts, fit))
    cells = counts.cells_of(folds)
    flipped = np.zeros_like(cells)
    np.add.at(flipped, (at, np.searchsorted(counts.ones, n1)), 1)
    base = share[:, None] * (1 - one[:, None]) ** counts.ones * (1 - zero[:, None]) ** (counts.reads - counts.ones)
    quiet = ((cells - flipped) * np.log(1 - share[:, None] + base)).sum(1)
    return np.asarray(quiet + _flipped(at, share[at], one[at], zero[at], (k1, k0, n1, n0), counts.rows))


def _by_row(counts: Counts, fit: AnyFit) -> tuple[Floats, Floats, Floats]:
    """P, F1 and F0 of every row."""
    if isinstance(fit, CellFit):
        share, one, zero = (np.full(counts.rows, x) for x in (fit.weak_share, fit.fail_one, fit.fail_zero))
        return share, one, zero
    if isinstance(fit, BankFit):
        fail = np.full(counts.rows, fit.fail_probability)
        return np.where(fit.failing, fit.weak_share, fit.elsewhere), fail, fail
    return fit.weak_share, fit.fail_probability, fit.fail_probability


def _flipped(
    at: Ints, share: Floats, one: Floats, zero: Floats, seen: tuple[Ints, Ints, Ints, Ints], rows: int
) -> Floats:
    """Log-likelihood of the cells that flipped, by row."""
    k1, k0, n1, n0 = seen
    ones = k1 * np.log(one) + (n1 - k1) * np.log1p(-one)
    zeros = k0 * np.log(zero) + (n0 - k0) * np.log1p(-zero)
    return np.bincount(at, np.log(share) + ones + zeros, minlength=rows).astype(np.float64)


def _clipped(x: Floats) -> Floats:
    """Probabilities away from 0 and 1, so that what a model calls impossible costs much, but not everything."""
    return np.clip(x, SMALLEST, 1 - SMALLEST)


def _standard_errors(difference: Floats) -> float:
    """Sum of per-row differences over its standard error."""
    total = float(difference.sum())
    if total <= 0:
        return 0.0
    spread = float(np.sqrt(((difference - difference.mean()) ** 2).sum()))
    return total / spread if spread > 0 else float("inf")
