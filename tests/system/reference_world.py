"""One tile engine and its memory in plain Python, clock by clock, to hold the compiled world to.

Modelled: tiles in flight up to `depth`, an in-order window of reads, one link per direction, one line per channel and
clock, loads before stores at equal time. The memory is the slow reference controller. Not modelled: page tables,
several engines, and loads of lines whose stores are still being sent (a refused load waits for a place in its queue,
even if a later store would answer it).

Times are whole units; a channel's clock n ends at n * `period`, and what the engine does until then, that moment
included, is seen by the channel in clock n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edensim.dram.reference import Channel, Request

NEVER = 1 << 60
LOAD, STORE = 0, 1
Place = tuple[int, int, int, int]  # channel, bank, row, column


@dataclass(frozen=True)
class Tile:
    """Lines to load, time to compute, lines to store."""

    loads: Sequence[int]
    compute: int
    stores: Sequence[int]


@dataclass(eq=False)
class Memory:
    """Reference channels in time, and which load of the engine each request is (-1: a store)."""

    channels: Sequence[Channel]
    period: int
    places: dict[int, Place]  # of every line
    accepted: list[tuple[int, int, int]] = field(default_factory=list)  # clock, line, is_write
    waiting: dict[Request, int] = field(default_factory=dict)
    clock: int = 0  # the last one that is over

    def __post_init__(self) -> None:
        self.port_used = [0] * len(self.channels)  # clock in which a channel last took a line

    def offer(self, engine: Engine, side: int, now: int, line: int, load: int) -> int:
        """Offer a line; returns 0, or when to try again (NEVER: as soon as its queue has lost an entry)."""
        index, *place = self.places[line]
        channel, clock = self.channels[index], -(-now // self.period)
        if clock <= self.port_used[index]:
            return (self.port_used[index] + 1) * self.period
        request = Request(*place, bool(side), accepted=clock - 1)
        if not channel.accept(request):
            engine.refused_by[side] = index
            return NEVER
        self.port_used[index] = clock
        self.accepted.append((clock - 1, line, side))
        if request in channel.queues[side]:
            self.waiting[request] = load
        else:  # merged with a waiting write
            engine.complete(load, clock * self.period)
        return 0

    def tick(self, engine: Engine) -> None:
        """One clock of all channels."""
        self.clock = clock = self.clock + 1
        for index, channel in enumerate(self.channels):
            queued = [len(queue) for queue in channel.queues]
            before = [*channel.active, *channel.queues[0], *channel.queues[1]]
            channel.tick(clock)
            after = [*channel.active, *channel.queues[0], *channel.queues[1]]
            for request in (x for x in before if x not in after):
                s = channel.settings
                latency = s.write_latency if request.is_write else s.read_latency
                engine.complete(self.waiting.pop(request), (clock + latency) * self.period)
            for side in (LOAD, STORE):
                if len(channel.queues[side]) < queued[side] and engine.refused_by[side] == index:
                    engine.refused_by[side] = -1
                    engine.ready[side] = (clock + 1) * self.period


@dataclass(eq=False)
class Engine:
    """Loads of later tiles, one computation, and stores of earlier tiles overlap."""

    tiles: Sequence[Tile]
    depth: int
    window: int
    line_time: int
    burst_time: int
    memory: Memory
    now: int = 0
    end: int = 0  # latest of everything so far
    loaded: int = 0  # tiles whose loads have all been sent
    computed: int = 0  # tiles whose end of computation is known
    stored: int = 0  # tiles whose stores have all been sent
    tile_of: list[int] = field(default_factory=list)  # of every load in order
    done: list[int] = field(default_factory=list)  # of every load; NEVER while unknown
    ready: list[int] = field(default_factory=lambda: [0, 0])  # when each side may send again; not before `now`
    refused_by: list[int] = field(default_factory=lambda: [-1, -1])  # channel whose queue was full

    def __post_init__(self) -> None:
        count = len(self.tiles)
        self.arrived = self.now  # when the last line loaded has crossed the link
        self.left = [list(tile.loads) for tile in self.tiles], [list(tile.stores) for tile in self.tiles]
        self.begun: list[int | None] = [None] * count  # when the first load of a tile could be sent
        self.compute_end, self.store_end = [0] * count, [0] * count

    def run_until(self, time: int) -> None:
        """Do all that happens up to `time`; loads go first."""
        while True:
            self.start_computations()
            load_at, store_at = max(self.load_due(), self.now), max(self.store_due(), self.now)
            if min(load_at, store_at) > time:
                return
            self.now = min(load_at, store_at)
            if load_at <= store_at:
                self.load()
            else:
                self.store()

    def start_computations(self) -> None:
        """A tile computes when its data are there, the array is free and the tile `depth` back has been stored."""
        while self.computed < self.loaded:
            n, back = self.computed, self.computed - self.depth
            arrivals = [done for done, tile in zip(self.done, self.tile_of, strict=True) if tile == n]
            data = max([self.begun[n] or 0, *arrivals])
            if data == NEVER or back >= self.stored:
                return
            free = max(self.compute_end[n - 1] if n else 0, self.store_end[back] if back >= 0 else 0)
            self.compute_end[n] = max(data, free) + self.tiles[n].compute
            self.end = max(self.end, self.compute_end[n])
            self.computed += 1

    def load_due(self) -> int:
        """When the load side goes on: buffer, window and link are free."""
        back, before = self.loaded - self.depth, len(self.done) - self.window
        if self.loaded == len(self.tiles) or back >= self.computed:
            return NEVER
        buffer_free = self.compute_end[back] if back >= 0 else 0
        return max(buffer_free, self.ready[LOAD], self.done[before] if before >= 0 else 0)

    def load(self) -> None:
        """Send a load, or note that all of a tile's have been sent."""
        n = self.loaded
        if self.begun[n] is None:
            self.begun[n] = self.now
        if not self.left[LOAD][n]:
            self.loaded += 1
            return
        self.tile_of.append(n)
        self.done.append(NEVER)
        if not self.send(LOAD, n, len(self.done) - 1):
            self.tile_of.pop()
            self.done.pop()

    def store_due(self) -> int:
        """When the store side goes on: the tile has been computed and the link is free."""
        return max(self.compute_end[self.stored], self.ready[STORE]) if self.stored < self.computed else NEVER

    def store(self) -> None:
        """Send a store, or note that all of a tile's have been sent."""
        n = self.stored
        if not self.left[STORE][n]:
            self.stored, self.store_end[n], self.end = n + 1, self.now, max(self.end, self.now)
            return
        self.send(STORE, n, -1)

    def send(self, side: int, n: int, load: int) -> bool:
        """Offer the next line of a tile; whether it was taken."""
        retry = self.memory.offer(self, side, self.now, self.left[side][n][0], load)
        self.ready[side] = retry or self.now + self.line_time
        if not retry:
            self.left[side][n].pop(0)
        return not retry

    def complete(self, load: int, done: int) -> None:
        """The last beat of a load (by number) or a store (-1) is on the bus until `done`.

        What is loaded crosses the link, which may be slower than the bus, while it comes and in the order it comes.
        """
        if load >= 0:
            self.arrived = max(done, done - self.burst_time + self.line_time, self.arrived + self.line_time)
            done = self.arrived
        self.end = max(self.end, done)
        if load >= 0:
            self.done[load] = done


def simulate(engine: Engine) -> int:
    """Run an engine's program from its `now` on; returns the time at which everything has ended."""
    memory = engine.memory
    memory.port_used = [max(clock, engine.now // memory.period) for clock in memory.port_used]
    while True:
        engine.run_until((memory.clock + 1) * memory.period)
        if engine.stored == len(engine.tiles) and not memory.waiting:
            return max(engine.end, engine.now)
        memory.tick(engine)
