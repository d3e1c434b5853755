"""Replay of request traces on the DRAM alone, streamed with flat memory.

A replay ends when every request has completed: a read when its last beat has arrived, a write when its column command
has issued, a forwarded read or coalesced write when it was accepted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.dram.command_log import CommandLog
from edensim.dram.commands import COMMAND_NAMES, is_rank_command
from edensim.dram.controller import DramSystem
from edensim.dram.counters import Counters
from edensim.dram.replay_kernel import DONE, LAST, LOG_FULL, RUN_FIELDS, replay
from edensim.dram.trace_requests import Requests, check_addresses
from edensim.errors import InputError
from edensim.memory import decode_lines

Int = NDArray[np.int64]
BLOCK = 1 << 14
"""Requests decoded at a time; the arrays stay in the second-level cache."""
LATEST = 1 << 40
"""Arrivals lie before this clock (a quarter of an hour at 1.2 GHz); every idle refresh until then is simulated."""
Sink = Callable[[int, Int], None]


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
    sinks: list[Sink] = [hashes] if hashes else []
    if keep_log:
        sinks.append(lambda c, log: kept[c].append(log.copy()))
    channels = system.new_channels(log_commands=bool(sinks))
    run = np.zeros(RUN_FIELDS, np.int64)
    feed = _Feed(system, channels, run, sinks)
    count = 0
    for part in parts:
        check_addresses(
            part.addr,
            system.line_bytes,
            system.geometry.capacity_bytes,
            wrap=system.dram.address_wrap,
            first=count,
            where=where,
        )
        check_arrival(part, count, where)
        for start in range(0, len(part.addr), BLOCK):
            feed(*(None if x is None else x[start : start + BLOCK] for x in part[:3]))
            if progress is not None:
                progress(count + min(start + BLOCK, len(part.addr)))
        count += len(part.addr)
    feed.finish()
    log = system.command_log(tuple(_joined(x) for x in kept)) if keep_log else None
    digests = [d.hexdigest() for d in hashes.digests] if hashes else None
    return ReplayResult(count, system.counters(channels, int(run[LAST])), channels, log, digests)


def check_arrival(part: Requests, first: int, where: str) -> None:
    """Refuse arrivals that no simulation reaches, as a flipped bit makes them; `first` = index of the first request."""
    if part.arrival is None or not len(part.arrival) or int(part.arrival.max()) < LATEST:
        return
    k = int(np.argmax(part.arrival >= np.uint64(LATEST)))
    raise InputError(
        f"{where}: request {first + k}: arrival {int(part.arrival[k])} is later than a replay simulates; "
        f"expected a memory clock from 0 to {LATEST - 1}"
    )


class _Feed:
    """Decodes blocks of requests and hands them to the kernel, saving full command logs on the way."""

    def __init__(self, system: DramSystem, channels: np.ndarray, run: Int, sinks: list[Sink]) -> None:
        self.system, self.channels, self.run, self.sinks = system, channels, run, sinks
        self.modulus, self.table = system.address_map.kernel_table()
        self.place = [np.zeros(BLOCK, np.int64) for _ in range(4)]
        self.line, self.no_arrival = np.zeros(BLOCK, np.int64), np.zeros(BLOCK, np.int64)
        self.shift = np.uint64(system.line_bytes.bit_length() - 1)

    def __call__(self, addr: Any, is_write: Any, arrival: Any) -> None:
        n = len(addr)
        line = self.line[:n]
        np.right_shift(addr, self.shift, out=line, casting="unsafe")
        if self.system.dram.address_wrap:
            line %= self.system.geometry.lines
        place = [x[:n] for x in self.place]
        decode_lines(line, 0, self.modulus, self.table, *place)
        when = self.no_arrival[:n] if arrival is None else arrival.view(np.int64)
        self._advance(place, line, is_write.view(np.uint8), when, final=False)

    def finish(self) -> None:
        """Let every request complete."""
        none = np.zeros(0, np.int64)
        self._advance([none] * 4, none, none.astype(np.uint8), none, final=True)
        self._save_logs()

    def _advance(self, place: list[Int], line: Int, is_write: Int, arrival: Int, final: bool) -> None:
        cursor = np.zeros(1, np.int64)
        channel, bank, row, column = place
        while True:
            result = replay(
                self.channels,
                self.system.tables,
                channel,
                bank,
                row,
                column,
                line,
                is_write,
                arrival,
                cursor,
                self.run,
                final,
            )
            if result != LOG_FULL:
                assert result == DONE or not final
                return
            self._save_logs()

    def _save_logs(self) -> None:
        if not self.sinks:
            return
        for c, state in enumerate(self.channels):
            log = state["log"][: state["logged"]]
            for sink in self.sinks:
                sink(c, log)
        self.channels["logged"] = 0


def _joined(parts: list[Int]) -> Int:
    return np.concatenate(parts) if parts else np.zeros((0, 5), np.int64)
