"""Accelerators: a layer in, a plan out (tiling, traffic, compute cycles, and the tile program a DMA engine executes).

Three ways to tile, all from `AcceleratorMachine`: `tiling = "search"` takes the tiles that suit `tile_goal` best
(EDEN's accelerators, all tensors in DRAM); `tiling = "row_stationary"` obeys the Eyeriss chip's rules (filters bypass
the buffer, nothing is kept from pass to pass, feature maps may be run-length coded); `fmaps_in_dram = false` keeps
feature maps on chip, and only weights move (TPU v1: one weight tile of the array after the other, through a FIFO).
Compute cycles come from `eyeriss`, `tpu` or, with `compute_model = "scalesim_compat"`, from SCALE-Sim's formulas.
Not modelled: pooling and element-wise layers, fusion, instruction overheads.
"""

from __future__ import annotations

import numpy as np

from edensim.config.accelerator_schema import AcceleratorMachine
from edensim.errors import ConfigError
from edensim.machines import eyeriss, tpu
from edensim.machines.bounds import lower_bound_bytes
from edensim.machines.eyeriss_chip import FILTER_PREFETCH_BYTES
from edensim.machines.problem import Ints, Problem
from edensim.machines.program import LayerPlan, LayerTensors, Program
from edensim.machines.rlc import compressed_share
from edensim.machines.runs import TensorLayout
from edensim.machines.scalesim import scalesim_counts
from edensim.machines.schedule import size_table
from edensim.machines.search import SEARCHED, choose, search
from edensim.machines.tiling import Buffer, Order, Tiling
from edensim.workloads.layer import Layer

DATAFLOWS = {
    ("eyeriss", "native"): ("row_stationary",),
    ("tpu", "native"): ("weight_stationary",),
    ("eyeriss", "scalesim_compat"): ("weight_stationary", "output_stationary", "input_stationary"),
    ("tpu", "scalesim_compat"): ("weight_stationary", "output_stationary", "input_stationary"),
}


