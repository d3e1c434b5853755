"""Power-down and self refresh in the reference controller, around any of its channels.

A rank without work goes to sleep in clocks in which nothing else issues, and is woken before anything else; see
`power_down_kernel`, which this is written without.
"""

from __future__ import annotations

from edensim.dram.commands import (
    PDEA,
    PDEP,
    PDXA,
    PDXP,
    PRE,
    PREAB,
    RD,
    RDA,
    REFAB,
    REFPB,
    REFSB,
    SREFEN,
    SREFEX,
    WR,
    WRA,
)
from edensim.dram.reference_channel import CLOSED, Request
from edensim.dram.reference_policy import PolicyChannel

LEAVES = {PDEA: PDXA, PDEP: PDXP, SREFEN: SREFEX}


class SleepChannel(PolicyChannel):
    """One channel; mixed with the class of a family, which it comes before."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.entered: dict[int, int] = {}  # rank that sleeps -> command that put it to sleep
        self.last_column = [0] * self.tree.ranks
        self.is_fresh = [True] * self.tree.ranks  # refreshed since it left self refresh
        self.auto_until = [0] * self.tree.banks  # clock of the last automatic precharge

    def use_bus(self, clock: int) -> None:
        """Issue the command of this clock, if any."""
        log = self.tally.commands[self.index]
        before = len(log)
        if not self.is_bound(clock) and self.wake_one(clock):
            return
        super().use_bus(clock)
        if len(log) == before:
            self.put_to_sleep(clock)

    def is_bound(self, clock: int) -> bool:
        """Whether a command must follow now that was begun before (LPDDR5)."""
        opening = getattr(self, "opening", {})
        return getattr(self, "announced", None) is not None or bool(opening and min(opening.values()) <= clock)

    def wake_one(self, clock: int) -> bool:
        """Wake the first rank that may and should be woken."""
        for rank, entry in sorted(self.entered.items()):
            wanted = self.has_work(rank) or (entry != SREFEN and self.is_deep_due(rank, clock))
            if wanted and self.earliest(LEAVES[entry], rank) <= clock:
                self.issue(clock, LEAVES[entry], rank)
                del self.entered[rank]
                self.is_fresh[rank] &= entry != SREFEN
                return True
        return False

    def put_to_sleep(self, clock: int) -> None:
        """One step to sleep of the first rank that has one."""
        chosen = self.settings
        for rank in range(self.tree.ranks):
            if rank in self.entered or self.has_work(rank):
                continue
            deep = self.is_deep_due(rank, clock)
            light = chosen.power_down_after is not None and clock >= self.last_column[rank] + chosen.power_down_after
            banks = self.tree.banks_of(REFAB, rank)
            is_open = any(self.open_row[bank] != CLOSED for bank in banks)
            if not deep and not light:
                continue
            command = PDEA if is_open else PDEP
            if is_open and (deep or chosen.closes_before_sleep):
                command = PREAB
            elif deep:
                command = SREFEN
            settled = command == PREAB or all(self.auto_until[bank] <= clock for bank in banks)
            if settled and self.earliest(command, rank) <= clock:
                self.issue(clock, command, rank)
                if command != PREAB:
                    self.entered[rank] = command
                return

    def is_deep_due(self, rank: int, clock: int) -> bool:
        """Whether a rank without work is to be in self refresh."""
        after = self.settings.self_refresh_after
        return (
            after is not None
            and clock >= self.last_column[rank] + after
            and self.is_fresh[rank]
            and not self.owed[rank]
        )

    def has_work(self, rank: int) -> bool:
        """Whether a request, a refresh or a precharge waits for a rank."""
        requests: list[Request] = [*self.active, *self.queues[0], *self.queues[1], *getattr(self, "opening", {})]
        banks = self.tree.banks_of(REFAB, rank)
        return any(r.bank in banks for r in requests) or any(
            self.tree.banks_of(*each)[0] in banks for each in self.pending
        )

    def sleeps(self, command: int, target: int) -> bool:
        """Whether the rank that a command addresses sleeps."""
        return self.rank_at(command, target) in self.entered

    def refreshes_itself(self, command: int, target: int) -> bool:
        """Whether a refresh is not needed, because its rank is in self refresh."""
        return self.entered.get(self.rank_at(command, target)) == SREFEN

    def rank_at(self, command: int, target: int) -> int:
        """Rank that a command addresses."""
        return self.tree.banks_of(command, target)[0] // self.tree.banks_per_rank

    def is_forbidden(self, command: int, request: Request, queue: list[Request]) -> bool:
        """Whether scheduling forbids a command: all to ranks that sleep."""
        return self.sleeps(command, request.bank) or super().is_forbidden(command, request, queue)

    def is_pending_forbidden(self, command: int, banks: range) -> bool:
        """Whether scheduling forbids the next command of a pending refresh or precharge."""
        return self.sleeps(PRE, banks[0]) or super().is_pending_forbidden(command, banks)

    def is_claimed(self, bank: int) -> bool:
        """Whether a bank must not be closed: also for want of requests, if its rank sleeps."""
        return self.sleeps(PRE, bank) or super().is_claimed(bank)

    def issue(self, clock: int, command: int, target: int, row: int = -1, column: int = -1) -> None:
        """Put a command on the bus and remember it."""
        if command in (RDA, WRA):
            own = self.settings.auto_precharge[command == WRA]
            self.auto_until[target] = max(clock + own, self.earliest(PRE, target))
        super().issue(clock, command, target, row, column)
        rank = self.rank_at(command, target)
        if command in (RD, WR, RDA, WRA):
            self.last_column[rank] = clock
        elif command in (REFAB, REFPB, REFSB):
            self.is_fresh[rank] = True


def sleeping(kind: type[PolicyChannel]) -> type[PolicyChannel]:
    """The channel class of a family, with ranks that sleep."""
    return type(f"Sleeping{kind.__name__}", (SleepChannel, kind), {})
