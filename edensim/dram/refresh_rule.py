"""How long a bank may go without a refresh: the rule of the protocol checker that looks at what is missing.

Every bank counts from clock 0 to the last command of its channel; it is refreshed by a refresh of its rank, of its own
or of the same bank of all groups. In self refresh a rank refreshes itself: entry and exit count as refreshes, and the
time between is left out. Not modelled: temperature, pulled-in refreshes that would lengthen a later interval.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edensim.dram.bank_tree import BankTree
from edensim.dram.commands import REFAB, REFPB, REFSB, SREFEN, SREFEX

Int = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RefreshLimit:
    """Refreshes a run owes: one per `interval_ck` clocks (0: none), of which up to `postponed` may be late.

    The controller serves the requests under way first, so that a refresh may come after its time, but before the next
    is due: `postponed` is 1 even where none is postponed on purpose (`dram.controller.refresh_postponed`). Where the
    banks of a rank are refreshed in turn, the next is that of another bank, `turn_ck` clocks later (0: all at once).
    """

    interval_ck: int
    postponed: int = 1
    turn_ck: int = 0

    @property
    def longest_ck(self) -> int:
        """Most clocks between two refreshes of a bank."""
        return self.interval_ck * (1 + self.postponed) + self.turn_ck

    @property
    def text(self) -> str:
        """The rule in words."""
        if not self.interval_ck:
            return "switched off in this run, not checked"
        late = f"{self.postponed} postponed" + (f", {self.turn_ck} to the next bank" if self.turn_ck else "")
        return f"every bank, at most {self.longest_ck} clocks (interval {self.interval_ck}, {late})"


def check_refreshes(log: Int, tree: BankTree, limit: RefreshLimit) -> tuple[int, int, int | None, int | None, str]:
    """Hold a log to a limit.

    Parameters
    ----------
    log : int64 array, shape (n, 5)
        Commands of one channel.
    tree : BankTree
    limit : RefreshLimit

    Returns
    -------
    checks, violations : int
        Intervals measured, those that are too long.
    slack : int or None
        Limit minus longest interval, in clocks; None if nothing was measured.
    first : int or None
        Log index of the first command that comes when a refresh is overdue.
    offence : str
        That interval in words.
    """
    if not limit.interval_ck or not len(log):
        return 0, 0, None, None, ""
    end, checks, violations, slack = int(log[:, 0].max()), 0, 0, limit.longest_ck
    overdue: tuple[int, str] | None = None
    for place, clocks, entries in _refreshed(log, tree):
        edges = np.concatenate([[0], np.sort(clocks), [end]])
        gaps = np.diff(edges)
        gaps[np.isin(edges[:-1], entries)] = 0
        late = np.flatnonzero(gaps > limit.longest_ck)
        checks, violations = checks + len(gaps), violations + len(late)
        slack = min(slack, limit.longest_ck - int(gaps.max()))
        if len(late):
            since, until = int(edges[late[0]]), int(edges[late[0] + 1])
            first = int(np.argmax(log[:, 0] > since + limit.longest_ck))
            if overdue is None or first < overdue[0]:
                words = f"{place} is not refreshed from clock {since} to {until}, {until - since} clocks"
                overdue = first, f"refresh interval: command {first}: {words}"
    first_late, offence = overdue or (None, "")
    return checks, violations, slack, first_late, offence


def _refreshed(log: Int, tree: BankTree) -> Iterator[tuple[str, Int, Int]]:
    """Clocks at which each rank is refreshed or, if single banks are, each bank; and which of them begin self refresh.

    Nothing else happens to a rank at the clock of an entry.
    """
    whole = log[np.isin(log[:, 1], (REFAB, SREFEN, SREFEX))]
    single = log[(log[:, 1] == REFPB) | (log[:, 1] == REFSB)]
    for rank in range(tree.ranks):
        mine = whole[whole[:, 2] == rank]
        clocks, entries = mine[:, 0], mine[mine[:, 1] == SREFEN, 0]
        if not len(single):
            yield tree.words(REFAB, rank), clocks, entries
            continue
        for bank in tree.banks_of(REFAB, rank):
            same = bank // tree.banks_per_rank * tree.banks_per_rank + bank % tree.layout.banks_per_group
            own = np.where(single[:, 1] == REFSB, same, bank) == single[:, 2]
            yield tree.words(REFPB, bank), np.concatenate([clocks, single[own, 0]]), entries
