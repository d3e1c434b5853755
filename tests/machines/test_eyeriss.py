"""Row-stationary arithmetic and the Eyeriss chip's published numbers (JSSC 52(1) 2017)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.machines.eyeriss import Array, Mapping, mapped_cycles, set_options, tile_cycles
from edensim.machines.eyeriss_chip import buffer_words, chip_traffic
from edensim.machines.problem import Problem
from edensim.machines.rlc import compressed_share
from edensim.workloads import load_network
from edensim.workloads.layer import Layer

CHIP = Array(12, 14)
CLOCK_MHZ = 200
# N = 4: published mapping, active PEs, zero share of the input, processing time in ms, DRAM traffic in MB.
ALEXNET = {
    "conv1": (Mapping(96, 1, 7, 16, 1, 1, 2), 154, 0.0001, 16.5, 5.0),
    "conv2": (Mapping(64, 1, 27, 16, 2, 1, 1), 135, 0.387, 39.2, 4.0),
    "conv3": (Mapping(64, 4, 13, 16, 4, 1, 4), 156, 0.725, 21.8, 3.0),
    "conv4": (Mapping(64, 4, 13, 16, 3, 2, 2), 156, 0.793, 16.0, 2.1),
    "conv5": (Mapping(64, 4, 13, 16, 3, 2, 2), 156, 0.776, 10.0, 1.3),
}


def alexnet(batch: int = 4) -> dict[str, Problem]:
    layers = load_network("alexnet-grouped").layers
    return {name: Problem.of(layer, batch) for name, layer in zip(ALEXNET, layers, strict=False)}


def alexnet_megabytes(coded: bool) -> list[float]:
    zeros = [row[2] for row in ALEXNET.values()]
    sums = []
    for i, (name, problem) in enumerate(alexnet().items()):
        ifm_zeros = zeros[i] if coded and i > 0 else None
        ofm_zeros = zeros[min(i + 1, 4)] if coded else None  # what the next layer reads (conv5: as conv5 itself)
        sums.append(chip_traffic(problem, ALEXNET[name][0], ifm_zeros, ofm_zeros).total * 2 / 1e6)
    return sums


def test_alexnet_dram_traffic_of_the_chip() -> None:
    """With the published mapping and zero shares: within 5 % of the measured 15.4 MB, within 15 % in every layer."""
    moved = alexnet_megabytes(coded=True)
    assert sum(moved) == pytest.approx(15.4, rel=0.05)
    for megabytes, row in zip(moved, ALEXNET.values(), strict=True):
        assert megabytes == pytest.approx(row[4], rel=0.15)


def test_alexnet_dram_traffic_by_hand() -> None:
    """The formula's own values to two decimals, coded and plain (independent computation)."""
    assert [round(x, 2) for x in alexnet_megabytes(coded=True)] == [5.63, 3.92, 2.67, 1.91, 1.30]
    assert sum(alexnet_megabytes(coded=False)) == pytest.approx(21.17, abs=0.005)


def test_buffer_need_of_the_published_mapping() -> None:
    """Inputs and partial sums in the global buffer: conv1 15.5 + 72.2 KiB, conv3 7.0 + 84.5 KiB; all within 100 KiB."""
    for name, kib in {"conv1": (15.5, 72.2), "conv3": (7.0, 84.5)}.items():
        words = buffer_words(alexnet()[name], ALEXNET[name][0])
        assert [w * 2 / 1024 for w in words] == pytest.approx(kib, abs=0.05)
    for name, problem in alexnet().items():
        assert sum(buffer_words(problem, ALEXNET[name][0])) * 2 <= 100 * 1024


def test_active_pes_and_legal_placement() -> None:
    """The published mappings use the published number of PEs, fit the scratchpads, and are among our placements."""
    for name, problem in alexnet().items():
        m, active = ALEXNET[name][:2]
        r, s = problem.rows.kernel, problem.cols.kernel
        assert m.active_pes(r) == active
        assert m.q * s <= CHIP.spad_ifm and m.p * m.q * s <= CHIP.spad_filter and m.p <= CHIP.spad_psum
        e, sets, over_channels, _ = set_options(CHIP, r)
        assert any((e >= m.e) & (sets >= m.r * m.t) & (over_channels == m.r))


def test_alexnet_processing_time_of_the_chip() -> None:
    """Pass model with the published mapping: every layer within 15 % of the chip, the sum of 103.5 ms within 10 %."""
    times = [mapped_cycles(p, ALEXNET[name][0]) / CLOCK_MHZ / 1e3 for name, p in alexnet().items()]
    for time, row in zip(times, ALEXNET.values(), strict=True):
        assert time == pytest.approx(row[3], rel=0.15)
    assert sum(times) == pytest.approx(103.5, rel=0.1)


