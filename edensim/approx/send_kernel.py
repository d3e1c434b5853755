"""Kernels that write whole rows: what is stored, with the bits of a bitmap flipped.

A bitmap fits the nearest cache, so a flip costs no access to memory, wherever it falls; the row itself is read once and
written once, past the caches where it is large. Then whole cache lines are written, wherever the target lies in them:
what a row has of its last line is handed on to the next row, which writes that line. So a bitmap lies in a *room*: one
line for what the row before handed on, the row, and an empty line.
"""

from __future__ import annotations

import numpy as np

from edensim.approx.position_kernel import raise_planes
from edensim.jit import (
    CLEARS,
    COUNTS,
    LINE_BYTES,
    PLANES,
    STREAMS,
    copy_lines,
    count_bits,
    jit_uncounted,
    join_lines,
)
from edensim.rng_kernel import draw

AT_ONCE = 32
"""Cache lines sent between two turns at throwing points."""
CLEARS_COUNTS, STREAMS_CLEARS = CLEARS | COUNTS, STREAMS | CLEARS
ALL_WAYS = STREAMS | CLEARS | COUNTS
LOT = 1 << PLANES - 1  # lines between two turns at raising planes
_1, _6, _63 = (np.uint64(k) for k in (1, 6, 63))


@jit_uncounted
def row_bytes_of(room):  # type: ignore[no-untyped-def]
    """Bytes of a row that has such a room."""
    return len(room) - 2 * LINE_BYTES


@jit_uncounted
def send_lines(target, source, at, room, begin, lines, planes, counting):  # type: ignore[no-untyped-def]
    """Write lines from byte `at` on with the bits of a bitmap flipped, from `begin` on, and clear it; returns flips."""
    flips = 0
    for first in range(0, lines, LOT):
        x, count = first * LINE_BYTES, min(LOT, lines - first)
        if counting:
            flips += join_lines(target, at + x, source, at + x, room, begin + x, count, planes, CLEARS_COUNTS)
            raise_planes(planes)
        else:
            flips += join_lines(target, at + x, source, at + x, room, begin + x, count, planes, CLEARS)
    return flips


@jit_uncounted
def stream_lines(target, source, at, room, begin, lines, planes, counting):  # type: ignore[no-untyped-def]
    """As `send_lines`, past the caches; no flag of it, as the compiler merges branches that differ in that alone."""
    flips = 0
    for first in range(0, lines, LOT):
        x, count = first * LINE_BYTES, min(LOT, lines - first)
        if counting:
            flips += join_lines(target, at + x, source, at + x, room, begin + x, count, planes, ALL_WAYS)
            raise_planes(planes)
        else:
            flips += join_lines(target, at + x, source, at + x, room, begin + x, count, planes, STREAMS_CLEARS)
    return flips


@jit_uncounted
def drop_line(room, begin, waste, planes, counting):  # type: ignore[no-untyped-def]
    """Clear a line of a bitmap that was written byte by byte; returns its bits."""
    if counting:
        return join_lines(waste, 0, waste, 0, room, begin, 1, planes, CLEARS_COUNTS)
    return join_lines(waste, 0, waste, 0, room, begin, 1, planes, CLEARS)


@jit_uncounted
def begin_row(target, source, at, phase, joined, room, planes, waste, counting):  # type: ignore[no-untyped-def]
    """Byte of the first line that the row at byte `at` writes, and the flips before that, which are written here.

    `joined`: the row before this one handed on the beginning of that line. What it flips was counted there.
    """
    place = (phase + at) & (LINE_BYTES - 1)
    if place == 0:
        return at, 0
    if joined:
        handed_on = 0
        for i in range(LINE_BYTES - place, LINE_BYTES):
            handed_on += count_bits(np.int64(room[i]))  # type: ignore[arg-type]
        return at - place, -handed_on
    head = LINE_BYTES - place
    for i in range(head):
        target[at + i] = source[at + i] ^ room[LINE_BYTES + i]
    return at + head, drop_line(room, LINE_BYTES - place, waste, planes, counting)


