"""Tile programs: the arrays a DMA engine executes, made from a tiling, and the plan of a layer that carries them.

Tensors lie row-major as weights [K][C/groups][R][S], ifm [N][C][H][W], ofm [N][K][P][Q] at `precision_bits`; partial
sums that spill have a scratch tensor of the output's shape at their own width. A tile loads weights, then input, then
spilled partial sums; it computes; it stores the sums, or the output once it is finished. Runs are whole lines.
Not modelled: the order of lines across runs of different tensors beyond that, read-modify-write of partial lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.machines.problem import Ints, Problem, fetched_positions
from edensim.machines.runs import TensorLayout, block_runs
from edensim.machines.schedule import Flags, Steps, size_number, size_table, steps
from edensim.machines.tiling import Tiling
from edensim.workloads.layer import Layer

TILE = np.dtype(
    [
        ("load_begin", "<i8"),
        ("load_end", "<i8"),
        ("store_begin", "<i8"),
        ("store_end", "<i8"),
        ("compute_cycles", "<i8"),
    ]
)
RUN = np.dtype([("line", "<i8"), ("count", "<i4"), ("kind", "<i4"), ("tensor", "<i4"), ("pad", "<i4")])
WEIGHTS, IFM, OFM, PSUM = 0, 1, 2, 3
KINDS = ("weights", "ifm", "ofm")
"""What a run belongs to; partial sums are outputs in a tensor of their own."""

MAX_TILES, MAX_RUNS = 8_192, 250_000
"""Largest chunk of a program, which bounds memory and changes no result: two chunks are held at a time."""

Records = NDArray[Any]


@dataclass(frozen=True, slots=True)
class LayerTensors:
    """Where a layer's tensors lie: virtual byte addresses and the indices that name them in runs.

    `psum_*`: scratch space for partial sums, needed by plans that spill (`Accelerator.spilled_bytes`).
    """

    weights_base: int
    ifm_base: int
    ofm_base: int
    weights_index: int = 0
    ifm_index: int = 1
    ofm_index: int = 2
    psum_base: int = 0
    psum_index: int = 3


@dataclass(frozen=True)
class Program:
    """A layer's tiles ready to be written out: loop bounds, tiling, layouts and cycles per tile size.

    `layouts` and `tensors` are those of weights, input, output and partial sums.
    """

    problem: Problem
    tiling: Tiling
    layouts: tuple[TensorLayout, TensorLayout, TensorLayout, TensorLayout]
    tensors: tuple[int, int, int, int]
    line_bytes: int
    cycles: Ints  # [64], by row of schedule.size_table
    moves_fmaps: bool = True
    total_cycles: int | None = None  # spread this many over the tiles by their MACs instead of `cycles`

    def chunks(self, max_tiles: int = MAX_TILES, max_runs: int = MAX_RUNS) -> Iterator[tuple[Records, Records]]:
        """(tiles, runs) of consecutive parts of the program; run indices are relative to their own chunk."""
        count = self.tiling.tile_count(self.problem)
        length = max(1, min(max_tiles, max_runs // self._most_pieces()))
        macs_before = 0
        for begin in range(0, count, length):
            part = steps(self.problem, self.tiling, begin, min(begin + length, count))
            compute, macs_before = self._compute(part, macs_before)
            yield self._write(part, compute)

    def _most_pieces(self) -> int:
        """Upper bound of the runs of one tile."""
        t = self.tiling
        if not self.moves_fmaps:
            return t.groups * t.k
        reach = t.p * max(self.problem.rows.reach, self.problem.rows.stride)
        return t.groups * (t.k + t.n * t.c * reach + 2 * t.n * t.k * t.p)

    def _compute(self, part: Steps, macs_before: int) -> tuple[Ints, int]:
        if self.total_cycles is None:
            return self.cycles[size_number(part)], 0
        sizes, _ = size_table(self.problem, self.tiling)
        macs = np.prod(sizes, axis=1)[size_number(part)] * self.problem.taps
        upto = macs_before + np.cumsum(macs)
        share = np.diff(upto, prepend=macs_before)
        if self.problem.macs * self.total_cycles < 1 << 62:
            ends = upto * self.total_cycles // self.problem.macs
            starts = (upto - share) * self.total_cycles // self.problem.macs
        else:  # beyond int64: Python integers
            ends = np.array([int(x) * self.total_cycles // self.problem.macs for x in upto], np.int64)
            starts = np.array([int(x) * self.total_cycles // self.problem.macs for x in upto - share], np.int64)
        return ends - starts, int(upto[-1])

    def _write(self, part: Steps, compute: Ints) -> tuple[Records, Records]:
        loads = [self._weight_runs(part)]
        stores = []
        if self.moves_fmaps:
            loads += [self._ifm_runs(part), self._output_runs(part, PSUM, part.load_psum)]
            stores = [self._output_runs(part, PSUM, part.store_psum), self._output_runs(part, OFM, part.store_ofm)]
        tile_count = len(compute)
        load_records, load_ends = self._collect(loads, (WEIGHTS, IFM, PSUM), tile_count)
        store_records, store_ends = self._collect(stores, (PSUM, OFM), tile_count)
        tiles = np.zeros(tile_count, TILE)
        tiles["load_end"], tiles["store_end"] = load_ends, store_ends + len(load_records)
        tiles["load_begin"][1:], tiles["store_begin"][1:] = load_ends[:-1], tiles["store_end"][:-1]
        tiles["store_begin"][0] = len(load_records)
        tiles["compute_cycles"] = compute
        return tiles, np.concatenate([load_records, store_records])

    def _collect(
        self, parts: list[tuple[Ints, Ints, Ints]], roles: tuple[int, ...], tile_count: int
    ) -> tuple[Records, Ints]:
        """Interleave the runs of several tensors tile by tile; returns records and the end index of each tile."""
        counts = [np.bincount(tile, minlength=tile_count) for tile, _, _ in parts]
        ends = np.cumsum(sum(counts, np.zeros(tile_count, np.int64)))
        records = np.zeros(int(ends[-1]) if tile_count else 0, RUN)
        place = ends - sum(counts, np.zeros(tile_count, np.int64))
        for (tile, line, length), role, count in zip(parts, roles, counts, strict=False):
            at = np.arange(len(tile)) + np.repeat(place - (np.cumsum(count) - count), count)
            records["line"][at], records["count"][at] = line, length
            records["kind"][at], records["tensor"][at] = min(role, OFM), self.tensors[role]
            place = place + count
        return records, ends

    def _runs(
        self,
        part: Steps,
        role: int,
        which: Flags,
        first: list[Ints],
        size: list[Ints],
        positions: dict[int, Ints] | None = None,
    ) -> tuple[Ints, Ints, Ints]:
        tile = np.flatnonzero(which)
        block, line, count = block_runs(
            self.layouts[role],
            np.stack([x[tile] for x in first], axis=1),
            np.stack([x[tile] for x in size], axis=1),
            self.line_bytes,
            positions,
        )
        return tile[block], line, count

    def _weight_runs(self, part: Steps) -> tuple[Ints, Ints, Ints]:
        at, size, problem = part.first, part.size, self.problem
        whole_groups = size["g"] * problem.K if self.tiling.k == problem.K else size["k"]
        zero = np.zeros_like(at["k"])
        first = [at["g"] * problem.K + at["k"], at["c"], zero]
        return self._runs(part, WEIGHTS, part.load_weights, first, [whole_groups, size["c"], zero + problem.taps])

    def _ifm_runs(self, part: Steps) -> tuple[Ints, Ints, Ints]:
        at, size, problem = part.first, part.size, self.problem
        channels = size["g"] * problem.C if self.tiling.c == problem.C else size["c"]
        first, extent = [at["n"], at["g"] * problem.C + at["c"]], [size["n"], channels]
        positions: dict[int, Ints] = {}
        for d, axis, loop in ((2, problem.rows, "p"), (3, problem.cols, "q")):
            stop = at[loop] + size[loop]
            low, high = axis.span(at[loop], stop)
            if axis.skips and d == 2:  # rows between windows are left out; within a row the span is read
                before, positions[d] = fetched_positions(axis)
                low, high = before[at[loop]], before[stop]
            first.append(low)
            extent.append(high - low)
        return self._runs(part, IFM, part.load_ifm, first, extent, positions)

    def _output_runs(self, part: Steps, role: int, which: Flags) -> tuple[Ints, Ints, Ints]:
        at, size, problem = part.first, part.size, self.problem
        channels = size["g"] * problem.K if self.tiling.k == problem.K else size["k"]
        first = [at["n"], at["g"] * problem.K + at["k"], at["p"], at["q"]]
        return self._runs(part, role, which, first, [size["n"], channels, size["p"], size["q"]])


@dataclass(frozen=True)
class LayerPlan:
    """How a machine runs one layer.

    `traffic_bytes` are useful bytes by kind (before whole lines are counted; spilled partial sums, written and read,
    are ofm). `lower_bound_bytes` is the bound of `bounds` for uncompressed traffic. `utilization` = MACs per cycle and
    processing element while computing. `note` says what is special about this layer's plan ("" if nothing).
    """

    layer: Layer
    tiling: Tiling
    tile_count: int
    compute_cycles: int
    macs: int
    utilization: float
    traffic_bytes: dict[str, int]
    lower_bound_bytes: int
    note: str
    program: Program = field(repr=False)

    def programs(self) -> Iterator[tuple[Records, Records]]:
        """The program in chunks of bounded size: (TILE array, RUN array), run indices relative to the chunk."""
        return self.program.chunks()

    @cached_property
    def _whole(self) -> tuple[Records, Records]:
        chunks, offset, tiles, runs = self.programs(), 0, [], []
        for chunk_tiles, chunk_runs in chunks:
            for name in ("load_begin", "load_end", "store_begin", "store_end"):
                chunk_tiles[name] += offset
            offset += len(chunk_runs)
            tiles.append(chunk_tiles)
            runs.append(chunk_runs)
        return np.concatenate(tiles), np.concatenate(runs)

    @property
    def tiles(self) -> Records:
        """All tiles at once (dtype TILE)."""
        return self._whole[0]

    @property
    def runs(self) -> Records:
        """All runs at once (dtype RUN)."""
        return self._whole[1]
