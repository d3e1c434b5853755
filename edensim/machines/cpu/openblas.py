"""Matrix products as OpenBLAS runs them: Goto's algorithm, blocked for the caches and packed.

Source: OpenBLAS interface/gemm.c, driver/level3/level3.c and kernel/x86_64 of the Haswell target (P = Q = 320, panels
of 8 x 4, 24 columns per kernel call, strips of 12 while the first block is packed).
Not modelled: threads, the small-matrix path, instructions of the library's call overhead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edensim.machines.cpu import gemm_kernel
from edensim.machines.cpu.nest import Operand, Part, Repeat, Unit, split


@dataclass(frozen=True)
class Blocking:
    """How a blocked product is cut: rows and depth of a block, panels, columns per kernel call and per first strip."""

    rows: int = 320
    depth: int = 320
    unroll_m: int = 8
    unroll_n: int = 4
    width: int = 24
    strip: int = 12
    size: int = 4  # bytes per value
    vector_bytes: int = 32

    @property
    def instructions_per_step(self) -> int:
        """Of a full tile for one step of k: multiply-adds, broadcasts and loads of A."""
        vectors = self.unroll_m * self.size // self.vector_bytes
        return vectors * self.width + self.width + vectors


HASWELL = Blocking()


def cut(rest: int, block: int, unroll: int) -> int:
    """Length of the next block: a rest between one and two blocks is halved (rounded up to panels)."""
    if rest >= 2 * block:
        return block
    if rest > block:
        return (rest // 2 + unroll - 1) // unroll * unroll
    return rest


def cuts(m: int, block: int, unroll: int) -> list[tuple[int, int]]:
    """(begin, length) of all blocks of `m`."""
    out, at = [], 0
    while at < m:
        out.append((at, cut(m - at, block, unroll)))
        at += out[-1][1]
    return out


def blocked_product(
    a: Operand, b: Operand, c: Operand, packs: tuple[Operand, Operand], m: int, n: int, k: int, how: Blocking = HASWELL
) -> Iterator[Part]:
    """C[m, n] = A[m, k] B[k, n] (column-major; k contiguous in B): for every block of k, a loop over blocks of m."""
    size, c_lines = how.size, m * how.size // 64 + 1
    for j0, j1 in split(0, n, c_lines):
        yield Unit(
            gemm_kernel.scale_c,
            (c.address, c.leading, m, j0, j1, size, c.stream, 64 // how.vector_bytes),
            c_lines * (j1 - j0),
        )
    blocks = cuts(m, how.rows, how.unroll_m)

    def written(first: int, last: int) -> Iterator[Unit]:
        begin = blocks[first][0]
        rows = sum(length for _, length in blocks[first:last])
        lines = rows * size // 64 + 1
        for j0, j1 in split(0, n, lines):
            yield Unit(
                gemm_kernel.scale_c,
                (c.address + begin * size, c.leading, rows, j0, j1, size, c.stream, 0),
                lines * (j1 - j0),
            )

    for l0, ml in cuts(k, how.depth, how.unroll_m):

        def body(i: int, l0: int = l0, ml: int = ml) -> Iterator[Unit]:
            yield from _block(a, b, c, packs, (m, n), blocks[i], (l0, ml), how)

        yield Repeat(len(blocks), body, written)


def _block(
    a: Operand, b: Operand, c: Operand, packs: tuple[Operand, Operand], shape: tuple[int, int], rows: tuple[int, int],
    depth: tuple[int, int], how: Blocking,
) -> Iterator[Unit]:  # fmt: skip
    """One block of A, packed, against all of B; with the first block B is packed too, strip by strip."""
    (m, n), (i0, mi), (l0, ml), size = shape, rows, depth, how.size
    first, keeps_b = i0 == 0, m > how.rows  # else the packed strip is written over by the next
    per_line = 64 // size
    yield Unit(
        gemm_kernel.pack_a,
        (a.address, a.leading, packs[0].address, i0, mi, l0, ml, how.unroll_m, size, a.stream, packs[0].stream,
         per_line),
        2 * mi * ml // how.unroll_m,
    )  # fmt: skip
    strip = how.strip if first else how.width
    for j0 in range(0, n, strip):
        j1 = min(n, j0 + strip)
        at = j0 if keeps_b else 0
        if first:
            yield Unit(
                gemm_kernel.pack_b,
                (b.address, b.leading, packs[1].address, l0, ml, j0, j1, at, how.unroll_n, size, b.stream,
                 packs[1].stream, per_line),
                2 * strip * ml // per_line,
            )  # fmt: skip
        panel = ml * size * (how.unroll_m + strip) // 64 + strip
        yield Unit(
            gemm_kernel.multiply,
            (packs[0].address, packs[1].address, c.address, c.leading, i0, mi, ml, j0, j1, at, how.unroll_m,
             how.width, size, packs[0].stream, packs[1].stream, c.stream, how.instructions_per_step),
            panel * (mi // how.unroll_m + 1),
        )  # fmt: skip
