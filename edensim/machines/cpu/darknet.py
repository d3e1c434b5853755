"""Matrix products as Darknet's CPU code runs them: unblocked, in the order i-k-j, or in register tiles.

The plain loop is that of pjreddie's Darknet and of AlexeyAB's default build (AVX=0, OPENMP=0: gcc -Ofast without an
architecture, hence vectors of 16 bytes, no BLAS). AlexeyAB's AVX build works on four rows at once, in blocks of 16
columns and 16 steps held in eight registers, and reads the im2col matrix once per four rows; what is left over of
columns runs value by value, of rows and steps in the plain loop. Its flags (-mavx2 without -mfma) leave products and
sums apart. Instructions were counted with callgrind on loops of this form (gcc 12.2): 2.0 per MAC in the plain one, 0.5
in a tile, 4.9 in columns left over.
Source: darknet src/gemm.c (gemm_nn, gemm_nn_fast), src/im2col.c, src/convolutional_layer.c, Makefile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edensim.machines.cpu import gemm_kernel
from edensim.machines.cpu.nest import Operand, Repeat, Unit, split


@dataclass(frozen=True)
class Loop:
    """Rows of C per pass over B, columns and steps of a block held in registers, bytes per value and per vector."""

    rows: int = 1
    block: int = 1
    size: int = 4
    vector_bytes: int = 16

    @property
    def per_line(self) -> int:
        """Instructions of the plain loop for one line of C; of short vectors one index update per two of them."""
        vectors = 64 // self.vector_bytes
        return 6 * vectors if self.vector_bytes >= 32 else 8 * vectors + 1

    @property
    def per_step(self) -> int:
        """Instructions of one step of a whole block: 8 of 16 are products and sums of each row, in two vectors."""
        return 2 * self.block

    @property
    def per_value(self) -> int:
        """Instructions per value and step of columns that are left over."""
        return 5

    def per_line_of_c(self, n: int, k: int) -> int:
        """Instructions per line of C of n columns, over k steps."""
        lines = -(-n * self.size // 64)
        if self.rows == 1:
            return k * self.per_line
        whole, left = divmod(n, self.block)
        tiled = k // self.block * self.block
        work = tiled * (whole * self.per_step // self.rows + left * self.per_value)
        return work // lines + (k - tiled) * self.per_line


PLAIN = Loop()
TILED = Loop(rows=4, block=16, vector_bytes=32)


def plain_product(
    a: Operand, b: Operand, c: Operand, m: int, n: int, k: int, how: Loop = PLAIN, rows: range | None = None
) -> Iterator[Unit]:
    """Units of row-major C[m, n] += A[m, k] B[k, n]; `rows` limits the outermost loop."""
    for i in range(m) if rows is None else rows:
        yield from _plain_rows(a, b, c, (n, k), how, range(i, i + 1), 0)


def tiled_product(a: Operand, b: Operand, c: Operand, m: int, n: int, k: int, how: Loop, rows: range) -> Iterator[Unit]:
    """The same in register tiles; fewer than `how.rows` rows are left to the plain loop."""
    for i in range(rows.start, min(rows.stop, m // how.rows * how.rows), how.rows):
        tiled = k // how.block * how.block
        blocks = n // how.block + 1
        per_block = blocks * (2 * how.block + 4 * how.rows)
        for b0, b1 in split(0, k // how.block, per_block):
            yield Unit(
                gemm_kernel.register_tiles,
                (a.address, b.address, c.address, n, k, i, how.rows, b0 * how.block, b1 * how.block, how.block,
                 how.size, a.stream, b.stream, c.stream, how.per_step, how.per_value),
                per_block * (b1 - b0),
            )  # fmt: skip
        yield from _plain_rows(a, b, c, (n, k), how, range(i, i + how.rows), tiled)
    left = range(max(rows.start, m // how.rows * how.rows), min(rows.stop, m))
    yield from _plain_rows(a, b, c, (n, k), how, left, 0)


def _plain_rows(
    a: Operand, b: Operand, c: Operand, shape: tuple[int, int], how: Loop, rows: range, first: int
) -> Iterator[Unit]:
    """Units of the plain loop: rows of C (`shape` n, k), steps from `first` on."""
    n, k = shape
    per_step = 2 * (n * how.size // 64 + 2) + 1
    for i in rows:
        for k0, k1 in split(first, k, per_step):
            yield Unit(
                gemm_kernel.ikj,
                (a.address, b.address, c.address, n, k, i, i + 1, k0, k1, how.size,
                 a.stream, b.stream, c.stream, how.per_line),
                per_step * (k1 - k0),
            )  # fmt: skip


def product_loop(a: Operand, b: Operand, c: Operand, m: int, n: int, k: int, how: Loop) -> Repeat:
    """The product as one loop over rows of C, or over tiles of them."""
    product = tiled_product if how.block > 1 else plain_product
    per_line = how.per_line_of_c(n, k)

    def body(i: int) -> Iterator[Unit]:
        yield from product(a, b, c, m, n, k, how, range(i * how.rows, min(m, (i + 1) * how.rows)))

    def thin(first: int, last: int) -> Iterator[Unit]:
        per_row = (per_line // 1023 + 1) * (n * how.size // 64 + 1) + k * how.size // 64
        for i0, i1 in split(min(m, first * how.rows), min(m, last * how.rows), per_row):
            yield Unit(
                gemm_kernel.ikj_thin,
                (a.address, c.address, n, k, i0, i1, how.size, a.stream, c.stream, per_line),
                per_row * (i1 - i0),
            )

    own = how.rows * (n + k) * how.size // 64
    return Repeat(-(-m // how.rows), body, thin, own, own + n * k * how.size // 64)
