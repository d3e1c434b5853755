"""Weight-stationary systolic array of TPU v1: weight tiles, accumulators, and the closed form with an ideal memory.

A layer is a matrix product: one row per output pixel, C*R*S window elements, K columns. The array holds one weight
tile of rows x cols elements while rows of input stream through it, one per cycle; the next tile shifts in meanwhile
(as many cycles as the array has rows). Partial sums of a column of tiles stay in the accumulators, half of which work
while the other half drains: at most accumulators / 2 input rows per tile, unless one tile covers the whole window.
Groups too small for the array are packed side by side on its diagonal.
Modelled: the above; 16-bit operands at a quarter of the rate, wider ones in proportion (ISCA 2017, section 2).
Not modelled: fill and drain of the array (a few hundred cycles per layer), activation and pooling units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edensim.machines.problem import Ints, Problem


@dataclass(frozen=True, slots=True)
class SystolicArray:
    """Rows and columns of multipliers, accumulator rows."""

    rows: int
    cols: int
    accumulators: int = 4096

    @property
    def rows_in_flight(self) -> int:
        """Input rows one accumulator half holds."""
        return max(1, self.accumulators // 2)

    def packed_groups(self, window: int, filters: int) -> int:
        """Groups that fit side by side on the diagonal of the array."""
        return max(1, min(self.rows // window, self.cols // filters))


def tile_cycles(problem: Problem, array: SystolicArray, bits: int, tiles: Ints) -> Ints:
    """Compute cycles of tiles whose data are on chip.

    `tiles`: int64[tiles, 6], rows (groups, n, k, c, p, q) as in `tiling`. Returns int64[tiles].
    """
    groups, n, k, c, p, q = tiles.T
    window, pixels = c * problem.taps, n * p * q
    packed = np.where(groups > 1, np.maximum(1, np.minimum(array.rows // window, array.cols // k)), 1)
    row_tiles = -(-window // array.rows)
    weight_tiles = row_tiles * -(-k // array.cols) * -(-groups // packed)
    blocks = np.where(row_tiles > 1, -(-pixels // array.rows_in_flight), 1)
    per_block = np.maximum(-(-pixels // blocks), array.rows)
    cycles: Ints = weight_tiles * blocks * per_block * operand_passes(bits)
    return cycles


def operand_passes(bits: int) -> int:
    """Passes of the 8-bit multipliers for operands of `bits` bits."""
    return (-(-bits // 8)) ** 2


@dataclass(frozen=True, slots=True)
class MatrixTime:
    """Cycles of a matrix product fed by an ideal memory, split as in ISCA 2017, table 3."""

    tile_steps: int
    cycles: float
    active: float
    shift: float
    weight_stall: float

    def time_us(self, clock_mhz: float) -> float:
        """Duration in microseconds."""
        return self.cycles / clock_mhz


def weight_tile_cycles(array: SystolicArray, clock_mhz: float, memory_gb_s: float, bits: int = 8) -> float:
    """Clocks to fetch one weight tile from a memory of constant bandwidth (1349 for TPU v1)."""
    return array.rows * array.cols * bits / 8 / (memory_gb_s * 1e3 / clock_mhz)


def matrix_time(
    array: SystolicArray, pixels: int, window: int, filters: int, clock_mhz: float, memory_gb_s: float
) -> MatrixTime:
    """Closed-form time of an int8 matrix product whose weights stream in and whose feature maps are on chip.

    Whole weight tiles are fetched, edges padded, and again for every block of rows that the accumulators hold, unless
    one tile covers the window.
    """
    row_tiles, col_tiles = -(-window // array.rows), -(-filters // array.cols)
    blocks = -(-pixels // array.rows_in_flight) if row_tiles > 1 else 1
    rows = -(-pixels // blocks)
    fetch = weight_tile_cycles(array, clock_mhz, memory_gb_s)
    per_tile = max(fetch, rows, array.rows)
    steps = row_tiles * col_tiles * blocks
    shift = min(float(array.rows), per_tile - rows)
    stall = per_tile - rows - shift
    return MatrixTime(steps, steps * per_tile, steps * rows, steps * shift, steps * stall)
