"""One core and its memory in plain Python, record by record, to hold the compiled core to.

Every rule is written as what it says of times: a record issues at the latest of several moments, each of them the
maximum or minimum over lists that are never shortened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.system.reference_world import NEVER, Memory


@dataclass(frozen=True)
class Record:
    """What leaves the caches: instructions since the record before, line, level that had it, and what it is."""

    gap: int
    line: int
    level: int = 1
    kind: str = "load"  # load, store, prefetch, write
    dependent: bool = False


@dataclass(eq=False)
class Core:
    """Times are whole units; `slot` is an instruction's, `level_time` the caches' latencies."""

    records: Sequence[Record]
    memory: Memory
    slot: int
    window: int
    loads: int
    stores: int
    misses: int
    level_time: Sequence[int]
    return_time: int
    now: int = 0
    at: int = 0
    issued: int = 0  # when the record before issued
    instruction: int = 0
    load_at: list[int] = field(default_factory=list)  # instruction number of every load
    load_done: list[int] = field(default_factory=list)
    load_least: list[int] = field(default_factory=list)  # no load is done before its cache has answered
    places: list[int] = field(default_factory=list)  # request last put into each place for reads under way
    done: list[int] = field(default_factory=list)  # of every read of memory; NEVER while unknown
    kinds: list[str] = field(default_factory=list)  # of every read of memory
    loads_of: dict[int, int] = field(default_factory=dict)  # read of memory -> load that waits for it
    prefetched: dict[int, int] = field(default_factory=dict)  # line -> its read, until first used
    end: int = 0
    ready: list[int] = field(default_factory=lambda: [0, 0])
    refused_by: list[int] = field(default_factory=lambda: [-1, -1])

    def due(self) -> int:
        """When the record at the head issues, as far as is known."""
        r = self.records[self.at]
        t = self.issued + r.gap * self.slot
        if r.kind == "write":
            return t
        instruction = self.instruction + r.gap
        count = len(self.load_at)
        for k in range(count):
            if instruction - self.load_at[k] >= self.window or k <= count - self.loads:
                t = max(t, self.load_done[k])
        if r.dependent and count:
            t = max(t, self.load_done[-1])
        if t == NEVER or r.level < len(self.level_time):
            return t
        if r.kind == "store":
            waiting = [self.done[k] for k in self.places if self.kinds[k] == "store" and self.done[k] > t]
            if len(waiting) >= self.stores:
                t = min(waiting)
        if len(self.places) == self.misses:
            t = max(t, min(self.done[k] for k in self.places))
        return t

    def run_until(self, time: int) -> None:
        """Do all that happens up to `time`."""
        while self.at < len(self.records):
            r = self.records[self.at]
            t = self.due()
            to_memory = r.level >= len(self.level_time)
            side = int(r.kind == "write")
            if to_memory:
                t = max(t, self.ready[side])
            if t > time and (to_memory or t >= NEVER):
                return
            if to_memory and not self.send(r, side, t):
                continue
            if not to_memory and r.kind in ("load", "store"):
                self.hit(r, t)
            self.issued, self.instruction = t, self.instruction + r.gap
            self.end = max(self.end, t)
            self.at += 1

    def send(self, r: Record, side: int, t: int) -> bool:
        """Offer a record to memory; whether it was taken."""
        request = -1
        if r.kind != "write":
            request = len(self.done)
            self.done.append(NEVER)
            self.kinds.append(r.kind)
        retry = self.memory.offer(self, side, t, r.line, request)  # type: ignore[arg-type]
        if retry:
            self.ready[side] = retry
            if request >= 0:
                self.done.pop()
                self.kinds.pop()
            return False
        if request >= 0:
            free = next((k for k, old in enumerate(self.places) if self.done[old] <= t), None)
            if free is None:
                self.places.append(request)
            else:
                self.places[free] = request
        if r.kind == "load":
            self.loads_of[request] = len(self.load_at)
            self.load_at.append(self.instruction + r.gap)
            self.load_done.append(self.done[request])
            self.load_least.append(0)
        elif r.kind == "prefetch":
            self.prefetched[r.line] = request
        return True

    def hit(self, r: Record, t: int) -> None:
        """A cache had the line; if it was prefetched, it may still be on its way."""
        done = t + self.level_time[r.level]
        read = self.prefetched.pop(r.line, None)
        if r.kind == "load":
            self.load_least.append(done)
            self.end = max(self.end, done)
            if read is not None and self.done[read] > done:
                self.loads_of[read] = len(self.load_at)
                done = self.done[read]
            self.load_at.append(self.instruction + r.gap)
            self.load_done.append(done)

    def complete(self, request: int, done: int) -> None:
        """The last beat of a read (by number) or of a write (-1)."""
        if request < 0:
            self.end = max(self.end, done)
            return
        self.done[request] = done + self.return_time
        self.end = max(self.end, self.done[request])
        if request in self.loads_of:
            load = self.loads_of[request]
            self.load_done[load] = max(self.done[request], self.load_least[load])


def simulate(core: Core) -> int:
    """Run all records; returns the time at which everything has ended."""
    memory = core.memory
    while True:
        core.run_until((memory.clock + 1) * memory.period)
        if core.at == len(core.records) and not memory.waiting:
            return core.end
        memory.tick(core)  # type: ignore[arg-type]
