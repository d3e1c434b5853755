"""Kernels that draw which bits of one row flip.

Every draw is a word of a stream keyed by the row, so rows can be drawn in any order and by any thread. The streams of a
row are those of `law_table`; within stream "weak" of a row, class b has the stream draw(key, b): word 0 gives the
number of points, words 1 … the points, two to a word, the first in the low half.

A row is a run of uint64 words, its bit k being bit k % 64 of word k // 64, and so is a bitmap of a row. Functions take
arrays and the index of the row's first word instead of slices: a slice counts references, which is slow, and slower
still when two threads count the same.
"""

from __future__ import annotations

import numpy as np

from edensim.approx.tables_kernel import (
    ALL,
    ALL_CHIPS,
    BEGIN,
    BITLINE,
    BLOCK,
    BURST_SHIFT,
    CHIP_BITS,
    CHIP_COUNT,
    CHIPS,
    CLASSES,
    DATA_DEPENDENT,
    END,
    FIRST_FAIL,
    FIRST_GROUP,
    FIRST_ORDER,
    KIND,
    KINDS,
    LINEAR,
    LOW,
    MASK_BITS,
    MODULUS,
    OUTCOME,
    PAGE_SHIFT,
    PER_UNIT,
    PLACE,
    PREVIOUS,
    PREVIOUS_ROW,
    ROW_BITS,
    ROW_BYTES,
    SCATTERED,
    SIZE,
    SKIPPED_BYTES,
    START,
    UNIT_SHIFT,
    WEAK,
)
from edensim.jit import jit_pasted, jit_uncounted
from edensim.rng_kernel import draw

MASK_STREAM = 1 << 32
"""First word of a stream that is the key of a mask, beyond all points."""
OUTSIDE = -(1 << 62)
_0, _1, _6, _32, _63, _LOW32 = (np.uint64(k) for k in (0, 1, 6, 32, 63, 0xFFFFFFFF))


@jit_uncounted
def number_of_points(word, thresholds, groups, group):  # type: ignore[no-untyped-def]
    """Poisson number of a group that belongs to a word."""
    begin, left = groups[group, BEGIN], groups[group, END] - groups[group, BEGIN]
    first = begin
    while left > 0:  # without branches on random numbers, which would be guessed wrong every other time
        half = (left + 1) >> 1
        begin += half * np.int64(thresholds[begin + half - 1] > word)
        left -= half
    return groups[group, LOW] + begin - first


@jit_uncounted
def point(key, i, places):  # type: ignore[no-untyped-def]
    """Point `i` of a stream, thrown on so many places (up to 2^31): half a word, scaled down."""
    half = (draw(key, 1 + (i >> 1)) >> np.uint64(32 * (i & 1))) & _LOW32
    return np.int64((half * np.uint64(places)) >> _32)


@jit_uncounted
def toggle_points(mask, bits, key, count, space, halves):  # type: ignore[no-untyped-def]
    """Toggle points 0 … count - 1 of a stream on 2^bits places in a bitmap.

    `space` and `halves` are BLOCK words to work in, and the same memory as uint32.
    """
    shift = np.uint64(32 - bits)
    for first in range(0, count, 2 * BLOCK):
        thrown = min(2 * BLOCK, count - first)
        for i in range((thrown + 1) >> 1):
            space[i] = draw(key, 1 + (first >> 1) + i)
        for i in range(thrown):
            a = np.uint64(halves[i]) >> shift
            mask[a >> _6] ^= _1 << (a & _63)


@jit_uncounted
def toggle_listed(mask, touched, bits, key, count):  # type: ignore[no-untyped-def]
    """As `toggle_points` on a bitmap of bytes, noting those touched."""
    for i in range(count):
        a = point(key, i, 1 << bits)
        mask[a >> 3] ^= np.uint8(1 << (a & 7))
        touched[i] = a >> 3


@jit_uncounted
def fill_mask(mask, bits, stream, eighths, points):  # type: ignore[no-untyped-def]
    """Set each bit with probability eighths / 2^MASK_BITS, and `points` random bits besides.

    Mask k is made of words of the stream draw(`stream`, MASK_STREAM + k).
    """
    for level in range(MASK_BITS):
        key = draw(stream, MASK_STREAM + level)
        if (eighths >> level) & 1:
            for i in range(len(mask)):
                mask[i] |= draw(key, i)
        elif eighths & ((1 << level) - 1):
            for i in range(len(mask)):
                mask[i] &= draw(key, i)
    if eighths >> MASK_BITS:
        for i in range(len(mask)):
            mask[i] = ~_0
    for i in range(points):
        a = point(stream, i, 1 << bits)
        mask[a >> 6] |= _1 << np.uint64(a & 63)


