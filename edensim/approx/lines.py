"""Lines of unlike quality: how the weak share P and the failure probability F differ between bitlines, or rows.

Lines are sorted into classes of equal P and F, at most `MOST_CLASSES` of them. Either the share of every class is known
(a device that is drawn), or the class of every single line (a device that was measured).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edensim.approx.law import TOLERANCE, check_shares
from edensim.errors import ConfigError

MOST_CLASSES = 256
HALVINGS = 10
"""Classes of `Lines.lognormal` hold the worst 1/1024, the next 1/1024, 1/512 … 1/2 of the lines: whole numbers of them
in every row of 1024 bits or more."""


@dataclass(frozen=True, eq=False)
class Lines:
    """Classes of lines.

    Parameters
    ----------
    share : sequence of float
        Share of the lines in each class, sums to 1.
    weak_share, fail_probability : sequence of float
        P and F of each class, 0 … 1.
    members : sequence of int, optional
        Class of every line, if it is known; `share` must agree with it.

    Raises
    ------
    ConfigError
        If lengths disagree, shares do not sum to 1, or a number is NaN or outside 0 … 1.
    """

    share: Sequence[float]
    weak_share: Sequence[float]
    fail_probability: Sequence[float]
    members: Sequence[int] | None = None

    def __post_init__(self) -> None:
        for name in ("share", "weak_share", "fail_probability"):
            values = check_shares(f"lines.{name}", getattr(self, name), 1)
            if len(values) != len(self.share) or len(values) > MOST_CLASSES:
                raise ConfigError(
                    f"lines.{name} has {len(values)} classes; expected as many as lines.share, at most {MOST_CLASSES}"
                )
            object.__setattr__(self, name, tuple(map(float, values)))
        if abs(math.fsum(self.share) - 1) > TOLERANCE:
            raise ConfigError(f"lines.share sums to {math.fsum(self.share):g}; expected 1")

    @classmethod
    def lognormal(cls, weak_share: float, fail_probability: float, sigma: float = 1.0) -> Lines:
        """Lines whose P is lognormal with mean `weak_share` and standard deviation `sigma` of ln P, and one F.

        Every class has the mean P of the lines it stands for. P above 1 is cut off and the rest raised, so that the
        mean stays. That sigma is 1 is an assumption: there are no public data on single bitlines.

        Raises
        ------
        ConfigError
            If a parameter is NaN, sigma is not within 0 … 5, or shares are not within 0 … 1.
        """
        check_shares("weak_share", weak_share, 0)
        if not 0 <= sigma <= 5:
            raise ConfigError(f"sigma = {sigma}: expected a standard deviation of ln P from 0 to 5")
        if sigma == 0:
            return cls([1.0], [weak_share], [fail_probability])
        edges = [0.0, *(1 - 0.5**k for k in range(1, HALVINGS + 1)), 1.0]
        share = np.diff(edges)
        normal = NormalDist()
        below = [normal.cdf(normal.inv_cdf(u) - sigma) if 0 < u < 1 else u for u in edges]
        weak = scaled(np.diff(below) / share, share, weak_share)
        return cls(share.tolist(), weak.tolist(), [fail_probability] * len(share))

    @classmethod
    def measured(cls, weak_share: ArrayLike, fail_probability: ArrayLike, classes: int = MOST_CLASSES) -> Lines:
        """Lines known one by one: P and F of every line.

        If there are more than `classes` different pairs, lines of like P F are put into classes of about equal
        contribution to the bit error rate, which have the mean P and the mean P F of their lines.
        """
        weak = check_shares("weak_share", weak_share, 1)
        fail = check_shares("fail_probability", fail_probability, 1)
        if weak.shape != fail.shape:
            raise ConfigError(f"{len(weak)} weak shares but {len(fail)} failure probabilities of lines")
        pairs, members = np.unique(np.stack([weak, fail]), axis=1, return_inverse=True)
        members = members.reshape(-1)
        if pairs.shape[1] > classes:
            members = _group(weak * fail, classes)
        count = np.bincount(members)
        mean_weak = np.bincount(members, weak) / count
        mean_rate = np.bincount(members, weak * fail) / count
        mean_fail = np.divide(mean_rate, mean_weak, out=np.zeros_like(mean_rate), where=mean_weak > 0)
        shares = [np.minimum(x, 1).tolist() for x in (count / len(weak), mean_weak, mean_fail)]
        return cls(shares[0], shares[1], shares[2], tuple(members.tolist()))

    def flip_probability(self) -> float:
        """Mean of P F over the lines."""
        return math.fsum(s * p * f for s, p, f in zip(self.share, self.weak_share, self.fail_probability, strict=True))

    def members_array(self) -> NDArray[np.int64] | None:
        """`members` as an array."""
        return None if self.members is None else np.asarray(self.members, np.int64)

    def check_members(self, count: int, what: str) -> None:
        """Hold the number of measured lines against the memory's.

        Raises
        ------
        ConfigError
            If there are not exactly `count`.
        """
        if self.members is not None and len(self.members) != count:
            raise ConfigError(f"the model describes {len(self.members)} lines, but this memory has {count} {what}")


def scaled(factor: NDArray[np.float64], share: NDArray[np.float64], mean: float) -> NDArray[np.float64]:
    """`factor` times the number that makes the weighted mean of min(1, product) equal `mean`."""
    weak = factor * (mean / (factor @ share))
    for _ in factor:  # each round fixes at least one more class at 1
        if weak.max() <= 1:
            break
        full = weak >= 1
        rest = mean - share[full].sum()
        weak = np.where(full, 1.0, weak * (rest / (weak @ (share * ~full))) if (~full).any() else 1.0)
    return np.minimum(weak, 1.0)


def _group(rate: NDArray[np.float64], classes: int) -> NDArray[np.int64]:
    """Class of every line: lines without errors, then lines in order of rate, cut at equal contributions."""
    order = np.argsort(rate, kind="stable")
    total = np.cumsum(rate[order])
    group = np.zeros(len(rate), np.int64)
    if total[-1] > 0:
        group[order] = np.where(rate[order] > 0, 1 + np.floor((classes - 2) * total / total[-1]), 0)
    return np.unique(group, return_inverse=True)[1].reshape(-1)
