"""Errors of several reads of one tensor, from the same addresses: the injector's kernel, read by read.

`inject_reads` takes any device. `toggle_reads` draws a plain bit error rate, with a tenth of the work per read: reads
of small tensors are short. `pass_bytes`, `pass_nibbles` and `pass_floats` store values, flip what a plain bit error
rate or a list of weak cells says, and read them, stretch by stretch of the tensor: its codes stay in the nearest cache.

What is drawn decides no branch here but the end of a loop: a processor that guesses wrong loses more than drawing and
flipping a bit takes. So points that are not wanted change nothing, and what is hit is listed.

Errors are a plain tuple, which numba takes apart quicker than anything with names: how many stretches the tensor has
(0: no errors), their bits, and then key, thresholds and groups of `Draws`, or the table of `WeakCells`.
"""

from __future__ import annotations

import numpy as np

from edensim.approx.inject_kernel import inject_units
from edensim.approx.row_kernel import number_of_points
from edensim.approx.tables_kernel import Data
from edensim.approx.weak_kernel import begin_read, fail_cells
from edensim.dnn.codes_kernel import (
    copy_and_check,
    correct_listed,
    correct_values,
    decode_bytes,
    decode_nibbles,
    encode_bytes,
    encode_nibbles,
)
from edensim.jit import copy_bytes, floats_at, jit_uncounted
from edensim.rng_kernel import draw

_DRAWS = 5  # entries of the tuple where it is of `Draws`
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
def toggle_reads(codes, stored, listed, stretches, stretch_bits, key, thresholds, groups, access):  # type: ignore[no-untyped-def]
    """Toggle in place what reads get wrong at a plain bit error rate; returns the number of bits flipped in the end.

    Parameters
    ----------
    codes : uint8 array, shape (reads, bytes)
        What is read.
    stored : uint8 array, shape (reads, bytes)
        A copy of it: a point that is hit again takes back its flip.
    listed : int64 array, shape (Draws.most,)
        To work in.
    stretches, stretch_bits : int
        How many stretches the tensor has, and their bits, whole codes; none: no errors.
    key : uint64
        Key of the stream.
    thresholds, groups
        Numbers of points of a stretch, as in `LawTables`.
    access : int
        Number of the first read.
    """
    flips, size = 0, stretch_bits >> 3
    for i in range(len(codes)):
        now = draw(key, access + i)
        for stretch in range(stretches):
            begin, end = stretch * size, min((stretch + 1) * size, codes.shape[1])
            flips += _toggle(
                codes[i, begin:end], stored[i, begin:end], listed, draw(now, stretch), stretch_bits, thresholds, groups
            )[0]  # fmt: skip
    return flips