@jit_uncounted
def permutation(key):  # type: ignore[no-untyped-def]
    """Constants of the permutation that belongs to a key, for `permute`."""
    first, second = draw(key, 0), draw(key, 1)
    return (
        np.int64(first & _LOW32) | 1,
        np.int64(first >> _32),
        np.int64(second & _LOW32) | 1,
        np.int64(second >> _32) | 1,
    )


@jit_uncounted
def permute(constants, bits, x):  # type: ignore[no-untyped-def]
    """A permutation of 0 … 2^bits - 1 (bits up to 31): odd multipliers and right shifts, three times."""
    low = (1 << bits) - 1
    half = (bits + 1) >> 1
    x = (x * (constants[0] & low) + constants[1]) & low
    x ^= x >> half
    x = (x * (constants[2] & low)) & low
    x ^= x >> half
    x = (x * (constants[3] & low)) & low
    return x ^ (x >> half)


@jit_uncounted
def offset_of(place, byte, form, column_line, pages):  # type: ignore[no-untyped-def]
    """Offset in the tensor of a byte of the row at `place`: (unit_line, unit_offset, row_line, row_channel).

    OUTSIDE if it lies in no page of the tensor.
    """
    if form[LINEAR]:
        return place[1] + byte
    shift = form[BURST_SHIFT]
    column = byte >> shift
    local = (place[2] ^ column_line[column]) * form[MODULUS] + place[3]
    inside = byte - (column << shift)
    if not form[SCATTERED]:
        return place[1] + (local << shift) + inside
    line = place[0] + local
    page = line >> form[PAGE_SHIFT]
    k, end = 0, len(pages)
    while k < end:
        middle = (k + end) >> 1
        if pages[middle] < page:
            k = middle + 1
        else:
            end = middle
    if k == len(pages) or pages[k] != page:
        return OUTSIDE
    virtual = ((k - page) << form[PAGE_SHIFT]) + line
    return (virtual << shift) + inside - form[SKIPPED_BYTES]


@jit_uncounted
def stored_bit(bit, place, source, form, column_line, pages):  # type: ignore[no-untyped-def]
    """A bit of the row at `place`, or -1 if it is not at hand."""
    at = offset_of(place, bit >> 3, form, column_line, pages)
    if at < 0 or at >= len(source):
        return -1
    return (np.int64(source[at]) >> (bit & 7)) & 1


@jit_pasted
def number_of_weak(key, groups, group, thresholds):  # type: ignore[no-untyped-def]
    """How many weak units a class of bitlines of a row has by its stream, some of them maybe the same."""
    if groups[group, LOW] == ALL:
        return groups[group, SIZE]
    return number_of_points(draw(key, 0), thresholds, groups, group)


@jit_pasted
def weak_units(  # type: ignore[no-untyped-def]
    which, first, thrown, key, groups, group, order, first_order, classes, ranked, units_log2
):
    """Weak units first … first + thrown - 1 of a class of bitlines of a row, into `which`."""
    every, start, size = groups[group, LOW] == ALL, groups[group, START], groups[group, SIZE]
    for i in range(thrown):
        which[i] = start + (first + i if every else point(key, first + i, size))
    if first_order >= 0:
        for i in range(thrown):
            which[i] = order[first_order + which[i]]
    elif classes > 1:
        for i in range(thrown):
            which[i] = permute(ranked, units_log2, which[i])


@jit_pasted
def kind_of(key, unit, kinds):  # type: ignore[no-untyped-def]
    """Kind of a weak unit."""
    return np.int64(((draw(key, unit) >> _32) * np.uint64(kinds)) >> _32)