@pytest.mark.parametrize(
    ("layer", "p", "q", "chip_ms", "slower"),
    [("conv1_2", 3, 1, 810.6, 4.0), ("conv3_2", 8, 2, 408.1, 2.0), ("conv4_2", 16, 4, 210.0, 1.1)],
)
def test_vgg_is_bound_by_partial_sums_in_early_layers(
    layer: str, p: int, q: int, chip_ms: float, slower: float
) -> None:
    """Few channels per pass make partial sums the limit: far slower than MACs / PEs, and within 10 % of the chip.

    VGG-16's mapping is not published; four sets of 3 x 14 PEs over filters, with p and q that the buffer allows,
    reproduce the published time.
    """
    problem = Problem.of(next(x for x in load_network("vgg16").layers if x.name == layer), 3)
    mapping = Mapping(m=4 * p, n=1, e=14, p=p, q=q, r=1, t=4)
    assert sum(buffer_words(problem, mapping)) <= 51_200
    cycles = mapped_cycles(problem, mapping)
    assert cycles > slower * problem.macs / 168
    assert cycles / CLOCK_MHZ / 1e3 == pytest.approx(chip_ms, rel=0.1)


def test_pass_cycles_by_hand() -> None:
    """AlexNet conv3: a pass loads 2304 filter words in 576 cycles, then 43,264 sums take 10,816 cycles."""
    problem, mapping = alexnet()["conv3"], ALEXNET["conv3"][0]
    passes = (256 // 4) * (384 // 64)
    assert mapped_cycles(problem, mapping) == passes * (2304 / 4 + 64 * 13 * 13 * 4 / 4)


def test_inputs_can_be_the_limit() -> None:
    """One filter over 24 channels: 12 x 28 x 28 input words per pass, one per cycle, outlast the MACs and sums."""
    problem = Problem.of(Layer("c", "conv", 24, 28, 28, 1, 3, 3, 26, 26))
    mapping = Mapping(m=1, n=1, e=26, p=1, q=4, r=3, t=1)
    assert mapped_cycles(problem, mapping) == 2 * (12 * 9 / 4 + 12 * 28 * 28)


def test_best_mapping_is_no_worse_than_the_published_one() -> None:
    """Free to choose, the tile model never needs more cycles than the published mapping of the same layer."""
    for name, problem in alexnet().items():
        m = ALEXNET[name][0]
        p, q = problem.rows.outputs, problem.cols.outputs
        tile = np.array([[problem.groups, m.n, problem.K, problem.C, p, q]], np.int64)
        assert tile_cycles(problem, CHIP, tile)[0] * (4 // m.n) <= mapped_cycles(problem, m)


@settings(max_examples=100)
@given(data=st.data(), rows=st.integers(1, 16), cols=st.integers(1, 16), batch=st.integers(1, 3))
def test_no_tile_beats_one_mac_per_pe_and_cycle(layer_strategy, data, rows: int, cols: int, batch: int) -> None:
    """For any array and layer, cycles are at least MACs divided by PEs."""
    problem = Problem.of(data.draw(layer_strategy()), batch)
    totals = (problem.groups, batch, problem.K, problem.C, problem.rows.outputs, problem.cols.outputs)
    cycles = tile_cycles(problem, Array(rows, cols), np.array([totals], np.int64))[0]
    assert cycles * rows * cols >= problem.macs


def test_depthwise_layers_are_bound_by_the_input_bus() -> None:
    """Each channel meets one filter only, so the 1-word input bus sets the pace, not the multipliers."""
    layer = Layer("dw", "dwconv", 168, 30, 30, 168, 3, 3, 28, 28, groups=168)
    cycles = tile_cycles(Problem.of(layer), CHIP, np.array([[168, 1, 1, 1, 28, 28]], np.int64))[0]
    assert cycles >= layer.ifm_count > layer.macs / 168


def test_run_length_coding() -> None:
    """Three 21-bit pairs per 64-bit word: 4/3 of the non-zero share for 16 bit, never above plain size."""
    assert compressed_share(0.0) == compressed_share(0.25) == 1.0
    assert compressed_share(0.775) == pytest.approx(64 / 3 / 16 * 0.225)
    assert compressed_share(0.75, bits=8) == pytest.approx(2 * 0.25)
    assert compressed_share(1.0) == 0.0
