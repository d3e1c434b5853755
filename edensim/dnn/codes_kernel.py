"""Kernels between float32 values and the codes that memory holds. One pass each, vectorised by the compiler."""

from __future__ import annotations

import numpy as np

from edensim.jit import jit

ZERO, SATURATE = 0, 1


@jit
def encode_bytes(values, codes, inverse, low, high):  # type: ignore[no-untyped-def]
    """`codes[i]` (int8, uint8 or int16) = `values[i]` * `inverse`, rounded half to even, within low … high; NaN is low.

    `inverse`, `low` and `high` are float32: products rounded once, as every float32 unit does it. Bounds are integers,
    so rounding within them gives the same, a sixth quicker.
    """
    for i in range(values.size):
        v = values[i] * inverse
        v = v if v > low else low
        v = v if v < high else high
        codes[i] = np.int32(np.rint(v))


@jit
def decode_bytes(codes, values, scale):  # type: ignore[no-untyped-def]
    """`values[i]` = `codes[i]` * `scale` (float32)."""
    for i in range(codes.size):
        values[i] = np.float32(codes[i]) * scale


@jit
def encode_nibbles(values, codes, wide, pairs, inverse, low, high):  # type: ignore[no-untyped-def]
    """As `encode_bytes`, two codes to a byte, the first in the low bits.

    Parameters
    ----------
    values : float32 array, shape (values,)
    codes : uint8 array, shape (ceil(values / 2),)
    wide : int8 array of an even length, at least (values,)
        To work in: a code to a byte.
    pairs : uint16 array
        The same memory.
    inverse, low, high : float32
    """
    encode_bytes(values, wide, inverse, low, high)
    if values.size & 1:
        wide[values.size] = 0
    for i in range(codes.size):
        pair = np.uint32(pairs[i])
        codes[i] = (pair & 15) | ((pair >> 4) & 240)


@jit
def decode_nibbles(codes, values, wide, pairs, sign, scale):  # type: ignore[no-untyped-def]
    """The reverse of `encode_nibbles`; `sign` (uint32) is 0x0808 where codes are signed, else 0; `scale` is float32.

    The sign bit of a code c, c ^ 8 - 8, is carried through the upper half of its byte for two bytes at once: + 0x78 in
    place of - 8 borrows nothing from the neighbour, and leaves the top bit the wrong way round.
    """
    less, top = np.uint32(15) * sign, np.uint32(16) * sign
    for i in range(codes.size):
        pair = np.uint32(codes[i])
        pairs[i] = ((((pair & 15) | ((pair & 240) << 4)) ^ sign) + less) ^ top
    decode_bytes(wide[: values.size], values, scale)


@jit
def encode_nibble_rows(values, codes, wide, pairs, inverse, low, high):  # type: ignore[no-untyped-def]
    """`encode_nibbles` of every row of `values`, each beginning at a whole byte."""
    for i in range(len(codes)):
        encode_nibbles(values[i], codes[i], wide, pairs, inverse, low, high)


@jit
def decode_nibble_rows(codes, values, wide, pairs, sign, scale):  # type: ignore[no-untyped-def]
    """`decode_nibbles` of every row."""
    for i in range(len(codes)):
        decode_nibbles(codes[i], values[i], wide, pairs, sign, scale)


@jit
def copy_and_check(values, copy, low, high):  # type: ignore[no-untyped-def]
    """Copy float32 values, fewer than 2^31; returns how many are outside of low … high, or NaN."""
    inside = np.int32(0)
    for i in range(values.size):
        v = values[i]
        copy[i] = v
        inside = np.int32(inside + np.int32((v >= low) & (v <= high)))  # a wider sum would take half as long again
    return values.size - inside


@jit
def correct_value(values, i, low, high, way):  # type: ignore[no-untyped-def]
    """What `correct_values` does to a single one of them; returns whether it was outside. Without branches."""
    v = values[i]
    inside = (v >= low) & (v <= high)
    bound = low if v < low else high
    nearer = np.float32(0.0) if (way == ZERO) | (v != v) else bound
    values[i] = v if inside else nearer
    return not inside


@jit
def correct_listed(values, listed, count, low, high, way):  # type: ignore[no-untyped-def]
    """Correct the values whose indices are the first so many listed; returns how many were outside."""
    outside = 0
    for k in range(count):
        outside += correct_value(values, listed[k], low, high, way)
    return outside


@jit
def correct_values(values, low, high, way):  # type: ignore[no-untyped-def]
    """Replace values outside of low … high (and NaN) by 0, or by the nearer bound (NaN: 0); returns how many.

    Blocks without any are only read.
    """
    count = 0
    for start in range(0, values.size, 1024):
        block = values[start : start + 1024]
        outside = 0
        for i in range(block.size):
            outside += not (block[i] >= low and block[i] <= high)
        if outside == 0:
            continue
        count += outside
        for i in range(block.size):
            correct_value(block, i, low, high, way)
    return count
