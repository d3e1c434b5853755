"""Errors of several reads of one tensor, from the same addresses: the injector's kernel, read by read.

`inject_reads` takes any device. `toggle_reads` draws a plain bit error rate, with a tenth of the work per read: reads
of small tensors are short. `pass_bytes`, `pass_nibbles` and `pass_floats` store values, toggle and read them, row by
row of the memory: its codes stay in the nearest cache.

What is drawn decides no branch here but the end of a loop: a processor that guesses wrong loses more than drawing and
flipping a bit takes. So points that are not wanted change nothing, and what is hit is listed.
"""

from __future__ import annotations

import numpy as np

from edensim.approx.inject_kernel import inject_units
from edensim.approx.row_kernel import number_of_points
from edensim.approx.tables_kernel import Data
from edensim.dnn.codes_kernel import (
    copy_and_check,
    correct_listed,
    correct_values,
    decode_bytes,
    decode_nibbles,
    encode_bytes,
    encode_nibbles,
)
from edensim.jit import copy_bytes, jit_uncounted
from edensim.rng_kernel import draw

_ZERO, _ONE, _3, _5, _32, _LOW32 = (np.uint64(k) for k in (0, 1, 3, 5, 32, 0xFFFFFFFF))


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
def toggle_reads(codes, stored, listed, words, key, thresholds, groups, row_bits, access):  # type: ignore[no-untyped-def]
    """Toggle in place what reads get wrong at a plain bit error rate; returns the number of bits flipped in the end.

    Parameters
    ----------
    codes : uint8 array, shape (reads, bytes)
        What is read.
    stored : uint8 array, shape (reads, bytes)
        A copy of it: a point that is hit again takes back its flip.
    listed : int64 array, shape (Draws.most_points,)
        To work in.
    words : uint64 array, shape (rows,)
        Rows of the tensor, which begins with the first bit of the first; none: no errors.
    key : uint64
        Key of the stream.
    thresholds, groups
        Numbers of points of a row, as in `LawTables`.
    row_bits : int
        Bits of a row, whole codes.
    access : int
        Number of the first read.
    """
    flips, row_bytes = 0, row_bits >> 3
    for i in range(len(codes)):
        now = draw(key, access + i)
        for row in range(len(words)):
            begin, end = row * row_bytes, min((row + 1) * row_bytes, codes.shape[1])
            flips += _toggle(
                codes[i, begin:end], stored[i, begin:end], listed, draw(now, words[row]), thresholds, groups, row_bits
            )[0]  # fmt: skip
    return flips


