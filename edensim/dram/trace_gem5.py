"""Packet traces of gem5 as text: what its util/decode_packet_trace.py prints, or a CSV with a header line.

Without a header line the columns are `[pkt_id,]cmd,addr,size[,flags],tick[,pc]`: `cmd` is r, w or u, addresses are
decimal bytes, a tick is a picosecond. With one, columns stand in any order; `cmd`, `addr` and `tick` are needed.

A packet becomes the bursts that hold its bytes, each arriving with the first memory clock not before the tick. Packets
that are neither reads nor writes (`u`) are left out and counted.

Not handled: gem5's binary (protobuf) form, tick frequencies other than 1 THz, caches: packets are what the memory sees.
"""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from edensim.dram.trace_requests import Requests
from edensim.dram.trace_text_parse import BadLineError, Words, parse_choices, parse_numbers, split_words

NAMES = ("pkt_id", "cmd", "addr", "size", "flags", "tick", "pc")
NEEDED = {"cmd", "addr", "tick"}
READS, WRITES, OTHERS = ("R", "READ", "READREQ"), ("W", "WRITE", "WRITEREQ"), ("U",)
LARGEST_PACKET = 1 << 16
Ints = npt.NDArray[np.int64]


def gem5_columns(line: str) -> tuple[tuple[str, ...], bool] | None:
    """Columns by the first line of a trace, and whether that line is a header; None for another format."""
    words = [word.strip() for word in line.split(",")]
    lower = tuple(word.lower() for word in words)
    if set(lower) >= NEEDED:
        return lower, True
    place = next((k for k in (0, 1) if len(words) > k and words[k].upper() in READS + WRITES + OTHERS), None)
    if place is None or not all(word.isdigit() for k, word in enumerate(words) if k != place):
        return None
    rest = {2: ("size", "tick"), 3: ("size", "flags", "tick"), 4: ("size", "flags", "tick")}.get(len(words) - place - 2)
    return None if rest is None else ((*NAMES[1 - place : 3], *rest), False)


class Gem5Lines:
    """Parser of blocks of lines.

    Parameters
    ----------
    columns : tuple of str
        See `gem5_columns`.
    has_header : bool
        Whether the columns were told by name, so that every line has all of them.
    clock_ps : Fraction
        Memory clock.
    burst_bytes : int

    Attributes
    ----------
    left_out : int
        Packets so far that are neither reads nor writes.
    """

    def __init__(self, columns: tuple[str, ...], has_header: bool, clock_ps: Fraction, burst_bytes: int) -> None:
        self.columns, self.clock_ps, self.burst_bytes = columns, clock_ps, burst_bytes
        # gem5 prints the program counter of those packets only that have one.
        self.may_have_counter = not has_header and "flags" in columns
        self.left_out = 0

    def parse(self, block: bytes) -> tuple[Requests, Ints]:
        """Requests of whole lines, and the line of each within the block.

        Raises
        ------
        BadLineError
            At the first line that is not understood.
        """
        columns = self.columns
        if self.may_have_counter:
            block = _without_counter(block, len(columns))
        words = split_words(block, (0,) + (1,) * (len(columns) - 1))
        kind = parse_choices(words, columns.index("cmd"), (READS, WRITES, OTHERS))
        addr = parse_numbers(words, columns.index("addr"), "any", 2**64 - LARGEST_PACKET)
        tick = parse_numbers(words, columns.index("tick"), "any")
        size = self._sizes(words)
        keep = kind < 2
        self.left_out += int(np.count_nonzero(~keep))
        return self._bursts(addr[keep], size[keep], self._clocks(tick[keep]), kind[keep], words.line[keep])

    def _sizes(self, words: Words) -> npt.NDArray[np.uint64]:
        if "size" not in self.columns:
            return np.ones(len(words.line), np.uint64)
        size = parse_numbers(words, self.columns.index("size"), "any", LARGEST_PACKET)
        if len(size) and not size.all():
            k = int(np.argmin(size))
            raise BadLineError(words.line[k], f"the size is 0; expected 1 to {LARGEST_PACKET} bytes")
        return size

    def _clocks(self, tick: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """ceil(tick / clock) without overflow: whole multiples of the numerator first."""
        over, under = np.uint64(self.clock_ps.numerator), np.uint64(self.clock_ps.denominator)
        whole, rest = np.divmod(tick, over)
        return whole * under + (rest * under + over - np.uint64(1)) // over

    def _bursts(
        self,
        addr: npt.NDArray[np.uint64],
        size: npt.NDArray[np.uint64],
        clock: npt.NDArray[np.uint64],
        is_write: npt.NDArray[np.uint8],
        line: Ints,
    ) -> tuple[Requests, Ints]:
        burst = np.uint64(self.burst_bytes)
        first = addr // burst
        count = ((addr + size - np.uint64(1)) // burst - first + np.uint64(1)).astype(np.int64)
        if (count > 1).any():
            within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
            first = np.repeat(first, count) + within.astype(np.uint64)
            clock, is_write, line = np.repeat(clock, count), np.repeat(is_write, count), np.repeat(line, count)
        return Requests(first * burst, is_write, clock), line


def _without_counter(block: bytes, columns: int) -> bytes:
    """Drop the column `pc` where a line has one more than the others."""
    if block.count(b",") == (columns - 1) * block.count(b"\n"):
        return block
    return re.sub(rb"(?m)^((?:[^,#\n]*,){%d}[^,#\n]*),[^,#\n]*" % (columns - 1), rb"\1", block)
