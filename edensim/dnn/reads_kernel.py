"""Errors of several reads of one tensor, from the same addresses: the injector's kernel, read by read.

`inject_reads` takes any device. `toggle_reads` draws the same for a plain bit error rate in rows that follow each
other, with a tenth of the work per read: reads of small tensors are short. `pass_bytes`, `pass_nibbles` and
`pass_floats` store values, toggle and read them, one read after the other: its codes stay in the nearest cache.
"""

from __future__ import annotations

import numpy as np

from edensim.approx.inject_kernel import inject_units
from edensim.approx.row_kernel import number_of_points
from edensim.approx.tables_kernel import Data
from edensim.dnn.codes_kernel import (
    copy_and_check,
    correct_value,
    correct_values,
    decode_bytes,
    decode_nibbles,
    encode_bytes,
    encode_nibbles,
)
from edensim.jit import copy_bytes, jit_uncounted
from edensim.rng_kernel import draw

_ONE, _3, _7, _32, _LOW32 = (np.uint64(k) for k in (1, 3, 7, 32, 0xFFFFFFFF))


@jit_uncounted
def inject_reads(codes, stored, layout, rows, tables, keys, anew, access, now, rule, work, by_bank, by_bit):  # type: ignore[no-untyped-def]
    """Inject in place; returns the number of bits flipped.

    Parameters
    ----------
    codes : uint8 array, shape (reads, bytes)
        What is read.
    stored : uint8 array, shape (reads, bytes)
        What was stored: `codes` itself, or a copy where failing cells read another row.
    keys : uint64 array, shape (laws, streams)
        Keys of the streams.
    anew : bool array, shape (laws, streams)
        Which streams are drawn anew in every access.
    access : uint64
        Number of the first read.
    now : uint64 array, shape (laws, streams)
        To work in.
    layout, rows, tables, rule, work, by_bank, by_bit
        As `inject_units` takes them.
    """
    flips, units = 0, len(layout.unit_line)
    for i in range(len(codes)):
        for law in range(keys.shape[0]):
            for k in range(keys.shape[1]):
                now[law, k] = draw(keys[law, k], access) if anew[law, k] else keys[law, k]
        access += _ONE
        data = Data(stored[i], codes[i], False, False, 0, 1, 0)
        work.turns[0] = 0
        flips += inject_units(
            work.turns, units, units, data, layout, rows, tables, now, rule, work, by_bank, by_bit, 7
        )[0]
    return flips


@jit_uncounted
def toggle_reads(codes, stored, words, key, thresholds, groups, row_bits, access):  # type: ignore[no-untyped-def]
    """Toggle in place what reads get wrong at a plain bit error rate; returns the number of bits flipped in the end.

    Parameters
    ----------
    codes : uint8 array, shape (reads, bytes)
        What is read.
    stored : uint8 array, shape (reads, bytes)
        A copy of it: a point that is hit again takes back its flip.
    words : uint64 array, shape (rows,)
        Rows of the tensor, which begins with the first byte of the first.
    key : uint64
        Key of the stream.
    thresholds, groups
        Numbers of points of a row, as in `LawTables`.
    row_bits : int
        Bits of a row.
    access : int
        Number of the first read.
    """
    flips = 0
    for i in range(len(codes)):
        flips += _toggle(codes[i], stored[i], words, draw(key, access + i), thresholds, groups, row_bits)
    return flips


@jit_uncounted
def pass_bytes(  # type: ignore[no-untyped-def]
    values, read, rooms, codes, back, known, inverse, low, high, scale, words, key, thresholds, groups, row_bits, access
):  # fmt: skip
    """Store and read values as integers of whole bytes; returns the number of bits flipped.

    Parameters
    ----------
    values, read : float32 arrays, shape (reads, values)
        What is stored, once per read; what is read.
    rooms : uint8 array, shape (2, bytes)
        To work in.
    codes, back : int8, uint8 or int16 arrays, shape (values,)
        The same memory: what is stored, what is read.
    known : uint8 array, shape (bytes,) or (0,)
        Codes of the values if they are known.
    inverse, low, high, scale
        As `encode_bytes` and `decode_bytes` take them.
    words, key, thresholds, groups, row_bits, access
        As `toggle_reads` takes them; no rows, no errors.
    """
    flips = 0
    for i in range(len(read)):
        if len(known) == 0:
            encode_bytes(values[i], codes, inverse, low, high)
        stored = known if len(known) else rooms[0]
        copy_bytes(rooms[1], 0, stored, 0, len(stored))
        flips += _toggle(rooms[1], stored, words, draw(key, access + i), thresholds, groups, row_bits)
        decode_bytes(back, read[i], scale)
    return flips


