"""Tile programs: what they move equals the formula, byte for byte and line for line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.machines.problem import Problem
from edensim.machines.program import IFM, OFM, PSUM, RUN, TILE, WEIGHTS, Program
from edensim.machines.runs import TensorLayout, block_runs
from edensim.machines.schedule import size_table, steps
from edensim.machines.tiling import LOOPS, Order, Tiling, loop_totals
from edensim.workloads.layer import Layer

BASES = (7 * 64, 1 << 20, 1 << 21, 1 << 22)


def make_program(problem: Problem, tiling: Tiling, bits: int, line_bytes: int = 64, **changes: object) -> Program:
    shapes = (
        (problem.groups * problem.K, problem.C, problem.taps),
        (problem.batch, problem.groups * problem.C, problem.rows.size, problem.cols.size),
        (problem.batch, problem.groups * problem.K, problem.rows.outputs, problem.cols.outputs),
    )
    widths = (bits, bits, bits, max(16, bits))
    layouts = tuple(TensorLayout(s, w, b) for s, w, b in zip((*shapes, shapes[2]), widths, BASES, strict=True))
    cycles = np.arange(64, dtype=np.int64)
    return Program(problem, tiling, layouts, (10, 11, 12, 13), line_bytes, cycles, **changes)  # type: ignore[arg-type]


@st.composite
def tilings(draw: st.DrawFn, problem: Problem) -> Tiling:
    size = {loop: draw(st.integers(1, total)) for loop, total in loop_totals(problem).items()}
    if size["g"] > 1:
        size["k"], size["c"] = problem.K, problem.C
    order = draw(st.sampled_from(list(Order)))
    resident = size["g"] == 1 and order in (Order.SPACE_K_C, Order.SPACE_C_K) and draw(st.booleans())
    return Tiling(order, size["g"], size["n"], size["k"], size["c"], size["p"], size["q"], resident)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), batch=st.integers(1, 3))
def test_schedule_moves_exactly_what_the_formula_counts(layer_strategy, data, batch: int) -> None:
    """Summing what each tile loads and stores gives the traffic table, for any layer, tiling and order."""
    problem = Problem.of(data.draw(layer_strategy()), batch)
    tiling = data.draw(tilings(problem))
    part = steps(problem, tiling, 0, tiling.tile_count(problem))
    at, size = part.first, part.size
    rows = problem.rows.needed(at["p"], at["p"] + size["p"])
    cols = problem.cols.needed(at["q"], at["q"] + size["q"])
    traffic = tiling.traffic(problem)
    assert (size["g"] * size["k"] * size["c"] * problem.taps)[part.load_weights].sum() == traffic.weights
    assert (size["g"] * size["n"] * size["c"] * rows * cols)[part.load_ifm].sum() == traffic.ifm
    outputs = size["g"] * size["n"] * size["k"] * size["p"] * size["q"]
    assert outputs[part.store_ofm].sum() == traffic.ofm == problem.ofm_count
    assert outputs[part.load_psum].sum() == outputs[part.store_psum].sum() == traffic.psums
    assert not (part.store_psum & part.store_ofm).any() and (traffic.psums > 0) == tiling.spills(problem)
    macs = np.prod([size[loop] for loop in "gnkcpq"], axis=0) * problem.taps
    assert macs.sum() == problem.macs
    sizes, count = size_table(problem, tiling)
    assert (np.prod(sizes, axis=1) * problem.taps * count).sum() == problem.macs


def needed_lines(problem: Problem, layout: TensorLayout, blocks: list[list[int]], line: int) -> list[int]:
    """Lines that hold any element of the cartesian product of index lists (row-major), sorted."""
    index = np.zeros(1, np.int64)
    for extent, positions in zip(layout.shape, blocks, strict=True):
        index = (index[:, None] * extent + np.array(positions, np.int64)[None, :]).ravel()
    if not len(index):
        return []
    first, last = index * layout.bits // 8, (index * layout.bits + layout.bits - 1) // 8
    return np.unique(np.concatenate([layout.base + first, layout.base + last]) // line).tolist()


def window(axis, first: int, size: int) -> list[int]:
    """Positions a range of outputs spans: without those the stride skips, with the gaps of a dilated kernel."""
    used: set[int] = set()
    for output in range(first, first + size):
        start = output * axis.stride - axis.pad
        used |= set(range(max(0, start), min(axis.size, start + axis.reach)))
    return sorted(used)


@settings(max_examples=120, deadline=None)
@given(data=st.data(), batch=st.integers(1, 2), bits=st.sampled_from([4, 8, 16]), line=st.sampled_from([2, 8, 64]))
def test_runs_are_the_lines_each_tile_needs(layer_strategy, data, batch: int, bits: int, line: int) -> None:
    """Each tile's runs hold each line of its blocks once, ascending, in as few runs as possible, rightly labelled."""
    problem = Problem.of(data.draw(layer_strategy(9)), batch)
    tiling = data.draw(tilings(problem))
    program = make_program(problem, tiling, bits, line)
    (tiles, runs) = next(program.chunks())
    assert tiles.dtype == TILE and runs.dtype == RUN
    part = steps(problem, tiling, 0, len(tiles))
    for t in range(min(len(tiles), 40)):
        g, n, k, c, p, q = (range(part.first[x][t], part.first[x][t] + part.size[x][t]) for x in "gnkcpq")
        filters = [x * problem.K + y for x in g for y in k]
        channels = [x * problem.C + y for x in g for y in c]
        rows, cols = window(problem.rows, p.start, len(p)), window(problem.cols, q.start, len(q))
        if cols and problem.cols.skips:  # within a row the whole span is read
            cols = list(range(cols[0], cols[-1] + 1))
        blocks = {
            WEIGHTS: [filters, list(c), list(range(problem.taps))],
            IFM: [list(n), channels, rows, cols],
            OFM: [list(n), filters, list(p), list(q)],
        }
        blocks[PSUM] = blocks[OFM]
        loaded = {WEIGHTS: part.load_weights[t], IFM: part.load_ifm[t], PSUM: part.load_psum[t]}
        stored = {OFM: part.store_ofm[t], PSUM: part.store_psum[t]}
        loads = runs[tiles["load_begin"][t] : tiles["load_end"][t]]
        stores = runs[tiles["store_begin"][t] : tiles["store_end"][t]]
        for some, moves in ((loads, loaded), (stores, stored)):
            assert list(some["tensor"]) == sorted(some["tensor"]) and set(some["tensor"]) <= {x + 10 for x in moves}
            assert (some["kind"] == np.minimum(some["tensor"] - 10, OFM)).all()
            for role, moved in moves.items():
                mine = some[some["tensor"] == role + 10]
                needed = needed_lines(problem, program.layouts[role], blocks[role], line) if moved else []
                assert expand(mine) == needed
                assert (mine["line"][1:] > (mine["line"] + mine["count"])[:-1]).all()


