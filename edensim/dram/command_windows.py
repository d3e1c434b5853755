"""Counters at regular clocks of a trace of unknown length, so that power over time needs no second pass.

Whenever there are too many windows every second mark is dropped and windows become twice as wide: memory is flat, and
at the end there are between half of `MOST` and `MOST` windows (fewer for short traces).
"""

from __future__ import annotations

from collections.abc import Sequence

from edensim.dram.command_counts import CommandCounter, CommandCounts
from edensim.dram.command_text import Commands

FIRST_WIDTH = 1 << 10
MOST = 256


class WindowedCounter:
    """A `CommandCounter` that also notes what it has counted at every multiple of `width`.

    Attributes
    ----------
    counter : CommandCounter
    width : int
        Clocks of a window.
    marks : list of CommandCounts
        Counters at width, 2 width, 3 width …
    """

    def __init__(self, counter: CommandCounter) -> None:
        self.counter, self.width = counter, FIRST_WIDTH
        self.marks: list[CommandCounts] = []

    def feed(self, part: Commands) -> None:
        """Count a piece of a trace; raises `BadCommandError`."""
        done, n = 0, len(part.clocks)
        arrays = (part.clocks, part.commands, part.ranks, part.banks)
        while True:
            done = self.counter.feed(*arrays, start=done, stop_clock=self._next())
            if done == n:
                return
            self._mark()

    def finish(self, clock: int) -> None:
        """Note marks up to the end of the trace."""
        while self._next() < clock:
            self._mark()

    def coarsen(self) -> None:
        """Make windows twice as wide."""
        self.marks = self.marks[1::2]
        self.width *= 2

    def _next(self) -> int:
        return (len(self.marks) + 1) * self.width

    def _mark(self) -> None:
        self.marks.append(self.counter.counts(self._next()))
        if len(self.marks) == MOST:
            self.coarsen()


def window_counts(counters: Sequence[WindowedCounter], end_clock: int) -> tuple[int, list[list[CommandCounts]]]:
    """What happened in every window: its width in clocks, and per channel the counters of each window.

    The last window is as long as the trace leaves it.
    """
    for one in counters:
        one.finish(end_clock)
    width = max(one.width for one in counters)
    out = []
    for one in counters:
        while one.width < width:
            one.coarsen()
        upto = [*one.marks, one.counter.counts(end_clock)]
        out.append([upto[0]] + [after - before for before, after in zip(upto, upto[1:], strict=False)])
    return width, out
