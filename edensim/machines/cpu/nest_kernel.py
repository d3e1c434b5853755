"""Line touches that every loop nest is made of, and the simple nests: im2col, passes over arrays, GEMV.

A kernel appends touches to `out` from place `n` on and returns the new place. Beyond the end of `out` it only counts,
so that the caller can offer a longer array. Addresses are bytes, lines are 64 bytes. `gap` is the instructions before a
touch; what does not fit into a touch is lost, which the callers avoid by spreading it.
"""

from __future__ import annotations

import numpy as np

from edensim.jit import jit_uncounted
from edensim.machines.cpu.cache_kernel import GAP_MASK, GAP_SHIFT, LINE_SHIFT, STREAM_SHIFT

LINE = 6  # log2 of bytes per line


@jit_uncounted
def put(out, n, line, write, stream, gap):
    """Append one touch."""
    if n < len(out):
        out[n] = np.uint64((line << LINE_SHIFT) | (min(gap, GAP_MASK) << GAP_SHIFT) | (stream << STREAM_SHIFT) | write)
    return n + 1


@jit_uncounted
def span(out, n, address, size, write, stream, gap):
    """Touch every line of `size` bytes from `address` on, `gap` instructions before each."""
    for line in range(address >> LINE, ((address + size - 1) >> LINE) + 1):
        n = put(out, n, line, write, stream, gap)
    return n


@jit_uncounted
def im2col(out, n, x, col, height, width, kernel_h, kernel_w, stride_h, stride_w, top, left, dilation_h, dilation_w,
           out_h, out_w, size, begin, end, s_x, s_col, per_value):  # fmt: skip
    """Rows `begin` to `end` of the im2col matrix [channel, kernel row, kernel column][output row, output column].

    `size` is bytes per value, `per_value` instructions per copied value; `top` and `left` are padding.
    """
    per_line = per_value * (64 // size)
    for row in range(begin, end):
        kw, kh, c = row % kernel_w, row // kernel_w % kernel_h, row // (kernel_h * kernel_w)
        across = kw * dilation_w - left
        for h in range(out_h):
            r = kh * dilation_h - top + h * stride_h
            if 0 <= r < height:
                a = (c * height + r) * width + max(0, across)
                b = (c * height + r) * width + min(width - 1, across + (out_w - 1) * stride_w)
                if a <= b:
                    n = span(out, n, x + a * size, (b - a) * size + 1, 0, s_x, 0)
            n = span(out, n, col + (row * out_h + h) * out_w * size, out_w * size, 1, s_col, per_line)
    return n


@jit_uncounted
def sweep(out, n, arrays, begin, end, per_line):
    """One pass over several arrays at once, lines `begin` to `end` of each.

    `arrays` [k, 4]: byte address, bytes, 1 if written, stream. Shorter arrays are passed proportionally slower.
    """
    longest = 0
    for k in range(arrays.shape[0]):
        longest = max(longest, (arrays[k, 1] + 63) >> LINE)
    for i in range(begin, min(end, longest)):
        gap = per_line
        for k in range(arrays.shape[0]):
            lines = (arrays[k, 1] + 63) >> LINE
            at = i * lines // longest
            if i == 0 or at != (i - 1) * lines // longest:
                n = put(out, n, (arrays[k, 0] >> LINE) + at, arrays[k, 2], arrays[k, 3], gap)
                gap = 0
    return n


@jit_uncounted
def gemv(out, n, matrix, vector, result, rows, columns, size, begin, end, s_matrix, s_vector, s_result, per_line):
    """Rows `begin` to `end` of result = matrix x vector, one dot product per row."""
    for row in range(begin, end):
        a, b = matrix + row * columns * size, vector
        first, shift = a >> LINE, b >> LINE
        count = ((a + columns * size - 1) >> LINE) - first + 1
        length = ((b + columns * size - 1) >> LINE) - shift + 1
        for q in range(max(count, length)):
            if q < count:
                n = put(out, n, first + q, 0, s_matrix, per_line)
            if q < length:
                n = put(out, n, shift + q, 0, s_vector, 0)
        n = put(out, n, (result + row * size) >> LINE, 1, s_result, 0)
    return n


@jit_uncounted
def gather(out, n, base, entry, count, passes, seed, size, stream, per_entry):
    """`passes` visits to each of `count` entries of `entry` bytes in a fixed random order (sorting, NMS)."""
    for p in range(passes):
        x = seed + p
        for _ in range(count):
            x = (x * 6364136223846793005 + 1442695040888963407) & 0x7FFFFFFFFFFFFFFF
            n = span(out, n, base + (x >> 20) % count * entry, size, 0, stream, per_entry)
    return n
