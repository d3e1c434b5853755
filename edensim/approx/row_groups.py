"""Groups of neighbouring rows that differ: part of what makes their lines strong or weak is common to a group.

As in `subarrays`, a line has a latent strength, a standard normal number. Of its variance a share r, the `correlation`,
is one number for the lines of a group of rows of a bank. Of this number's variance in turn, a share `own` is a hash of
(seed, channel, rank, bank, group), so that banks differ, and the rest one of (seed, channel, rank, group): the same
rows are weak in all banks, beyond the stripe that is drawn on all modules.

Both numbers were measured on modules of vendors A, B and C (`chip_maps`) as far as the supply is concerned. Not
modelled: that groups near each other are alike (in drawings of vendor C whole ends of a bank fail first), and that the
row next to the edge of a group belongs half to its neighbour.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from edensim.approx.law import CellLaw
from edensim.approx.rows import Rows
from edensim.approx.subarrays import CLASSES, spread_over

PARTS = 256
"""Values of either part of a group's strength: equal parts of the normal distribution."""


def spread_over_row_groups(law: CellLaw, correlation: float, own: float, group_rows: int) -> CellLaw:
    """The law with groups of `group_rows` rows that differ; its expected rates stay what they are.

    `correlation` is within 0 … 0.99, `own` within 0 … 1.
    """
    if correlation == 0:
        return law

    def kind(rows: Rows, seed: int) -> NDArray[np.int64]:
        groups = replace(rows, row=rows.row // group_rows)
        rank = replace(groups, bank=rows.bank // rows.geometry.banks_per_rank)
        shared = np.floor(rank.uniform(seed, "row", "strength of a group in all banks") * PARTS).astype(np.int64)
        mine = np.floor(groups.uniform(seed, "row", "strength of a group") * PARTS).astype(np.int64)
        return kinds_of_strengths(own)[shared, mine]

    return spread_over(law, correlation, kind)


@lru_cache(maxsize=16)
def kinds_of_strengths(own: float) -> NDArray[np.int64]:
    """Kind of a group by what all banks share and what is its own: int64, shape (PARTS, PARTS); kinds equally many."""
    normal = NormalDist()
    part = np.array([normal.inv_cdf((k + 0.5) / PARTS) for k in range(PARTS)])
    strength = np.sqrt(1 - own) * part[:, None] + np.sqrt(own) * part
    rank = np.empty(PARTS * PARTS, np.int64)
    rank[np.argsort(strength, axis=None, kind="stable")] = np.arange(PARTS * PARTS)
    kinds = (rank * CLASSES // (PARTS * PARTS)).reshape(PARTS, PARTS)
    kinds.flags.writeable = False
    return kinds
