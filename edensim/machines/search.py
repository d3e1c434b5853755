"""Tile search: every sensible tile in every loop order, as arrays; the least DRAM traffic wins.

Candidates per dimension are ceil(size / i) for all i and the powers of two. With `line_bytes` the traffic counted is
what whole bursts move (short rows of a tile waste part of their bursts); without it, plain elements.
Among equal traffic: full-width tiles first (longer runs), then the shortest estimated time of a double-buffered
pipeline, then the fewest tiles.
Not modelled: mixed loop orders, tiles of uneven size, DRAM row locality.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edensim.machines.problem import Axis, Ints, Problem, tiled_axis
from edensim.machines.tiling import Buffer, Order, Tiling, padded_extent

Floats = NDArray[np.float64]
TileCycles = Callable[[Ints], Ints]
"""Compute cycles of tiles given as rows (groups, n, k, c, p, q)."""

SEARCHED = (Order.SPACE_K_C, Order.K_SPACE_C, Order.K_C_SPACE, Order.SPACE_C_K)
FINALISTS = 24
CHANNEL_SPLITS = 8


@lru_cache(maxsize=4096)
def candidates(size: int) -> Ints:
    """Tile sizes worth trying along a dimension, ascending."""
    split = -(-size // np.arange(1, size + 1, dtype=np.int64))
    powers = 1 << np.arange(size.bit_length(), dtype=np.int64)
    return np.unique(np.concatenate([split, powers]))


@lru_cache(maxsize=4096)
def channel_candidates(size: int) -> Ints:
    """Tile sizes along the reduction: few, since beyond the first splits only buffer room and burst length depend on it."""
    split = -(-size // np.arange(1, min(size, CHANNEL_SPLITS) + 1, dtype=np.int64))
    powers = 1 << np.arange(size.bit_length(), dtype=np.int64)
    return np.unique(np.concatenate([split, powers]))


@dataclass(frozen=True, slots=True)
class Space:
    """All (n, p, q) tiles of a problem as flat arrays: sizes, tile counts, room and traffic they cause."""

    n: Ints
    p: Ints
    q: Ints
    count: Ints
    input_room: Floats  # inputs of one channel in the largest tile
    output_room: Floats  # outputs of one channel
    input_total: Floats  # inputs fetched in one sweep over all tiles, all channels of all groups
    input_waste: Floats  # bytes moved per useful byte, whole bursts counted
    output_waste: Floats


def _axis_table(axis: Axis, tiles: Ints, padded: bool) -> Ints:
    """Rows (inputs over all tiles, inputs of the largest tile, its span, room in the buffer) per candidate."""
    table = np.array([tiled_axis(axis, int(t)) for t in tiles], np.int64).T
    room = padded_extent(axis.stride, axis.reach, tiles) if padded else table[1]  # type: ignore[arg-type]
    return np.vstack([table, room])


@lru_cache(maxsize=256)
def space_tiles(problem: Problem, bits: int, line_bytes: int | None, padded: bool, full_width: bool) -> Space:
    """All spatial tiles: p x q of one image, or several whole images."""
    rows, cols = problem.rows, problem.cols
    p_list = candidates(rows.outputs)
    q_list = np.array([cols.outputs], np.int64) if full_width else candidates(cols.outputs)
    n_list = candidates(problem.batch)
    p_table, q_table = _axis_table(rows, p_list, padded), _axis_table(cols, q_list, padded)
    i, j = (x.ravel() for x in np.meshgrid(np.arange(len(p_list)), np.arange(len(q_list)), indexing="ij"))
    n = np.ones(len(i), np.int64)
    if problem.batch > 1:  # more than one image only when the tile holds whole images (or full rows, as Eyeriss does)
        whole = np.flatnonzero(full_width | (p_list[i] == rows.outputs) & (q_list[j] == cols.outputs))
        n = np.concatenate([n, np.repeat(n_list[1:], len(whole))])
        i = np.concatenate([i, np.tile(i[whole], len(n_list) - 1)])
        j = np.concatenate([j, np.tile(j[whole], len(n_list) - 1)])
    p, q = p_list[i], q_list[j]
    sums, most, span, room = (p_table[x][i] * q_table[x][j] for x in range(4))
    waste = [np.ones(len(n))] * 2
    if line_bytes:
        size = bits / 8
        useful = most * size
        waste = [
            _block_bytes(p_table[1][i], q_table[2][j], rows.size, cols.size, size, line_bytes) / np.maximum(useful, size),
            _block_bytes(p, q, rows.outputs, cols.outputs, size, line_bytes) / (p * q * size),
        ]
    return Space(
        n, p, q,
        -(-problem.batch // n) * -(-rows.outputs // p) * -(-cols.outputs // q),
        (n * room).astype(float), (n * p * q).astype(float),
        sums * float(problem.batch * problem.groups * problem.C), waste[0], waste[1],
    )  # fmt: skip


def _block_bytes(height: Ints, width: Ints, full_height: int, full_width: int, size: float, line: int) -> Floats:
    """Bytes moved in whole lines for a block of one channel's plane: row by row, merged where rows share lines."""
    by_rows = height * (width * size + line - 1)
    merged = height * full_width * size + line - 1
    return np.minimum(np.minimum(by_rows, merged), max(full_height * full_width * size, size))


