"""Row-stationary arithmetic of Eyeriss: how tiles map onto the array of processing elements, and the cycles it takes.

A processing element (PE) computes one-dimensional row convolutions; a PE set of R rows x e columns makes e output
rows. Filter rows go along PE rows, input rows along diagonals, partial sums up the columns. Sets wider than the array
are folded into segments, small sets are replicated r times over channels and t times over filters. A PE interleaves
p filters and q channels, limited by its scratchpads. A pass covers q*r channels and p*t filters of n images; it loads
its filters, then multiplies while inputs and partial sums stream over their buses, so it takes

    filter words / 4 + max(MACs of one PE, partial-sum words / 4, input words)

cycles (buses of JSSC 52(1) 2017: filters and partial sums 4 words per cycle, inputs 1, sums read and written in
parallel). Kernels larger than the array or the scratchpad are split into passes of their own.
Modelled: the above, idle PEs, ragged edges. Not modelled: pipeline ramps, zero-gating stalls, bus configuration time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edensim.machines.problem import Ints, Problem

Floats = NDArray[np.float64]

FILTER_BUS, IFM_BUS, PSUM_BUS = 4, 1, 4
"""Words per cycle of the three networks (JSSC 2017, section V), whatever the width of a word."""
EXTRA_PASSES = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Array:
    """PEs and their scratchpads, in words."""

    rows: int
    cols: int
    spad_ifm: int = 12
    spad_filter: int = 224
    spad_psum: int = 24


@dataclass(frozen=True, slots=True)
class Mapping:
    """A published mapping: m output channels kept in the buffer, n images, e rows, p q r t as above."""

    m: int
    n: int
    e: int
    p: int
    q: int
    r: int
    t: int

    def active_pes(self, kernel_rows: int) -> int:
        """PEs with work."""
        return self.r * self.t * kernel_rows * self.e


@dataclass(frozen=True, slots=True)
class PassShape:
    """Arrays that broadcast against each other: what a pass covers and how many passes a tile takes."""

    n: Ints
    e: Ints
    p: Ints
    q: Ints
    r: Ints
    t: Ints
    width: Ints
    passes: Ints


def pass_cycles(problem: Problem, shape: PassShape, kernel_rows: int, kernel_cols: int) -> Floats:
    """Cycles of all passes. `kernel_rows`, `kernel_cols`: part of the kernel that one pass handles."""
    rows, cols = problem.rows, problem.cols
    input_rows = (shape.e - 1) * rows.stride + min(rows.reach, rows.size + 2 * rows.pad)
    input_cols = (shape.width - 1) * cols.stride + min(cols.reach, cols.size + 2 * cols.pad)
    multiply = shape.n * shape.width * shape.p * shape.q * kernel_cols
    psum = shape.n * shape.p * shape.t * shape.e * shape.width / PSUM_BUS
    ifm = shape.n * shape.q * shape.r * input_rows * input_cols / IFM_BUS
    filters = shape.p * shape.t * shape.q * shape.r * kernel_rows * kernel_cols / FILTER_BUS
    cycles: Floats = shape.passes * (filters + np.maximum(np.maximum(multiply, psum), ifm))
    return cycles


def mapped_cycles(problem: Problem, mapping: Mapping) -> float:
    """Compute cycles of a whole layer with a given mapping."""
    strips = -(-problem.rows.outputs // mapping.e)
    passes = -(-problem.batch // mapping.n) * problem.groups * strips
    passes *= -(-problem.C // (mapping.q * mapping.r)) * -(-problem.K // (mapping.p * mapping.t))
    sizes = (mapping.n, mapping.e, mapping.p, mapping.q, mapping.r, mapping.t, problem.cols.outputs, passes)
    shape = PassShape(*(np.int64(x) for x in sizes))  # type: ignore[arg-type]
    return float(pass_cycles(problem, shape, problem.rows.kernel, problem.cols.kernel))


@lru_cache(maxsize=64)
def set_options(array: Array, kernel_rows: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Ways to place PE sets: (e, sets, r, extra).

    e rows per set, sets in the array, r of them used over channels; `extra` passes over the filters beyond the fewest
    possible (a few more, evenly filled, can be quicker than the fewest with a ragged end).
    """
    options = []
    stacked = max(1, array.rows // kernel_rows)
    wide = [array.cols * x for x in range(2, stacked + 1)]
    for e in [*range(1, array.cols + 1), *wide, *(w - 1 for w in wide)]:
        segments = -(-e // array.cols)
        sets = (array.cols // e) * stacked if segments == 1 else array.rows // (kernel_rows * segments)
        r = np.unique(-(-sets // np.arange(1, sets + 1)))
        options += [(e, sets, int(x), extra) for x in r for extra in EXTRA_PASSES]
    e_list, sets_list, r_list, extra_list = np.array(options, np.int64).T
    return e_list, sets_list, r_list, extra_list


def tile_cycles(problem: Problem, array: Array, tiles: Ints) -> Ints:
    """Compute cycles of tiles, each with its best mapping.

    `tiles`: int64[tiles, 6], rows (groups, n, k, c, p, q) as in `tiling`. Returns int64[tiles].
    """
    row_folds = -(-problem.rows.kernel // array.rows)
    col_folds = -(-problem.cols.kernel // array.spad_ifm)
    kernel_rows, kernel_cols = -(-problem.rows.kernel // row_folds), -(-problem.cols.kernel // col_folds)
    e_most, sets, r, extra = (x[None, :] for x in set_options(array, kernel_rows))
    groups, n, k, c, rows, width = (tiles[:, x : x + 1] for x in range(6))
    depthwise = problem.K == 1 and problem.C == 1 and problem.groups > 1
    strips = -(-rows // e_most)
    e = -(-rows // strips)
    if depthwise:  # channels take the place of filters and channels: every set works on channels of its own
        q_most = max(1, min(array.spad_ifm // kernel_cols, array.spad_filter // kernel_cols, array.spad_psum))
        q = np.minimum(q_most, -(-groups // sets))
        rounds = -(-groups // (q * sets))
        q = -(-groups // (rounds * sets))
        used = np.minimum(sets, -(-groups // q))
        one = np.ones_like(q)
        shape = PassShape(n, e, one, q, used, one, width, strips * rounds * row_folds * col_folds)
        cost = _depthwise_cycles(problem, shape, kernel_rows, kernel_cols)
        return _rounded_up(cost.min(axis=1))
    r = np.minimum(r, c)
    t = np.maximum(1, sets // r)
    q = np.minimum(max(1, array.spad_ifm // kernel_cols), -(-c // r))
    channel_passes = -(-c // (q * r))
    q = -(-c // (channel_passes * r))
    p = np.minimum(np.minimum(array.spad_psum, np.maximum(1, array.spad_filter // (q * kernel_cols))), -(-k // t))
    filter_passes = -(-k // (p * t)) + extra
    p = -(-k // (filter_passes * t))
    passes = groups * strips * channel_passes * filter_passes * row_folds * col_folds
    shape = PassShape(n, e, p, q, np.minimum(r, -(-c // q)), np.minimum(t, -(-k // p)), width, passes)
    return _rounded_up(pass_cycles(problem, shape, kernel_rows, kernel_cols).min(axis=1))


def _rounded_up(cycles: Floats) -> Ints:
    whole: Ints = np.ceil(cycles).astype(np.int64)
    return whole


def _depthwise_cycles(problem: Problem, shape: PassShape, kernel_rows: int, kernel_cols: int) -> Floats:
    """As `pass_cycles`, with q*r channels each having one filter and sums of its own."""
    rows, cols = problem.rows, problem.cols
    channels = shape.q * shape.r
    input_words = ((shape.e - 1) * rows.stride + rows.reach) * ((shape.width - 1) * cols.stride + cols.reach)
    multiply = shape.n * shape.width * shape.q * kernel_cols
    psum = shape.n * channels * shape.e * shape.width / PSUM_BUS
    filters = channels * kernel_rows * kernel_cols / FILTER_BUS
    ifm = shape.n * channels * input_words / IFM_BUS
    cycles: Floats = shape.passes * (filters + np.maximum(np.maximum(multiply, psum), ifm))
    return cycles