@jit_uncounted
def end_row(at, phase, room, next_room, planes):  # type: ignore[no-untyped-def]
    """Hand on what the row at byte `at` has of its last line; returns the flips in it."""
    row_bytes = row_bytes_of(room)
    tail = (phase + at + row_bytes) & (LINE_BYTES - 1)
    if tail == 0:
        return 0
    to, begin = LINE_BYTES - tail, LINE_BYTES + row_bytes - tail
    return join_lines(next_room, to, next_room, to, room, begin, 1, planes, CLEARS)


@jit_uncounted
def end_rows(target, source, end, phase, room, planes, waste, counting):  # type: ignore[no-untyped-def]
    """Write what the last of several rows, which ends before byte `end`, handed on."""
    tail = (phase + end) & (LINE_BYTES - 1)
    for i in range(tail):
        target[end - tail + i] = source[end - tail + i] ^ room[LINE_BYTES - tail + i]
    if tail:
        drop_line(room, LINE_BYTES - tail, waste, planes, counting)


@jit_uncounted
def stream_row(target, source, at, phase, joined, room, next_room, planes, waste, counting):  # type: ignore[no-untyped-def]
    """Write the row at byte `at` past the caches up to its last whole line; the rest is handed on to the next room.

    Returns its flips.
    """
    start, flips = begin_row(target, source, at, phase, joined, room, planes, waste, counting)
    begin, lines = LINE_BYTES + start - at, (at + row_bytes_of(room) - start) // LINE_BYTES
    flips += stream_lines(target, source, start, room, begin, lines, planes, counting)
    return flips + end_row(at, phase, room, next_room, planes)


@jit_uncounted
def stream_clean_row(target, source, at, phase, joined, room, planes, waste, counting):  # type: ignore[no-untyped-def]
    """As `stream_row`, the bitmap being clear but for what was handed on; nothing is handed on."""
    start, _ = begin_row(target, source, at, phase, joined, room, planes, waste, counting)
    end = at + row_bytes_of(room)
    if start < at:
        stream_lines(target, source, start, room, LINE_BYTES + start - at, 1, planes, counting)
        start += LINE_BYTES
    copy_lines(target, start, source, start, (end - start) // LINE_BYTES)


@jit_uncounted
def throw_and_stream(  # type: ignore[no-untyped-def]
    target,
    source,
    at,
    phase,
    joined,
    room,
    next_room,
    next_mask,
    planes,
    waste,
    counting,
    bits,
    key,
    count,
    space,
    halves,
):
    """As `stream_row`, while points 0 … count - 1 (up to 2 BLOCK) of a stream toggle bits of the next row's bitmap.

    So the memory is busy while points are thrown, and the work takes little more than the longer of both times.
    """
    shift = np.uint64(32 - bits)
    for i in range((count + 1) >> 1):
        space[i] = draw(key, 1 + i)  # type: ignore[no-untyped-call]
    start, flips = begin_row(target, source, at, phase, joined, room, planes, waste, counting)
    begin, lines = LINE_BYTES + start - at, (at + row_bytes_of(room) - start) // LINE_BYTES
    steps = max(1, lines // AT_ONCE)
    each = count // steps  # points between two lots of lines: as many every time, which is foreseen
    done = np.uint64(count - each * steps)
    for i in range(done):
        a = np.uint64(halves[i]) >> shift
        next_mask[a >> _6] ^= _1 << (a & _63)
    for step in range(steps):
        x = step * AT_ONCE * LINE_BYTES
        now = AT_ONCE if step < steps - 1 else lines - step * AT_ONCE
        flips += stream_lines(target, source, start + x, room, begin + x, now, planes, counting)
        for i in range(each):
            a = np.uint64(halves[done + np.uint64(i)]) >> shift
            next_mask[a >> _6] ^= _1 << (a & _63)
        done += np.uint64(each)
    return flips + end_row(at, phase, room, next_room, planes)
