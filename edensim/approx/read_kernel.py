"""The kernel that draws the errors of single bursts, as many of a row at once as are read in one access."""

from __future__ import annotations

import numpy as np

from edensim.approx.row_kernel import draw_cells, fill_mask, number_of_points, toggle_points
from edensim.approx.tables_kernel import (
    BURST_SHIFT,
    CELLS,
    DATA_DEPENDENT,
    FIRST_GROUP,
    FIRST_LEVEL,
    LEVELS,
    MASK,
    NOTHING,
    PARITY,
    PREVIOUS_ROW,
    ROW_BITS,
    ROW_BYTES,
    WEAK,
)
from edensim.jit import jit_uncounted, lowest_bit
from edensim.rng_kernel import draw

_0, _40 = np.uint64(0), np.uint64(40)


@jit_uncounted
def draw_groups(first, last, reads, rows, form, tables, keys, anew, work, own, flip_read, flip_bit):  # type: ignore[no-untyped-def]
    """Flips of groups first … last - 1 of reads; a group is the reads of one row in one access.

    Returns the group to go on with, and the number of flips so far: `flip_read` (position of the read) and `flip_bit`
    (bit of the burst) take them, and must have space for all bits of any group.

    Parameters
    ----------
    first, last : int
        Range of groups.
    reads : Reads
        What is read.
    rows : RowTable
        Row of each group.
    form, tables, keys, anew, work
        Form of a linear layout; laws, keys of their streams, which of them are drawn anew; arrays to work in.
    own : ReadWork
        More arrays to work in.
    """
    bits, row_bytes, burst_bytes = form[ROW_BITS], form[ROW_BYTES], 1 << form[BURST_SHIFT]
    starts, columns, access, stored, held = reads
    words, parts, levels, first_law, subarray_rows = rows
    fields, ways, groups, thresholds, fail, order = tables
    mask, mask_bytes, touched = work.mask, work.mask_bytes, work.touched
    space, halves, which = work.space, work.halves, work.which
    now, image, none = own
    count = 0
    for group in range(first, last):
        begin, end = starts[group], starts[group + 1]
        if count + (end - begin) * burst_bytes * 8 > len(flip_read):
            return group, count
        for law in range(len(fields)):
            for stream in range(keys.shape[1]):
                key = keys[law, stream]
                now[law, stream] = draw(key, access[group]) if anew[law, stream] else key
        word = words[group]
        bank_word = word >> _40 << _40
        subarray = np.int64(word ^ bank_word) // subarray_rows
        part = np.int64(parts[group]) if len(parts) else 0
        dirty, pictured = False, False
        for law in range(first_law[part], first_law[part + 1]):
            level = np.int64(levels[law, group]) if fields[law, LEVELS] > 1 else 0
            way = ways[fields[law, FIRST_LEVEL] + level, 0]
            if way == NOTHING:
                continue
            if way == CELLS:
                if not pictured and (fields[law, DATA_DEPENDENT] or fields[law, PREVIOUS_ROW]):
                    pictured = True
                    for read in range(begin, end):
                        for i in range(burst_bytes):
                            at = columns[read] * burst_bytes + i
                            image[at] = stored[read, i]
                            if len(held):
                                image[row_bytes + at] = held[read, i]
                before = (0, row_bytes, 0 if len(held) else -1, 0)
                found = draw_cells(
                    fields, law, level, now, word, bank_word | np.uint64(subarray), groups, thresholds, fail, order,
                    (0, 0, 0, 0), before, image, form, none, none, mask_bytes, touched, np.int64(0), space, which,
                )  # fmt: skip
                dirty = dirty or found > 0
                continue
            key = draw(draw(now[law, WEAK], word), 0)
            group_of_law = fields[law, FIRST_GROUP] + level
            points = number_of_points(draw(key, 0), thresholds, groups, group_of_law)
            if way == PARITY and points:
                toggle_points(mask, bits, key, points, space, halves)
                dirty = True
            if way == MASK:
                fill_mask(mask, bits, key, ways[fields[law, FIRST_LEVEL] + level, 1], points)
                dirty = True
        if not dirty:
            continue
        for read in range(begin, end):
            for i in range(burst_bytes):
                change = np.int64(mask_bytes[columns[read] * burst_bytes + i])
                while change:
                    flip_read[count], flip_bit[count] = read, 8 * i + lowest_bit(change)
                    count += 1
                    change &= change - 1
        for i in range(len(mask)):
            mask[i] = _0
    return last, count
