"""LPDDR5 in the reference controller: activation by two commands, and a data clock that must be started.

Written from the rules of ramulator2 2.1's LPDDR5 controller; see `reference_channel`.
"""

from __future__ import annotations

from edensim.dram.commands import ACT, ACT2, CASRD, CASWR, PRE, WR
from edensim.dram.reference_channel import ANY, CLOSED, Choice, Request
from edensim.dram.reference_policy import PolicyChannel


class SplitChannel(PolicyChannel):
    """One LPDDR5 channel."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.opening: dict[Request, int] = {}  # activated once -> latest clock of its second activate
        self.announced: Choice | None = None  # column command that a CAS has made way for
        self.running_until = 0  # the data clock runs before this clock

    def use_bus(self, clock: int) -> None:
        """Issue the command of this clock, if any."""
        if self.announced is not None:
            command, request, queue = self.announced
            if self.earliest(command, request.bank) <= clock:
                self.announced = None
                self.column(clock, command, request, queue)
            return
        if self.opening and min(self.opening.values()) <= clock:
            self.second_activate(clock)
            return
        choice, was_pending = self.oldest(clock, self.active), bool(self.pending)
        if choice is None and self.pending:
            if self.try_pending(clock):
                return
        elif choice is None:
            self.choose_mode()
            choice = self.oldest(clock, self.queue)
        if choice is not None:
            self.carry_out(clock, choice)
        elif self.opening:
            self.second_activate(clock)
        elif not was_pending:
            self.close_idle(clock)

    def oldest(self, clock: int, queue: list[Request], among: tuple[int, ...] = ANY) -> Choice | None:
        """First command that may go now; with FCFS none while a row is being opened."""
        if self.settings.in_order and self.opening and queue is not self.active:
            return None
        return super().oldest(clock, queue, among)

    def is_last_access(self, request: Request) -> bool:
        """Whether the access of a request also closes its row."""
        return super().is_last_access(request) and self.is_free_to_close(request)

    def carry_out(self, clock: int, choice: Choice) -> None:
        """Issue a chosen command, or what must come before it."""
        command, request, queue = choice
        if command in (ACT, PRE):
            self.serve(clock, command, request, queue)
        elif clock < self.running_until:
            self.column(clock, command, request, queue)
        elif self.opening and min(self.opening.values()) <= clock + 1:
            self.second_activate(clock)  # the CAS would take its last clock
        else:
            self.announced = choice
            self.issue(clock, CASWR if command == WR else CASRD, request.bank)

    def column(self, clock: int, command: int, request: Request, queue: list[Request]) -> None:
        """Issue RD or WR; the data clock runs on behind its burst."""
        self.running_until = max(self.running_until, clock + self.settings.wck_runs[command == WR])
        self.serve(clock, command, request, queue)

    def serve(self, clock: int, command: int, request: Request, queue: list[Request]) -> None:
        """Issue a command for a request and move the request on."""
        if command != ACT:
            super().serve(clock, command, request, queue)
            return
        self.classify(command, request)
        self.learn(clock, command, request)
        self.issue(clock, ACT, request.bank, row=request.row)
        self.open_row[request.bank] = CLOSED  # until the second activate
        queue.remove(request)
        self.opening[request] = clock + self.settings.second_activate

    def second_activate(self, clock: int) -> None:
        """Open the row of the request whose second activate is due first."""
        request = min(self.opening, key=lambda r: (self.opening[r], r.accepted))
        del self.opening[request]
        self.issue(clock, ACT2, request.bank, row=request.row)
        self.open_row[request.bank] = request.row
        self.activations[request.bank] += 1
        self.active.append(request)

    def is_forbidden(self, command: int, request: Request, queue: list[Request]) -> bool:
        """Whether scheduling forbids a command: beside what any channel forbids, all that meets an opening row."""
        if self.opening and (command == ACT or self.is_opening(request.bank)):
            return True
        return super().is_forbidden(command, request, queue)

    def is_pending_forbidden(self, command: int, banks: range) -> bool:
        """Whether scheduling forbids the next command of a pending refresh or precharge."""
        return any(self.is_opening(bank) for bank in banks) or super().is_pending_forbidden(command, banks)

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return super().is_idle and not self.opening

    def is_closed(self, bank: int) -> bool:
        """Whether a bank has no row open, nor one that is being opened."""
        return super().is_closed(bank) and not self.is_opening(bank)

    def is_opening(self, bank: int) -> bool:
        """Whether a bank waits for a second activate."""
        return any(request.bank == bank for request in self.opening)