@jit_pasted
def on_chips(fields, law, bit):  # type: ignore[no-untyped-def]
    """Whether a bit of a row lies on a chip that the law concerns."""
    chips = fields[law, CHIPS]
    return chips == ALL_CHIPS or (chips >> (bit // fields[law, CHIP_BITS] % fields[law, CHIP_COUNT])) & 1 == 1


@jit_uncounted
def draw_cells(  # type: ignore[no-untyped-def]
    fields, law, level, keys, word, subarray_word, groups, thresholds, fail, order, place, before, source,
    form, column_line, pages, mask, touched, count, space, which,
):  # fmt: skip
    """Set the bits of weak cells that fail in one access in a bitmap of bytes, as `law` says for a row of a level.

    Returns the number of bytes noted in `touched`, which begins with `count` of them; if it is the length of `touched`,
    some may not be noted. `place` is that of the row, `before` that of the row open before (row_line -1: unknown);
    `space` (words) and `which` (int64) are BLOCK numbers to work in.
    """
    classes, kinds, shift = fields[law, CLASSES], fields[law, KINDS], fields[law, UNIT_SHIFT]
    units_log2 = form[ROW_BITS] - shift  # log2 of the units in a row
    row_key, outcome_key = draw(keys[law, WEAK], word), draw(keys[law, OUTCOME], word)
    kind_key, place_key = draw(keys[law, KIND], word), draw(keys[law, PLACE], word)
    ranked = permutation(draw(keys[law, BITLINE], subarray_word)) if classes > 1 else (1, 0, 1, 1)
    looks = fields[law, DATA_DEPENDENT] or fields[law, PREVIOUS_ROW]
    inside = form[LINEAR] and place[1] >= 0 and place[1] + form[ROW_BYTES] <= len(source)
    plain = (
        shift == 0
        and kinds == 1
        and fields[law, CHIPS] == ALL_CHIPS
        and (not looks or (inside and not fields[law, PREVIOUS_ROW]))
    )
    most = len(touched) - 1
    for b in range(classes):
        group = fields[law, FIRST_GROUP] + level * classes + b
        first_fail = fields[law, FIRST_FAIL] + (level * classes + b) * kinds
        key = draw(row_key, b)
        points = number_of_weak(key, groups, group, thresholds)
        for first in range(0, points, BLOCK):
            thrown = min(BLOCK, points - first)
            weak_units(
                which, first, thrown, key, groups, group, order, fields[law, FIRST_ORDER], classes, ranked, units_log2
            )
            for i in range(thrown):
                space[i] = draw(outcome_key, which[i]) >> _1
            if plain:  # without branches on random numbers, which would be guessed wrong every other time
                least, other = fail[first_fail, 0], fail[first_fail, 0] ^ fail[first_fail, 1]
                if looks:
                    for i in range(thrown):
                        one = np.uint64(np.int64(source[place[1] + (which[i] >> 3)]) >> (which[i] & 7) & 1)
                        fails = np.int64(space[i] < least ^ (other * one))
                        mask[which[i] >> 3] |= np.uint8(fails << (which[i] & 7))
                        touched[min(count, most)] = which[i] >> 3
                        count += fails
                    continue
                for i in range(thrown):
                    fails = np.int64(space[i] < least)
                    mask[which[i] >> 3] |= np.uint8(fails << (which[i] & 7))
                    touched[min(count, most)] = which[i] >> 3
                    count += fails
                continue
            for i in range(thrown):
                at, outcome = first_fail, space[i]
                if kinds > 1:
                    at += kind_of(kind_key, which[i], kinds)
                if outcome >= fail[at, 0] and outcome >= fail[at, 1]:
                    continue
                placed = permutation(draw(place_key, which[i])) if shift else ranked
                for cell in range(fields[law, PER_UNIT]):
                    bit = (which[i] << shift) + permute(placed, shift, cell)
                    if not on_chips(fields, law, bit):
                        continue
                    if looks:
                        stored = stored_bit(bit, place, source, form, column_line, pages)
                        if stored < 0 or outcome >= fail[at, stored]:
                            continue
                        if fields[law, PREVIOUS_ROW]:
                            held = -1
                            if before[2] >= 0:
                                held = stored_bit(bit, before, source, form, column_line, pages)
                            if held < 0:
                                held = np.int64(draw(draw(keys[law, PREVIOUS], word), bit) >> _63)
                            if held == stored:
                                continue
                    mask[bit >> 3] |= np.uint8(1 << (bit & 7))
                    touched[min(count, most)] = bit >> 3
                    count += 1
    return min(count, len(touched))
