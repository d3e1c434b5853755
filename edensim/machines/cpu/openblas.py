"""Matrix products as OpenBLAS runs them: Goto's algorithm, blocked for the caches and packed.

Source: OpenBLAS interface/gemm.c, driver/level3/level3.c and kernel/x86_64 of the Haswell target (P = Q = 320, panels
of 8 x 4, 24 columns per kernel call, strips of 12 while the first block is packed).
Not modelled: threads, the small-matrix path, instructions of the library's call overhead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edensim.machines.cpu import gemm_kernel
from edensim.machines.cpu.nest import Operand, Unit, split


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


def blocked_product(
    a: Operand, b: Operand, c: Operand, packs: tuple[Operand, Operand], m: int, n: int, k: int, how: Blocking = HASWELL
) -> Iterator[Unit]:
    """Units of C[m, n] = A[m, k] B[k, n] (column-major; k contiguous in B)."""
    size, per_line = how.size, 64 // how.size
    vector_line = 64 // how.vector_bytes
    c_lines = m * size // 64 + 1
    for j0, j1 in split(0, n, c_lines):
        yield Unit(
            gemm_kernel.scale_c, (c.address, c.leading, m, j0, j1, size, c.stream, vector_line), c_lines * (j1 - j0)
        )
    keeps_b = m > how.rows  # else the packed strip is written over by the next
    l0 = 0
    while l0 < k:
        ml = cut(k - l0, how.depth, how.unroll_m)
        i0, first = 0, True
        while i0 < m:
            mi = cut(m - i0, how.rows, how.unroll_m)
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
            first = False
            i0 += mi
        l0 += ml
