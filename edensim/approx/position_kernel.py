"""Counting flips by bit of the element, for rows with many flips.

Lines of a bitmap are added up carry-save, as they are written (`edensim.jit.join_lines`): bit k of plane p is bit p of
the number of flips at place k of a line. So flips by bit are known for a few vector instructions per line, however many
flips there are.
"""

from __future__ import annotations

import numpy as np

from edensim.jit import LINE_BYTES, PLANES, count_bits, jit_uncounted

WORDS = LINE_BYTES // 8
OVER = PLANES * WORDS  # first word of the line that collects what runs over
_0, _1 = np.uint64(0), np.uint64(1)


@jit_uncounted
def raise_planes(planes):  # type: ignore[no-untyped-def]
    """Add what ran over to the planes above."""
    left = _0
    for i in range(WORDS):
        left |= planes[OVER + i]
    first = OVER + WORDS
    while left and first < len(planes):
        left = _0
        for i in range(WORDS):
            old, carry = planes[first + i], planes[OVER + i]
            planes[first + i], planes[OVER + i] = old ^ carry, old & carry
            left |= old & carry
        first += WORDS


@jit_uncounted
def take_planes(planes, by_bit, shift):  # type: ignore[no-untyped-def]
    """Add the numbers to `by_bit`, lines beginning `shift` bits after an element; and clear them."""
    raise_planes(planes)
    bits = len(by_bit)
    mask = _0
    for k in range(0, 64, bits):
        mask |= _1 << np.uint64(k)
    weight = 1
    for first in range(0, len(planes), WORDS):
        if first == OVER:
            continue
        for i in range(first, first + WORDS):
            word = planes[i]
            planes[i] = _0
            if word:
                for k in range(bits):
                    by_bit[(k + shift) & (bits - 1)] += weight * count_bits(word & (mask << np.uint64(k)))
        weight *= 2
