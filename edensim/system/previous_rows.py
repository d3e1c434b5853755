"""Which row a bank had open before the present one, in the simulated order of column commands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edensim.memory import Geometry

Ints = NDArray[np.int64]


class PreviousRows:
    """Rows open now and before in every bank, carried from one stretch of commands to the next; -1: none yet."""

    def __init__(self, geometry: Geometry) -> None:
        self.banks = geometry.banks
        self.now = np.full(geometry.channels * geometry.banks, -1, np.int64)
        self.before = self.now.copy()

    def of(self, channel: Ints, bank: Ints, row: Ints, first: NDArray[np.bool_]) -> Ints:
        """Row open before that of each command, -1 if there was none.

        Parameters
        ----------
        channel, bank, row : int64 arrays
            Places of column commands, in their order within each bank.
        first : bool array
            Whether a command is the first since its bank was activated.
        """
        place = channel * self.banks + bank
        order = np.argsort(place, kind="stable")
        place, row, first = place[order], row[order], first[order]
        opened = np.flatnonzero(first)
        latest = np.cumsum(first) - 1  # activation in force, counted over all banks; another bank's: none yet here
        found = self.before[place]
        here = latest >= 0
        here[here] = place[opened[latest[here]]] == place[here]
        # An activation's predecessor is the one before it, unless that is another bank's: then the row from before.
        last = np.r_[-1, row[opened][:-1]]
        fresh = np.ones(len(opened), bool)
        fresh[1:] = place[opened[1:]] != place[opened[:-1]]
        last = np.where(fresh, self.now[place[opened]], last[: len(opened)])
        found[here] = last[latest[here]]
        ends = np.ones(len(opened), bool)
        ends[:-1] = fresh[1:]
        self.before[place[opened[ends]]] = last[ends]
        self.now[place[opened[ends]]] = row[opened[ends]]
        out = np.empty(len(found), np.int64)
        out[order] = found
        return out
