"""Matrix products as line touches: Goto's blocked algorithm (OpenBLAS); Darknet's loops, plain and in register tiles.

Names follow BLAS: C[m, n] += A[m, k] B[k, n] column-major for the blocked product; a row-major caller passes its
operands swapped.
"""

from __future__ import annotations

from edensim.jit import jit_uncounted
from edensim.machines.cpu.cache_kernel import GAP_MASK
from edensim.machines.cpu.nest_kernel import LINE, put, span

# ---- blocked (Goto)


@jit_uncounted
def scale_c(out, n, c, ldc, m, begin, end, size, stream, per_line):
    """The pass that sets columns `begin` to `end` of C to zero (or beta times itself) before anything is added."""
    for j in range(begin, end):
        n = span(out, n, c + j * ldc * size, m * size, 1, stream, per_line)
    return n


@jit_uncounted
def pack_a(out, n, a, lda, packed, i0, mi, l0, ml, unroll, size, s_a, s_packed, per_line):
    """Copy block A[i0:i0+mi, l0:l0+ml] into panels of `unroll` rows: each source line is touched once per panel."""
    steps = max(1, 64 // (size * unroll))  # steps of l that fill one packed line
    for i in range(0, mi, unroll):
        rows = min(unroll, mi - i)
        for l in range(ml):  # noqa: E741  (the field's name)
            n = span(out, n, a + ((l0 + l) * lda + i0 + i) * size, rows * size, 0, s_a, 0)
            if l % steps == 0:
                n = span(out, n, packed + (i * ml + l * unroll) * size, min(64, unroll * size), 1, s_packed, per_line)
    return n


@jit_uncounted
def pack_b(out, n, b, ldb, packed, l0, ml, j0, j1, at, unroll, size, s_b, s_packed, per_line):
    """Copy block B[l0:l0+ml, j0:j1] (k contiguous) into panels of `unroll` columns, from packed column `at` on."""
    values = 64 // size
    for j in range(j0, j1, unroll):
        columns = min(unroll, j1 - j)
        for l in range(0, ml, values):  # noqa: E741
            for u in range(columns):
                source = (b + ((j + u) * ldb + l0 + l) * size) >> LINE
                n = put(out, n, source, 0, s_b, 0)
                last = (b + ((j + u) * ldb + l0 + ml - 1) * size) >> LINE
                if l + values >= ml and last > source:  # a column that straddles one more line
                    n = put(out, n, last, 0, s_b, 0)
            for u in range(columns):
                line = (packed + ((at + j - j0) * ml + l * columns + values * u) * size) >> LINE
                n = put(out, n, line, 1, s_packed, per_line)
    return n


@jit_uncounted
def multiply(out, n, pa, pb, c, ldc, i0, mi, ml, j0, j1, at, unroll, width, size, s_pa, s_pb, s_c, per_step):
    """C[i0:i0+mi, j0:j1] += packed A x packed B, `width` columns and `unroll` rows at a time.

    `per_step` is instructions per step of k of a full tile.
    """
    for j in range(j0, j1, width):
        columns = min(width, j1 - j)
        for i in range(0, mi, unroll):
            a_line = (pa + i * ml * size) >> LINE
            b_line = (pb + (at + j - j0) * ml * size) >> LINE
            a_count = (ml * unroll * size + 63) >> LINE
            b_count = (ml * columns * size + 63) >> LINE
            gap = per_step * ml * columns // (width * a_count)
            done = 0
            for q in range(a_count):
                n = put(out, n, a_line + q, 0, s_pa, gap)
                upto = (q + 1) * b_count // a_count
                while done < upto:
                    n = put(out, n, b_line + done, 0, s_pb, 0)
                    done += 1
            for u in range(columns):
                n = span(out, n, c + ((j + u) * ldc + i0 + i) * size, min(unroll, mi - i) * size, 1, s_c, 2)
    return n


# ---- unblocked


@jit_uncounted
def ikj(out, n, a, b, c, columns, depth, i0, i1, k0, k1, size, s_a, s_b, s_c, per_line):
    """Rows i0 to i1 of row-major C += A B, steps k0 to k1; the innermost loop runs along B and C."""
    for i in range(i0, i1):
        target = (c + i * columns * size) >> LINE
        last = (c + (i + 1) * columns * size - 1) >> LINE
        for k in range(k0, k1):
            n = put(out, n, (a + (i * depth + k) * size) >> LINE, 0, s_a, 0)
            row = b + k * columns * size
            first = row >> LINE
            count = ((row + columns * size - 1) >> LINE) - first + 1
            for q in range(count):
                n = put(out, n, first + q, 0, s_b, 0)
                if target + q <= last:
                    n = put(out, n, target + q, 1, s_c, per_line)
            if target + count <= last:  # C may straddle one line more than B
                n = put(out, n, target + count, 1, s_c, per_line)
    return n


@jit_uncounted
def register_tiles(out, n, a, b, c, columns, depth, i0, rows, k0, k1, tile, size, s_a, s_b, s_c, per_step, per_value):
    """Rows i0 to i0 + rows of the same product, steps k0 to k1, in blocks of `tile` columns and steps.

    A block of C stays in registers. `per_step` is instructions per step of a whole block, `per_value` those per value
    and step of the columns that are left over.
    """
    for k in range(k0, k1, tile):
        steps = min(tile, k1 - k)
        for j in range(0, columns, tile):
            width = min(tile, columns - j)
            for i in range(i0, i0 + rows):
                n = span(out, n, a + (i * depth + k) * size, steps * size, 0, s_a, 0)
                n = span(out, n, c + (i * columns + j) * size, width * size, 1, s_c, 0)
            gap = per_step if width == tile else per_value * width * rows
            for step in range(k, k + steps):
                source = b + (step * columns + j) * size
                n = put(out, n, source >> LINE, 0, s_b, gap)
                if (source + width * size - 1) >> LINE > source >> LINE:
                    n = put(out, n, (source + width * size - 1) >> LINE, 0, s_b, 0)
    return n


@jit_uncounted
def ikj_thin(out, n, a, c, columns, depth, i0, i1, size, s_a, s_c, per_line):
    """Rows i0 to i1 of either product without B: A once, C in as many passes as hold the instructions.

    `per_line` is instructions per line of C in all.
    """
    passes = (per_line + GAP_MASK - 1) // GAP_MASK
    for i in range(i0, i1):
        for p in range(passes):
            first, last = (
                a + (i * depth + depth * p // passes) * size,
                a + (i * depth + depth * (p + 1) // passes) * size,
            )
            if last > first:
                n = span(out, n, first, last - first, 0, s_a, 0)
            gap = per_line * (p + 1) // passes - per_line * p // passes
            n = span(out, n, c + i * columns * size, columns * size, 1, s_c, gap)
    return n