@jit_uncounted
def pass_bytes(  # type: ignore[no-untyped-def]
    values, read, rooms, codes, back, known, inverse, low, high, scale,
    listed, words, key, thresholds, groups, row_bits, access,
):  # fmt: skip
    """Store and read values as integers of whole bytes; returns the number of bits flipped.

    Parameters
    ----------
    values, read : float32 arrays, shape (reads, values)
        What is stored, once per read; what is read.
    rooms : uint8 array, shape (2, bytes of a row)
        To work in.
    codes, back : int8, uint8 or int16 arrays, shape (values of a row,)
        The same memory: what is stored, what is read.
    known : uint8 array, shape (bytes,) or (0,)
        Codes of the values if they are known.
    inverse, low, high, scale
        As `encode_bytes` and `decode_bytes` take them.
    listed, words, key, thresholds, groups, row_bits, access
        As `toggle_reads` takes them.
    """
    flips, count, most, size = 0, read.shape[1], len(codes), rooms.shape[1] // len(codes)
    for i in range(len(read)):
        now = draw(key, access + i)
        for row in range((count + most - 1) // most):
            begin, end = row * most, min((row + 1) * most, count)
            if len(known):
                stored = known[begin * size : end * size]
            else:
                stored = rooms[0, : (end - begin) * size]
                encode_bytes(values[i, begin:end], codes, inverse, low, high)
            found = rooms[1, : (end - begin) * size]
            copy_bytes(found, 0, stored, 0, len(stored))
            if len(words):
                flips += _toggle(found, stored, listed, draw(now, words[row]), thresholds, groups, row_bits)[0]
            decode_bytes(back[: end - begin], read[i, begin:end], scale)
    return flips


@jit_uncounted
def pass_nibbles(  # type: ignore[no-untyped-def]
    values, read, rooms, wide, pairs, known, inverse, low, high, sign, scale,
    listed, words, key, thresholds, groups, row_bits, access,
):  # fmt: skip
    """As `pass_bytes`, two codes to a byte; `wide`, `pairs` and `sign` are as `encode_nibbles` takes them."""
    flips, count, most = 0, read.shape[1], len(wide)
    for i in range(len(read)):
        now = draw(key, access + i)
        for row in range((count + most - 1) // most):
            begin, end = row * most, min((row + 1) * most, count)
            if len(known):
                stored = known[begin >> 1 : (end + 1) >> 1]
            else:
                stored = rooms[0, : (end - begin + 1) >> 1]
                encode_nibbles(values[i, begin:end], stored, wide, pairs, inverse, low, high)
            found = rooms[1, : len(stored)]
            copy_bytes(found, 0, stored, 0, len(stored))
            if len(words):
                flips += _toggle(found, stored, listed, draw(now, words[row]), thresholds, groups, row_bits)[0]
            decode_nibbles(found, read[i, begin:end], wide, pairs, sign, scale)
    return flips


@jit_uncounted
def pass_floats(  # type: ignore[no-untyped-def]
    values, read, stored, codes, corrects, low, high, way,
    listed, words, key, thresholds, groups, row_bits, access,
):  # fmt: skip
    """As `pass_bytes`, for floats as they are; returns the numbers of bits flipped and of values corrected.

    `stored` and `codes` are the memory of `values` and `read`, as uint32; `low`, `high` and `way` are as
    `correct_values` takes them, where the memory `corrects`.
    """
    flips, corrected, count, most = 0, 0, read.shape[1], row_bits >> 5
    for i in range(len(read)):
        now = draw(key, access + i)
        for row in range((count + most - 1) // most):
            begin, end = row * most, min((row + 1) * most, count)
            # Mostly nothing that is stored is outside of the bounds: then only what is hit has to be looked at.
            outside = copy_and_check(values[i, begin:end], read[i, begin:end], low, high)
            hits = 0
            if len(words):
                change, hits = _toggle(
                    codes[i, begin:end], stored[i, begin:end], listed, draw(now, words[row]), thresholds, groups,
                    row_bits,
                )  # fmt: skip
                flips += change
            if corrects and outside == 0:
                corrected += correct_listed(read[i, begin:end], listed, hits, low, high, way)
            elif corrects:
                corrected += correct_values(read[i, begin:end], low, high, way)
    return flips, corrected


@jit_uncounted
def _toggle(codes, stored, listed, key, thresholds, groups, row_bits):  # type: ignore[no-untyped-def]
    """One row of one read, from its key; returns how many bits differ from those stored, and how many codes it lists.

    Codes are listed as often as they are hit.
    """
    places, shift = np.uint64(row_bits), _3 if codes.itemsize == 1 else _5
    size, stream = np.uint64(len(codes)) << shift, draw(key, 0)
    count = number_of_points(draw(stream, 0), thresholds, groups, 0)
    for i in range((count + 1) >> 1):  # a loop of its own, as this can be done for several words at once
        word = draw(stream, 1 + i)  # two points, as in `row_kernel.point`
        listed[2 * i], listed[2 * i + 1] = ((word & _LOW32) * places) >> _32, ((word >> _32) * places) >> _32
    flips, hits = 0, 0
    for i in range(count):
        at = np.uint64(listed[i])
        wanted = np.uint64(at < size)
        at *= wanted
        unit, mask = at >> shift, wanted << (at & ((_ONE << shift) - _ONE))
        code = np.uint64(codes[unit])
        differs = ((code ^ np.uint64(stored[unit])) & mask) != _ZERO
        codes[unit] = code ^ mask
        flips += np.int64(wanted) - 2 * np.int64(differs)
        listed[hits] = unit
        hits += np.int64(wanted)
    return flips, hits