@jit_uncounted
def pass_bytes(address, access, read, rooms, codes, back, known, inverse, low, high, scale, listed, errors):  # type: ignore[no-untyped-def]
    """Store and read values as integers of whole bytes; returns the numbers of bits flipped and of values corrected.

    Parameters
    ----------
    address : int
        Of what is stored, once per read: float32, shape (reads, values). Making an array of it for every call would
        take longer than many a read.
    access : int
        Number of the first read.
    read : float32 array, shape (reads, values)
        What is read.
    rooms : uint8 array, shape (2, bytes of a stretch)
        To work in.
    codes, back : int8, uint8 or int16 arrays, shape (values of a stretch,)
        The same memory: what is stored, what is read.
    known : uint8 array, shape (bytes,) or (0,)
        Codes of the values if they are known.
    inverse, low, high, scale
        As `encode_bytes` and `decode_bytes` take them.
    listed : int64 array
        To work in: most points or cells of a stretch.
    errors : tuple
        See the module.
    """
    values = floats_at(address, read.shape[0], read.shape[1])
    flips, count, most, size = 0, read.shape[1], len(codes), rooms.shape[1] // len(codes)
    for i in range(len(read)):
        now = _begin(errors, access + i)
        for stretch in range((count + most - 1) // most):
            begin, end = stretch * most, min((stretch + 1) * most, count)
            if len(known):
                stored = known[begin * size : end * size]
            else:
                stored = rooms[0, : (end - begin) * size]
                encode_bytes(values[i, begin:end], codes, inverse, low, high)
            found = rooms[1, : (end - begin) * size]
            copy_bytes(found, 0, stored, 0, len(stored))
            if errors[0]:
                flips += _flip(found, stored, listed, errors, now, stretch)[0]
            decode_bytes(back[: end - begin], read[i, begin:end], scale)
    return flips, 0


@jit_uncounted
def pass_nibbles(address, access, read, rooms, wide, pairs, known, inverse, low, high, sign, scale, listed, errors):  # type: ignore[no-untyped-def]
    """As `pass_bytes`, two codes to a byte; `wide`, `pairs` and `sign` are as `encode_nibbles` takes them."""
    values = floats_at(address, read.shape[0], read.shape[1])
    flips, count, most = 0, read.shape[1], len(wide)
    for i in range(len(read)):
        now = _begin(errors, access + i)
        for stretch in range((count + most - 1) // most):
            begin, end = stretch * most, min((stretch + 1) * most, count)
            if len(known):
                stored = known[begin >> 1 : (end + 1) >> 1]
            else:
                stored = rooms[0, : (end - begin + 1) >> 1]
                encode_nibbles(values[i, begin:end], stored, wide, pairs, inverse, low, high)
            found = rooms[1, : len(stored)]
            copy_bytes(found, 0, stored, 0, len(stored))
            if errors[0]:
                flips += _flip(found, stored, listed, errors, now, stretch)[0]
            decode_nibbles(found, read[i, begin:end], wide, pairs, sign, scale)
    return flips, 0


@jit_uncounted
def pass_floats(address, access, read, corrects, low, high, way, listed, errors):  # type: ignore[no-untyped-def]
    """As `pass_bytes`, for floats as they are, of which those outside of low … high are corrected if it `corrects`.

    `low`, `high` and `way` are as `correct_values` takes them.
    """
    values = floats_at(address, read.shape[0], read.shape[1])
    flips, corrected, count, most = 0, 0, read.shape[1], errors[1] >> 5
    stored, codes = values.view(np.uint32), read.view(np.uint32)
    for i in range(len(read)):
        now = _begin(errors, access + i)
        for stretch in range((count + most - 1) // most):
            begin, end = stretch * most, min((stretch + 1) * most, count)
            # Mostly nothing that is stored is outside of the bounds: then only what is hit has to be looked at.
            outside = copy_and_check(values[i, begin:end], read[i, begin:end], low, high)
            hits = 0
            if errors[0]:
                change, hits = _flip(codes[i, begin:end], stored[i, begin:end], listed, errors, now, stretch)
                flips += change
            if corrects and outside == 0:
                corrected += correct_listed(read[i, begin:end], listed, hits, low, high, way)
            elif corrects:
                corrected += correct_values(read[i, begin:end], low, high, way)
    return flips, corrected


@jit_uncounted
def _begin(errors, access):  # type: ignore[no-untyped-def]
    """What the errors of a read are drawn from."""
    if len(errors) == _DRAWS:
        return draw(errors[2], access)
    _, _, streams, heads = errors[:4]
    begin_read(streams, heads, np.uint64(access))
    return _ZERO


@jit_uncounted
def _flip(codes, stored, listed, errors, now, stretch):  # type: ignore[no-untyped-def]
    """One stretch of one read; returns how many bits differ from those stored, and how many codes it lists."""
    if len(errors) == _DRAWS:  # numba compiles one of the two
        _, stretch_bits, _, thresholds, groups = errors
        return _toggle(codes, stored, listed, draw(now, stretch), stretch_bits, thresholds, groups)
    flips = fail_cells(codes, stored, listed, stretch, *errors[3:])
    return flips, flips


@jit_uncounted
def _toggle(codes, stored, listed, key, stretch_bits, thresholds, groups):  # type: ignore[no-untyped-def]
    """Points of one stretch of one read, from its key; as `_flip`. Codes are listed as often as they are hit."""
    places, shift = np.uint64(stretch_bits), _3 if codes.itemsize == 1 else _5
    size, stream = np.uint64(len(codes)) << shift, draw(key, 0)
    count = number_of_points(draw(stream, 0), thresholds, groups, 0)
    half = (count + 1) >> 1
    for i in range(half):  # a loop of its own, as this can be done for several words at once
        word = draw(stream, 1 + i)  # two points, as in `row_kernel.point`
        listed[i], listed[half + i] = ((word & _LOW32) * places) >> _32, ((word >> _32) * places) >> _32
    hits = count if size == places else _keep_below(listed, count, size)
    again, within = _ZERO, (_ONE << shift) - _ONE
    for i in range(hits):
        bit = np.uint64(listed[i])
        at, by = bit >> shift, bit & within
        code = np.uint64(codes[at])
        again += (code ^ np.uint64(stored[at])) >> by & _ONE
        codes[at] = code ^ (_ONE << by)
        listed[i] = at
    return hits - 2 * np.int64(again), hits


@jit_uncounted
def _keep_below(listed, count, size):  # type: ignore[no-untyped-def]
    """Of the first so many points listed, list those below `size` only; returns how many."""
    kept = _ZERO
    for i in range(count):
        bit = np.uint64(listed[i])
        listed[kept] = bit
        kept += np.uint64(bit < size)
    return np.int64(kept)
