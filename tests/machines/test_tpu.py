"""TPU v1's weight tiles against the numbers of ISCA 2017."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.machines.problem import Problem
from edensim.machines.tpu import SystolicArray, matrix_time, tile_cycles, weight_tile_cycles
from edensim.workloads.layer import Layer

TPU = SystolicArray(256, 256)


def cycles(problem: Problem, bits: int = 8, array: SystolicArray = TPU) -> int:
    tile = (problem.groups, problem.batch, problem.K, problem.C, problem.rows.outputs, problem.cols.outputs)
    return int(tile_cycles(problem, array, bits, np.array([tile], np.int64))[0])


def test_a_weight_tile_takes_1349_cycles() -> None:
    """65,536 bytes at 34 GB/s are 1349 clocks of 700 MHz."""
    assert round(weight_tile_cycles(TPU, 700, 34)) == 1349


def test_600_by_600_takes_nine_tile_steps() -> None:
    """The paper's example: 9 steps, 17.35 us (it prints 18)."""
    time = matrix_time(TPU, pixels=200, window=600, filters=600, clock_mhz=700, memory_gb_s=34)
    assert time.tile_steps == 9
    assert time.time_us(700) == pytest.approx(17.35, abs=0.005)


def test_unused_multipliers_of_lstm1() -> None:
    """LSTM1 uses 600x600 matrices: 61 % of nine tiles, where the paper counts 6.3 of 10.5 % active MACs as useful."""
    time = matrix_time(TPU, pixels=96, window=600, filters=600, clock_mhz=700, memory_gb_s=34)
    useful = 600 * 600 / (time.tile_steps * TPU.rows * TPU.cols)
    assert useful == pytest.approx(6.3 / 10.5, rel=0.02)


def test_shares_of_a_weight_bound_layer() -> None:
    """MLP0, 200 rows per tile: published active/stall/shift 12.7/53.9/15.9 % without the 17.5 % outside the array."""
    time = matrix_time(TPU, pixels=200, window=2000, filters=2000, clock_mhz=700, memory_gb_s=34)
    shares = [100 * x / time.cycles for x in (time.active, time.weight_stall, time.shift)]
    assert sum(shares) == pytest.approx(100)
    assert shares == pytest.approx([12.7 / 0.825, 53.9 / 0.825, 15.9 / 0.825], rel=0.05)


def test_tile_cycles_by_hand() -> None:
    """Rows stream through each weight tile; shifting in the next one takes as many cycles as the array has rows."""
    assert cycles(Problem.of(Layer("fc", "fc", 600, 1, 1, 600, 1, 1, 1, 1), 200)) == 9 * 256
    assert cycles(Problem.of(Layer("fc", "fc", 600, 1, 1, 600, 1, 1, 1, 1), 1000)) == 9 * 1000
    conv = Layer("conv", "conv", 64, 58, 58, 256, 3, 3, 56, 56)
    assert cycles(Problem.of(conv)) == 3 * 3136  # 576 window elements: 3 row tiles; two blocks of 1568 rows
    assert cycles(Problem.of(Layer("a", "conv", 16, 58, 58, 300, 3, 3, 56, 56))) == 2 * 3136


def test_accumulators_split_rows_into_blocks() -> None:
    """2049 rows need two blocks when sums span several weight tiles: weights shift in twice, rows are shared evenly."""
    small = SystolicArray(256, 256, accumulators=64)  # 32 rows per block
    layer = Problem.of(Layer("fc", "fc", 512, 1, 1, 256, 1, 1, 1, 1), 320)
    assert cycles(layer, array=small) == 2 * 10 * 256  # 10 blocks of 32 rows, each as long as a shift
    time = matrix_time(TPU, 2049, 512, 256, 700, 34)
    assert time.tile_steps == 2 * 2
    assert matrix_time(TPU, 2049, 256, 256, 700, 34).tile_steps == 1


def test_wide_operands_take_more_passes() -> None:
    """16-bit operands run at a quarter of the rate, 4-bit ones no faster than 8-bit ones."""
    layer = Problem.of(Layer("fc", "fc", 256, 1, 1, 256, 1, 1, 1, 1), 300)
    assert (cycles(layer, 4), cycles(layer, 8), cycles(layer, 16)) == (300, 300, 1200)


def test_depthwise_channels_are_packed_on_the_diagonal() -> None:
    """28 channels of 9 taps fit the 256 rows, so 56 channels take two tiles instead of 56."""
    layer = Layer("dw", "dwconv", 56, 30, 30, 56, 3, 3, 28, 28, groups=56)
    assert cycles(Problem.of(layer)) == 2 * 784


@settings(max_examples=100)
@given(data=st.data(), rows=st.integers(1, 40), cols=st.integers(1, 40), batch=st.integers(1, 3))
def test_no_tile_beats_one_mac_per_cell_and_cycle(layer_strategy, data, rows: int, cols: int, batch: int) -> None:
    """For any array and layer, cycles are at least MACs divided by multipliers."""
    problem = Problem.of(data.draw(layer_strategy()), batch)
    assert cycles(problem, array=SystolicArray(rows, cols)) * rows * cols >= problem.macs
