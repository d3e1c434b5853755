"""Tile search: traffic of whole networks, optimality, tie-breaking."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from edensim.machines.problem import Problem
from edensim.machines.search import SEARCHED, Found, candidates, choose, estimated_time, least_traffic, search
from edensim.machines.tiling import Buffer, Order, Tiling
from edensim.workloads import load_network
from edensim.workloads.layer import Layer

MIB = 1 << 20
# Best tilings in MiB by an independent search: 108 KiB 16 bit, 324 KiB 16 bit, 324 KiB 8 bit, 24 MiB 8 bit; batch 1,
# single buffered, partial sums as wide as data.
TABLE = {
    "alexnet-grouped": (118.538, 118.311, 59.155, 59.155),
    "squeezenet1.1": (11.400, 10.566, 5.283, 5.283),
    "vgg16": (357.58, 324.0, 158.316, 153.557),
    "mobilenetv2": (32.271, 32.265, 16.132, 16.132),
    "yolov3-tiny": (37.47, 35.073, 16.973, 16.914),
    "alexnet": (118.258, 118.141, 59.07, 59.07),
    "resnet101-cifar10": (101.675, 100.047, 50.024, 49.952),
    "yolov3": (384.908, 299.001, 140.431, 135.026),
    "densenet201": (102.999, 99.756, 49.208, 49.208),
    "resnet101": (154.881, 145.834, 72.473, 72.226),
}


def network_mib(name: str, kib: int, bits: int) -> float:
    problems = [Problem.of(layer) for layer in load_network(name).layers]
    buffer = Buffer.plain(kib * 1024, bits)
    moved = {p: least_traffic(p, buffer).traffic(p).total for p in set(problems)}  # type: ignore[union-attr]
    return sum(moved[p] for p in problems) * bits / 8 / MIB


@pytest.mark.parametrize("name", TABLE)
def test_networks_are_tiled_as_well_as_an_independent_search(name: str) -> None:
    """Total traffic is at most the stored search's (1 % allowed) for the buffers of EDEN's accelerators."""
    for (kib, bits), best in zip([(108, 16), (324, 16), (324, 8), (24 * 1024, 8)], TABLE[name], strict=True):
        assert network_mib(name, kib, bits) <= best * 1.01


@pytest.mark.parametrize("layer", [
    Layer("conv", "conv", 6, 9, 9, 8, 3, 3, 9, 9, (1, 1), (1, 1, 1, 1)),
    Layer("strided", "conv", 4, 9, 9, 8, 1, 1, 5, 5, (2, 2)),
    Layer("depthwise", "dwconv", 6, 8, 8, 6, 3, 3, 8, 8, (1, 1), (1, 1, 1, 1), groups=6),
    Layer("fc", "fc", 40, 1, 1, 24, 1, 1, 1, 1),
])  # fmt: skip
@pytest.mark.parametrize("capacity", [60, 200, 800])
@pytest.mark.parametrize("double", [False, True])
def test_search_is_as_good_as_trying_everything(layer: Layer, capacity: int, double: bool) -> None:
    """The vectorised search finds the least traffic of a plain loop over all candidate tiles and orders."""
    problem = Problem.of(layer)
    buffer = Buffer(capacity * 8, 8, 32, 8, copies=2) if double else Buffer.plain(capacity, 8)
    splits = [candidates(x) for x in (problem.K, problem.C, problem.rows.outputs, problem.cols.outputs)]
    best = 1 << 60
    for order, resident in [*((o, False) for o in SEARCHED), (Order.SPACE_K_C, True), (Order.SPACE_C_K, True)]:
        tiles = [(1, *tile) for tile in itertools.product(*splits)]
        if not resident:  # several whole groups per tile
            tiles += itertools.product(candidates(problem.groups)[1:], [problem.K], [problem.C], *splits[2:])
        for g, k, c, p, q in tiles:
            tiling = Tiling(order, int(g), 1, int(k), int(c), int(p), int(q), resident)
            if tiling.need_bits(problem, buffer) <= buffer.capacity_bits:
                best = min(best, tiling.traffic(problem).bits(8, buffer.psum_bits))
    found = least_traffic(problem, buffer)
    assert (found.traffic(problem).bits(8, buffer.psum_bits) if found else 1 << 60) == best


def test_the_cost_of_the_search_is_the_traffic_formula() -> None:
    """Every tiling the search returns costs exactly what `Tiling.traffic` says and fits as `need_bits` says."""
    layer = Layer("conv", "conv", 64, 27, 27, 192, 5, 5, 27, 27, (1, 1), (2, 2, 2, 2))
    for buffer in (
        Buffer.plain(20_000, 8),
        Buffer(300_000, 8, 32, 8, copies=2),
        Buffer(300_000, 8, 16, 16, 1, False, True),
    ):
        found = search(Problem.of(layer), buffer, goal="traffic_time")
        assert found is not None
        for i in range(0, len(found.tiles), max(1, len(found.tiles) // 50)):
            tiling = found.tiling(i)
            moved = tiling.traffic(Problem.of(layer)).bits(buffer.bits, buffer.psum_bits)
            assert moved == found.costs[i] * buffer.bits
            assert tiling.need_bits(Problem.of(layer), buffer) <= buffer.capacity_bits


def test_equal_traffic_prefers_full_width_then_few_tiles() -> None:
    """Of tilings that move the same, the widest wins; of those the one with the fewest tiles."""
    problem = Problem.of(Layer("conv", "conv", 4, 8, 8, 4, 1, 1, 8, 8))
    tiles = np.array([[1, 1, 4, 4, 8, 4], [1, 1, 1, 4, 8, 8], [1, 1, 2, 4, 8, 8]], np.int64)
    found = Found(1.0, tiles, np.ones(3), np.zeros(3, np.int64), ((Order.SPACE_K_C, False),))
    chosen = choose(problem, found, lambda t: np.zeros(len(t), np.int64), 1.0, True)
    assert (chosen.k, chosen.q) == (2, 8)


def test_short_rows_cost_whole_lines() -> None:
    """With 64-byte lines the search avoids narrow tiles that plain element counts find equally good."""
    problem = Problem.of(Layer("conv", "conv", 16, 64, 64, 64, 1, 1, 64, 64))
    found = search(problem, Buffer.plain(3000, 8), line_bytes=64)
    assert found is not None
    assert (found.tiles[:, 5] >= 32).all()


def test_pipeline_estimate_by_hand() -> None:
    """One tile: load and compute in turn. Many tiles: the longer of the two, plus one tile's share of both ends."""
    one, ten = estimated_time(np.array([100, 100]), np.array([60.0, 60.0]), np.array([1, 10]))
    assert (one, ten) == (160, 100 * 0.9 + 16)