class Accelerator:
    """An Eyeriss-like or TPU-like machine. Equal layers are planned once."""

    def __init__(self, machine: AcceleratorMachine) -> None:
        allowed = DATAFLOWS[machine.kind, machine.compute_model]
        problems = []
        if machine.dataflow not in allowed:
            problems.append(
                f'machine.dataflow: found "{machine.dataflow}", but kind "{machine.kind}" with compute_model '
                f'"{machine.compute_model}" expects {" or ".join(f"{x!r}" for x in allowed)}'
            )
        if machine.kind == "tpu" and machine.tiling == "row_stationary":
            problems.append('machine.tiling: found "row_stationary", but kind "tpu" expects "search"')
        if machine.tiling == "row_stationary" and machine.buffer_bytes <= FILTER_PREFETCH_BYTES:
            problems.append(
                f'machine.buffer_bytes: found {machine.buffer_bytes} byte, but tiling "row_stationary" expects more '
                f"than {FILTER_PREFETCH_BYTES} byte, which prefetch filters"
            )
        if problems:
            raise ConfigError(problems)
        self.machine = machine
        self._array = eyeriss.Array(
            machine.array_rows,
            machine.array_cols,
            machine.spad_ifm_words,
            machine.spad_filter_words,
            machine.spad_psum_words,
        )
        self._systolic = tpu.SystolicArray(machine.array_rows, machine.array_cols, machine.accumulators)
        self._tilings: dict[tuple[Problem, int, int, float, float], Tiling | None] = {}

    @property
    def depth(self) -> int:
        """Tiles under way at once in the DMA pipeline: 1 single buffered, 2 double buffered, or the weight FIFO."""
        if self._streams_weight_tiles:
            return self.machine.weight_fifo_tiles
        return 2 if self.machine.double_buffered else 1

    @property
    def _streams_weight_tiles(self) -> bool:
        return self.machine.kind == "tpu" and not self.machine.fmaps_in_dram

    def plan(
        self, layer: Layer, tensors: LayerTensors, precision_bits: int, batch: int = 1, line_bytes: int = 64
    ) -> LayerPlan:
        """Tile a layer and lay out its program.

        Parameters
        ----------
        layer
            Shape of one image's work.
        tensors
            Virtual byte addresses and indices of its tensors.
        precision_bits
            Storage bits per element (4, 8, 16, 32).
        batch
            Images.
        line_bytes
            Bytes of one DRAM burst, the unit of runs.

        Raises
        ------
        ConfigError
            If the layer cannot run: smallest tile larger than the buffer, or feature maps that must stay on chip
            larger than it.
        """
        machine, problem = self.machine, Problem.of(layer, batch)
        ifm_scale, ofm_scale = self._coding(layer, precision_bits)
        if machine.fmaps_in_dram:
            tiling = self._tiled(layer, problem, precision_bits, line_bytes, ifm_scale, ofm_scale)
        else:
            problem, tiling = self._fmaps_on_chip(layer, problem, precision_bits)
        program = self._program(layer, problem, tiling, tensors, precision_bits, line_bytes, (ifm_scale, ofm_scale))
        sizes, how_many = size_table(problem, tiling)
        cycles = program.total_cycles
        if cycles is None:
            cycles = int((program.cycles * how_many).sum())
        return LayerPlan(
            layer=layer,
            tiling=tiling,
            tile_count=tiling.tile_count(problem),
            compute_cycles=cycles,
            macs=problem.macs,
            utilization=problem.macs / (max(1, cycles) * machine.array_rows * machine.array_cols),
            traffic_bytes=self._traffic(problem, tiling, precision_bits, ifm_scale, ofm_scale),
            lower_bound_bytes=self._bound(problem, precision_bits),
            note=self._note(problem, tiling, precision_bits, ifm_scale, ofm_scale),
            program=program,
        )

    def spilled_bytes(self, layer: Layer, precision_bits: int, batch: int = 1, line_bytes: int = 64) -> int:
        """Scratch space in DRAM that the layer's partial sums need; 0 if they stay on chip.

        Parameters and errors as those of `plan`.
        """
        if not self.machine.fmaps_in_dram:
            return 0
        problem = Problem.of(layer, batch)
        tiling = self._tiled(layer, problem, precision_bits, line_bytes, *self._coding(layer, precision_bits))
        return -(-problem.ofm_count * self._psum_bits(precision_bits) // 8) if tiling.spills(problem) else 0

    def _psum_bits(self, bits: int) -> int:
        """Width of a partial sum: never less than that of the data."""
        return max(8 * self.machine.psum_bytes, bits)

    def _coding(self, layer: Layer, bits: int) -> tuple[float, float]:
        """Coded share of input and output maps; the network's own input is never coded."""
        if self.machine.compression == "none":
            return 1.0, 1.0
        share = compressed_share(self.machine.zero_fraction, bits)
        from_outside = not layer.inputs or "input" in layer.inputs
        return 1.0 if from_outside else share, share

    def _buffer(self, bits: int) -> Buffer:
        machine = self.machine
        psum_bits = self._psum_bits(bits)
        copies = 2 if machine.double_buffered else 1
        if machine.tiling == "row_stationary":
            room = (machine.buffer_bytes - FILTER_PREFETCH_BYTES) * 8
            return Buffer(room, bits, psum_bits, psum_bits, copies, holds_weights=False, padded=True)
        return Buffer(machine.buffer_bytes * 8, bits, psum_bits, bits if machine.kind == "tpu" else psum_bits, copies)

    def _tiled(
        self, layer: Layer, problem: Problem, bits: int, line_bytes: int, ifm_scale: float, ofm_scale: float
    ) -> Tiling:
        key = (problem, bits, line_bytes, ifm_scale, ofm_scale)
        if key not in self._tilings:
            orders = (Order.ROW_STATIONARY,) if self.machine.tiling == "row_stationary" else SEARCHED
            found = search(
                problem, self._buffer(bits), line_bytes, orders, (ifm_scale, ofm_scale), self.machine.tile_goal
            )
            if found is None:
                self._tilings[key] = None
            else:
                dma_cycles = bits / 8 / self.machine.dma_bytes_per_cycle
                self._tilings[key] = choose(
                    problem,
                    found,
                    lambda tiles: self._cycles(problem, bits, tiles),
                    dma_cycles,
                    self.machine.double_buffered,
                    self.machine.tile_goal,
                )
        tiling = self._tilings[key]
        if tiling is None:
            smallest = Tiling(Order.SPACE_K_C, 1, 1, 1, 1, 1, 1).need_bits(problem, self._buffer(bits))
            raise ConfigError(
                f"machine.buffer_bytes: found {self.machine.buffer_bytes} byte, but the smallest tile of layer "
                f"{layer.name!r} (one output of one channel) takes {-(-smallest // 8)} byte at {bits} bit"
                f"{' double buffered' if self.machine.double_buffered else ''}"
            )
        return tiling

    def _fmaps_on_chip(self, layer: Layer, problem: Problem, bits: int) -> tuple[Problem, Tiling]:
        """Only weights move: their tiles, and the problem whose loops they tile."""
        machine = self.machine
        fmaps = (problem.ifm_count + problem.ofm_count) * bits // 8
        if self._streams_weight_tiles:
            matrix = problem.as_matrix()
            tiling = _weight_tiles(matrix, self._systolic)
            if fmaps <= machine.buffer_bytes:
                return matrix, tiling
        else:
            copies, filter_bytes = (2 if machine.double_buffered else 1), problem.C * problem.taps * bits // 8
            fmaps += problem.ofm_count * (self._psum_bits(bits) - bits) // 8
            filters = min(problem.K, (machine.buffer_bytes - fmaps) // max(1, copies * filter_bytes))
            if filters >= 1:
                rows, cols = problem.rows.outputs, problem.cols.outputs
                return problem, Tiling(Order.K_SPACE_C, 1, problem.batch, filters, problem.C, rows, cols)
        raise ConfigError(
            f"machine.fmaps_in_dram: found false, but layer {layer.name!r} has {fmaps} byte of feature maps for a "
            f"batch of {problem.batch} and machine.buffer_bytes is {machine.buffer_bytes} byte; expected a smaller "
            f"workload.batch, a larger buffer, or fmaps_in_dram = true"
        )

    def _cycles(self, problem: Problem, bits: int, tiles: Ints) -> Ints:
        machine = self.machine
        if machine.compute_model == "scalesim_compat":  # only compares tilings; the layer's total is SCALE-Sim's
            macs: Ints = np.prod(tiles, axis=1) * problem.taps
            return macs // (machine.array_rows * machine.array_cols)
        if machine.kind == "tpu":
            return tpu.tile_cycles(problem, self._systolic, bits, tiles)
        return eyeriss.tile_cycles(problem, self._array, tiles)

    def _scalesim_cycles(self, layer: Layer, batch: int) -> int:
        machine = self.machine
        pixels, window = layer.P * layer.Q, layer.C // layer.groups * layer.R * layer.S
        counts = scalesim_counts(
            pixels, window, layer.K // layer.groups, machine.array_rows, machine.array_cols,
            machine.dataflow,  # type: ignore[arg-type]
        )  # fmt: skip
        return counts.cycles * layer.groups * batch

    def _program(
        self,
        layer: Layer,
        problem: Problem,
        tiling: Tiling,
        tensors: LayerTensors,
        bits: int,
        line_bytes: int,
        scales: tuple[float, float],
    ) -> Program:
        rows, cols = problem.rows, problem.cols
        shapes = (
            (problem.groups * problem.K, problem.C, problem.taps),
            (problem.batch, problem.groups * problem.C, rows.size, cols.size),
            (problem.batch, problem.groups * problem.K, rows.outputs, cols.outputs),
        )
        bases = (tensors.weights_base, tensors.ifm_base, tensors.ofm_base)
        layouts = [TensorLayout(s, bits, b, x) for s, b, x in zip(shapes, bases, (1.0, *scales), strict=True)]
        psums = TensorLayout(shapes[2], self._psum_bits(bits), tensors.psum_base)
        compat = self.machine.compute_model == "scalesim_compat"
        images = Problem.of(layer).macs
        return Program(
            problem,
            tiling,
            (layouts[0], layouts[1], layouts[2], psums),
            (tensors.weights_index, tensors.ifm_index, tensors.ofm_index, tensors.psum_index),
            line_bytes,
            np.zeros(64, np.int64) if compat else self._cycles(problem, bits, size_table(problem, tiling)[0]),
            self.machine.fmaps_in_dram,
            self._scalesim_cycles(layer, problem.macs // images) if compat else None,
        )

    def _traffic(
        self, problem: Problem, tiling: Tiling, bits: int, ifm_scale: float, ofm_scale: float
    ) -> dict[str, int]:
        moved = tiling.traffic(problem)
        fmaps = 1 if self.machine.fmaps_in_dram else 0
        moved_bits = {
            "weights": float(moved.weights * bits),
            "ifm": moved.ifm * ifm_scale * fmaps * bits,
            "ofm": (moved.ofm * ofm_scale * bits + 2 * moved.psums * self._psum_bits(bits)) * fmaps,
        }
        return {kind: int(np.ceil(count / 8)) for kind, count in moved_bits.items()}

    def _bound(self, problem: Problem, bits: int) -> int:
        machine = self.machine
        if not machine.fmaps_in_dram:
            return problem.weight_count * bits // 8
        on_chip = machine.buffer_bytes
        if machine.tiling == "row_stationary":  # filters wait in the scratchpads, not in the buffer
            words = machine.spad_ifm_words + machine.spad_filter_words + machine.spad_psum_words
            on_chip += machine.array_rows * machine.array_cols * words * max(bits, 8) // 8
        return lower_bound_bytes(problem, bits, on_chip)

    def _note(self, problem: Problem, tiling: Tiling, bits: int, ifm_scale: float, ofm_scale: float) -> str:
        notes = []
        if not self.machine.fmaps_in_dram:
            notes.append("feature maps stay on chip")
        if min(ifm_scale, ofm_scale) < 1:
            notes.append(f"run-length coded: input {ifm_scale:.3f}, output {ofm_scale:.3f} of plain size")
        if tiling.spills(problem):
            notes.append(f"partial sums spill to DRAM, {self._psum_bits(bits)} bit each")
        return "; ".join(notes)


def _weight_tiles(matrix: Problem, array: tpu.SystolicArray) -> Tiling:
    """Weight tiles of the array, one DMA tile each; rows in blocks that the accumulators hold."""
    row_tiles = -(-matrix.C // array.rows)
    blocks = -(-matrix.batch // array.rows_in_flight) if row_tiles > 1 else 1
    pixels = -(-matrix.batch // blocks)
    packed = 1
    if matrix.groups > 1 and row_tiles == 1 and -(-matrix.K // array.cols) == 1:
        packed = min(matrix.groups, array.packed_groups(matrix.C, matrix.K))
    order = Order.SPACE_K_C if row_tiles > 1 else Order.K_SPACE_C
    return Tiling(order, packed, pixels, min(matrix.K, array.cols), min(matrix.C, array.rows), 1, 1)


def build_machine(machine: AcceleratorMachine) -> Accelerator:
    """The accelerator that `machine` describes.

    Raises
    ------
    ConfigError
        If kind, dataflow, compute model and tiling do not go together.
    """
    return Accelerator(machine)