@dataclass(frozen=True, slots=True)
class Found:
    """Tilings of equal, least cost: rows (groups, n, k, c, p, q), their order and whether weights stay resident."""

    cost: float
    tiles: Ints
    orders: list[Order]
    resident: NDArray[np.bool_]


def search(
    problem: Problem, buffer: Buffer, line_bytes: int | None = None, orders: tuple[Order, ...] = SEARCHED
) -> Found | None:
    """Every candidate tile that fits the buffer, in each order; those with the least traffic are returned.

    Returns None if not even the smallest tile fits. Cost is in elements, scaled by burst waste if `line_bytes` is given.
    """
    row_stationary = orders == (Order.ROW_STATIONARY,)
    space = space_tiles(problem, buffer.bits, line_bytes, buffer.padded, row_stationary)
    groups, k = _output_channels(problem)
    c = channel_candidates(problem.C)
    weight_waste = _weight_waste(problem, c, buffer.bits, line_bytes)
    grid = _Grid(problem, buffer, space, groups, k, c, weight_waste)
    best: list[tuple[float, Ints, Order, bool]] = []
    for order in orders:
        for resident in (False, True) if order in (Order.SPACE_K_C, Order.SPACE_C_K) else (False,):
            cost = grid.cost(order, resident)
            least = float(cost.min())
            if np.isfinite(least):
                best.append((least, np.argwhere(cost <= least * (1 + 1e-12)), order, resident))
    if not best:
        return None
    least = min(x[0] for x in best) * (1 + 1e-12)
    best = [x for x in best if x[0] <= least]
    index = np.concatenate([x[1] for x in best])
    tiles = np.stack(
        [groups[index[:, 0]], space.n[index[:, 2]], k[index[:, 0]], c[index[:, 1]], space.p[index[:, 2]], space.q[index[:, 2]]],
        axis=1,
    )
    names = [x[2] for x in best for _ in range(len(x[1]))]
    resident_flags = np.concatenate([np.full(len(x[1]), x[3]) for x in best])
    return Found(best[0][0], tiles, names, resident_flags)


def _output_channels(problem: Problem) -> tuple[Ints, Ints]:
    """Pairs (groups, k): parts of one group, or several whole groups (depthwise layers)."""
    k = candidates(problem.K)
    several = candidates(problem.groups)[1:]
    groups = np.concatenate([np.ones(len(k), np.int64), several])
    return groups, np.concatenate([k, np.full(len(several), problem.K)])


def _weight_waste(problem: Problem, c: Ints, bits: int, line_bytes: int | None) -> Floats:
    """Bytes moved per useful byte when filters are read `c` channels at a time."""
    if not line_bytes:
        return np.ones(len(c))
    row, full = c * problem.taps * bits / 8, problem.C * problem.taps * bits / 8
    return np.where(c == problem.C, 1.0, np.minimum(row + line_bytes - 1, full) / row)


