"""Kernels that list the weak cells of a tensor once, and flip those that fail read by read.

They draw what `row_kernel.draw_cells` draws, by the same steps from the same streams, and leave out the cells of a row
that are none of the tensor's: of a tensor that is much shorter than a row, nearly all.
"""

from __future__ import annotations

import numpy as np

from edensim.approx.row_kernel import kind_of, number_of_weak, offset_of, on_chips, permutation, permute, weak_units
from edensim.approx.tables_kernel import (
    BITLINE,
    CELLS,
    CLASSES,
    FIRST_FAIL,
    FIRST_GROUP,
    FIRST_LEVEL,
    FIRST_ORDER,
    KIND,
    KINDS,
    LEVELS,
    PER_UNIT,
    PLACE,
    ROW_BITS,
    UNIT_SHIFT,
    WEAK,
)
from edensim.jit import jit_uncounted
from edensim.rng_kernel import draw

_0, _1, _3, _5, _40 = (np.uint64(k) for k in (0, 1, 3, 5, 40))


@jit_uncounted
def list_cells(  # type: ignore[no-untyped-def]
    size, layout, rows, tables, keys, bit, unit, stream, least, streams, which
):
    """List the weak cells within a tensor of `size` bytes; returns how many there are, also if there is no room.

    Parameters
    ----------
    layout, rows, tables, keys
        As `inject_units` takes them; no law may be drawn anew or read the row before.
    bit, unit, stream : int64 arrays, shape (room,)
        Of every cell: bit of the tensor; bitline (or unit) whose outcome it takes; index of its law and row.
    least : uint64 array, shape (room, 2)
        Outcomes below which it fails if it stores a 0, a 1.
    streams : uint64 array, shape (rows x laws, 2)
        Law and word of the row, by index.
    which : int64 array
        To work in.
    """
    words, parts, first_law, subarray_rows = rows.words, rows.parts, rows.first_law, rows.subarray_rows
    fields, ways, groups, form = tables.law, tables.level, tables.groups, layout.form
    slots, count = len(layout.row_line), 0
    for index in range(len(words)):
        at, slot = index // slots, index % slots
        place = (layout.unit_line[at], layout.unit_offset[at], layout.row_line[slot], layout.row_channel[slot])
        word = words[index]
        bank_word = word >> _40 << _40
        subarray_word = bank_word | np.uint64(np.int64(word ^ bank_word) // subarray_rows)
        part = np.int64(parts[index]) if len(parts) else 0
        for law in range(first_law[part], first_law[part + 1]):
            level = np.int64(rows.levels[law, index]) if fields[law, LEVELS] > 1 else 0
            if ways[fields[law, FIRST_LEVEL] + level, 0] != CELLS:
                continue
            own = index * len(fields) + law
            streams[own, 0], streams[own, 1] = np.uint64(law), word
            classes, kinds, shift = fields[law, CLASSES], fields[law, KINDS], fields[law, UNIT_SHIFT]
            row_key, kind_key = draw(keys[law, WEAK], word), draw(keys[law, KIND], word)
            place_key = draw(keys[law, PLACE], word)
            ranked = permutation(draw(keys[law, BITLINE], subarray_word)) if classes > 1 else (1, 0, 1, 1)
            for b in range(classes):
                group = fields[law, FIRST_GROUP] + level * classes + b
                first_fail = fields[law, FIRST_FAIL] + (level * classes + b) * kinds
                key = draw(row_key, b)
                points = number_of_weak(key, groups, group, tables.thresholds)
                for first in range(0, points, len(which)):
                    thrown = min(len(which), points - first)
                    weak_units(
                        which, first, thrown, key, groups, group, tables.order, fields[law, FIRST_ORDER], classes,
                        ranked, form[ROW_BITS] - shift,
                    )  # fmt: skip
                    for i in range(thrown):
                        fails = first_fail + (kind_of(kind_key, which[i], kinds) if kinds > 1 else 0)
                        placed = permutation(draw(place_key, which[i])) if shift else ranked
                        for cell in range(fields[law, PER_UNIT]):
                            row_bit = (which[i] << shift) + (permute(placed, shift, cell) if shift else 0)
                            byte = offset_of(place, row_bit >> 3, form, layout.column_line, layout.pages)
                            if not on_chips(fields, law, row_bit):
                                continue
                            if byte < 0 or byte >= size:
                                continue
                            if count < len(bit):
                                bit[count], unit[count], stream[count] = 8 * byte + (row_bit & 7), which[i], own
                                least[count, 0], least[count, 1] = tables.fail[fails, 0], tables.fail[fails, 1]
                            count += 1
    return count


@jit_uncounted
def begin_read(streams, heads, access):  # type: ignore[no-untyped-def]
    """Write the word of every stream from which outcomes of a read are drawn to `heads` (uint64).

    `streams`, uint64 of shape (streams, 2), are key of the outcomes and word of the row; `access` is uint64.
    """
    for own in range(len(streams)):
        heads[own] = draw(draw(streams[own, 0], access), streams[own, 1])  # outcomes are drawn anew in every access


@jit_uncounted
def fail_cells(codes, stored, listed, stretch, heads, ways, first_run, runs, place, unit, least, twice):  # type: ignore[no-untyped-def]
    """Flip in place the cells of a stretch that fail; returns how many codes it lists: as often as they are hit.

    Parameters
    ----------
    codes, stored : uint8 or uint32 arrays
        The stretch twice, as it was stored; the first becomes what is read.
    listed : int64 array, shape (most cells of a stretch,)
        Gets the indices of codes that are hit.
    stretch : int
        Which stretch of the tensor.
    heads, ways, first_run, runs, place, unit, least, twice
        Table of `WeakCells`; `begin_read` has written the heads.
    """
    begin, end = runs[first_run[stretch], 0], runs[first_run[stretch + 1], 0]
    for run in range(first_run[stretch], first_run[stretch + 1]):
        low, high = runs[run, 0], runs[run + 1, 0]
        _ways_to_fail(
            ways[low - begin : high - begin], unit[low:high], least[0, low:high], least[1, low:high],
            heads[runs[run, 1]],
        )  # fmt: skip
    if twice:
        return _fail_once(codes, stored, listed, place[begin:end], ways)
    return _fail(codes, listed, place[begin:end], ways)


@jit_uncounted
def _fail(codes, listed, place, ways):  # type: ignore[no-untyped-def]
    """Flip cells that fail, each of another bit, and list their codes; returns how many."""
    shift, flips = _3 if codes.itemsize == 1 else _5, _0
    within = (_1 << shift) - _1
    for i in range(len(place)):
        bit = np.uint64(place[i])
        at, by = bit >> shift, bit & within
        code = np.uint64(codes[at])
        fails = np.uint64(ways[i]) >> (code >> by & _1) & _1
        codes[at] = code ^ (fails << by)
        listed[flips] = at
        flips += fails
    return np.int64(flips)


@jit_uncounted
def _fail_once(codes, stored, listed, place, ways):  # type: ignore[no-untyped-def]
    """As `_fail`, where bits are listed twice, being weak by two laws: they flip once."""
    shift, flips = _3 if codes.itemsize == 1 else _5, _0
    within = (_1 << shift) - _1
    for i in range(len(place)):
        bit = np.uint64(place[i])
        at, by = bit >> shift, bit & within
        before, now = np.uint64(stored[at]) >> by, np.uint64(codes[at])
        fails = np.uint64(ways[i]) >> (before & _1) & ~(before ^ (now >> by)) & _1
        codes[at] = now ^ (fails << by)
        listed[flips] = at
        flips += fails
    return np.int64(flips)


@jit_uncounted
def _ways_to_fail(ways, unit, least_0, least_1, head):  # type: ignore[no-untyped-def]
    """What cells get wrong in a read: bit 0 of `ways` if it is a 0, bit 1 if it is a 1. Eight cells at once."""
    for i in range(len(ways)):
        outcome = draw(head, unit[i]) >> _1
        ways[i] = np.uint8(outcome < least_0[i]) | (np.uint8(outcome < least_1[i]) << np.uint8(1))


@jit_uncounted
def flip_listed(codes, stored, listed, stretch_bits, table, access):  # type: ignore[no-untyped-def]
    """Flip in place what several reads of a tensor get wrong; returns the number of flips.

    Parameters
    ----------
    codes, stored : uint8 arrays, shape (reads, bytes)
        What is read, and what was stored.
    access : int
        Number of the first read.
    listed
        As `fail_cells` takes it.
    stretch_bits : int
        How long a stretch is.
    table : tuple
        Of `WeakCells`.
    """
    flips, size = 0, stretch_bits >> 3
    streams, heads = table[:2]
    for read in range(len(codes)):
        begin_read(streams, heads, np.uint64(access + read))
        for stretch in range((codes.shape[1] + size - 1) // size):
            begin, end = stretch * size, min((stretch + 1) * size, codes.shape[1])
            flips += fail_cells(codes[read, begin:end], stored[read, begin:end], listed, stretch, *table[1:])
    return flips