def expand(runs) -> list[int]:
    return [int(line) + i for line, count in zip(runs["line"], runs["count"], strict=True) for i in range(int(count))]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), chunk=st.integers(1, 7), total=st.one_of(st.none(), st.integers(0, 10**6)))
def test_chunks_join_to_the_whole_program(layer_strategy, data, chunk: int, total: int | None) -> None:
    """Writing a program a few tiles at a time gives the same tiles and runs; spread cycles add up exactly."""
    problem = Problem.of(data.draw(layer_strategy(8)))
    tiling = data.draw(tilings(problem))
    program = make_program(problem, tiling, 8, total_cycles=total)
    whole_tiles, whole_runs = next(program.chunks(max_tiles=1 << 30, max_runs=1 << 40))
    position = 0
    for tiles, runs in program.chunks(max_tiles=chunk):
        for tile in tiles:
            whole = whole_tiles[position]
            for begin, end in (("load_begin", "load_end"), ("store_begin", "store_end")):
                assert (runs[tile[begin] : tile[end]] == whole_runs[whole[begin] : whole[end]]).all()
            assert tile["compute_cycles"] == whole["compute_cycles"]
            position += 1
    assert position == len(whole_tiles) == tiling.tile_count(problem)
    if total is not None:
        assert whole_tiles["compute_cycles"].sum() == total


def test_full_tiles_are_single_runs() -> None:
    """A fully connected layer in tiles of whole filters reads its weights as one run per tile."""
    problem = Problem.of(Layer("fc", "fc", 128, 1, 1, 64, 1, 1, 1, 1))
    tiles, runs = next(make_program(problem, Tiling(Order.SPACE_K_C, 1, 1, 16, 128, 1, 1), 8).chunks())
    weights = runs[runs["kind"] == WEIGHTS]
    assert weights["line"].tolist() == [7, 39, 71, 103] and weights["count"].tolist() == [32] * 4
    assert len(runs[runs["kind"] == IFM]) == 1  # the input stays on chip for all filters
    assert tiles["compute_cycles"].tolist() == [32 + 16 + 4 + 2 + 1] * 3 + [63]  # row number of the size table


def test_only_weights_move_without_feature_maps() -> None:
    """`moves_fmaps` false leaves weight runs only."""
    problem = Problem.of(Layer("conv", "conv", 8, 6, 6, 8, 3, 3, 4, 4))
    program = make_program(problem, Tiling(Order.K_SPACE_C, 1, 1, 4, 8, 4, 4), 8, moves_fmaps=False)
    tiles, runs = next(program.chunks())
    assert set(runs["kind"]) == {WEIGHTS} and (tiles["store_end"] == tiles["store_begin"]).all()


def test_feature_maps_on_chip_do_not_cut_a_program() -> None:
    """Only weight runs count for the size of a chunk: a batch of 4096 leaves the four weight tiles in one piece."""
    problem = Problem.of(Layer("fc", "fc", 512, 1, 1, 512, 1, 1, 1, 1), 4096)
    tiling = Tiling(Order.SPACE_K_C, 1, 4096, 256, 256, 1, 1)
    program = make_program(problem, tiling, 8, moves_fmaps=False)
    assert [len(tiles) for tiles, _ in program.chunks()] == [4]


def test_compressed_rows_shrink_in_place() -> None:
    """At half size each segment keeps its first byte and loses half its lines."""
    layout = TensorLayout((4, 256), 8, 0, scale=0.5)
    first, size = np.array([[0, 0], [2, 0]]), np.array([[1, 256], [1, 256]])
    _, line, count = block_runs(layout, first, size, 64)
    assert line.tolist() == [0, 8] and count.tolist() == [2, 2]


@pytest.mark.parametrize("order", list(Order))
def test_loops_name_every_dimension_once(order: Order) -> None:
    """Each order nests the same six loops, groups outermost."""
    assert sorted(LOOPS[order]) == sorted("gnkcpq") and LOOPS[order][0] == "g"
