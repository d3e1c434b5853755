"""HBM in the reference controller: a column bus and a row bus, and the half clocks of HBM3.

Written from the rules of ramulator2 2.1's HBM controllers; see `reference_channel`.
"""

from __future__ import annotations

from edensim.dram.commands import ACT, PRE, PREAB, RD, RDA, REFAB, REFPB, WR, WRA
from edensim.dram.reference_channel import Request
from edensim.dram.reference_policy import PolicyChannel

COLUMN, ROW = (RD, WR), (ACT, PRE)


class TwoBusChannel(PolicyChannel):
    """One HBM channel."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.clock, self.is_falling = 0, False
        self.restricted = (-1, -1, -1)  # a falling edge, the rank (pseudo-channel) and the bank it is closed to; -1 all

    def tick(self, clock: int) -> None:
        """Everything that happens in one clock."""
        self.clock = clock
        self.is_falling = self.settings.half_clock and clock % 2 == 0
        super().tick(clock)

    def use_bus(self, clock: int) -> None:
        """Issue the commands of this clock: a column command, then a row command."""
        if not self.is_falling:
            choice = self.oldest(clock, self.active, COLUMN)
            if choice is None and not self.pending:
                self.choose_mode()
                choice = self.oldest(clock, self.queue, COLUMN)
            if choice is not None:
                self.serve(clock, *choice)
        if self.pending:
            self.try_pending(clock)
            return
        self.choose_mode()
        choice = self.oldest(clock, self.queue, ROW)
        if choice is not None:
            self.serve(clock, *choice)
        else:
            self.close_idle(clock)

    def is_last_access(self, request: Request) -> bool:
        """Whether the access of a request also closes its row."""
        return super().is_last_access(request) and self.is_free_to_close(request)

    def issue(self, clock: int, command: int, target: int, row: int = -1, column: int = -1) -> None:
        """Put a command on its bus and remember it; after a row command one falling edge is restricted."""
        super().issue(clock, command, target, row, column)
        if command not in (*COLUMN, RDA, WRA) and not self.is_falling:
            bank = -1 if command in (PREAB, REFAB) else target
            self.restricted = (clock + (3 if command == ACT else 1), self.rank_of(command, target), bank)

    def rank_of(self, command: int, target: int) -> int:
        """Rank, here a pseudo-channel, that a command addresses."""
        return self.tree.banks_of(command, target)[0] // self.tree.banks_per_rank

    def earliest(self, command: int, target: int) -> int:
        """First clock at which every edge lets a command issue; not at this falling edge if that is closed to it."""
        at = super().earliest(command, target)
        if not self.is_falling:
            return at
        if command in (ACT, REFAB, REFPB):
            return max(at, self.clock + 1)
        edge, rank, bank = self.restricted
        is_closed = edge == self.clock and rank == self.rank_of(command, target)
        if is_closed and (command == PREAB or bank in (-1, target)):
            return max(at, self.clock + 1)
        return at
