"""Fitting error models to repeated reads: all models, the one chosen, its parameters with intervals, rates of banks.

What reads can and cannot tell: P and F are only separable if reads were repeated and some weak cell failed in some
reads but not in all; F of stored ones and zeros only if both were read, best in the same cells (complementary
patterns); lines only as far as they were read often enough; nothing about rows, voltages or temperatures that were not
read. What the cells of a subarray have in common (`subarrays`) is not fitted: it is one number per subarray, so reads
of rows of one subarray say nothing about it, and those of a few say little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.approx.fit_banks import BankFit
from edensim.approx.fit_cells import Z95, CellFit, fit_uniform, sums_of
from edensim.approx.fit_compare import ORDER, AnyFit, Comparison, compare, fit_model
from edensim.approx.fit_lines import LineFit
from edensim.approx.fit_reads import FOLDS, Counts, Reads, count_flips
from edensim.approx.lines import Lines
from edensim.approx.model import BankClustered, Bitline, DataDependent, ErrorModel, Uniform, Wordline
from edensim.errors import ConfigError, did_you_mean

ALL = tuple(range(FOLDS))
LINE_BITS = 512
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rate:
    """A bit error rate with its 95 % interval."""

    ber: float
    low: float
    high: float

    def holds(self, ber: float) -> bool:
        """Whether a rate lies within the interval."""
        return self.low <= ber <= self.high


@dataclass(frozen=True, eq=False)
class Fit:
    """What was fitted to reads.

    Attributes
    ----------
    counts : Counts
        Flips of every cell.
    comparison : Comparison
        Likelihoods of all models on held-out reads, and the choice.
    fits : dict
        Model -> fit to all reads.
    ber : Rate
        Bit error rate over all reads.
    banks : dict
        Bank -> bit error rate; what the model predicts for other rows of that bank.
    limits : tuple of str
        What these reads cannot tell.
    """

    counts: Counts
    comparison: Comparison
    fits: dict[str, AnyFit]
    ber: Rate
    banks: dict[int, Rate]
    limits: tuple[str, ...]

    @property
    def chosen(self) -> str:
        """Name of the model."""
        return self.comparison.chosen

    def error_model(self, model: str | None = None) -> ErrorModel:
        """The chosen model, or another one, as it is injected."""
        return to_error_model(self.fits[model or self.chosen], self.counts)

    def parameters(self, model: str | None = None) -> dict[str, Any]:
        """Parameters of a model as plain data; of many lines only their population."""
        fit = self.fits[model or self.chosen]
        if isinstance(fit, LineFit):
            return dict(fit.population)
        if isinstance(fit, BankFit):
            names = ("weak_share", "elsewhere", "fail_probability", "row_share")
            return {name: getattr(fit, name) for name in names} | {"ranges": fit.ranges}
        if model == "uniform" or (model is None and self.chosen == "uniform"):
            return {"weak_share": fit.weak_share, "fail_probability": fit.fail_one}
        return {"weak_share": fit.weak_share, "fail_one": fit.fail_one, "fail_zero": fit.fail_zero}

    def intervals(self, model: str | None = None) -> dict[str, tuple[float, float]]:
        """95 % intervals of these parameters, where the model has them."""
        fit = self.fits[model or self.chosen]
        if not isinstance(fit, BankFit):
            return fit.intervals
        intervals = {}
        for name, rows in (("weak_share", fit.failing), ("elsewhere", ~fit.failing)):
            if rows.any():
                inside = fit_uniform(sums_of(self.counts.of_rows(np.flatnonzero(rows)), ALL))
                intervals[name] = inside.intervals["weak_share"]
                intervals.setdefault("fail_probability", inside.intervals["fail_probability"])
        return intervals


def fit_models(reads: Reads, models: Sequence[str] = ORDER) -> Fit:
    """Fit error models to repeated reads and choose one.

    Parameters
    ----------
    reads : Reads
        Repeated reads of the same rows.
    models : sequence of str
        Models to choose from (default: all).

    Raises
    ------
    ConfigError
        If a model is unknown, or none is given.
    """
    names = check_models(models)
    counts = count_flips(reads)
    comparison = compare(counts, names)
    fits = {model: fit_model(counts, model, ALL) for model in names}
    chosen = fits[comparison.chosen]
    limits = list(chosen.limits) if isinstance(chosen, CellFit) else []
    if counts.reads < 4:
        limits.append(f"only {counts.reads} reads: intervals lean on the normal approximation and are too narrow")
    if len(np.unique(counts.bank)) == 1 and "bank_clustered" in names:
        limits.append("only one bank was read: whether banks differ cannot be told")
    banks = {int(k): rate_of(counts.of_rows(np.flatnonzero(counts.bank == k))) for k in np.unique(counts.bank)}
    return Fit(counts, comparison, fits, rate_of(counts), banks, tuple(dict.fromkeys(limits)))


def check_models(models: Sequence[str]) -> tuple[str, ...]:
    """Names in the order of their numbers of parameters, each once.

    Raises
    ------
    ConfigError
        If one is unknown, or none is given.
    """
    for name in models:
        if name not in ORDER:
            guess = did_you_mean(name, ORDER)
            raise ConfigError(f"error model {name!r} is unknown{guess} (known: {', '.join(ORDER)})")
    if not models:
        raise ConfigError(f"no error model is given; expected one or more of {', '.join(ORDER)}")
    return tuple(name for name in ORDER if name in models)


def rate_of(counts: Counts) -> Rate:
    """Bit error rate of the cells read, and the interval in which that of other rows like them lies.

    Flips come in bundles: a weak cell fails again and again, weak cells share lines, and neighbouring rows of all banks
    are weak together. The number of bundles that the flips are worth, (sum of flips)^2 / variance, with the variance
    between cells, lines of 512 bits or pairs of neighbouring rows, whichever is largest, is treated as a Poisson count
    (interval by Wilson and Hilferty's approximation; few pairs widen it as they widen Student's t).
    """
    flips = (counts.k1 + counts.k0).astype(np.float64)
    trials = counts.reads * counts.rows * counts.bits
    total = float(flips.sum())
    if total == 0:
        return Rate(0.0, 0.0, -math.log(0.025) / (counts.rows * counts.bits))
    lines = -(-counts.bits // LINE_BITS)
    pairs, pair = np.unique(counts.row // 2, return_inverse=True)
    line = counts.at_row * lines + counts.at_bit // LINE_BITS
    spread = [float((flips**2).sum()), _variance(flips, line, counts.rows * lines)]
    if len(pairs) > 1:
        widened = (_student(len(pairs) - 1) / Z95) ** 2 * len(pairs) / (len(pairs) - 1)
        spread.append(_variance(flips, pair[counts.at_row], len(pairs)) * widened)
    bundles = total**2 / max(spread)
    low = bundles * max(1 - 1 / (9 * bundles) - Z95 / (3 * math.sqrt(bundles)), 0.0) ** 3
    more = bundles + 1
    high = more * (1 - 1 / (9 * more) + Z95 / (3 * math.sqrt(more))) ** 3
    ber = total / trials
    return Rate(ber, ber * low / bundles, min(ber * high / bundles, 1.0))


def _variance(flips: Floats, group: NDArray[np.int64], groups: int) -> float:
    """Sum of squared deviations of the flips of groups from their mean."""
    _, index = np.unique(group, return_inverse=True)
    sums = np.bincount(index, flips)
    return float((sums**2).sum() - flips.sum() ** 2 / groups)


def _student(freedom: int) -> float:
    """97.5 % point of Student's t (Cornish-Fisher expansion, within 2 % from 3 degrees of freedom on)."""
    z, n = Z95, freedom
    return z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)


def to_error_model(fit: AnyFit, counts: Counts) -> ErrorModel:
    """The model that is injected.

    Rows that were all read keep their own P and F; of a sample of rows only the distribution is kept.
    """
    if isinstance(fit, CellFit):
        if fit.fail_one == fit.fail_zero:
            return Uniform(fit.fail_one, fit.weak_share)
        return DataDependent(fit.weak_share, fit.fail_one, fit.fail_zero)
    if isinstance(fit, BankFit):
        return BankClustered(fit.weak_share, fit.fail_probability, tuple(fit.ranges), fit.row_share, fit.elsewhere)
    lines = Lines.measured(fit.weak_share, fit.fail_probability)
    if fit.axis == "bitline":
        return Bitline(lines)
    complete = len(np.unique(counts.bank)) == 1 and (np.sort(counts.row) == np.arange(counts.rows)).all()
    return Wordline(lines if complete else Lines(lines.share, lines.weak_share, lines.fail_probability))
