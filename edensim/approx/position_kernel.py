"""Counting flips by bit of the element, for rows with many flips.

Words are added up carry-save: eight words of one lane give one word of eights, and three words of ones, twos and fours
that stay for the next eight. So only one word in eight is looked at bit by bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edensim.jit import count_bits, jit_inline, jit_uncounted

TOGETHER = 8  # words of a lane added up at once
ONES, TWOS, FOURS, EIGHTS, SLICES = range(5)
_0, _1 = np.uint64(0), np.uint64(1)


@jit_inline
def add_three(a, b, c):  # type: ignore[no-untyped-def]
    """Sum and carry of three bits, in every position."""
    u = a ^ b
    return u ^ c, (a & b) | (u & c)


@jit_uncounted
def add_words(words, base, count, slices):  # type: ignore[no-untyped-def]
    """Add the bits of `count` words (a multiple of 8) from words[base] on to `slices`, and make each lane's eights."""
    lanes, x = np.uint64(count // TOGETHER), np.uint64(base)
    for k in range(count // TOGETHER):
        j = np.uint64(k)
        i = x + j
        a, first = add_three(slices[j], words[i], words[i + lanes])
        a, second = add_three(a, words[i + np.uint64(2) * lanes], words[i + np.uint64(3) * lanes])
        a, third = add_three(a, words[i + np.uint64(4) * lanes], words[i + np.uint64(5) * lanes])
        a, fourth = add_three(a, words[i + np.uint64(6) * lanes], words[i + np.uint64(7) * lanes])
        b, low = add_three(slices[j + lanes], first, second)
        b, high = add_three(b, third, fourth)
        c, eight = add_three(slices[j + np.uint64(FOURS) * lanes], low, high)
        slices[j], slices[j + lanes] = a, b
        slices[j + np.uint64(FOURS) * lanes] = c
        slices[j + np.uint64(EIGHTS) * lanes] = eight


@jit_uncounted
def add_slice(slices, begin, lanes, weight, by_bit):  # type: ignore[no-untyped-def]
    """Count the bits of one slice by bit of the element, each as `weight`."""
    bits = len(by_bit)
    mask = _0
    for k in range(0, 64, bits):
        mask |= _1 << np.uint64(k)
    for k in range(bits):
        mine, found = mask << np.uint64(k), 0
        for j in range(lanes):
            found += count_bits(slices[np.uint64(begin + j)] & mine)
        by_bit[k] += weight * found


@jit_uncounted
def count_row(words, base, count, slices, by_bit):  # type: ignore[no-untyped-def]
    """Count the bits of a row by bit of the element, up to a rest that `count_rest` adds."""
    lanes = count // TOGETHER
    add_words(words, base, count, slices)
    add_slice(slices, EIGHTS * lanes, lanes, TOGETHER, by_bit)


@jit_uncounted
def count_rest(slices, count, by_bit):  # type: ignore[no-untyped-def]
    """Add what `count_row` kept of rows of `count` words, and forget it."""
    lanes = count // TOGETHER
    for k in range(EIGHTS):
        add_slice(slices, k * lanes, lanes, 1 << k, by_bit)
    for i in range(EIGHTS * lanes):
        slices[i] = _0


def slices_for(row_bytes: int) -> NDArray[np.uint64]:
    """Counters for rows of so many bytes, and behind them a row to work in; empty for rows counted bit by bit."""
    count = row_bytes // 8
    return np.zeros(SLICES * (count // TOGETHER) + count if count % TOGETHER == 0 else 0, np.uint64)
