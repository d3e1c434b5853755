"""One channel of the reference controller, tick by tick in plain Python, for families that take one command per clock.

Written from the rules of ramulator2 2.1's generic DDR controller. It keeps no next-allowed times: whether a command may
issue is found by looking back at what was issued. LPDDR5 and HBM build on it (`reference_lpddr`, `reference_hbm`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edensim.dram.bank_tree import BankTree
from edensim.dram.commands import (
    ACT,
    N_COMMANDS,
    PRE,
    PREAB,
    RD,
    RDA,
    REFAB,
    REFPB,
    REFSB,
    WR,
    WRA,
    is_rank_command,
)
from edensim.dram.reference_switch import Switcher, SwitchRule
from edensim.dram.table import Edge
from edensim.memory import LEVELS, Organisation

CLOSED = -1
ANY = (RD, WR, ACT, PRE)
"""Commands a request may need next."""


@dataclass(frozen=True)
class Settings:
    """Controller choices; queue sizes in requests, times in clocks.

    `refresh_interval` 0 means no refresh; `refresh_scatter` s > 0 refreshes rank i at (i + 1) s + n intervals.
    `write_marks`: shares of the write queue above which write mode begins (when full at the latest) and below which it
    ends (when empty at the latest). `row_cap`: accesses after which a row is closed, 0 = rows stay open.
    `write_latency`: clocks from WR to what counts as its end. `per_channel`: a clock offers a request to every channel,
    else to one of them.

    `in_order`: FCFS; `hit_cap`: accesses after which a row hit may not overtake another row, 0 = never (both as in
    `reference_policy`). `row_timeout`: clocks after which an unused row is closed, 0 = never; the adaptive policy keeps
    that of a bank within `timeout_range`. `postponed`: refreshes of a rank, or of each bank, that may be owed.

    `per_bank_refresh`: every `refresh_interval` the next bank of each rank is refreshed, rank r another r clocks later;
    `same_bank_refresh`: that of every bank group at once.
    `second_activate`: clocks from ACT to ACT2 at most (LPDDR5; 0 = one command opens a row); `wck_runs`: clocks the
    data clock runs on after RD and after WR. `two_buses`: HBM; `half_clock`: HBM3. `subarray_rows`: rows of a subarray,
    where timings differ between those of a bank. `switches`: of the operating point, in order of time.

    `power_down_after`, `self_refresh_after`: clocks from the last column command of a rank without work to either, None
    = never; `closes_before_sleep`: its rows are closed before power-down. `auto_precharge`: clocks from RDA and from
    WRA to the precharge inside the device. `drops_stale`: a pending precharge of a closed bank is dropped.
    """

    row_hit_first: bool
    read_queue: int
    write_queue: int
    read_latency: int
    refresh_interval: int = 0
    refresh_scatter: int = 0
    write_marks: tuple[float, float] = (0.8, 0.2)
    row_cap: int = 0
    write_latency: int = 0
    per_channel: bool = False
    in_order: bool = False
    hit_cap: int = 0
    row_timeout: int = 0
    timeout_range: tuple[int, int] = (0, 0)
    postponed: int = 0
    per_bank_refresh: bool = False
    same_bank_refresh: bool = False
    second_activate: int = 0
    wck_runs: tuple[int, int] = (0, 0)
    two_buses: bool = False
    half_clock: bool = False
    power_down_after: int | None = None
    self_refresh_after: int | None = None
    closes_before_sleep: bool = False
    auto_precharge: tuple[int, int] = (0, 0)
    subarray_rows: int = 0
    switches: tuple[SwitchRule, ...] = ()
    drops_stale: bool = False


@dataclass(frozen=True)
class Requests:
    """Decoded requests in order; int64 arrays of one length. `arrival`: earliest clock at which one is offered."""

    channel: npt.NDArray[np.int64]
    bank: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    is_write: npt.NDArray[np.int64]
    arrival: npt.NDArray[np.int64]


@dataclass
class Tally:
    """What happened. `commands[channel]`: (clock, command, bank or rank, row or -1, column or -1) in order.

    `switched[channel]`: for every switch that came, the first silent clock and the first one of the new point.
    """

    commands: list[list[tuple[int, int, int, int, int]]]
    cycles: int = 0
    completed: int = 0
    reads: int = 0
    read_latency_sum: int = 0
    hits: int = 0
    misses: int = 0
    conflicts: int = 0
    forwarded: int = 0
    coalesced: int = 0
    switched: list[list[tuple[int, int]]] = field(default_factory=list)

    def complete(self, clock: int) -> None:
        """One request is done at `clock`."""
        self.completed += 1
        self.cycles = max(self.cycles, clock)

    def complete_read(self, clock: int, latency: int) -> None:
        """One read is done at `clock`."""
        self.reads += 1
        self.read_latency_sum += latency
        self.complete(clock)


@dataclass(eq=False)
class Request:
    """One request under way; `accepted` is the clock of its acceptance."""

    bank: int
    row: int
    column: int
    is_write: bool
    accepted: int
    is_classified: bool = False

    @property
    def place(self) -> tuple[int, int, int]:
        """Full address within the channel."""
        return self.bank, self.row, self.column


Issued = tuple[int, int, tuple[int, ...], int]
"""Clock and target of a command, the subarrays of the rows that its banks have or last had open (-1 for none), and how
many switches of the operating point there had been."""
Choice = tuple[int, Request, list[Request]]
"""A command, the request it is for, and the queue the request waits in."""


@dataclass(eq=False)
class Channel:
    """One channel: `accept` takes requests, `tick` issues at most one command."""

    index: int
    edges: Sequence[Edge]
    layout: Organisation
    settings: Settings
    tally: Tally
    write_mode: bool = False
    queues: tuple[list[Request], list[Request]] = field(default_factory=lambda: ([], []))
    active: list[Request] = field(default_factory=list)
    pending: list[tuple[int, int]] = field(default_factory=list)  # refreshes, and precharges of a bank, that must come

    def __post_init__(self) -> None:
        self.tree = BankTree(self.layout)
        self.open_row = [CLOSED] * self.tree.banks
        self.accesses = [0] * self.tree.banks  # column commands since the bank was last closed
        self.is_asked = [False] * self.tree.banks  # a precharge waits in `pending` since the bank was last closed
        self.activations = [0] * self.tree.banks  # of requests that are not served yet; see `is_claimed`
        self.subarray = [-1] * self.tree.banks  # of the row that is, or was last, open
        self.switcher = Switcher(self, self.settings.switches)
        self.pending_done = 0  # entries that have left `pending`
        rules = [(k, edge) for k, edge in enumerate(self.edges)]
        self.rules_of = [[k for k, edge in rules if command in edge.following] for command in range(N_COMMANDS)]
        self.is_uneven = [
            any(edge.is_uneven or (edge.cycles != same[0].cycles).any() for edge in same)
            for same in zip(*self.switcher.tables, strict=True)
        ]
        self.depth = max((edge.window for edge in self.edges), default=1)
        self.issued: dict[tuple[int, str, int], deque[Issued]] = {}  # latest first
        self.known: dict[tuple[int, int], int] = {}  # results of `earliest` since the last command

    # -- requests

    def accept(self, request: Request) -> bool:
        """Take a request if it can be merged with a waiting write or its queue has room."""
        clock = request.accepted
        if self.switcher.is_gated:
            return False
        if any(write.place == request.place for write in self.queues[1]):
            if request.is_write:
                self.tally.coalesced += 1
                self.tally.complete(clock + 1)
            else:
                self.tally.forwarded += 1
                self.tally.complete_read(clock + 1, latency=1)
            return True
        room = self.settings.write_queue if request.is_write else self.settings.read_queue
        if len(self.queues[request.is_write]) >= room:
            return False
        self.queues[request.is_write].append(request)
        return True

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return not self.active and not any(self.queues)

    # -- time

    def tick(self, clock: int) -> None:
        """Everything that happens in one clock."""
        if self.settings.drops_stale:
            self.drop_stale()
        self.pending += self.due_refreshes(clock)
        for bank in range(self.tree.banks):
            if self.is_close_due(bank, clock):
                self.pending.append((PRE, bank))
                self.is_asked[bank] = True
        self.use_bus(clock)

    def drop_stale(self) -> None:
        """Leave out precharges at the head whose bank something else has closed."""
        while self.pending and self.pending[0][0] == PRE and self.is_closed(self.pending[0][1]):
            self.pending.pop(0)
            self.pending_done += 1

    def use_bus(self, clock: int) -> None:
        """Issue the command of this clock, if any."""
        choice = self.oldest(clock, self.active)
        if choice is None and self.pending:
            self.try_pending(clock)
            return
        if choice is None:
            self.choose_mode()
            choice = self.oldest(clock, self.queue)
        if choice is not None:
            self.serve(clock, *choice)

    @property
    def queue(self) -> list[Request]:
        """Waiting requests of the present mode."""
        return self.queues[self.write_mode]

    def due_refreshes(self, clock: int) -> list[tuple[int, int]]:
        """Refreshes that enter the queue at this clock."""
        chosen, per_rank = self.settings, self.tree.banks_per_rank
        interval, scatter = chosen.refresh_interval, chosen.refresh_scatter
        if interval == 0:
            return []
        if chosen.per_bank_refresh or chosen.same_bank_refresh:
            command, banks = (REFSB, self.layout.banks_per_group) if chosen.same_bank_refresh else (REFPB, per_rank)
            turns = [(rank, *divmod(clock - rank, interval)) for rank in range(self.tree.ranks)]
            return [(command, r * per_rank + (n - 1) % banks) for r, n, rest in turns if rest == 0 and n > 0]
        first = [(rank + 1) * scatter if scatter else interval for rank in range(self.tree.ranks)]
        return [(REFAB, r) for r, at in enumerate(first) if clock >= at and (clock - at) % interval == 0]

    def is_close_due(self, bank: int, clock: int) -> bool:
        """Whether a bank has had its accesses, may be precharged now and nobody has asked for that yet."""
        cap = self.settings.row_cap
        return 0 < cap <= self.accesses[bank] and not self.is_asked[bank] and self.earliest(PRE, bank) <= clock

    def choose_mode(self) -> None:
        """Hysteresis between reads and writes; thresholds in single precision, as ramulator2 has them."""
        reads, writes, size = len(self.queues[0]), len(self.queues[1]), self.settings.write_queue
        high, low = (float(np.float32(x) * np.float32(size)) for x in self.settings.write_marks)
        if self.write_mode:
            self.write_mode = not ((writes < low or writes == 0) and reads > 0)
        else:
            self.write_mode = writes > high or writes == size or reads == 0

    # -- choice of the next command

    def next_command(self, request: Request) -> int:
        """First command a request needs now."""
        if self.open_row[request.bank] == request.row:
            return WR if request.is_write else RD
        return ACT if self.open_row[request.bank] == CLOSED else PRE

    def is_forbidden(self, command: int, request: Request, queue: list[Request]) -> bool:
        """Whether scheduling (not timing) forbids a command: only precharges ever are."""
        if command != PRE or queue is self.active:
            return False
        if self.is_claimed(request.bank):
            return True
        older = queue[: queue.index(request)] if self.settings.row_hit_first else []
        return any(other.bank == request.bank and other.row == self.open_row[request.bank] for other in older)

    def is_claimed(self, bank: int) -> bool:
        """Whether activated requests forbid to close a bank.

        Every ACT counts and every request served takes one away. A row that is closed under an active request of the
        other direction (by RDA or WRA) is activated twice, so the count stays too high for ever; as in ramulator 2 it
        then matters whenever any request is active.
        """
        return self.activations[bank] > 0 and bool(self.active)

    def oldest(self, clock: int, queue: list[Request], among: tuple[int, ...] = ANY) -> Choice | None:
        """First command of the oldest request whose first command may go now and is `among` those."""
        for request in sorted(queue, key=lambda r: r.accepted):
            command = self.next_command(request)
            if (
                command in among
                and self.earliest(command, request.bank) <= clock
                and not self.is_forbidden(command, request, queue)
            ):
                return command, request, queue
        return None

    def serve(self, clock: int, command: int, request: Request, queue: list[Request]) -> None:
        """Issue a command for a request and move the request on."""
        self.classify(command, request)
        if command == PRE:
            self.issue(clock, command, request.bank)
        elif command == ACT:
            self.issue(clock, command, request.bank, row=request.row)
            self.activations[request.bank] += 1
            if queue is not self.active:
                queue.remove(request)
                self.active.append(request)
        else:
            closing = RDA if command == RD else WRA
            if self.is_last_access(request) and self.earliest(closing, request.bank) <= clock:
                command = closing
            self.issue(clock, command, request.bank, column=request.column)
            queue.remove(request)
            self.activations[request.bank] -= queue is self.active
            if request.is_write:
                self.tally.complete(clock + self.settings.write_latency)
            else:
                done = clock + self.settings.read_latency
                self.tally.complete_read(done, done - request.accepted)

    def classify(self, command: int, request: Request) -> None:
        """Count a request by the first command it needs."""
        if not request.is_classified:
            request.is_classified = True
            self.tally.misses += command == ACT
            self.tally.conflicts += command == PRE
            self.tally.hits += command in (RD, WR)

    def is_last_access(self, request: Request) -> bool:
        """Whether the access of a request also closes its row."""
        return 0 < self.settings.row_cap <= self.accesses[request.bank]

    def try_pending(self, clock: int) -> bool:
        """Bring the oldest pending refresh or precharge one command further if possible."""
        wanted, target = self.pending[0]
        banks = self.tree.banks_of(wanted, target)
        if wanted == REFSB:
            return self.try_same_bank(clock, target, banks)
        command = wanted
        if any(self.open_row[bank] != CLOSED for bank in banks):
            command = {REFAB: PREAB, REFPB: PRE}.get(wanted, wanted)
        if self.is_pending_forbidden(command, banks) or self.earliest(command, target) > clock:
            return False
        self.issue(clock, command, target)
        if command == wanted:
            self.pending.pop(0)
            self.pending_done += 1
        return True

    def try_same_bank(self, clock: int, target: int, banks: range) -> bool:
        """Bring a same-bank refresh one command further: close the first row that may be closed, or refresh."""
        still_open = [bank for bank in banks if self.open_row[bank] != CLOSED]
        for bank in still_open:
            if self.earliest(PRE, bank) <= clock and not self.is_pending_forbidden(PRE, range(bank, bank + 1)):
                self.issue(clock, PRE, bank)
                return True
        if still_open or self.is_pending_forbidden(REFSB, banks) or self.earliest(REFSB, target) > clock:
            return False
        self.issue(clock, REFSB, target)
        self.pending.pop(0)
        self.pending_done += 1
        return True

    def is_pending_forbidden(self, command: int, banks: range) -> bool:
        """Whether scheduling forbids the next command of a pending refresh or precharge: only precharges ever are."""
        return command in (PRE, PREAB) and any(self.is_claimed(bank) for bank in banks)

    # -- commands and their distances

    def issue(self, clock: int, command: int, target: int, row: int = -1, column: int = -1) -> None:
        """Put a command on the bus and remember it."""
        self.tally.commands[self.index].append((clock, command, target, row, column))
        banks = self.tree.banks_of(command, target)
        if command == ACT and self.settings.subarray_rows:
            self.subarray[target] = row // self.settings.subarray_rows
        done = clock, target, tuple(self.subarray[bank] for bank in banks), self.switcher.phase
        for level in LEVELS:
            for node in self.tree.addressed(level, command, target):
                self.issued.setdefault((command, level, node), deque(maxlen=self.depth)).appendleft(done)
        if command in (ACT, PRE, PREAB, RDA, WRA):
            for bank in banks:
                self.open_row[bank] = row
                self.accesses[bank], self.is_asked[bank] = 0, False
        if command in (RD, WR):
            self.accesses[target] += 1
        self.known.clear()

    def earliest(self, command: int, target: int) -> int:
        """First clock at which a command may issue."""
        return self.by_edges(command, target)

    def by_edges(self, command: int, target: int) -> int:
        """First clock at which every edge lets a command issue."""
        if (command, target) not in self.known:
            times = (t for rule in self.rules_of[command] for t in self.allowed_from(rule, command, target))
            self.known[command, target] = max(times, default=0)
            self.known[command, target] = max(self.known[command, target], self.switcher.silent_until)
        return self.known[command, target]

    def is_closed(self, bank: int) -> bool:
        """Whether a bank has no row open, nor one that is being opened."""
        return self.open_row[bank] == CLOSED

    def allowed_from(self, rule: int, command: int, target: int) -> Iterator[int]:
        """Clocks from which one edge lets a command issue, one per earlier command it looks at."""
        edge, is_uneven = self.edges[rule], self.is_uneven[rule]
        if edge.window > 1:  # the preceding commands count together
            for node in self.tree.addressed(edge.scope, command, target):
                counted = [self.issued.get((before, edge.scope, node), ()) for before in edge.preceding]
                clocks = sorted((clock for each in counted for clock, *_ in each), reverse=True)
                if len(clocks) >= edge.window:
                    yield clocks[edge.window - 1] + int(edge.cycles[0])
            return
        for before in edge.preceding:
            level, own = edge.scope, self.tree.addressed(edge.scope, command, target)
            nodes: Sequence[int] = self.tree.siblings(level, command, target) if edge.sibling else own
            if (
                is_uneven and not edge.sibling and not is_rank_command(before)
            ):  # an earlier command of a slower bank may bind
                level, nodes = "Bank", self.tree.banks_under(level, own)
            for node in nodes:
                past = self.issued.get((before, level, node), ())
                if past:
                    since, origin, held, phase = past[0]
                    then = self.switcher.tables[phase][rule]
                    yield since + self.tree.cycles_between(then, (before, origin), (command, target), held)
