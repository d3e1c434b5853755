"""Tile search: every sensible tile in every loop order, as arrays; the least DRAM traffic wins.

Candidates per dimension are ceil(size / i) for all i and the powers of two. With `line_bytes` the traffic counted is
what whole bursts move (short rows of a tile waste part of their bursts); without it, plain elements.
Among them a goal decides: "traffic" (the least, and of equal ones the fastest), "time", or "traffic_time", the least
product of both. Time is estimated as that of a double-buffered pipeline of equal tiles. Of equally good tilings the
widest wins (longer runs), then the least traffic, then the fewest tiles.
Not modelled: mixed loop orders, tiles of uneven size, DRAM row locality.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edensim.machines.problem import Axis, Ints, Problem, tiled_axis
from edensim.machines.tiling import Buffer, Order, Tiling, padded_extent

Floats = NDArray[np.float64]
TileCycles = Callable[[Ints], Ints]
"""Compute cycles of tiles given as rows (groups, n, k, c, p, q)."""

SEARCHED = (Order.SPACE_K_C, Order.K_SPACE_C, Order.K_C_SPACE, Order.SPACE_C_K)
MANY = 64
Goal = Literal["traffic", "time", "traffic_time"]
SLACK: dict[Goal, float] = {"traffic": 0.0, "time": np.inf, "traffic_time": 1.0}
"""How much more than the least traffic a tiling may move to be looked at; a product is not won by moving twice as much
unless it halves the time."""
CHANNEL_SPLITS = 8


@lru_cache(maxsize=4096)
def candidates(size: int) -> Ints:
    """Tile sizes worth trying along a dimension, ascending."""
    split = -(-size // np.arange(1, size + 1, dtype=np.int64))
    powers = 1 << np.arange(size.bit_length(), dtype=np.int64)
    return np.unique(np.concatenate([split, powers]))


@lru_cache(maxsize=4096)
def channel_candidates(size: int) -> Ints:
    """Tile sizes along the reduction: few, since after the first splits only room and burst length depend on it."""
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
    psum_waste: Floats


def _axis_table(axis: Axis, tiles: Ints, padded: bool) -> Ints:
    """Rows (inputs over all tiles, inputs of the largest tile, its span, room in the buffer) per candidate."""
    table = np.array([tiled_axis(axis, int(t)) for t in tiles], np.int64).T
    room = padded_extent(axis.stride, axis.reach, tiles) if padded else table[1]  # type: ignore[arg-type]
    return np.vstack([table, room])


@lru_cache(maxsize=256)
def space_tiles(
    problem: Problem, bits: int, psum_bits: int, line_bytes: int | None, padded: bool, full_width: bool
) -> Space:
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
    waste = [np.ones(len(n))] * 3
    if line_bytes:
        size, psum = bits / 8, psum_bits / 8
        useful = most * size
        waste = [
            _block_bytes(p_table[1][i], q_table[2][j], rows.size, cols.size, size, line_bytes)
            / np.maximum(useful, size),
            _block_bytes(p, q, rows.outputs, cols.outputs, size, line_bytes) / (p * q * size),
            _block_bytes(p, q, rows.outputs, cols.outputs, psum, line_bytes) / (p * q * psum),
        ]
    return Space(
        n, p, q,
        -(-problem.batch // n) * -(-rows.outputs // p) * -(-cols.outputs // q),
        (n * room).astype(float), (n * p * q).astype(float),
        sums * float(problem.batch * problem.groups * problem.C), *waste,
    )  # fmt: skip


def _block_bytes(height: Ints, width: Ints, full_height: int, full_width: int, size: float, line: int) -> Floats:
    """Bytes moved in whole lines for a block of one channel's plane: row by row, merged where rows share lines."""
    by_rows = height * (width * size + line - 1)
    merged = height * full_width * size + line - 1
    plane = max(full_height * full_width * size, size)
    moved: Floats = np.minimum(np.minimum(by_rows, merged), plane)
    return moved


@dataclass(frozen=True, slots=True)
class Found:
    """Tilings worth a closer look: rows (groups, n, k, c, p, q), their cost, and which of `variants` each one is."""

    least: float
    tiles: Ints
    costs: Floats
    variant: Ints
    variants: tuple[tuple[Order, bool], ...]

    def tiling(self, index: int) -> Tiling:
        """One of the tilings found."""
        g, n, k, c, p, q = (int(x) for x in self.tiles[index])
        order, resident = self.variants[self.variant[index]]
        return Tiling(order, g, n, k, c, p, q, resident)


