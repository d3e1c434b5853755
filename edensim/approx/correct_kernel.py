"""Kernel that replaces implausible values: those outside of two bounds, and NaN.

16-bit floating point numbers are compared as integers: with the other bits of negative numbers inverted, their order is
that of the numbers, NaN lying beyond the infinities.
"""

from __future__ import annotations

import numpy as np

from edensim.approx.tables_kernel import FLOAT16, FP32, INT4, INT8, INT16, UINT8, UINT16
from edensim.jit import jit_uncounted

_NONE, _4, _8, _15, _REST = np.int32(0), np.int32(4), np.int32(8), np.int32(15), np.int32(0x7FFF)


@jit_uncounted
def correct(data, rule):  # type: ignore[no-untyped-def]
    """Replace values of a uint8 array that lie below `rule.low` or above `rule.high`; returns how many.

    Parameters
    ----------
    data : uint8 array
        Whole values; int4: two per byte, the first in the low half.
    rule : Rule
        Bounds and replacements as integers (FLOAT16: bit patterns for replacements, order keys for bounds) and, for
        FP32, as numbers.
    """
    count = 0
    low, high = np.int32(rule.low), np.int32(rule.high)
    below, above, infinity = np.int32(rule.below), np.int32(rule.above), np.int32(rule.infinity)
    if rule.kind == INT4:
        for i in range(len(data)):
            byte = np.int32(data[i])
            first, second = ((byte & _15) ^ _8) - _8, ((byte >> _4) ^ _8) - _8
            new_first = below if first < low else (above if first > high else first)
            new_second = below if second < low else (above if second > high else second)
            count += np.int64((first < low) | (first > high)) + np.int64((second < low) | (second > high))
            data[i] = np.uint8((new_first & _15) | ((new_second & _15) << _4))
    elif rule.kind == INT8:
        small = data.view(np.int8)
        low8, high8, below8, above8 = np.int8(low), np.int8(high), np.int8(below), np.int8(above)
        for i in range(len(small)):
            value = small[i]
            small[i] = below8 if value < low8 else (above8 if value > high8 else value)
            count += np.int64((value < low8) | (value > high8))
    elif rule.kind == UINT8:
        low1, high1, below1, above1 = np.uint8(low), np.uint8(high), np.uint8(below), np.uint8(above)
        for i in range(len(data)):
            byte1 = data[i]
            data[i] = below1 if byte1 < low1 else (above1 if byte1 > high1 else byte1)
            count += np.int64((byte1 < low1) | (byte1 > high1))
    elif rule.kind == INT16:
        words = data.view(np.int16)
        for i in range(len(words)):
            word = np.int32(words[i])
            words[i] = np.int16(below if word < low else (above if word > high else word))
            count += np.int64((word < low) | (word > high))
    elif rule.kind == UINT16:
        positive = data.view(np.uint16)
        for i in range(len(positive)):
            number = np.int32(positive[i])
            positive[i] = np.uint16(below if number < low else (above if number > high else number))
            count += np.int64((number < low) | (number > high))
    elif rule.kind == FLOAT16:
        pattern = data.view(np.int16)
        for i in range(len(pattern)):
            bits = np.int32(pattern[i])
            key = bits ^ ((bits >> _15) & _REST)
            new = below if key < low else (above if key > high else bits)
            pattern[i] = np.int16(_NONE if (bits & _REST) > infinity else new)
            count += np.int64((key < low) | (key > high))
    elif rule.kind == FP32:
        numbers = data.view(np.float32)
        for i in range(len(numbers)):
            x = numbers[i]
            y = rule.below_fp32 if x < rule.low_fp32 else (rule.above_fp32 if x > rule.high_fp32 else x)
            numbers[i] = y if x == x else np.float32(0)
            count += np.int64(not (x >= rule.low_fp32 and x <= rule.high_fp32))
    return count
