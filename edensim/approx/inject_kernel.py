"""The kernel that copies a range of a tensor and flips its failing bits, or flips them in place.

Work goes unit by unit (`region`): a unit is a run of addresses that holds whole rows, usually one row or one row of
every channel, small enough to stay in a near cache between its copying and its flips. Threads take different units.
"""

from __future__ import annotations

import numpy as np

from edensim.approx.correct_kernel import correct
from edensim.approx.position_kernel import count_rest, count_row
from edensim.approx.row_kernel import (
    draw_cells,
    fill_mask,
    number_of_points,
    offset_of,
    toggle_counted,
    toggle_listed,
    toggle_points,
)
from edensim.approx.tables_kernel import (
    BLOCK,
    BURST_SHIFT,
    CELLS,
    FIRST_GROUP,
    FIRST_LEVEL,
    LEVELS,
    LINEAR,
    LISTED,
    MASK,
    NOTHING,
    PARITY,
    PREVIOUS_ROW,
    ROW_BITS,
    ROW_BYTES,
    SCATTERED,
    UNCHECKED,
    UNIT_BYTES,
    WEAK,
)
from edensim.jit import copy_bytes, count_bits, jit_uncounted, lowest_bit
from edensim.rng_kernel import draw

COUNTED = 192  # points of a copied row up to which flips are counted one by one
LINE_BITS = 9  # log2 of the bits of a cache line
_0, _1, _40, _56, _LOW16 = np.uint64(0), np.uint64(1), np.uint64(40), np.uint64(56), np.uint64(0xFFFF)


