"""Replay of request traces on the DRAM alone, streamed with flat memory.

Every channel is offered one request per clock, in the order of the trace and not before its arrival; a full queue makes
the later requests of that channel wait, not those of others. A replay ends when every request has completed: a read or
write with the last beat of its data, a forwarded read or coalesced write when it was accepted. With
`dram.controller.front_end = "ramulator2"` it is one request per clock for the whole memory, and a write ends with its
column command.

Channels that do not share a front end run in threads of their own; results do not depend on how many there are.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.dram.command_log import CommandLog
from edensim.dram.command_log_write import Sink
from edensim.dram.commands import COMMAND_NAMES, is_rank_command
from edensim.dram.controller import DramSystem
from edensim.dram.counters import Counters
from edensim.dram.replay_kernel import (
    ACCEPT_FROM,
    DONE,
    LAST,
    LOG_FULL,
    RUN_FIELDS,
    STOP,
    STOPPED,
    WRITE_LATENCY,
    replay,
)
from edensim.dram.split_kernel import split_requests
from edensim.dram.switching import ChannelSwitching, SwitchedSystem
from edensim.dram.trace_requests import Requests, check_addresses
from edensim.errors import InputError
from edensim.jit import JIT_DISABLED
from edensim.memory import decode_lines

Int = NDArray[np.int64]
BLOCK = 1 << 13
"""Requests decoded at a time, per thread; the arrays stay in the second-level cache."""
BLOCKS = 8
"""Blocks per thread between two meetings of all threads."""
LATEST = 1 << 40
"""Arrivals lie before this clock (a quarter of an hour at 1.2 GHz); every idle refresh until then is simulated."""


@dataclass(frozen=True)
class ReplayResult:
    """What a replay did. `channels`: final state records; `log`: every command, if it was asked for."""

    requests: int
    counters: Counters
    channels: np.ndarray
    log: CommandLog | None
    command_sha256: list[str] | None

    @property
    def cycles(self) -> int:
        """Clock at which the last request completed."""
        return int(self.counters.cycles.max())


class CommandHash:
    """SHA-256 over all commands of every channel, in the record format of ramulator 2's binary command trace.

    Per command, little-endian int64: clock, command number, one number per level below channel down to bank, row,
    column; -1 where a command addresses all nodes of a level, row except on ACT, column except on RD and WR.
    """

    def __init__(self, system: DramSystem) -> None:
        g, levels = system.geometry, system.timing.standard.levels[1:]
        self.levels = [(g.spans[name], g.fan_out[name]) for name in levels]
        self.rank_span = g.banks_per_rank
        order = system.timing.standard.command_numbers
        self.number = np.array([order.index(n) if n in order else -9 for n in COMMAND_NAMES], np.int64)
        self.digests = [hashlib.sha256() for _ in range(g.channels)]

    def __call__(self, channel: int, log: Int) -> None:
        """Add commands of one channel."""
        out = np.full((len(log), 4 + len(self.levels)), -1, np.int64)
        whole_rank = is_rank_command(log[:, 1])
        bank = np.where(whole_rank, log[:, 2] * self.rank_span, log[:, 2])
        out[:, 0], out[:, 1] = log[:, 0], self.number[log[:, 1]]
        for k, (span, size) in enumerate(self.levels, 2):
            out[:, k] = np.where(whole_rank & (span < self.rank_span), -1, bank // span % size)
        out[:, -2:] = log[:, 3:5]
        self.digests[channel].update(out.astype("<i8").tobytes())


def replay_requests(
    system: DramSystem,
    parts: Iterable[Requests],
    *,
    keep_log: bool = False,
    command_hash: bool = False,
    sinks: Sequence[Sink] = (),
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
    where: str = "trace",
) -> ReplayResult:
    """Replay a stream of requests.

    Parameters
    ----------
    system : DramSystem
        The memory.
    parts : iterable of Requests
        Requests in order, in pieces of any size.
    keep_log : bool
        Keep every command (40 bytes each).
    command_hash : bool
        Digest every command per channel; flat in memory.
    sinks : sequence of callables
        Called with a channel and its next commands, as `command_output` takes them. Those of one channel come in order,
        those of different channels at once, from several threads.
    threads : int, optional
        Threads over which channels are spread. By default as many as there are cores, but one in a worker process,
        whose neighbours have the other cores, and for `front_end = "ramulator2"`, whose channels wait for each other.
    progress : callable, optional
        Called with the number of requests consumed so far.
    where : str
        Name of the trace in error messages.

    Raises
    ------
    InputError
        An address that is unaligned or beyond the memory, an arrival beyond any sensible time.
    """
    hashes = CommandHash(system) if command_hash else None
    kept: list[list[Int]] = [[] for _ in range(system.geometry.channels)]
    sinks = [*sinks, *([hashes] if hashes else [])]
    if keep_log:
        sinks.append(lambda c, log: kept[c].append(log.copy()))
    channels = system.new_channels(log_commands=bool(sinks))
    groups = channel_groups(system)
    threads = min(len(groups), usable_threads() if threads is None else threads)
    count = 0
    with ThreadPoolExecutor(threads) if threads > 1 else nullcontext() as pool:
        feed = _Feed(system, channels, groups, sinks, pool, BLOCKS * threads, where)
        for part in parts:
            for start in range(0, len(part.addr), feed.size):
                feed(part, start, count + start)
                if progress is not None:
                    progress(count + min(start + feed.size, len(part.addr)))
            count += len(part.addr)
        end = feed.finish()
    log = system.command_log(tuple(_joined(x) for x in kept)) if keep_log else None
    digests = [d.hexdigest() for d in hashes.digests] if hashes else None
    return ReplayResult(count, system.counters(channels, end), channels, log, digests)


def check_arrival(arrival: NDArray[np.uint64] | None, first: int, where: str) -> None:
    """Refuse arrivals that no simulation reaches, as a flipped bit makes them; `first` = index of the first request."""
    if arrival is None or not len(arrival) or int(arrival.max()) < LATEST:
        return
    k = int(np.argmax(arrival >= np.uint64(LATEST)))
    raise InputError(
        f"{where}: request {first + k}: arrival {int(arrival[k])} is later than a replay simulates; "
        f"expected a memory clock from 0 to {LATEST - 1}"
    )


def channel_groups(system: DramSystem) -> list[slice]:
    """Channels that the kernel advances together because they share a front end: all of them, or each its own."""
    channels = system.geometry.channels
    if system.dram.controller.front_end == "ramulator2":
        return [slice(0, channels)]
    return [slice(c, c + 1) for c in range(channels)]


def usable_threads() -> int:
    """Threads that are worth having: the cores this process may use; one in a worker process or without compiler."""
    if JIT_DISABLED or multiprocessing.parent_process() is not None:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Block:
    """Requests that are decoded together: in their order for one group of channels, else sorted by channel."""

    def __init__(self, system: DramSystem, is_sorted: bool) -> None:
        self.map = system.address_map.kernel_table()
        self.lines = system.geometry.lines
        self.shift = system.line_bytes.bit_length() - 1
        self.is_sorted, self.wraps = is_sorted, system.dram.address_wrap
        self.scratch, self.out = (np.zeros((5, BLOCK), np.int64) for _ in range(2))
        self.is_write, self.zeros = np.zeros(BLOCK, np.uint8), np.zeros(BLOCK, np.int64)
        self.begin = np.zeros(system.geometry.channels + 1, np.int64)
        self.requests: list[Any] = []

    def fill(self, requests: tuple[Any, Any, Any]) -> None:
        """Take addresses, is_write and arrivals (or None) of at most BLOCK requests."""
        addr, is_write, when = requests
        is_write, n = is_write.view(np.uint8), len(addr)
        arrival = self.zeros[:n] if when is None else when.view(np.int64)
        if self.is_sorted:
            space = self.scratch, self.out, self.is_write, self.begin
            split_requests(addr, is_write, arrival, self.shift, self.lines, *self.map, *space)
            return
        line, *place = (x[:n] for x in self.scratch)
        np.right_shift(addr, np.uint64(self.shift), out=line, casting="unsafe")
        if self.wraps:
            line %= self.lines
        decode_lines(line, 0, *self.map, *place)
        self.requests = [*place, line, is_write, arrival]

    def of(self, group: slice) -> list[Any]:
        """Requests of a group of channels, as `replay` takes them."""
        if not self.is_sorted:
            return self.requests
        mine = slice(int(self.begin[group.start]), int(self.begin[group.stop]))
        bank, row, column, line, arrival = (x[mine] for x in self.out)
        return [self.zeros[: len(bank)], bank, row, column, line, self.is_write[mine], arrival]


class _Feed:
    """Decodes blocks of requests and hands them to the kernel, emptying full command logs on the way.

    Groups of channels do not know of each other, so each can have a thread of the pool, and so can each block while it
    is decoded: the kernels release the GIL.
    """

    def __init__(
        self,
        system: DramSystem,
        channels: np.ndarray,
        groups: list[slice],
        sinks: Sequence[Sink],
        pool: ThreadPoolExecutor | None,
        blocks: int,
        where: str,
    ) -> None:
        self.where = where
        self.system, self.channels, self.groups = system, channels, groups
        self.sinks, self.pool = sinks, pool
        self.runs = np.zeros((len(groups), RUN_FIELDS), np.int64)
        shared = system.dram.controller.front_end == "ramulator2"
        self.runs[:, WRITE_LATENCY] = 0 if shared else system.timing.write_latency
        self.tables, self.switching = system.tables, list[ChannelSwitching]()
        if isinstance(system, SwitchedSystem):
            self.tables = system.tables.copy()
            self.switching = [ChannelSwitching(system, c, channels, self.tables) for c in range(len(channels))]
            for group in range(len(groups)):
                self._set_stop(group)
        turns = 1 if pool is None else 2  # one is decoded while the other is simulated
        self.blocks = [_Block(system, is_sorted=len(groups) > 1) for _ in range(turns * blocks)]
        self.spare, self.ready = self.blocks, list[_Block]()
        self.size = blocks * BLOCK

    def __call__(self, part: Requests, start: int, first: int) -> None:
        """At most `size` requests, which begin at `start` of the part; `first` is their index in the trace.

        Threads advance channels through the requests before these, and whoever is done early decodes these.
        """
        begins = range(start, min(start + self.size, len(part.addr)), BLOCK)
        filled = self.spare[: len(begins)]
        fills = [partial(self._fill, filled[k], part, begins[k], first + k * BLOCK) for k in range(len(begins))]
        if self.pool is None:
            self._spread(fills)
            self._spread(self._advances(filled))
        else:
            self._spread([*self._advances(self.ready), *fills])
            self.spare = [block for block in self.blocks if block not in filled]
            self.ready = filled

    def _advances(self, blocks: list[_Block]) -> list[Callable[[], None]]:
        return [partial(self._advance_through, group, blocks) for group in range(len(self.groups))]

    def _fill(self, block: _Block, part: Requests, begin: int, first: int) -> None:
        """Check and decode the next requests of a part."""
        system, piece = self.system, slice(begin, begin + BLOCK)
        addr, arrival = part.addr[piece], None if part.arrival is None else part.arrival[piece]
        capacity, wrap = system.geometry.capacity_bytes, system.dram.address_wrap
        check_addresses(addr, system.line_bytes, capacity, wrap=wrap, first=first, where=self.where)
        check_arrival(arrival, first, self.where)
        block.fill((addr, part.is_write[piece], arrival))

    def finish(self) -> int:
        """Let every request complete; returns the clock at which the last one has.

        Groups end at different clocks, so what happens in the others until the last one's end follows in a second turn.
        """
        none = np.zeros(0, np.int64)
        nothing: list[Any] = [none, none, none, none, none, none.astype(np.uint8), none]
        groups = range(len(self.groups))
        self._spread(self._advances(self.ready))
        for _ in range(2):
            self._spread([partial(self._advance, group, nothing, final=True) for group in groups])
            self.runs[:, LAST] = self.runs[:, LAST].max()
        self._spread([partial(self._empty_logs, group) for group in groups])
        return int(self.runs[0, LAST])

    def _spread(self, tasks: Sequence[Callable[[], None]]) -> None:
        """Do the tasks, in the threads if there are any."""
        if self.pool is None:
            for task in tasks:
                task()
        else:
            list(self.pool.map(lambda task: task(), tasks))

    def _advance_through(self, group: int, blocks: list[_Block]) -> None:
        for block in blocks:
            self._advance(group, block.of(self.groups[group]), final=False)

    def _advance(self, group: int, requests: list[Any], final: bool) -> None:
        cursor, where = np.zeros(1, np.int64), self.groups[group]
        while True:
            result = replay(self.channels[where], self.tables[where], *requests, cursor, self.runs[group], final)
            if result == STOPPED:
                self._switch(group)
            elif result == LOG_FULL:
                self._empty_logs(group)
            else:
                assert result == DONE or not final
                return

    def _switch(self, group: int) -> None:
        """All before the stop has happened: do what switches ask for then."""
        run, stop = self.runs[group], int(self.runs[group, STOP])
        for channel in self.switching[self.groups[group]]:
            if channel.stop == stop and channel.act():
                run[ACCEPT_FROM] = max(int(run[ACCEPT_FROM]), stop - 1)
        self._set_stop(group)

    def _set_stop(self, group: int) -> None:
        self.runs[group, STOP] = min(channel.stop for channel in self.switching[self.groups[group]])

    def _empty_logs(self, group: int) -> None:
        if not self.sinks:
            return
        for c in range(*self.groups[group].indices(len(self.channels))):
            log = self.channels[c]["log"][: self.channels[c]["logged"]]
            for sink in self.sinks:
                sink(c, log)
        self.channels["logged"][self.groups[group]] = 0


def _joined(parts: list[Int]) -> Int:
    return np.concatenate(parts) if parts else np.zeros((0, 5), np.int64)
