"""Compulsory traffic and the pebble bound."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.machines.bounds import compulsory_elements, lower_bound_bytes, reuse_bound_elements
from edensim.machines.problem import Axis, Problem, used_inputs, useful_taps
from edensim.machines.search import least_traffic
from edensim.machines.tiling import Buffer
from edensim.workloads import load_network
from edensim.workloads.layer import Layer

MIB = 1 << 20
BUFFERS = [(108, 16), (324, 16), (324, 8), (24 * 1024, 8)]  # KiB, bits
# Per network: (compulsory, lower bound) in MiB for the four buffers, batch 1, padding counted as work.
NETWORKS = {
    "resnet101": [(143.823, 143.938), (143.823, 143.823), (71.911, 71.911), (71.911, 71.911)],
    "resnet101-cifar10": [(99.708, 99.708), (99.708, 99.708), (49.854, 49.854), (49.854, 49.854)],
    "mobilenetv2": [(32.265, 32.265), (32.265, 32.265), (16.132, 16.132), (16.132, 16.132)],
    "mobilenetv2-cifar10": [(10.426, 10.426), (10.426, 10.426), (5.213, 5.213), (5.213, 5.213)],
    "vgg16": [(307.114, 332.604), (307.114, 309.022), (153.557, 153.557), (153.557, 153.557)],
    "vgg16-cifar10": [(28.95, 28.95), (28.95, 28.95), (14.475, 14.475), (14.475, 14.475)],
    "densenet201": [(98.416, 99.301), (98.416, 98.416), (49.208, 49.208), (49.208, 49.208)],
    "squeezenet1.1": [(10.566, 10.566), (10.566, 10.566), (5.283, 5.283), (5.283, 5.283)],
    "alexnet": [(118.141, 118.141), (118.141, 118.141), (59.07, 59.07), (59.07, 59.07)],
    "alexnet-grouped": [(118.311, 118.311), (118.311, 118.311), (59.155, 59.155), (59.155, 59.155)],
    "yolov3": [(270.051, 305.335), (270.051, 270.167), (135.026, 135.026), (135.026, 135.026)],
    "yolov3-tiny": [(33.828, 34.338), (33.828, 33.828), (16.914, 16.914), (16.914, 16.914)],
    "lenet": [(0.86, 0.86), (0.86, 0.86), (0.43, 0.43), (0.43, 0.43)],
    "resnet18": [(30.677, 30.677), (30.677, 30.677), (15.338, 15.338), (15.338, 15.338)],
    "resnet50": [(88.174, 88.289), (88.174, 88.174), (44.087, 44.087), (44.087, 44.087)],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_network_bounds(name: str) -> None:
    """Compulsory traffic and bound of whole networks equal an independent computation to its three decimals."""
    problems = [Problem.of(layer) for layer in load_network(name).layers]
    for (kib, bits), (compulsory, bound) in zip(BUFFERS, NETWORKS[name], strict=True):
        moved = sum(sum(compulsory_elements(p).values()) for p in problems) * bits / 8
        least = sum(lower_bound_bytes(p, bits, kib * 1024, count_padding=True) for p in problems)
        assert moved / MIB == pytest.approx(compulsory, abs=6e-4)
        assert least / MIB == pytest.approx(bound, abs=6e-4)


def test_skipped_inputs_are_not_compulsory() -> None:
    """A 1x1 convolution of stride 2 needs a quarter of its input."""
    layer = Layer("down", "conv", 8, 14, 14, 16, 1, 1, 7, 7, (2, 2))
    assert compulsory_elements(Problem.of(layer)) == {"weights": 128, "ifm": 8 * 49, "ofm": 16 * 49}


def test_axis_counts_by_hand() -> None:
    """3 taps, padding 1, 4 inputs: 10 of 12 (output, tap) pairs are real and all 4 inputs are used."""
    axis = Axis(size=4, kernel=3, stride=1, pad=1, dilation=1, outputs=4)
    assert (useful_taps(axis), used_inputs(axis)) == (10, 4)
    spread = Axis(size=9, kernel=3, stride=1, pad=0, dilation=4, outputs=1)
    assert (useful_taps(spread), used_inputs(spread), spread.reach) == (3, 3, 9)


@settings(max_examples=150, deadline=None)
@given(
    data=st.data(),
    buffer_bytes=st.integers(64, 1 << 15),
    bits=st.sampled_from([4, 8, 16, 32]),
    wider=st.sampled_from([1, 1, 2, 4]),
    batch=st.integers(1, 3),
)
def test_best_tiling_is_never_below_the_bound(
    layer_strategy, data, buffer_bytes: int, bits: int, wider: int, batch: int
) -> None:
    """For random layers, buffers and widths of sums the best tiling fits and moves at least what physics demands.

    Sums made within one tile may be held at the data's width, as by an array with accumulators: the hardest case.
    """
    problem = Problem.of(data.draw(layer_strategy()), batch)
    buffer = Buffer(buffer_bytes * 8, bits, bits * wider, bits)
    tiling = least_traffic(problem, buffer)
    if tiling is None:  # not even one output of one channel fits
        return
    assert tiling.need_bits(problem, buffer) <= buffer_bytes * 8
    moved_bits = tiling.traffic(problem).bits(bits, buffer.psum_bits)
    assert moved_bits // 8 >= lower_bound_bytes(problem, bits, buffer_bytes)


def test_reuse_is_counted_along_each_axis() -> None:
    """A long stride across one column does not lessen reuse along the rows: 3 taps, stride 3 over a single column."""
    tall = Layer("x", "conv", 27, 10, 1, 14, 3, 1, 8, 1)
    same = Layer("x", "conv", 27, 10, 1, 14, 3, 1, 8, 1, (1, 3))
    bounds = [reuse_bound_elements(Problem.of(layer), 32) for layer in (tall, same)]
    assert bounds[0] == bounds[1] == pytest.approx(2 * 27 * 14 * 8 * 3 / (3 * 32) ** 0.5 - 64)
