"""A law given as points: bit error rates on a grid of settings, for a user's own chips and for EDEN's published ones.

Between points the quantile of the failing share F = 2 * BER is linear in every knob; beyond the grid the outermost
slope goes on. A rate of 0 means "none seen" and counts as a quantile of -6.7 (1e-11, about what the public studies
could see) beside a point with errors, and as none among other zeros. What comes out below that quantile is none.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence

import numpy as np

from edensim.approx.chip_failure import Failure
from edensim.approx.chip_schema import PointLaw
from edensim.approx.laws_knots import split
from edensim.approx.laws_normal import share_of, z_of

Z_UNSEEN = -6.7


def point_failure(law: PointLaw, settings: Mapping[str, float], banks: int) -> Failure | None:
    """What the settings (by knob, in units of the measured chips) do to reads; None if nothing fails."""
    z, one_share = _interpolate(law, settings)
    if z < Z_UNSEEN * (1 - 1e-12):
        return None
    weak, fails = split(np.full((banks, 2), share_of(z)), law.access)
    return Failure("+".join(law.axes), "bit", "value", weak, fails, one_share, point_basis(law, settings))


def point_basis(law: PointLaw, settings: Mapping[str, float]) -> str:
    """Measured at points and among points with errors; extrapolated beyond the grid and towards points without."""
    if not all(values[0] <= settings[knob] <= values[-1] for knob, values in law.axes.items()):
        return "extrapolated"
    rates = [law.ber[index] for index, weight in _corners(law, settings) if weight != 0]
    return "measured" if len(rates) == 1 or min(rates) > 0 or max(rates) == 0 else "extrapolated"


def _interpolate(law: PointLaw, settings: Mapping[str, float]) -> tuple[float, float]:
    """Quantile of F, and the share of ones, from the corners of the cell around the settings (multilinear)."""
    z = one_share = 0.0
    errors = False
    for index, weight in _corners(law, settings):
        ber = law.ber[index]
        errors |= ber > 0 and weight != 0
        z += weight * (z_of(min(2 * ber, 1 - 1e-9)) if ber > 0 else Z_UNSEEN)
        one_share += weight * (law.one_share[index] if isinstance(law.one_share, tuple) else law.one_share)
    return (z if errors else -math.inf), min(max(one_share, 0.0), 1.0)


def _corners(law: PointLaw, settings: Mapping[str, float]) -> list[tuple[int, float]]:
    """Points around the settings and their weights."""
    shape = [len(values) for values in law.axes.values()]
    cells = [_cell(values, settings[knob]) for knob, values in law.axes.items()]
    return [
        (int(np.ravel_multi_index(tuple(k for k, _ in corner), shape)), math.prod(weight for _, weight in corner))
        for corner in itertools.product(*cells)
    ]


def _cell(values: Sequence[float], x: float) -> list[tuple[int, float]]:
    """Two neighbouring points of an axis and their weights (negative beyond the ends); one if the axis has one."""
    if len(values) == 1:
        return [(0, 1.0)]
    k = min(max(bisect_right(values, x) - 1, 0), len(values) - 2)
    step = (x - values[k]) / (values[k + 1] - values[k])
    return [(k, 1 - step), (k + 1, step)]
