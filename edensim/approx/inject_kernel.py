"""The kernel that copies a range of a tensor and flips its failing bits, or flips them in place.

Work goes unit by unit (`region`): a unit is a run of addresses that holds whole rows, usually one row or one row of
every channel. A unit that is one whole row is written once, with its flips (`send_kernel`), while those of the next row
are drawn; one of several rows is written once all of them are drawn. What lies in no whole unit, or in scattered pages,
is copied first, and stays in a near cache until its flips. Threads take turns of some units each, as they come: one
that is held up leaves more to the others.
"""

from __future__ import annotations

import numpy as np

from edensim.approx.correct_kernel import correct
from edensim.approx.gather_kernel import gather_listed, gather_row, throw_into_unit
from edensim.approx.position_kernel import take_planes
from edensim.approx.row_kernel import (
    draw_cells,
    fill_mask,
    number_of_points,
    offset_of,
    toggle_listed,
    toggle_points,
)
from edensim.approx.send_kernel import end_rows, send_lines, stream_clean_row, stream_row, throw_and_stream
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
from edensim.jit import LINE_BYTES, copy_bytes, count_bits, finish_streams, jit_uncounted, lowest_bit, take_turn
from edensim.rng_kernel import draw

NO_ROW = -1
_0, _1, _40, _56, _LOW16 = np.uint64(0), np.uint64(1), np.uint64(40), np.uint64(56), np.uint64(0xFFFF)


