"""Subarrays that differ: cells of one subarray have part of what makes them strong or weak in common.

A cell has a latent strength, a standard normal number; of its variance a share r, the `correlation`, is one number for
all cells of a subarray, a hash of (seed, channel, bank, subarray). A share p of weak cells is then, in a subarray whose
number is g, Phi((Phi^-1(p) + sqrt(r) g) / sqrt(1 - r)): a Gaussian copula, whose mean over the subarrays is p again.
The law keeps everything else: levels of rows, classes of bitlines, what a cell reads. With r = 0 it is untouched, and
so is the map of weak cells.

That slow cells cluster is published (Chang et al., SIGMETRICS 2016; Lee et al., "DIVA-DRAM", SIGMETRICS 2017), numbers
for subarrays are not: r is 0 unless it is given, and no shipped chip has one. Not modelled: r that differs between
knobs, neighbouring subarrays that share sense amplifiers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from edensim.approx.law import CellLaw, RowLevel
from edensim.approx.lines import scaled
from edensim.approx.model import ErrorModel
from edensim.approx.rows import Rows
from edensim.errors import ConfigError
from edensim.memory import Geometry

CLASSES = 16
"""Kinds of subarrays, equally many of each, by as many parts of the normal distribution."""
STEPS = 16
"""Points of each part over which the share of a kind is a mean; what is then missing of the tail is scaled to."""
Floats = NDArray[np.float64]


def spread_over_subarrays(law: CellLaw, correlation: float) -> CellLaw:
    """The law with subarrays that differ; its expected rates stay what they are.

    Where all cells are weak and errors drawn anew, how often they fail differs; else the share of weak cells does.

    Raises
    ------
    ConfigError
        If `correlation` is not within 0 … 0.99.
    """
    check_correlation(correlation)
    if correlation == 0:
        return law

    def kind(rows: Rows, seed: int) -> NDArray[np.int64]:
        return np.floor(rows.uniform(seed, "subarray", "strength") * CLASSES).astype(np.int64)

    return spread_over(law, correlation, kind)


def spread_over(law: CellLaw, correlation: float, kind: RowLevel) -> CellLaw:
    """The law with cells whose common part of strength is that of the `kind` of their row, 0 … `CLASSES` - 1.

    Kinds are equally frequent, the weakest last.
    """

    def level(rows: Rows, seed: int) -> NDArray[np.int64]:
        return np.asarray(law.row_level(rows, seed) * CLASSES + kind(rows, seed))

    def spread(share: Floats) -> Floats:
        every = np.moveaxis(spread_shares(share, correlation), -1, 1)
        return every.reshape(-1, *share.shape[1:])

    def alike(share: Floats) -> Floats:
        return np.repeat(share, CLASSES, axis=0)

    of_cells, of_failures = (alike, spread) if law.fresh else (spread, alike)
    return replace(
        law,
        weak_share=of_cells(law.weak_share),
        fail_one=of_failures(law.fail_one),
        fail_zero=of_failures(law.fail_zero),
        row_level=level,
        level_share=alike(law.level_share / CLASSES),
    )


def spread_shares(share: Floats, correlation: float) -> Floats:
    """Shares in subarrays of every kind, weakest last, along a new last axis; their means are the shares."""
    if (share > 0.5).any():  # by the sound cells, so that neither tail is cut off where it counts
        sound = 1 - spread_shares(np.minimum(1 - share, 0.5), correlation)[..., ::-1]
        rare = spread_shares(np.minimum(share, 0.5), correlation)
        return np.where(share[..., None] > 0.5, sound, rare)
    normal = NormalDist()
    strength = [normal.inv_cdf((k + 0.5) / (CLASSES * STEPS)) for k in range(CLASSES * STEPS)]
    equal = np.full(CLASSES, 1 / CLASSES)
    found = np.empty((*share.shape, CLASSES))
    for place, p in np.ndenumerate(share):
        if p == 0:
            found[place] = 0
            continue
        z = (normal.inv_cdf(p) + np.sqrt(correlation) * np.array(strength)) / np.sqrt(1 - correlation)
        weak = np.array([normal.cdf(x) for x in z.tolist()]).reshape(CLASSES, STEPS).mean(1)
        if not weak.any():
            weak[-1] = 1  # so rare that only the weakest count
        found[place] = scaled(weak, equal, p)
    return found


def check_correlation(correlation: float) -> None:
    """Hold a correlation against its range.

    Raises
    ------
    ConfigError
        If it is not within 0 … 0.99.
    """
    if not 0 <= correlation <= 0.99:
        raise ConfigError(
            f"subarray_correlation = {correlation:g}: expected the share of the variance of a cell's strength that a "
            "subarray has in common, 0 to 0.99"
        )


@dataclass(frozen=True)
class SubarrayModel:
    """An error model in subarrays that differ (see the module docstring)."""

    model: ErrorModel
    correlation: float

    def __post_init__(self) -> None:
        check_correlation(self.correlation)

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.model.name

    @property
    def number(self) -> int | None:
        """Number of the model, if it is one of EDEN's."""
        return self.model.number

    def flip_probability(self, ones: float = 0.5) -> float:
        """Expected bit error rate, which is that of the model."""
        return self.model.flip_probability(ones)

    def law(self, geometry: Geometry) -> CellLaw:
        """Law of this model."""
        return spread_over_subarrays(self.model.law(geometry), self.correlation)
