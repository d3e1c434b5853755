"""A GPU in plain Python, to hold the compiled one to: every queue is a list, every cache set a list, nothing is reused.

The rules are those of `gpu_kernel`; the memory is the slow reference controller, clock by clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.system.reference_world import LOAD, NEVER, STORE, Memory

Word = tuple[int, frozenset[int]]  # line, sectors


@dataclass(eq=False)
class Line:
    """A line in the cache."""

    number: int
    used: int
    have: set[int] = field(default_factory=set)
    dirty: set[int] = field(default_factory=set)
    miss: Miss | None = None


@dataclass(eq=False)
class Step:
    """Loads of one step of a block; `arrived` is when the last of its data reach the SM."""

    begun: int
    requests: list[Word]
    issued: int = 0
    open: int = 1
    arrived: int = 0


@dataclass(eq=False)
class Miss:
    """A line under way: bursts still to come, and who waits for which sectors."""

    line: Line
    pending: set[int] = field(default_factory=set)
    waiters: list[tuple[Step, int, set[int]]] = field(default_factory=list)  # step, SM, sectors still missing


@dataclass(eq=False)
class Block:
    """A block in its slot."""

    number: int
    sm: int
    steps: list[Step] = field(default_factory=list)
    computed: int = 0
    computing: bool = False
    due: int = NEVER


@dataclass(eq=False)
class Batch:
    """What an SM has to issue for a block: the loads of a step, or (step None) its stores."""

    block: Block
    step: Step | None
    requests: list[Word]
    issued: int = 0


@dataclass(eq=False)
class Slice:
    """A slice of the cache and what it has to send to memory."""

    queue: list[tuple[Word, Step | None, int]] = field(default_factory=list)  # request, step, SM
    free: int = 0
    due: int = NEVER
    stalled: bool = False
    sets: dict[int, list[Line]] = field(default_factory=dict)
    misses: list[Miss] = field(default_factory=list)
    waiting_sms: list[int] = field(default_factory=list)
    promised: list[int] = field(default_factory=list)
    sends: tuple[list, list] = field(default_factory=lambda: ([], []))
    send_free: list[int] = field(default_factory=lambda: [0, 0])
    send_due: list[int] = field(default_factory=lambda: [NEVER, NEVER])


@dataclass(eq=False)
class Gpu:
    """`shape` holds the numbers of a GpuSpec in units of time, `program(block, step)` the requests of a kernel."""

    memory: GpuMemory
    program: Callable[[int, int], list[Word]]
    blocks: int
    steps: int
    slots: int
    step_time: int
    sms: int
    stages: int
    slices: int
    sets: int
    ways: int
    units: int
    unit_sectors: int
    queue: int
    mshrs: int
    merges: int
    write_backs: int
    clock: int
    l2_time: int
    memory_time: int
    link_time: int
    sector_time: int
    place: Callable[[int], tuple[int, int]]  # line -> slice, set
    now: int = 0
    uses: int = 0
    finished: int = NEVER

    def __post_init__(self) -> None:
        self.cache = [Slice() for _ in range(self.slices)]
        self.batches: list[list[Batch]] = [[] for _ in range(self.sms)]
        self.sm_due, self.sm_free = [NEVER] * self.sms, [0] * self.sms
        self.link, self.compute_free = [0] * self.sms, [0] * self.sms
        self.slot: list[Block | None] = [None] * (self.sms * self.slots)
        channels = len(self.memory.channels)
        self.returns: list[list] = [[] for _ in range(channels)]
        self.last_return = [0] * channels
        self.waiting: dict[tuple[int, int], list[tuple[int, int]]] = {
            (c, side): [] for c in range(channels) for side in (LOAD, STORE)
        }
        self.in_flight: list[tuple[Miss, int, int]] = []  # miss, burst, channel of every read
        self.next_block = 0
        for k in range(self.slots):
            for sm in range(self.sms):
                if self.next_block < self.blocks:
                    self.begin_block(sm * self.slots + k)

    # -- blocks

    def begin_block(self, slot: int) -> None:
        """Put the next block into a slot."""
        block = self.slot[slot] = Block(self.next_block, slot // self.slots)
        self.next_block += 1
        self.ask_ahead(block)

    def ask_ahead(self, block: Block) -> None:
        """Queue the loads of all steps for which there is room."""
        while len(block.steps) < min(self.steps, block.computed + self.stages):
            step = Step(self.now, self.program(block.number, len(block.steps)), arrived=self.now)
            block.steps.append(step)
            self.put(Batch(block, step, step.requests))

    def put(self, batch: Batch) -> None:
        """Queue a batch at its SM."""
        sm = batch.block.sm
        self.batches[sm].append(batch)
        if len(self.batches[sm]) == 1:
            self.sm_due[sm] = max(self.now, self.sm_free[sm])

    def done_with(self, step: Step) -> None:
        """One request less to wait for."""
        step.open -= 1
        for block in self.slot:
            if block and block.computed < len(block.steps) and block.steps[block.computed] is step:
                self.look(block)

    def look(self, block: Block) -> None:
        """Let a block's next step be computed once its data are there."""
        if not block.computing and block.computed < self.steps and block.steps[block.computed].open == 0:
            block.due = max(self.now, block.steps[block.computed].arrived)

    def block_event(self, block: Block) -> None:
        """Begin or end the computation of a step."""
        if not block.computing:
            block.computing = True
            block.due = self.compute_free[block.sm] = max(self.now, self.compute_free[block.sm]) + self.step_time
            return
        block.computing, block.due = False, NEVER
        block.computed += 1
        if block.computed == self.steps:
            self.put(Batch(block, None, self.program(block.number, self.steps)))
            return
        self.ask_ahead(block)
        self.look(block)

    # -- SMs

    def sm_event(self, sm: int) -> None:
        """Issue one request."""
        self.sm_due[sm] = NEVER
        while self.batches[sm]:
            batch = self.batches[sm][0]
            if batch.issued < len(batch.requests):
                word = batch.requests[batch.issued]
                x = self.cache[self.place(word[0])[0]]
                if sm in x.promised:
                    x.promised.remove(sm)
                elif len(x.queue) + len(x.promised) >= self.queue:
                    x.waiting_sms.append(sm)
                    return
                if batch.step:
                    batch.step.open += 1
                x.queue.append((word, batch.step, sm))
                if len(x.queue) == 1:
                    x.due = max(self.now, x.free)
                self.sm_free[sm] = self.now + self.clock
                batch.issued += 1
                if batch.issued == len(batch.requests):
                    self.end_batch(sm)
                self.sm_due[sm] = self.sm_free[sm] if self.batches[sm] else NEVER
                return
            self.end_batch(sm)

    def end_batch(self, sm: int) -> None:
        """All requests of the first batch have been issued."""
        batch = self.batches[sm].pop(0)
        if batch.step:
            self.done_with(batch.step)
            return
        slot = self.slot.index(batch.block)
        self.slot[slot] = None
        if self.next_block < self.blocks:
            self.begin_block(slot)
        elif not any(self.slot):
            self.finished = self.now

    # -- slices

    def slice_event(self, index: int) -> None:
        """Serve the first request of a slice."""
        x = self.cache[index]
        x.due = NEVER
        word, step, sm = x.queue[0]
        if not self.serve(x, word, step, sm):
            x.stalled = True
            return
        x.queue.pop(0)
        x.free = self.now + len(word[1]) * self.sector_time
        x.due = x.free if x.queue else NEVER
        if x.waiting_sms:
            woken = x.waiting_sms.pop(0)
            x.promised.append(woken)
            self.sm_due[woken] = max(self.now, self.sm_free[woken])

    def serve(self, x: Slice, word: Word, step: Step | None, sm: int) -> bool:
        """Look a request up; whether the slice could deal with it."""
        number, sectors = word
        lines = x.sets.setdefault(self.place(number)[1], [])
        line = next((y for y in lines if y.number == number), None)
        if step is None:
            line = line or self.make_room(x, lines, number)
            if line is None:
                return False
            line.have |= sectors
            line.dirty |= sectors
        else:
            have = sectors & line.have if line else frozenset()
            missing = set(sectors - have)
            if missing:
                if line and line.miss:
                    if len(line.miss.waiters) == self.merges:
                        return False
                else:
                    if len(x.misses) == self.mshrs:
                        return False
                    line = line or self.make_room(x, lines, number)
                    if line is None:
                        return False
                    line.miss = Miss(line)
                    x.misses.append(line.miss)
                line.miss.waiters.append((step, sm, missing))
                for unit in sorted({s // self.unit_sectors for s in missing} - line.miss.pending):
                    line.miss.pending.add(unit)
                    self.queue_send(x, LOAD, (line.miss, unit))
            if have:
                self.respond(step, sm, len(have))
                if not missing:
                    self.done_with(step)
        self.uses += 1
        line.used = self.uses
        return True

    def make_room(self, x: Slice, lines: list[Line], number: int) -> Line | None:
        """A fresh line; the victim's dirty bursts are queued to be written back."""
        if len(lines) == self.ways:
            idle = [y for y in lines if y.miss is None]
            if not idle:
                return None
            victim = min(idle, key=lambda y: y.used)
            units = sorted({s // self.unit_sectors for s in victim.dirty})
            if len(x.sends[STORE]) + len(units) > self.write_backs:
                return None
            for unit in units:
                self.queue_send(x, STORE, victim.number * self.units + unit)
            lines.remove(victim)
        lines.append(Line(number, 0))
        return lines[-1]

    def respond(self, step: Step, sm: int, sectors: int) -> None:
        """Data leave the slice now."""
        self.link[sm] = max(self.now + self.l2_time, self.link[sm] + sectors * self.link_time)
        step.arrived = max(step.arrived, self.link[sm])

    def try_again(self, x: Slice) -> None:
        """Wake a slice that had to wait."""
        if x.stalled:
            x.stalled, x.due = False, max(self.now, x.free)

    # -- memory

    def queue_send(self, x: Slice, side: int, what: object) -> None:
        """Queue a burst on its way to memory."""
        x.sends[side].append(what)
        if len(x.sends[side]) == 1:
            x.send_due[side] = max(self.now, x.send_free[side])

    def send_event(self, index: int, side: int) -> None:
        """Offer the first burst to its channel."""
        x, me = self.cache[index], (index, side)
        what = x.sends[side][0]
        line = what if side else what[0].line.number * self.units + what[1]  # type: ignore[index]
        channel = self.memory.places[line][0]
        waiting = self.waiting[channel, side]
        x.send_due[side] = NEVER
        if not side:
            self.in_flight.append((what[0], what[1], channel))
        retry = NEVER
        if not waiting or waiting[0] == me:
            retry = self.memory.offer(self, side, self.now, line, len(self.in_flight) - 1 if not side else -1)
        if retry:
            if not side:
                self.in_flight.pop()
            if retry < NEVER:
                x.send_due[side] = retry
            elif me not in waiting:
                waiting.append(me)
            return
        if waiting and waiting[0] == me:
            waiting.pop(0)
            if waiting:
                y, other = waiting[0]
                self.cache[y].send_due[other] = self.now + self.memory.period
        x.sends[side].pop(0)
        x.send_free[side] = self.now + self.clock
        x.send_due[side] = x.send_free[side] if x.sends[side] else NEVER
        if side:
            self.try_again(x)

    def complete(self, read: int, done: int) -> None:
        """The last beat of a read is on the bus until `done`."""
        if read >= 0:
            miss, unit, channel = self.in_flight[read]
            self.last_return[channel] = max(self.last_return[channel], done + self.memory_time)
            self.returns[channel].append((self.last_return[channel], miss, unit))

    def return_event(self, channel: int) -> None:
        """A burst is back."""
        _, miss, unit = self.returns[channel].pop(0)
        here = set(range(unit * self.unit_sectors, (unit + 1) * self.unit_sectors))
        miss.line.have |= here
        for step, sm, missing in miss.waiters:
            if missing & here:
                count = len(missing & here)
                missing -= here
                self.respond(step, sm, count)
                if not missing:
                    self.done_with(step)
        miss.pending.remove(unit)
        if not miss.pending:
            miss.line.miss = None
            x = self.cache[self.place(miss.line.number)[0]]
            x.misses.remove(miss)
            self.try_again(x)

    # -- time

    def run_until(self, time: int) -> None:
        """All events up to `time`, the earliest first, at equal time in the order of this list."""
        while self.finished == NEVER:
            actors: list[tuple[int, Callable, tuple]] = [(t, self.sm_event, (k,)) for k, t in enumerate(self.sm_due)]
            actors += [(x.due, self.slice_event, (k,)) for k, x in enumerate(self.cache)]
            for side in (LOAD, STORE):
                actors += [(x.send_due[side], self.send_event, (k, side)) for k, x in enumerate(self.cache)]
            actors += [(r[0][0] if r else NEVER, self.return_event, (c,)) for c, r in enumerate(self.returns)]
            actors += [(b.due if b else NEVER, self.block_event, (b,)) for b in self.slot]
            at, event, given = min(actors, key=lambda actor: actor[0])
            if at > time:
                return
            self.now = max(self.now, at)
            event(*given)

    def freed(self, channel: int, side: int, time: int) -> None:
        """A place in a queue can be used from `time` on."""
        waiting = self.waiting[channel, side]
        if waiting:
            index, side = waiting[0]
            self.cache[index].send_due[side] = time


@dataclass(eq=False)
class GpuMemory(Memory):
    """Reference channels, many of whose queue places several slices may wait for."""

    refused: dict[tuple[int, int], bool] = field(default_factory=dict)

    def offer(self, engine: object, side: int, now: int, line: int, load: int) -> int:
        """As `Memory.offer`, and remember whether the queue was full."""
        gpu: Gpu = engine  # type: ignore[assignment]
        gpu.refused_by = [-1, -1]  # type: ignore[attr-defined]
        retry = super().offer(engine, side, now, line, load)  # type: ignore[arg-type]
        if retry == NEVER:
            self.refused[self.places[line][0], side] = True
        return retry

    def tick(self, engine: object) -> None:
        """One clock of all channels; a freed place wakes whoever was refused."""
        gpu: Gpu = engine  # type: ignore[assignment]
        queued = [[len(queue) for queue in channel.queues] for channel in self.channels]
        gpu.refused_by = [-1, -1]  # type: ignore[attr-defined]
        super().tick(engine)  # type: ignore[arg-type]
        for index, channel in enumerate(self.channels):
            for side in (LOAD, STORE):
                if len(channel.queues[side]) < queued[index][side] and self.refused.pop((index, side), False):
                    gpu.freed(index, side, (self.clock + 1) * self.period)


def simulate(gpu: Gpu) -> int:
    """Run the kernel; returns the time at which its last block has ended."""
    memory = gpu.memory
    while True:
        gpu.run_until((memory.clock + 1) * memory.period)
        if gpu.finished < NEVER:
            return gpu.finished
        memory.tick(gpu)


def blocks_of(words: Sequence[Sequence[Sequence[Word]]]) -> Callable[[int, int], list[Word]]:
    """Program of blocks whose requests are given one by one."""
    return lambda block, step: list(words[block][step])
