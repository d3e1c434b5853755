"""Own schedulers and row policies in the reference controller: FCFS, capped row hits, rows closed by time.

Postponed refreshes as well.
"""

from __future__ import annotations

from edensim.dram.commands import ACT, PRE, RD, REFAB, REFPB, REFSB, WR
from edensim.dram.reference_channel import ANY, CLOSED, Channel, Choice, Request


class PolicyChannel(Channel):
    """One channel of a family that takes one command per clock; those of LPDDR5 and HBM build on it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.owed = [0] * self.tree.ranks  # refreshes that are due and postponed
        self.refreshed = [0] * self.tree.ranks  # refreshes of single banks so far
        self.used_at = [0] * self.tree.banks
        self.patience = [self.settings.row_timeout] * self.tree.banks
        self.closed_row: list[int | None] = [None] * self.tree.banks  # the row that was closed for want of requests

    def use_bus(self, clock: int) -> None:
        """Issue the command of this clock, if any; an idle clock may close a row that nobody uses."""
        log, was_pending = self.tally.commands[self.index], bool(self.pending)
        before = len(log)
        super().use_bus(clock)
        if len(log) == before and not was_pending:
            self.close_idle(clock)

    def due_refreshes(self, clock: int) -> list[tuple[int, int]]:
        """Refreshes that enter the queue at this clock; those that may wait for requests are owed."""
        due = [each for each in super().due_refreshes(clock) if not self.refreshes_itself(*each)]
        if not self.settings.postponed:
            return due
        for command, target in due:
            self.owed[self.tree.banks_of(command, target)[0] // self.tree.banks_per_rank] += 1
        if self.pending:
            return []
        is_idle = self.is_idle
        released = []
        for rank, owed in enumerate(self.owed):
            command, target, turns = self.next_refresh(rank)
            is_urgent = owed >= self.settings.postponed * turns
            if is_urgent or (owed and is_idle and Channel.earliest(self, command, target) <= clock):
                self.owed[rank] -= 1
                self.refreshed[rank] += 1
                released.append((command, target))
        return released

    def refreshes_itself(self, command: int, target: int) -> bool:  # noqa: ARG002
        """Whether a refresh that falls due is not needed; see `reference_sleep`."""
        return False

    def next_refresh(self, rank: int) -> tuple[int, int, int]:
        """Command and target of the refresh that a rank waits for, and how many of them make up one of all banks."""
        chosen, per_rank = self.settings, self.tree.banks_per_rank
        if not (chosen.per_bank_refresh or chosen.same_bank_refresh):
            return REFAB, rank, 1
        command, turns = (REFSB, self.layout.banks_per_group) if chosen.same_bank_refresh else (REFPB, per_rank)
        return command, rank * per_rank + self.refreshed[rank] % turns, turns

    def close_idle(self, clock: int) -> None:
        """Close the first row whose bank has been patient for long enough."""
        for bank, row in enumerate(self.open_row if self.settings.row_timeout else []):
            is_wanted = any(r.bank == bank and r.row == row for queue in self.queues for r in queue)
            is_due = clock >= self.used_at[bank] + self.patience[bank]
            if row == CLOSED or is_wanted or not is_due or self.is_claimed(bank):
                continue
            if self.earliest(PRE, bank) <= clock:
                self.closed_row[bank] = row
                self.issue(clock, PRE, bank)
                return

    def oldest(self, clock: int, queue: list[Request], among: tuple[int, ...] = ANY) -> Choice | None:
        """First command that may go now; with FCFS none but that of the oldest request under way."""
        if not self.settings.in_order or queue is self.active:
            return super().oldest(clock, queue, among)
        if self.active or not queue:
            return None
        first = min(queue, key=lambda r: r.accepted)
        command = self.next_command(first)
        if command not in among:
            return None
        is_ready = self.earliest(command, first.bank) <= clock and not self.is_forbidden(command, first, queue)
        return (command, first, queue) if is_ready else None

    def is_forbidden(self, command: int, request: Request, queue: list[Request]) -> bool:
        """Whether scheduling forbids a command: also hits that overtake another row once the cap is reached."""
        cap, bank = self.settings.hit_cap, request.bank
        if command in (RD, WR) and queue is not self.active and 0 < cap <= self.accesses[bank]:
            older = (other for other in queue if other.accepted < request.accepted)
            return any(other.bank == bank and other.row != self.open_row[bank] for other in older)
        return super().is_forbidden(command, request, queue)

    def serve(self, clock: int, command: int, request: Request, queue: list[Request]) -> None:
        """Issue a command for a request, and learn from it how patient the bank should be."""
        self.learn(clock, command, request)
        super().serve(clock, command, request, queue)

    def learn(self, clock: int, command: int, request: Request) -> None:
        """Note when a bank is used, and how patient it should be."""
        bank, (low, high) = request.bank, self.settings.timeout_range
        if command == ACT:
            if request.row == self.closed_row[bank]:
                self.patience[bank] = min(2 * self.patience[bank], high)
            self.closed_row[bank] = None
        if command == PRE:
            self.patience[bank] = max(self.patience[bank] // 2, low)
        else:
            self.used_at[bank] = clock

    def is_free_to_close(self, request: Request) -> bool:
        """Whether a column command may close its row: nobody asked for that yet, and no other request needs the row."""
        bank = request.bank
        return not self.is_asked[bank] and not any(r.bank == bank and r is not request for r in self.active)
