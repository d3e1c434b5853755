"""Kernels that write a whole row: what is stored, with the bits of a bitmap flipped.

A bitmap fits the nearest cache, so a flip costs no access to memory, wherever it falls; the row itself is read once and
written once, past the caches where it is large. Bitmap and target lie alike within cache lines, so that whole lines can
be written; what is left at either end of a row is written word by word.
"""

from __future__ import annotations

import numpy as np

from edensim.jit import LINE_BYTES, copy_lines, count_bits, jit_uncounted, join_lines, prefetch
from edensim.rng_kernel import draw

AT_ONCE = 4  # cache lines sent between two turns at throwing points
_0, _1, _6, _63 = (np.uint64(k) for k in (0, 1, 6, 63))


@jit_uncounted
def whole_lines(phase, at, row_bytes):  # type: ignore[no-untyped-def]
    """Bytes of a row at byte `at` before its first whole cache line, and how many of those it has."""
    head = -(phase + at) & (LINE_BYTES - 1)
    return head, (row_bytes - head) // LINE_BYTES


@jit_uncounted
def send_words(target, source, at, mask, first, last):  # type: ignore[no-untyped-def]
    """Write words first … last - 1 of the row at byte `at` (target and source are words); returns the flips."""
    flips, row = 0, np.uint64(at >> 3)
    for k in range(first, last):
        i = np.uint64(k)
        flips += count_bits(mask[i])
        target[row + i] = source[row + i] ^ mask[i]
        mask[i] = _0
    return flips


@jit_uncounted
def send_ends(target, target_words, source_words, at, phase, mask):  # type: ignore[no-untyped-def]
    """Write what lies before and behind the whole cache lines of a row; returns the flips.

    These are parts of lines, which are read before they are written; so that of the row after next is fetched now.
    """
    prefetch(target, at + 16 * len(mask))
    head, lines = whole_lines(phase, at, 8 * len(mask))
    flips = send_words(target_words, source_words, at, mask, 0, head >> 3)
    return flips + send_words(target_words, source_words, at, mask, (head + lines * LINE_BYTES) >> 3, len(mask))


@jit_uncounted
def send_row(target, target_words, source, source_words, at, phase, mask, mask_bytes):  # type: ignore[no-untyped-def]
    """Write the row at byte `at` with the bits of a bitmap flipped, and clear that; returns the flips."""
    head, lines = whole_lines(phase, at, len(mask_bytes))
    flips = send_ends(target, target_words, source_words, at, phase, mask)
    return flips + join_lines(target, at + head, source, at + head, mask_bytes, head, lines, 0)


@jit_uncounted
def stream_row(target, target_words, source, source_words, at, phase, mask, mask_bytes):  # type: ignore[no-untyped-def]
    """As `send_row`, past the caches; no flag of it, as the compiler merges branches that differ in that alone."""
    head, lines = whole_lines(phase, at, len(mask_bytes))
    flips = send_ends(target, target_words, source_words, at, phase, mask)
    return flips + join_lines(target, at + head, source, at + head, mask_bytes, head, lines, 1)


@jit_uncounted
def stream_clean_row(target, target_words, source, source_words, at, phase, mask):  # type: ignore[no-untyped-def]
    """As `stream_row`, the bitmap being clear."""
    head, lines = whole_lines(phase, at, 8 * len(mask))
    send_ends(target, target_words, source_words, at, phase, mask)
    copy_lines(target, at + head, source, at + head, lines)


@jit_uncounted
def throw_and_stream(  # type: ignore[no-untyped-def]
    target, target_words, source, source_words, at, phase, mask, mask_bytes, next_mask, bits, key, count, space, halves
):
    """As `stream_row`, while points 0 … count - 1 (up to 2 BLOCK) of a stream toggle bits of the next row's bitmap.

    So the memory is busy while points are thrown, and the work takes little more than the longer of both times.
    """
    shift = np.uint64(32 - bits)
    for i in range((count + 1) >> 1):
        space[i] = draw(key, 1 + i)  # type: ignore[no-untyped-call]
    head, lines = whole_lines(phase, at, len(mask_bytes))
    steps = lines // AT_ONCE
    each = count // steps  # points between two lots of lines: as many every time, which is foreseen
    done = np.uint64(count - each * steps)
    for i in range(done):
        a = np.uint64(halves[i]) >> shift
        next_mask[a >> _6] ^= _1 << (a & _63)
    flips = send_ends(target, target_words, source_words, at, phase, mask)
    for step in range(steps):
        place = head + step * AT_ONCE * LINE_BYTES
        flips += join_lines(target, at + place, source, at + place, mask_bytes, place, AT_ONCE, 1)
        for i in range(each):
            a = np.uint64(halves[done + np.uint64(i)]) >> shift
            next_mask[a >> _6] ^= _1 << (a & _63)
        done += np.uint64(each)
    place = head + steps * AT_ONCE * LINE_BYTES
    return flips + join_lines(target, at + place, source, at + place, mask_bytes, place, lines - steps * AT_ONCE, 1)
