"""Errors of several reads of one tensor, from the same addresses: the injector's kernel, read by read.

`inject_reads` takes any device. `toggle_reads` draws the same for a plain bit error rate in rows that follow each
other, with a tenth of the work per read: reads of small tensors are short.
"""

from __future__ import annotations

import numpy as np

from edensim.approx.inject_kernel import inject_units
from edensim.approx.row_kernel import number_of_points, point
from edensim.approx.tables_kernel import Data
from edensim.jit import jit_uncounted
from edensim.rng_kernel import draw

_0, _ONE = np.uint64(0), np.uint64(1)


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
    flips = 0
    for i in range(len(codes)):
        for law in range(keys.shape[0]):
            for k in range(keys.shape[1]):
                now[law, k] = draw(keys[law, k], access) if anew[law, k] else keys[law, k]
        access += _ONE
        data = Data(stored[i], codes[i], False, False, 0, 1, 0)
        flips += inject_units(
            0, len(layout.unit_line), data, layout, rows, tables, now, rule, work, by_bank, by_bit, 7
        )[0]
    return flips


@jit_uncounted
def toggle_reads(codes, words, key, access, thresholds, groups, mask, points):  # type: ignore[no-untyped-def]
    """Toggle in place what reads get wrong at a plain bit error rate; returns the number of bits flipped in the end.

    Parameters
    ----------
    codes : uint8 array, shape (reads, bytes)
        What is stored, once per read.
    words : uint64 array, shape (rows,)
        Rows of the tensor, which begins with the first byte of the first.
    key, access : uint64
        Key of the stream, number of the first read.
    thresholds, groups
        Numbers of points of a row, as in `LawTables`.
    mask : uint64 array, shape (words of a row,)
        To work in, clear before and after: a point that is hit again takes back its flip.
    points : int64 array
        To work in.
    """
    row_bits, size, flips = 64 * len(mask), codes.shape[1], 0
    for read in range(len(codes)):
        now = draw(key, access)
        access += _ONE
        for row in range(len(words)):
            stream, begin = draw(draw(now, words[row]), 0), row * (row_bits >> 3)
            count = number_of_points(draw(stream, 0), thresholds, groups, 0)
            for i in range(count):
                a = point(stream, i, row_bits)
                at = begin + (a >> 3)
                if i < len(points):
                    points[i] = a
                if at >= size:
                    continue
                old = mask[a >> 6]
                mask[a >> 6] = old ^ (_ONE << np.uint64(a & 63))
                flips += 1 - 2 * np.int64((old >> np.uint64(a & 63)) & _ONE)
                codes[read, at] ^= np.uint8(1 << (a & 7))
            for i in range(min(count, len(points))):
                mask[points[i] >> 6] = _0
            if count > len(points):
                for i in range(len(mask)):
                    mask[i] = _0
    return flips