@jit_uncounted
def inject_units(turns, step, last, data, layout, rows, tables, keys, rule, work, by_bank, by_bit, bit_mask):  # type: ignore[no-untyped-def]
    """Inject into units up to `last` - 1 that no other thread takes; returns the bits flipped, the values corrected.

    Parameters
    ----------
    turns : int64 array, shape (1,)
        First unit that nobody has taken yet; shared by the threads.
    step, last : int
        Units of a turn; where units end.
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
        Arrays to work in; the bitmaps are clear before and after.
    by_bank : int64 array, shape (channels, banks)
        Flips are added here.
    by_bit : int64 array, shape (bits of an element,) or (0,)
        Likewise, unless it is empty.
    bit_mask : int
        Bits of an element - 1.
    """
    source, target, copies, phase, streams = data.source, data.target, data.copies, data.phase, data.streams
    unit_line, unit_offset, row_line, row_channel = (
        layout.unit_line, layout.unit_offset, layout.row_line, layout.row_channel,
    )  # fmt: skip
    column_line, previous, pages, form = layout.column_line, layout.previous, layout.pages, layout.form
    words, parts, first_law, subarray_rows = rows.words, rows.parts, rows.first_law, rows.subarray_rows
    fields, ways, groups, thresholds = tables.law, tables.level, tables.groups, tables.thresholds
    fail, order = tables.fail, tables.order
    levels, bits, row_bytes, slots = rows.levels, form[ROW_BITS], form[ROW_BYTES], len(row_line)
    room, mask, mask_bytes, spare_room, spare, spare_bytes, touched, space, halves, heads, counts, which = work[:12]
    planes, waste, unit_room, unit_spare = work.planes, work.waste, work.unit_room, work.unit_spare
    counting = len(by_bit) > 0
    # Where one law holds for all rows, what is to be known of a row is found for many rows at once, ahead of them.
    single = len(fields) == 1 and len(groups) == 1 and len(parts) == 0 and slots <= BLOCK
    block = max(1, BLOCK // max(slots, 1))  # units looked ahead
    flips, corrected = 0, 0
    unit = end_of_turn = ahead = copied = fetched = np.int64(0)
    # Rows that lie in one piece are written whole, the row before while the next is drawn.
    in_one_piece = form[LINEAR] and row_bytes >= 8 * LINE_BYTES and row_bytes & (LINE_BYTES - 1) == 0
    row_lines, unit_lines = row_bytes // LINE_BYTES, form[UNIT_BYTES] // LINE_BYTES
    # Rows that lie among each other are gathered, and their unit is written whole.
    gathers = not form[LINEAR] and not form[SCATTERED] and len(unit_room) == (unit_lines + 2) * LINE_BYTES
    direct = min(len(column_line), 2 * BLOCK)  # points up to which throwing them there is quicker than gathering a row
    alone = in_one_piece or gathers  # what is not whole is copied by itself
    waiting, waiting_word, sent_to = NO_ROW, _0, np.int64(NO_ROW)
    while True:
        if unit == end_of_turn:
            if waiting != NO_ROW:
                sent = stream_row(
                    target, source, waiting, phase, waiting == sent_to, spare_room, room, planes, waste, counting
                )  # fmt: skip
                flips += add_flips(by_bank, waiting_word, sent)
                sent_to, waiting = waiting + row_bytes, NO_ROW
            if sent_to != NO_ROW:
                last_room = unit_room if gathers else room
                end_rows(target, source, sent_to, phase, last_room, planes, waste, counting)
                sent_to = np.int64(NO_ROW)
            unit = take_turn(turns, step)
            if unit >= last:
                break
            end_of_turn = min(unit + step, last)
            ahead, copied, fetched = block * slots, unit, unit
        ahead += slots
        if single and ahead >= block * slots:
            ahead = 0
            for i in range(min(block, end_of_turn - unit) * slots):
                heads[i] = draw(draw(keys[0, WEAK], words[unit * slots + i]), 0)
            for i in range(min(block, end_of_turn - unit) * slots):
                counts[i] = number_of_points(draw(heads[i], 0), thresholds, groups, 0)
        begin = unit_offset[unit]
        low, high = max(begin, 0), min(begin + form[UNIT_BYTES], len(target))
        whole = in_one_piece and begin >= 0 and begin + row_bytes <= len(target)
        if data.fetched and unit >= fetched:
            fetched = min(unit + data.fetched, end_of_turn)
            which[0] = fetch(source, low, min(unit_offset[fetched - 1] + form[UNIT_BYTES], len(source)))
        gathered, dirty = gathers and begin >= 0 and begin + form[UNIT_BYTES] <= len(target), False
        if copies and unit >= copied and not whole and not gathered:
            copied = min(unit + (1 if alone else data.together), end_of_turn)
            end = min(unit_offset[copied - 1] + form[UNIT_BYTES], len(target))
            copy_bytes(target, low, source, low, end - low)
        for slot in range(slots):
            clean = single and counts[ahead + slot] == 0 and ways[0, 0] != MASK
            if clean and not (copies and whole):
                continue
            index = unit * slots + slot
            place = (unit_line[unit], begin, row_line[slot], row_channel[slot])
            word = words[index]
            part = np.int64(parts[index]) if len(parts) else 0
            listed = np.int64(0)
            for law in range(first_law[part], first_law[part + 1]):
                level = np.int64(levels[law, index]) if fields[law, LEVELS] > 1 else 0
                way, argument = ways[fields[law, FIRST_LEVEL] + level, 0], ways[fields[law, FIRST_LEVEL] + level, 1]
                if way == NOTHING or clean:
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
                    if single and gathered and points <= direct and (copies or points > LISTED):
                        dirty = True
                        thrown = throw_into_unit(
                            unit_room, bits, key, points, space, halves, row_line[slot], row_channel[slot], column_line,
                            form,
                        )  # fmt: skip
                        flips += add_flips(by_bank, word, thrown)
                        continue
                    if points <= LISTED and not (copies and whole):
                        toggle_listed(mask_bytes, touched, bits, key, points)
                        listed = points
                        continue
                    listed = np.int64(LISTED + 1)
                    if waiting != NO_ROW and points <= 2 * BLOCK:
                        sent = throw_and_stream(
                            target, source, waiting, phase, waiting == sent_to, spare_room, room, mask, planes, waste,
                            counting, bits, key, points, space, halves,
                        )  # fmt: skip
                        flips += add_flips(by_bank, waiting_word, sent)
                        sent_to, waiting = waiting + row_bytes, NO_ROW
                    else:
                        toggle_points(mask, bits, key, points, space, halves)
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
            found = 0
            if whole and (copies or listed > LISTED):
                if waiting != NO_ROW:
                    sent = stream_row(
                        target, source, waiting, phase, waiting == sent_to, spare_room, room, planes, waste,
                        counting,
                    )  # fmt: skip
                    flips += add_flips(by_bank, waiting_word, sent)
                    sent_to, waiting = waiting + row_bytes, NO_ROW
                if listed and streams:
                    waiting, waiting_word = begin, word
                    room, mask, mask_bytes, spare_room, spare, spare_bytes = (
                        spare_room, spare, spare_bytes, room, mask, mask_bytes
                    )  # fmt: skip
                elif listed and copies:
                    found = send_lines(target, source, begin, room, LINE_BYTES, row_lines, planes, counting)
                elif listed:
                    found = send_lines(target, target, begin, room, LINE_BYTES, row_lines, planes, counting)
                elif streams:
                    stream_clean_row(target, source, begin, phase, begin == sent_to, room, planes, waste, counting)
                    sent_to = begin + row_bytes
                else:
                    copy_bytes(target, begin, source, begin, row_bytes)
            elif gathered and listed > LISTED:
                dirty = True
                found = gather_row(unit_room, room, row_line[slot], row_channel[slot], column_line, form, planes)
            elif gathered and listed and copies:
                dirty = True
                found = gather_listed(
                    unit_room, mask_bytes, touched, listed, row_line[slot], row_channel[slot], column_line, form
                )
            elif listed > LISTED:
                by_line = counting and not streams
                found = apply_all(
                    target, place, form, column_line, pages, room, mask_bytes, by_bit, bit_mask, planes, by_line
                )
            elif listed:
                found = apply_listed(
                    target, place, form, column_line, pages, mask_bytes, touched, listed, by_bit, bit_mask
                )
            flips += add_flips(by_bank, word, found)
        if gathered and streams:
            joined, sent_to = begin == sent_to, begin + form[UNIT_BYTES]
            if dirty:
                stream_row(target, source, begin, phase, joined, unit_room, unit_spare, planes, waste, counting)
                unit_room, unit_spare = unit_spare, unit_room
            else:
                stream_clean_row(target, source, begin, phase, joined, unit_room, planes, waste, counting)
        elif dirty and copies:
            send_lines(target, source, begin, unit_room, LINE_BYTES, unit_lines, planes, counting)
        elif dirty:
            send_lines(target, target, begin, unit_room, LINE_BYTES, unit_lines, planes, counting)
        elif gathered and copies:
            copy_bytes(target, begin, source, begin, form[UNIT_BYTES])
        if rule.kind != UNCHECKED and not form[SCATTERED]:
            corrected += correct(target[low:high], rule)
        unit += 1
    if streams:
        finish_streams()
    if counting:
        take_planes(planes, by_bit, -8 * phase if streams else 0)
    return flips, corrected


@jit_uncounted
def fetch(source, begin, end):  # type: ignore[no-untyped-def]
    """Bring bytes near that will be looked at here and there: in their order, which memory serves best."""
    found = source[begin] if begin < end else np.uint8(0)
    for at in range(begin, end, LINE_BYTES):
        found |= source[at]
    return found


@jit_uncounted
def add_flips(by_bank, word, flips):  # type: ignore[no-untyped-def]
    """Count flips of a row by its bank; returns them."""
    if flips:
        by_bank[np.int64(word >> _56), np.int64(word >> _40 & _LOW16)] += flips
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
def apply_all(target, place, form, column_line, pages, room, mask_bytes, by_bit, bit_mask, planes, by_line):  # type: ignore[no-untyped-def]
    """Flip what the bitmap says in a whole row, and clear it; returns the flips inside of the target.

    `by_line`: flips of whole lines are counted in `planes`.
    """
    row_bytes = form[ROW_BYTES]
    piece = row_bytes if form[LINEAR] else 1 << form[BURST_SHIFT]
    flips = 0
    for start in range(0, row_bytes, piece):
        at = offset_of(place, start, form, column_line, pages) - start
        low = min(max(start, -at), start + piece)
        high = max(min(len(target) - at, start + piece), low)
        for i in range(start, low):
            mask_bytes[i] = 0
        for i in range(high, start + piece):
            mask_bytes[i] = 0
        if by_line or len(by_bit) == 0:
            lines = (high - low) // LINE_BYTES
            flips += send_lines(target, target, at + low, room, LINE_BYTES + low, lines, planes, by_line)
            low += lines * LINE_BYTES
        for i in range(low, high):
            change = mask_bytes[i]
            if change:
                mask_bytes[i] = 0
                target[at + i] ^= change
                flips += count_bits(np.uint64(change))
                if len(by_bit):
                    count_positions(np.uint64(change), 8 * i, by_bit, bit_mask)
    return flips
