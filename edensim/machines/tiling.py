"""How a layer is cut into tiles, in which order they run, and the DRAM traffic that follows: exact formulas.

A tile holds `groups` groups of `k` output and `c` input channels for `n` images and `p` x `q` output pixels. Five
orders of the tile loops (innermost last; groups are always outermost) decide what stays on chip from one tile to the
next:

=============== ============================ ================================== ================
order           input                        weights                            outputs
=============== ============================ ================================== ================
space_k_c       in * (nk if nc > 1 else 1)   w * (nsp unless all weights fit)   o
k_space_c       in * (nk if nc > 1 or        w * (nsp if nc > 1 else 1)         o
                nsp > 1 else 1)
k_c_space       in * nk                      w                                  o + 2 ps
space_c_k       in                           w * (nsp unless all weights fit)   o + 2 ps
row_stationary  in * nk                      w * nsp                            o
=============== ============================ ================================== ================

nk, nc, nsp are tile counts, `in` counts every tile's input with its halo and with padding clipped. `row_stationary` is
the chip of Eyeriss, whose buffer keeps neither inputs nor filters from one pass to the next. ps = o * (nc - 1) counts
partial sums, which spill to DRAM and come back at their own width; the finished output o has the data's.

Modelled: one level of buffer, partial sums wider than the data on chip and in DRAM, double buffering as capacity.
Not modelled: reuse of a halo left behind by the previous tile, fusion of layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edensim.machines.problem import Problem, tiled_axis


class Order(StrEnum):
    """Order of the tile loops, outermost first."""

    SPACE_K_C = "space_k_c"
    K_SPACE_C = "k_space_c"
    K_C_SPACE = "k_c_space"
    SPACE_C_K = "space_c_k"
    ROW_STATIONARY = "row_stationary"


LOOPS: dict[Order, str] = {
    Order.SPACE_K_C: "gnpqkc",
    Order.K_SPACE_C: "gknpqc",
    Order.K_C_SPACE: "gkcnpq",
    Order.SPACE_C_K: "gnpqck",
    Order.ROW_STATIONARY: "gnpqkc",
}
"""Loop nest of each order, outermost first: g groups, n images, p and q output rows and columns, k and c channels."""
SPILLING = (Order.K_C_SPACE, Order.SPACE_C_K)
"""Orders that leave an output unfinished when they go on to the next one."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """On-chip storage that tiles share, and the widths in it.

    `copies` is 2 with double buffering: inputs and weights are held twice, outputs once more at storage width while
    they drain. `psum_bits` is the width of a partial sum, in the buffer and when it spills; `finished_psum_bits` the
    width in the buffer of outputs whose whole sum is made within one tile (an array with its own accumulators needs
    only the storage width).
    `holds_weights` false: weights bypass the buffer. `padded`: padding takes room in the buffer.
    """

    capacity_bits: int
    bits: int
    psum_bits: int
    finished_psum_bits: int
    copies: int = 1
    holds_weights: bool = True
    padded: bool = False

    @classmethod
    def plain(cls, capacity_bytes: int, bits: int) -> Buffer:
        """Single buffered, every word `bits` wide: the textbook capacity used by traffic tables and bounds."""
        return cls(capacity_bytes * 8, bits, bits, bits)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Elements that cross the DRAM pins; of `psums`, each is written once and read back once."""

    weights: int
    ifm: int
    ofm: int
    psums: int

    @property
    def total(self) -> int:
        """All elements moved."""
        return self.weights + self.ifm + self.ofm + 2 * self.psums

    def bits(self, data_bits: int, psum_bits: int) -> int:
        """All bits moved."""
        return (self.weights + self.ifm + self.ofm) * data_bits + 2 * self.psums * psum_bits


@dataclass(frozen=True, slots=True)
class Tiling:
    """Tile sizes and loop order. `weights_resident`: all weights of the group stay in the buffer."""

    order: Order
    groups: int
    n: int
    k: int
    c: int
    p: int
    q: int
    weights_resident: bool = False

    def sizes(self) -> dict[str, int]:
        """Tile size along each loop."""
        return {"g": self.groups, "n": self.n, "k": self.k, "c": self.c, "p": self.p, "q": self.q}

    def counts(self, problem: Problem) -> dict[str, int]:
        """Tiles along each loop."""
        return {loop: -(-total // self.sizes()[loop]) for loop, total in loop_totals(problem).items()}

    def spills(self, problem: Problem) -> bool:
        """Whether partial sums go to DRAM and back."""
        return self.order in SPILLING and self.c < problem.C

    def tile_count(self, problem: Problem) -> int:
        """Tiles of the whole layer."""
        product = 1
        for count in self.counts(problem).values():
            product *= count
        return product

    def traffic(self, problem: Problem) -> Traffic:
        """Elements moved by the table above."""
        count = self.counts(problem)
        nk, nc, space = count["k"], count["c"], count["n"] * count["p"] * count["q"]
        rows, cols = tiled_axis(problem.rows, self.p)[0], tiled_axis(problem.cols, self.q)[0]
        ifm = problem.batch * problem.groups * problem.C * rows * cols
        weights, ofm = problem.weight_count, problem.ofm_count
        weights_once = self.weights_resident or nk * nc == 1
        if self.order is Order.SPACE_K_C:
            return Traffic(weights * (1 if weights_once else space), ifm * (nk if nc > 1 else 1), ofm, 0)
        if self.order is Order.K_SPACE_C:
            again = nk if nc > 1 or space > 1 else 1
            return Traffic(weights * (space if nc > 1 else 1), ifm * again, ofm, 0)
        if self.order is Order.K_C_SPACE:
            return Traffic(weights, ifm * nk, ofm, ofm * (nc - 1))
        if self.order is Order.SPACE_C_K:
            return Traffic(weights * (1 if weights_once else space), ifm, ofm, ofm * (nc - 1))
        return Traffic(weights * space, ifm * nk, ofm, 0)

    def need_bits(self, problem: Problem, buffer: Buffer) -> int:
        """Room the largest tile takes in the buffer, in bits."""
        inputs = self.groups * self.n * self.c
        if buffer.padded:
            inputs *= padded_extent(problem.rows.stride, problem.rows.reach, self.p)
            inputs *= padded_extent(problem.cols.stride, problem.cols.reach, self.q)
        else:
            inputs *= tiled_axis(problem.rows, self.p)[1] * tiled_axis(problem.cols, self.q)[1]
        weights = self.groups * self.k * self.c * problem.taps * buffer.copies
        if self.weights_resident:
            weights = problem.K * problem.C * problem.taps
        outputs = self.groups * self.n * self.k * self.p * self.q
        psum = buffer.finished_psum_bits if self.c == problem.C else buffer.psum_bits
        streams = buffer.copies * inputs + (weights if buffer.holds_weights else 0)
        return streams * buffer.bits + outputs * (psum + (buffer.copies - 1) * buffer.bits)


def padded_extent(stride: int, reach: int, outputs: int) -> int:
    """Inputs, padding included, that `outputs` neighbouring windows cover."""
    return (outputs - 1) * stride + reach


def loop_totals(problem: Problem) -> dict[str, int]:
    """Extent of each loop."""
    return {
        "g": problem.groups,
        "n": problem.batch,
        "k": problem.K,
        "c": problem.C,
        "p": problem.rows.outputs,
        "q": problem.cols.outputs,
    }
