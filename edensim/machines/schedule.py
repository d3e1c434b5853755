"""The tiles of a layer in execution order: what each covers, what it loads, and what it stores.

This is the traffic table of `tiling` played out tile by tile: a tile loads an operand exactly when the formula counts
it. Not modelled: that a spilled partial sum must be written before it is read back (the gap is a whole sweep of tiles).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edensim.machines.problem import Ints, Problem
from edensim.machines.tiling import LOOPS, SPILLING, Order, Tiling, loop_totals

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Steps:
    """Tiles [begin, end) of a layer: first index and size along each loop (g n k c p q), and what moves."""

    first: dict[str, Ints]
    size: dict[str, Ints]
    last: dict[str, Flags]
    load_weights: Flags
    load_ifm: Flags
    load_psum: Flags
    store_psum: Flags
    store_ofm: Flags


def steps(problem: Problem, tiling: Tiling, begin: int, end: int) -> Steps:
    """Tiles number `begin` to `end` - 1 in execution order."""
    count, tile, total = tiling.counts(problem), tiling.sizes(), loop_totals(problem)
    nest = LOOPS[tiling.order]
    digits = np.unravel_index(np.arange(begin, end), tuple(count[loop] for loop in nest))
    at = dict(zip(nest, (x.astype(np.int64) for x in digits), strict=True))
    first = {loop: at[loop] * tile[loop] for loop in nest}
    size = {loop: np.minimum(tile[loop], total[loop] - first[loop]) for loop in nest}
    last = {loop: at[loop] == count[loop] - 1 for loop in nest}
    always = np.ones(end - begin, bool)
    first_space = (at["n"] == 0) & (at["p"] == 0) & (at["q"] == 0)
    one_space = count["n"] * count["p"] * count["q"] == 1
    weights, ifm = always, always
    order = tiling.order
    if order in (Order.SPACE_K_C, Order.SPACE_C_K) and (tiling.weights_resident or count["k"] * count["c"] == 1):
        weights = first_space
    if order is Order.K_C_SPACE or (order is Order.K_SPACE_C and count["c"] == 1):
        weights = first_space
    if (
        order is Order.SPACE_C_K
        or (order is Order.SPACE_K_C and count["c"] == 1)
        or (order is Order.K_SPACE_C and count["c"] == 1 and one_space)
    ):
        ifm = at["k"] == 0
    spills = always if order in SPILLING else ~always
    return Steps(first, size, last, weights, ifm, spills & (at["c"] > 0), spills & ~last["c"], last["c"])


def size_table(problem: Problem, tiling: Tiling) -> tuple[Ints, Ints]:
    """The up to 64 distinct tile sizes: rows (g, n, k, c, p, q), and how many tiles have each.

    Row number = 32 if the tile is the last along g, + 16 n, + 8 k, + 4 c, + 2 p, + 1 q.
    """
    count, tile, total = tiling.counts(problem), tiling.sizes(), loop_totals(problem)
    bits = np.arange(64)
    sizes, weight = np.empty((64, 6), np.int64), np.ones(64, np.int64)
    for place, loop in enumerate("gnkcpq"):
        is_last = (bits >> (5 - place)) & 1 == 1
        remainder = total[loop] - (count[loop] - 1) * tile[loop]
        sizes[:, place] = np.where(is_last, remainder, tile[loop])
        weight *= np.where(is_last, 1, count[loop] - 1)
    return sizes, weight


def size_number(tiles: Steps) -> Ints:
    """Row of `size_table` that each tile has."""
    number = np.zeros(len(tiles.load_ifm), np.int64)
    for loop in "gnkcpq":
        number = 2 * number + tiles.last[loop]
    return number
