"""Kernels between float32 values and the codes that memory holds. One pass each, vectorised by the compiler."""

from __future__ import annotations

import numpy as np

from edensim.jit import jit

ZERO, SATURATE = 0, 1


@jit
def encode_bytes(values, codes, inverse, low, high):  # type: ignore[no-untyped-def]
    """`codes[i]` (int8, uint8 or int16) = `values[i]` * `inverse`, rounded half to even, within low … high; NaN is low.

    `inverse`, `low` and `high` are float32: products rounded once, as every float32 unit does it.
    """
    for i in range(values.size):
        v = np.rint(values[i] * inverse)
        v = v if v > low else low
        v = v if v < high else high
        codes[i] = np.int32(v)


@jit
def decode_bytes(codes, values, scale):  # type: ignore[no-untyped-def]
    """`values[i]` = `codes[i]` * `scale` (float32)."""
    for i in range(codes.size):
        values[i] = np.float32(codes[i]) * scale


@jit
def encode_nibbles(values, codes, inverse, low, high):  # type: ignore[no-untyped-def]
    """As `encode_bytes`, two codes to a byte, the first in the low bits; rows (items) begin at whole bytes."""
    items, count = values.shape
    for item in range(items):
        row, out = values[item], codes[item]
        for i in range(count // 2):
            a, b = np.rint(row[2 * i] * inverse), np.rint(row[2 * i + 1] * inverse)
            a, b = a if a > low else low, b if b > low else low
            a, b = a if a < high else high, b if b < high else high
            out[i] = (np.int32(a) & 15) | ((np.int32(b) & 15) << 4)
        if count & 1:
            a = np.rint(row[count - 1] * inverse)
            a = a if a > low else low
            a = a if a < high else high
            out[count >> 1] = np.int32(a) & 15


@jit
def decode_nibbles(codes, values, sign, scale):  # type: ignore[no-untyped-def]
    """The reverse of `encode_nibbles`; `sign` (int32) is 8 where codes are signed, else 0; `scale` is float32."""
    items, count = values.shape
    for item in range(items):
        row, out = codes[item], values[item]
        for i in range(count // 2):
            first, second = np.int32(row[i] & 15), np.int32(row[i] >> 4)
            out[2 * i] = np.float32((first ^ sign) - sign) * scale
            out[2 * i + 1] = np.float32((second ^ sign) - sign) * scale
        if count & 1:
            out[count - 1] = np.float32((np.int32(row[count >> 1] & 15) ^ sign) - sign) * scale


@jit
def copy_and_check(values, copy, low, high):  # type: ignore[no-untyped-def]
    """Copy float32 values; returns how many are outside of low … high, or NaN."""
    outside = 0
    for i in range(values.size):
        v = values[i]
        copy[i] = v
        outside += not (v >= low and v <= high)
    return outside


@jit
def correct_value(values, i, low, high, way):  # type: ignore[no-untyped-def]
    """What `correct_values` does to a single one of them; returns whether it was outside (0 or 1)."""
    v = values[i]
    if v >= low and v <= high:
        return 0
    values[i] = np.float32(0.0) if way == ZERO or v != v else (low if v < low else high)
    return 1


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
