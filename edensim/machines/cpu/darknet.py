"""Matrix products as Darknet's CPU code runs them: unblocked, in the order i-k-j.

`tile` 1 is the plain loop of pjreddie's Darknet (vectorised along the innermost loop, no BLAS); larger tiles are the
register-tiled variant of AlexeyAB's AVX build, which reuses a line of the im2col matrix for several output channels.
Instructions are those of the vectorised innermost loop: per vector a load, a multiply, an add and a store (fused when
vectors are 32 bytes), and two of loop control; its sums match 2.07 instructions per MAC of an SSE build.
Source: darknet src/gemm.c, src/im2col.c, src/convolutional_layer.c.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edensim.machines.cpu import gemm_kernel
from edensim.machines.cpu.nest import Operand, Repeat, Unit, split


@dataclass(frozen=True)
class Loop:
    """Rows of C per pass over B, bytes per value and per vector."""

    tile: int = 1
    size: int = 4
    vector_bytes: int = 16

    @property
    def instructions_per_line(self) -> int:
        """Of the innermost loop for one line of C: unrolled twice, hence one index update per two vectors."""
        vectors = 64 // self.vector_bytes
        per_vector = 5 if self.vector_bytes >= 32 else 8
        return vectors * per_vector + 1


PLAIN = Loop()
TILED = Loop(tile=6, vector_bytes=32)


def plain_product(
    a: Operand, b: Operand, c: Operand, m: int, n: int, k: int, how: Loop = PLAIN, rows: range | None = None
) -> Iterator[Unit]:
    """Units of row-major C[m, n] += A[m, k] B[k, n]; `rows` limits the outermost loop."""
    begin, end = (0, m) if rows is None else (rows.start, rows.stop)
    lines = n * how.size // 64 + 2
    per_step = lines * (1 + how.tile) + how.tile
    for i in range(begin, end, how.tile):
        for k0, k1 in split(0, k, per_step):
            yield Unit(
                gemm_kernel.ikj,
                (a.address, b.address, c.address, n, k, i, min(end, i + how.tile), k0, k1, how.tile, how.size,
                 a.stream, b.stream, c.stream, how.instructions_per_line),
                per_step * (k1 - k0),
            )  # fmt: skip


def product_loop(a: Operand, b: Operand, c: Operand, m: int, n: int, k: int, how: Loop) -> Repeat:
    """The same product as one loop over rows of C (in register tiles)."""

    def body(i: int) -> Iterator[Unit]:
        yield from plain_product(a, b, c, m, n, k, how, range(i * how.tile, min(m, (i + 1) * how.tile)))

    def thin(first: int, last: int) -> Iterator[Unit]:
        passes = k * how.instructions_per_line // 1023 + 1
        per_row = passes * (n * how.size // 64 + 1) + k * how.size // 64
        for i0, i1 in split(min(m, first * how.tile), min(m, last * how.tile), per_row):
            yield Unit(
                gemm_kernel.ikj_thin,
                (a.address, c.address, n, k, i0, i1, how.size, a.stream, c.stream, how.instructions_per_line),
                per_row * (i1 - i0),
            )

    own = how.tile * (n + k) * how.size // 64
    return Repeat(-(-m // how.tile), body, thin, own, own + n * k * how.size // 64)
