"""Kernels that gather the bitmaps of the rows of a unit, where these lie among each other, as with channels in turn.

The unit is then written as if it were one row: its bitmap lies in a room of its own (`send_kernel`).
"""

from __future__ import annotations

import numpy as np

from edensim.approx.tables_kernel import BURST_SHIFT, MODULUS
from edensim.jit import CLEARS, LINE_BYTES, count_bits, jit_uncounted, join_lines
from edensim.rng_kernel import draw


@jit_uncounted
def place_in_unit(line, channel, column, column_line, form):  # type: ignore[no-untyped-def]
    """First byte, in the room of a unit, of a burst of the row of that line and channel (see `LayoutTable`)."""
    return LINE_BYTES + (((line ^ column_line[column]) * form[MODULUS] + channel) << form[BURST_SHIFT])


@jit_uncounted
def gather_row(unit_room, room, line, channel, column_line, form, planes):  # type: ignore[no-untyped-def]
    """Move the bitmap of a row into that of its unit; returns its bits."""
    burst_bytes, flips = 1 << form[BURST_SHIFT], 0
    lines = burst_bytes // LINE_BYTES
    for column in range(len(column_line)):
        to = place_in_unit(line, channel, column, column_line, form)
        begin = LINE_BYTES + column * burst_bytes
        if lines:
            flips += join_lines(unit_room, to, unit_room, to, room, begin, lines, planes, CLEARS)
            continue
        for i in range(burst_bytes):
            flips += count_bits(np.int64(room[begin + i]))  # type: ignore[arg-type]
            unit_room[to + i] ^= room[begin + i]
            room[begin + i] = 0
    return flips


@jit_uncounted
def gather_listed(unit_room, mask_bytes, touched, count, line, channel, column_line, form):  # type: ignore[no-untyped-def]
    """As `gather_row`, of the bytes noted."""
    shift, flips = form[BURST_SHIFT], 0
    for i in range(count):
        byte = touched[i]
        to = place_in_unit(line, channel, byte >> shift, column_line, form) + (byte & ((1 << shift) - 1))
        flips += count_bits(np.int64(mask_bytes[byte]))  # type: ignore[arg-type]
        unit_room[to] ^= mask_bytes[byte]
        mask_bytes[byte] = 0
    return flips


@jit_uncounted
def throw_into_unit(unit_room, bits, key, count, space, halves, line, channel, column_line, form):  # type: ignore[no-untyped-def]
    """Toggle points 0 … count - 1 (up to 2 BLOCK) of a row in the bitmap of its unit; returns the bits it sets."""
    flips, shift, burst_bits = np.int64(0), np.uint64(32 - bits), form[BURST_SHIFT] + 3
    for i in range((count + 1) >> 1):
        space[i] = draw(key, 1 + i)  # type: ignore[no-untyped-call]
    for i in range(count):
        a = np.int64(np.uint64(halves[i]) >> shift)
        at = place_in_unit(line, channel, a >> burst_bits, column_line, form)
        at += (a & ((1 << burst_bits) - 1)) >> 3
        old = unit_room[at]
        unit_room[at] = old ^ np.uint8(1 << (a & 7))
        flips += 1 - 2 * (np.int64(old) >> (a & 7) & 1)
    return flips