def search(
    problem: Problem,
    buffer: Buffer,
    line_bytes: int | None = None,
    orders: tuple[Order, ...] = SEARCHED,
    fmap_scale: tuple[float, float] = (1.0, 1.0),
    goal: Goal = "traffic",
) -> Found | None:
    """Every candidate tile that fits the buffer, in each order; those that `goal` may choose are returned.

    Returns None if not even the smallest tile fits. Cost is in elements of the data's width, scaled by burst waste if
    `line_bytes` is given and by `fmap_scale`, the coded share of inputs and outputs; partial sums are never coded.
    """
    row_stationary = orders == (Order.ROW_STATIONARY,)
    space = space_tiles(problem, buffer.bits, buffer.psum_bits, line_bytes, buffer.padded, row_stationary)
    groups, k = _output_channels(problem)
    c = channel_candidates(problem.C)
    weight_waste = _weight_waste(problem, c, buffer.bits, line_bytes)
    grid = _Grid(problem, buffer, space, groups, k, c, weight_waste, fmap_scale)
    tried = [
        (order, resident, grid.cost(order, resident))
        for order in orders
        for resident in ((False, True) if order in (Order.SPACE_K_C, Order.SPACE_C_K) else (False,))
    ]
    least = min(float(cost.min()) for _, _, cost in tried)
    if not np.isfinite(least):
        return None
    limit = min(least * (1 + max(SLACK[goal], 1e-12)), np.finfo(float).max)
    hits = [np.nonzero(cost <= limit) for _, _, cost in tried]
    ik, ic, at = (np.concatenate([hit[d] for hit in hits]) for d in range(3))
    tiles = np.stack([groups[ik], space.n[at], k[ik], c[ic], space.p[at], space.q[at]], axis=1)
    costs = np.concatenate([cost[hit] for (_, _, cost), hit in zip(tried, hits, strict=True)])
    variant = np.repeat(np.arange(len(tried)), [len(hit[0]) for hit in hits])
    return Found(least, tiles, costs, variant, tuple((order, resident) for order, resident, _ in tried))


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
        self,
        problem: Problem,
        buffer: Buffer,
        space: Space,
        groups: Ints,
        k: Ints,
        c: Ints,
        weight_waste: Floats,
        fmap_scale: tuple[float, float],
    ) -> None:
        nk, nc = (-(-problem.K // k))[:, None, None], (-(-problem.C // c))[None, :, None]
        g, k3, c3 = groups[:, None, None], k[:, None, None], c[None, :, None]
        self.nk, self.nc, self.space = nk.astype(float), nc.astype(float), space
        self.nsp = space.count.astype(float)[None, None, :]
        self.ifm = (space.input_total * space.input_waste * fmap_scale[0])[None, None, :]
        self.ofm = (problem.ofm_count * space.output_waste * fmap_scale[1])[None, None, :]
        spilled = problem.ofm_count * (buffer.psum_bits / buffer.bits) * space.psum_waste
        self.psums = 2 * (self.nc - 1) * spilled[None, None, :]  # written and read back
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
            cost = (
                self.ifm * np.where((nc > 1) | (nsp > 1), nk, 1.0)
                + self.weights * np.where(nc > 1, nsp, 1.0)
                + self.ofm
            )
        elif order is Order.K_C_SPACE:
            cost = self.ifm * nk + self.weights + self.ofm + self.psums
        elif order is Order.SPACE_C_K:
            cost = self.ifm + self.weights * weights_again + self.ofm + self.psums
        else:
            cost = self.ifm * nk + self.weights * nsp + self.ofm
        return np.where(self.fits_resident if resident else self.fits, cost, np.inf)


def choose(
    problem: Problem, found: Found, cycles: TileCycles, dma_cycles: float, overlapped: bool, goal: Goal = "traffic"
) -> Tiling:
    """The tiling of the best score (2 % count as equal): widest, then least traffic, then fewest tiles.

    The score is the estimated time, times the traffic if `goal` is "traffic_time". `dma_cycles` is the time of one
    element on the DRAM link at full rate, in array clocks.
    """
    finalists = _finalists(found)
    tiles, costs = found.tiles[finalists], found.costs[finalists]
    totals = np.array([problem.groups, problem.batch, problem.K, problem.C, problem.rows.outputs, problem.cols.outputs])
    count = np.prod(-(-totals // tiles), axis=1)
    compute, move = cycles(tiles) * count, costs * dma_cycles
    time = estimated_time(compute, move, count) if overlapped else compute + move
    score = time * costs if goal == "traffic_time" else time
    near = np.flatnonzero(score <= score.min() * 1.02)
    best = near[np.lexsort((count[near], costs[near], -tiles[near, 5]))[0]]
    return found.tiling(int(finalists[best]))


def _finalists(found: Found) -> Ints:
    """For each k, each p and each q, the tile that moves least (of equal ones the largest) and the largest one."""
    if len(found.tiles) <= MANY:
        return np.arange(len(found.tiles))
    cost, volume = found.costs, -np.prod(found.tiles, axis=1)
    picks = []
    for column in (2, 4, 5):
        value = found.tiles[:, column]
        for first, second in ((cost, volume), (volume, cost)):
            order = np.lexsort((second, first, value))
            picks.append(order[np.flatnonzero(np.diff(value[order], prepend=-1))])
    return np.unique(np.concatenate(picks))


def estimated_time(compute: Ints, dma: Floats, tiles: Ints) -> Floats:
    """Cycles of a pipeline of equal tiles whose loads and stores overlap the arithmetic of their neighbours."""
    return np.maximum(compute, dma) * (1 - 1 / tiles) + (compute + dma) / tiles


def least_traffic(problem: Problem, buffer: Buffer) -> Tiling | None:
    """A tiling with the least traffic, regardless of time and bursts (None if nothing fits): for tables and bounds."""
    found = search(problem, buffer)
    if found is None:
        return None
    return choose(problem, found, lambda tiles: np.zeros(len(tiles), np.int64), 1.0, True)
