"""Direct convolutions in channel-blocked layouts, and int8 products with packed panels, as line touches."""

from __future__ import annotations

from edensim.jit import jit_uncounted
from edensim.machines.cpu.nest_kernel import LINE, put, span


@jit_uncounted
def direct_rows(out, n, x, w, y, channels, height, width, kernel_h, kernel_w, stride_h, stride_w, top, left, out_h,
                out_w, outputs, block, blocking, row_begin, row_end, ob, s_w, s_x, s_y, per_line):  # fmt: skip
    """Output rows of `blocking` blocks of output channels, begun at block `ob`; values take four bytes.

    x [channel block][row][column][block], w [output block][channel block][kernel row][kernel column][block][block],
    y as x. One call of the inner kernel computes a row of outputs for one block of input channels; rows of y are read
    again for every further block.
    """
    in_blocks = (channels + block - 1) // block
    out_blocks = min(blocking, (outputs + block - 1) // block - ob)
    taps = kernel_h * kernel_w * block * block * 4
    pixel = block * 4
    for h in range(row_begin, row_end):
        for ib in range(in_blocks):
            for kh in range(kernel_h):
                r = h * stride_h - top + kh
                if 0 <= r < height:
                    first = x + ((ib * height + r) * width) * pixel
                    n = span(out, n, first, min(width, out_w * stride_w + kernel_w) * pixel, 0, s_x, per_line)
            for o in range(out_blocks):
                n = span(out, n, w + ((ob + o) * in_blocks + ib) * taps, taps, 0, s_w, per_line)
                n = span(out, n, y + (((ob + o) * out_h + h) * out_w) * pixel, out_w * pixel, 1, s_y, 0)
    return n


@jit_uncounted
def depthwise_rows(out, n, x, w, y, height, width, kernel_h, stride_h, top, out_h, out_w, taps, block, cb, row_begin,
                   row_end, s_w, s_x, s_y, per_line):  # fmt: skip
    """Output rows of one block of channels of a depthwise convolution; w has `taps` bytes per block."""
    pixel = block * 4
    for h in range(row_begin, row_end):
        n = span(out, n, w + cb * taps, taps, 0, s_w, 0)
        for kh in range(kernel_h):
            r = h * stride_h - top + kh
            if 0 <= r < height:
                n = span(out, n, x + (cb * height + r) * width * pixel, width * pixel, 0, s_x, per_line)
        n = span(out, n, y + (cb * out_h + h) * out_w * pixel, out_w * pixel, 1, s_y, 0)
    return n


@jit_uncounted
def reorder(out, n, source, target, channels, pixels, block, begin, end, s_source, s_target, per_line):
    """Channel-blocked copy of a planar array of four-byte values: pixels `begin` to `end` (a multiple of 16)."""
    for c in range(0, channels, block):
        rows = min(block, channels - c)
        for p in range(begin, end, 16):
            size = min(16, pixels - p) * 4
            for u in range(rows):
                n = span(out, n, source + ((c + u) * pixels + p) * 4, size, 0, s_source, per_line)
            n = span(out, n, target + (c // block * pixels + p) * block * 4, size * block, 1, s_target, 0)
    return n


@jit_uncounted
def pack_rows(out, n, source, packed, begin, end, row_bytes, depth0, depth, padded, s_source, s_packed, per_line):
    """Copy bytes depth0 to depth0 + depth of rows `begin` to `end` into a packed block, row after row."""
    for row in range(begin, end):
        n = span(out, n, source + row * row_bytes + depth0, depth, 0, s_source, per_line)
        n = span(out, n, packed + (row - begin) * padded, padded, 1, s_packed, per_line)
    return n


@jit_uncounted
def pack_patches(out, n, x, packed, height, width, channels, pitch, kernel_h, kernel_w, stride_h, stride_w, top, left,
                 out_w, begin, end, depth0, depth, padded, s_x, s_packed, per_line):  # fmt: skip
    """As `pack_rows`, the rows being patches of a map [row][column][channel] of bytes (im2col fused into packing).

    A pixel takes `pitch` bytes, of which `channels` belong to this product.
    """
    for row in range(begin, end):
        h, v = row // out_w * stride_h - top, row % out_w * stride_w - left
        first = depth0 // channels
        last = (depth0 + depth - 1) // channels
        for tap in range(first, last + 1):
            r, c = h + tap // kernel_w, v + tap % kernel_w
            a, b = max(depth0, tap * channels), min(depth0 + depth, (tap + 1) * channels)
            if 0 <= r < height and 0 <= c < width:
                n = span(out, n, x + (r * width + c) * pitch + a - tap * channels, b - a, 0, s_x, per_line)
        n = span(out, n, packed + (row - begin) * padded, padded, 1, s_packed, per_line)
    return n


@jit_uncounted
def int8_block(out, n, packed_a, packed_b, sums, rows, depth, padded, columns, j0, j1, width, tile, s_a, s_b, s_sums,
               per_line):  # fmt: skip
    """Sums[rows, j0:j1] += packed A x packed B: `tile` rows of A against `width` columns of B at a time.

    B lies in blocks of `width` columns over the whole `padded` depth; sums take four bytes.
    """
    for j in range(j0, j1, width):
        for i in range(0, rows, tile):
            b_line = (packed_b + j * padded) >> LINE
            b_count = (width * padded + 63) >> LINE
            a_address = packed_a + i * padded
            a_count = (min(tile, rows - i) * padded + 63) >> LINE
            done = 0
            for q in range(b_count):
                n = put(out, n, b_line + q, 0, s_b, per_line)
                upto = (q + 1) * a_count // b_count
                while done < upto:
                    n = put(out, n, (a_address >> LINE) + done, 0, s_a, 0)
                    done += 1
            for u in range(min(tile, rows - i)):
                n = span(out, n, sums + ((i + u) * columns + j) * 4, min(width, columns - j) * 4, 1, s_sums, 2)
    return n


@jit_uncounted
def requantise(out, n, sums, y, begin, end, row0, columns, pitch, s_sums, s_y, per_line):
    """Turn rows of sums (four bytes) into rows of bytes, `pitch` apart: outputs row0 + begin to row0 + end."""
    for row in range(begin, end):
        n = span(out, n, sums + row * columns * 4, columns * 4, 0, s_sums, per_line)
        n = span(out, n, y + (row0 + row) * pitch, columns, 1, s_y, 0)
    return n