class _Grid:
    """Costs and room over (output channels, input channels, space); one array operation per term."""

    def __init__(
        self, problem: Problem, buffer: Buffer, space: Space, groups: Ints, k: Ints, c: Ints, weight_waste: Floats
    ) -> None:
        nk, nc = (-(-problem.K // k))[:, None, None], (-(-problem.C // c))[None, :, None]
        g, k3, c3 = groups[:, None, None], k[:, None, None], c[None, :, None]
        self.nk, self.nc, self.space = nk.astype(float), nc.astype(float), space
        self.nsp = space.count.astype(float)[None, None, :]
        self.ifm = (space.input_total * space.input_waste)[None, None, :]
        self.ofm = (problem.ofm_count * space.output_waste)[None, None, :]
        self.weights = problem.weight_count * weight_waste[None, :, None]
        psum = np.where(c3 == problem.C, buffer.finished_psum_bits, buffer.psum_bits)
        outputs = (g * k3 * (psum + (buffer.copies - 1) * buffer.bits)) * space.output_room[None, None, :]
        inputs = (buffer.copies * buffer.bits * g * c3) * space.input_room[None, None, :]
        base = inputs + outputs
        weights = g * k3 * c3 * problem.taps * buffer.copies if buffer.holds_weights else np.zeros_like(g * k3 * c3)
        legal = (g == 1) | (c3 == problem.C)  # several groups share a tile only with all their channels
        self.fits = (base + weights * buffer.bits <= buffer.capacity_bits) & legal
        all_weights = problem.K * problem.C * problem.taps * buffer.bits if buffer.holds_weights else 0
        self.fits_resident = (base + all_weights <= buffer.capacity_bits) & legal & (g == 1)

    def cost(self, order: Order, resident: bool) -> Floats:
        """Elements moved (whole bursts counted if asked for), infinite where the tile does not fit."""
        nk, nc, nsp = self.nk, self.nc, self.nsp
        weights_again = 1.0 if resident else np.where(nk * nc == 1, 1.0, nsp)
        if order is Order.SPACE_K_C:
            cost = self.ifm * np.where(nc > 1, nk, 1.0) + self.weights * weights_again + self.ofm
        elif order is Order.K_SPACE_C:
            cost = self.ifm * np.where((nc > 1) | (nsp > 1), nk, 1.0) + self.weights * np.where(nc > 1, nsp, 1.0) + self.ofm
        elif order is Order.K_C_SPACE:
            cost = self.ifm * nk + self.weights + self.ofm * (2 * nc - 1)
        elif order is Order.SPACE_C_K:
            cost = self.ifm + self.weights * weights_again + self.ofm * (2 * nc - 1)
        else:
            cost = self.ifm * nk + self.weights * nsp + self.ofm
        return np.where(self.fits_resident if resident else self.fits, cost, np.inf)


def choose(problem: Problem, found: Found, cycles: TileCycles, dma_cycles: float, overlapped: bool) -> Tiling:
    """The best of equally cheap tilings: full width, then estimated time, then fewest tiles.

    `dma_cycles` is the time to move the layer's data at full link rate, in array clocks.
    """
    tiles = found.tiles
    keep = np.flatnonzero(tiles[:, 5] == tiles[:, 5].max())
    totals = np.array([problem.groups, problem.batch, problem.K, problem.C, problem.rows.outputs, problem.cols.outputs])
    count = np.prod(-(-totals // tiles[keep]), axis=1)
    by_count = np.argsort(count, kind="stable")
    spread = np.unique(np.linspace(0, len(keep) - 1, FINALISTS).astype(np.int64)) if len(keep) > FINALISTS else slice(None)
    keep, count = keep[by_count][spread], count[by_count][spread]
    compute = cycles(tiles[keep]) * count
    time = estimated_time(compute, dma_cycles, count) if overlapped else compute + dma_cycles
    pick = keep[np.flatnonzero(time <= time.min() * 1.02)[0]]  # ascending tile count: the first is the coarsest
    g, n, k, c, p, q = (int(x) for x in tiles[pick])
    return Tiling(found.orders[pick], g, n, k, c, p, q, bool(found.resident[pick]))


def estimated_time(compute: Ints, dma_cycles: float, tiles: Ints) -> Floats:
    """Cycles of a pipeline of equal tiles whose loads and stores overlap the arithmetic of their neighbours."""
    longest = np.maximum(compute, dma_cycles)
    return longest * (1 - 1 / tiles) + (compute + dma_cycles) / tiles


def least_traffic(problem: Problem, buffer: Buffer) -> Tiling | None:
    """A tiling with the least traffic in elements, regardless of time (None if nothing fits): for tables and bounds."""
    found = search(problem, buffer)
    if found is None:
        return None
    return choose(problem, found, lambda tiles: np.zeros(len(tiles), np.int64), 0.0, True)