@jit_uncounted
def inject_units(first, last, data, layout, rows, tables, keys, rule, work, by_bank, by_bit, bit_mask, slices):  # type: ignore[no-untyped-def]
    """Inject into units first … last - 1; returns the number of bits flipped, and of values corrected.

    Parameters
    ----------
    first, last : int
        Range of units.
    data : Data
        What is read, what is written.
    layout : LayoutTable
        Where rows lie.
    rows : RowTable
        What rows they are, and which laws concern them.
    tables, keys
        Laws, and the keys of their streams.
    rule : Rule
        Correction of implausible values.
    work : Work
        Arrays to work in; the bitmap is clear before and after.
    by_bank : int64 array, shape (channels, banks)
        Flips are added here.
    by_bit : int64 array, shape (bits of an element,) or (0,)
        Likewise, unless it is empty.
    bit_mask : int
        Bits of an element - 1.
    slices : uint64 array
        Counters of `slices_for`, clear before and after.
    """
    source, target, copies = data.source, data.target, data.copies
    unit_line, unit_offset, row_line, row_channel = (
        layout.unit_line, layout.unit_offset, layout.row_line, layout.row_channel,
    )  # fmt: skip
    column_line, previous, pages, form = layout.column_line, layout.previous, layout.pages, layout.form
    words, parts, first_law, subarray_rows = rows.words, rows.parts, rows.first_law, rows.subarray_rows
    fields, ways, groups, thresholds = tables.law, tables.level, tables.groups, tables.thresholds
    fail, order = tables.fail, tables.order
    levels, bits, row_bytes, slots = rows.levels, form[ROW_BITS], form[ROW_BYTES], len(row_line)
    source_words, target_words = data.source_words, data.target_words
    mask, mask_bytes, touched, space, halves, heads, counts, which = work
    # Where one law holds for all rows, what is to be known of a row is found for many rows at once, ahead of them.
    single = len(fields) == 1 and len(groups) == 1 and len(parts) == 0 and slots <= BLOCK
    block = max(1, BLOCK // max(slots, 1))  # units looked ahead
    flips, corrected = 0, 0
    ahead, copied = block * slots, first
    # Rows copied one by one are fetched while the points of the row before are thrown.
    lines = max(bits - LINE_BITS, 0) if data.together == 1 else 0
    for unit in range(first, last):
        ahead += slots
        if single and ahead >= block * slots:
            ahead = 0
            for i in range(min(block, last - unit) * slots):
                heads[i] = draw(draw(keys[0, WEAK], words[unit * slots + i]), 0)
            for i in range(min(block, last - unit) * slots):
                counts[i] = number_of_points(draw(heads[i], 0), thresholds, groups, 0)
        begin = unit_offset[unit]
        low, high = max(begin, 0), min(begin + form[UNIT_BYTES], len(target))
        if copies and unit >= copied:
            copied = min(unit + data.together, last)
            end = min(unit_offset[copied - 1] + form[UNIT_BYTES], len(target))
            copy_bytes(target, low, source, low, end - low)
        # Whole rows that begin at a word take the quickest way.
        quick = copies and form[LINEAR] and begin >= 0 and begin + row_bytes <= len(target)
        quick = quick and begin & 7 == 0
        for slot in range(slots):
            if single and counts[ahead + slot] == 0 and ways[0, 0] != MASK:
                continue
            index = unit * slots + slot
            place = (unit_line[unit], begin, row_line[slot], row_channel[slot])
            word = words[index]
            part = np.int64(parts[index]) if len(parts) else 0
            found, listed = 0, np.int64(0)
            for law in range(first_law[part], first_law[part + 1]):
                level = np.int64(levels[law, index]) if fields[law, LEVELS] > 1 else 0
                way, argument = ways[fields[law, FIRST_LEVEL] + level, 0], ways[fields[law, FIRST_LEVEL] + level, 1]
                if way == NOTHING:
                    continue
                key, points = _0, np.int64(0)
                if single:
                    key, points = heads[ahead + slot], counts[ahead + slot]
                elif way != CELLS:
                    key = draw(draw(keys[law, WEAK], word), 0)
                    points = number_of_points(draw(key, 0), thresholds, groups, fields[law, FIRST_GROUP] + level)
                if way == PARITY:
                    if points == 0:
                        continue
                    if quick:
                        here, ahead_bytes = begin >> 3, begin + row_bytes
                        if points <= COUNTED:
                            changed = toggle_counted(
                                target_words, here, source_words, here, bits, key, points, space, halves, lines,
                                source, ahead_bytes, target, ahead_bytes,
                            )  # fmt: skip
                            found += changed
                            if len(by_bit) and changed == points:
                                for i in range(points):
                                    by_bit[np.int64(halves[i] >> np.uint32(32 - bits)) & bit_mask] += 1
                            elif len(by_bit):
                                count_differences(
                                    target_words, here, source_words, here, len(mask), by_bit, bit_mask, slices
                                )
                        else:
                            toggle_points(
                                target_words, here, bits, key, points, space, halves, lines,
                                source, ahead_bytes, target, ahead_bytes,
                            )  # fmt: skip
                            found += count_differences(
                                target_words, here, source_words, here, len(mask), by_bit, bit_mask, slices
                            )
                    elif points <= LISTED:
                        toggle_listed(mask_bytes, touched, bits, key, points)
                        listed = points
                    else:
                        toggle_points(mask, 0, bits, key, points, space, halves, lines, target, begin, target, begin)
                        listed = np.int64(LISTED + 1)
                elif way == MASK:
                    fill_mask(mask, bits, key, argument, points)
                    listed = np.int64(LISTED + 1)
                else:
                    before = (0, 0, -1, 0)
                    if fields[law, PREVIOUS_ROW] and previous[index] >= 0:
                        other = previous[index]
                        at, its_slot = other // slots, other % slots
                        before = (unit_line[at], unit_offset[at], row_line[its_slot], row_channel[its_slot])
                    bank_word = word >> _40 << _40
                    subarray = np.int64(word ^ bank_word) // subarray_rows
                    listed = draw_cells(
                        fields, law, level, keys, word, bank_word | np.uint64(subarray), groups, thresholds, fail,
                        order, place, before, source, form, column_line, pages, mask_bytes, touched,
                        listed, space, which,
                    )  # fmt: skip
            if listed > LISTED:
                found += apply_all(target, place, form, column_line, pages, mask, mask_bytes, by_bit, bit_mask, slices)
            elif listed:
                found += apply_listed(
                    target, place, form, column_line, pages, mask_bytes, touched, listed, by_bit, bit_mask
                )
            if found:
                by_bank[np.int64(word >> _56), np.int64(word >> _40 & _LOW16)] += found
                flips += found
        if rule.kind != UNCHECKED and not form[SCATTERED]:
            corrected += correct(target[low:high], rule)
    if len(slices) and len(by_bit):
        count_rest(slices, len(mask), by_bit)
    return flips, corrected


@jit_uncounted
def count_differences(a, a_base, b, b_base, words, by_bit, bit_mask, slices):  # type: ignore[no-untyped-def]
    """Bits in which two rows of so many words differ; by position too, unless `by_bit` is empty."""
    x, y = np.uint64(a_base), np.uint64(b_base)
    flips = 0
    for i in range(words):
        flips += count_bits(a[x + np.uint64(i)] ^ b[y + np.uint64(i)])
    if len(by_bit) and len(slices):
        begin = np.uint64(len(slices) - words)
        for i in range(words):
            slices[begin + np.uint64(i)] = a[x + np.uint64(i)] ^ b[y + np.uint64(i)]
        count_row(slices, len(slices) - words, words, slices, by_bit)
    elif len(by_bit):
        for i in range(words):
            count_positions(a[x + np.uint64(i)] ^ b[y + np.uint64(i)], 64 * i, by_bit, bit_mask)
    return flips


@jit_uncounted
def count_positions(word, first, by_bit, bit_mask):  # type: ignore[no-untyped-def]
    """Count the set bits of a word by position, its bit 0 being bit `first` of the row."""
    while word:
        by_bit[(first + lowest_bit(word)) & bit_mask] += 1
        word &= word - _1


@jit_uncounted
def apply_listed(target, place, form, column_line, pages, mask, touched, count, by_bit, bit_mask):  # type: ignore[no-untyped-def]
    """Flip what the bitmap (bytes) says in the bytes noted, and clear it; returns the flips inside of the target."""
    flips = 0
    for i in range(count):
        byte = touched[i]
        change = mask[byte]
        if change:
            mask[byte] = 0
            at = offset_of(place, byte, form, column_line, pages)
            if 0 <= at < len(target):
                target[at] ^= change
                flips += count_bits(np.uint64(change))
                if len(by_bit):
                    count_positions(np.uint64(change), 8 * byte, by_bit, bit_mask)
    return flips


@jit_uncounted
def apply_all(target, place, form, column_line, pages, mask, mask_bytes, by_bit, bit_mask, slices):  # type: ignore[no-untyped-def]
    """Flip what the bitmap says in a whole row, and clear it; returns the flips inside of the target."""
    row_bytes = form[ROW_BYTES]
    piece = row_bytes if form[LINEAR] else 1 << form[BURST_SHIFT]
    for start in range(0, row_bytes, piece):
        at = offset_of(place, start, form, column_line, pages)
        low = min(max(-at, 0), piece)
        high = max(min(len(target) - at, piece), low)
        for i in range(start, start + low):
            mask_bytes[i] = 0
        for i in range(start + high, start + piece):
            mask_bytes[i] = 0
        to, here = np.uint64(at + low), np.uint64(start + low)
        for i in range(high - low):
            target[to + np.uint64(i)] ^= mask_bytes[here + np.uint64(i)]
    flips = 0
    for i in range(len(mask)):
        flips += count_bits(mask[i])
    if len(by_bit) and len(slices):
        count_row(mask, 0, len(mask), slices, by_bit)
    elif len(by_bit):
        for i in range(len(mask)):
            count_positions(mask[i], 64 * i, by_bit, bit_mask)
    for i in range(len(mask)):
        mask[i] = _0
    return flips