@jit_uncounted
def pass_nibbles(  # type: ignore[no-untyped-def]
    values, read, rooms, known, inverse, low, high, sign, scale, words, key, thresholds, groups, row_bits, access
):  # fmt: skip
    """As `pass_bytes`, two codes to a byte; `sign` is as `decode_nibbles` takes it."""
    flips = 0
    for i in range(len(read)):
        if len(known) == 0:
            encode_nibbles(values[i : i + 1], rooms[:1], inverse, low, high)
        stored = known if len(known) else rooms[0]
        copy_bytes(rooms[1], 0, stored, 0, len(stored))
        flips += _toggle(rooms[1], stored, words, draw(key, access + i), thresholds, groups, row_bits)
        decode_nibbles(rooms[1:], read[i : i + 1], sign, scale)
    return flips


@jit_uncounted
def pass_floats(  # type: ignore[no-untyped-def]
    values, read, stored, codes, corrects, low, high, way, words, key, thresholds, groups, row_bits, access
):  # fmt: skip
    """As `pass_bytes`, for floats as they are; returns the numbers of bits flipped and of values corrected.

    `stored` and `codes` are the memory of `values` and `read`, as bytes; `low`, `high` and `way` are as
    `correct_values` takes them, where the memory `corrects`.
    """
    flips, corrected = 0, 0
    for i in range(len(read)):
        # Mostly nothing that is stored is outside of the bounds: then only what is hit has to be looked at.
        only_hit = corrects and copy_and_check(values[i], read[i], low, high) == 0
        if not corrects:
            copy_bytes(codes[i], 0, stored[i], 0, stored.shape[1])
        now = draw(key, access + i)
        flips += _toggle(codes[i], stored[i], words, now, thresholds, groups, row_bits)
        if only_hit:
            corrected += _correct_hit(read[i], words, now, thresholds, groups, row_bits, low, high, way)
        elif corrects:
            corrected += correct_values(read[i], low, high, way)
    return flips, corrected


@jit_uncounted
def _toggle(codes, stored, words, now, thresholds, groups, row_bits):  # type: ignore[no-untyped-def]
    """One read, with the key of its access; returns by how much the bits that differ from those stored have grown."""
    flips, size, places = 0, len(codes), np.uint64(row_bits)
    for row in range(len(words)):
        stream, begin = draw(draw(now, words[row]), 0), row * (row_bits >> 3)
        count = number_of_points(draw(stream, 0), thresholds, groups, 0)
        inside, first = np.uint64(min(row_bits, 8 * (size - begin))), np.uint64(begin)
        for i in range((count + 1) >> 1):
            word = draw(stream, 1 + i)  # two points, as in `row_kernel.point`
            a, b = ((word & _LOW32) * places) >> _32, ((word >> _32) * places) >> _32
            if a < inside:
                at, bit = first + (a >> _3), a & _7
                code = np.uint64(codes[at])
                flips += 1 - 2 * np.int64(((code ^ np.uint64(stored[at])) >> bit) & _ONE)
                codes[at] = code ^ (_ONE << bit)
            if b < inside and 2 * i + 1 < count:
                at, bit = first + (b >> _3), b & _7
                code = np.uint64(codes[at])
                flips += 1 - 2 * np.int64(((code ^ np.uint64(stored[at])) >> bit) & _ONE)
                codes[at] = code ^ (_ONE << bit)
    return flips


@jit_uncounted
def _correct_hit(values, words, now, thresholds, groups, row_bits, low, high, way):  # type: ignore[no-untyped-def]
    """Correct those of the values that `_toggle` has hit; returns how many."""
    corrected, places = 0, np.uint64(row_bits >> 5)
    for row in range(len(words)):
        stream, begin = draw(draw(now, words[row]), 0), row * (row_bits >> 5)
        count = number_of_points(draw(stream, 0), thresholds, groups, 0)
        inside = np.uint64(min(row_bits >> 5, len(values) - begin))
        for i in range((count + 1) >> 1):
            word = draw(stream, 1 + i)
            a, b = ((word & _LOW32) * places) >> _32, ((word >> _32) * places) >> _32
            if a < inside:
                corrected += correct_value(values, begin + a, low, high, way)
            if b < inside and 2 * i + 1 < count:
                corrected += correct_value(values, begin + b, low, high, way)
    return corrected
