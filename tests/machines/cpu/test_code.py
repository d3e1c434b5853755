"""Every style of code touches the tensors it must, stays inside them, and makes as many touches as its loops say."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.errors import ConfigError
from edensim.machines.cpu import code, nest_kernel
from edensim.machines.cpu.cache import CacheLevel, Caches
from edensim.machines.cpu.darknet import PLAIN, TILED, Loop, product_loop
from edensim.machines.cpu.fbgemm import packed_bytes
from edensim.machines.cpu.nest import UNIT_TOUCHES, Operand, Unit, touches
from edensim.workloads.layer import Layer

BASE = 1 << 24


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """Small convolutions of any stride, padding, grouping; fully connected layers."""
    if draw(st.integers(0, 5)) == 0:
        return Layer("fc", "fc", draw(st.integers(1, 300)), 1, 1, draw(st.integers(1, 60)), 1, 1, 1, 1)
    groups = draw(st.sampled_from([1, 1, 1, 2]))
    c, k = draw(st.integers(1, 20)) * groups, draw(st.integers(1, 30)) * groups
    if draw(st.integers(0, 4)) == 0:
        groups = k = c
    r, s = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stride, pad = draw(st.integers(1, 2)), draw(st.integers(0, 2))
    h, w = draw(st.integers(r, 14)), draw(st.integers(s, 14))
    p, q = (h + 2 * pad - r) // stride + 1, (w + 2 * pad - s) // stride + 1
    return Layer("conv", "conv", c, h, w, k, r, s, p, q, (stride, stride), (pad,) * 4, groups=groups)


def gather_touches(layer: Layer, style: str, size: int) -> tuple[dict[int, set[int]], code.Arrays, int]:
    """Lines touched per array, the places of the arrays, and the end of the scratch memory."""
    weights = BASE + code.paged(layer.ifm_count * size)
    ofm = weights + code.paged(layer.weight_count * size)
    scratch = ofm + code.paged(layer.ofm_count * size)
    at = code.Arrays(weights, BASE, ofm, code.scratch_at(scratch, layer, style, size))
    seen: dict[int, set[int]] = {k: set() for k in range(6)}
    for words in touches(code.layer_units(layer, at, style, size)):
        lines, stream = words >> np.uint64(16), (words >> np.uint64(2)) & np.uint64(15)
        for k in np.unique(stream):
            seen[int(k)].update(map(int, np.unique(lines[stream == k])))
    return seen, at, scratch + sum(map(code.paged, code.scratch_sizes(layer, style, size)))


def lines_of(address: int, size: int) -> set[int]:
    """Lines that hold `size` bytes."""
    return set(range(address // 64, (address + size - 1) // 64 + 1))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(layers(), st.sampled_from(code.STYLES))
def test_every_style_touches_what_it_must(layer: Layer, style: str) -> None:
    """All weights and all outputs are touched, nothing outside the tensors, and inputs wherever a kernel reads them.

    Channel-blocked layouts pad channels to eight, so there lines may lie behind a tensor; prepacked int8 weights are
    as large as their padded blocks.
    """
    size = 1 if style == "fbgemm" else 4
    seen, at, end = gather_touches(layer, style, size)
    blocked = style.startswith("onednn") and layer.kind != "fc"
    weights = packed_bytes(layer) * layer.groups if style == "fbgemm" and layer.kind != "fc" else layer.weight_count
    tensors = {code.WEIGHTS: (at.weights, weights), code.IFM: (at.ifm, layer.ifm_count),
               code.OFM: (at.ofm, layer.ofm_count)}  # fmt: skip
    for stream, (address, count) in tensors.items():
        lines = lines_of(address, count * size)
        if not blocked:
            assert seen[stream] <= lines
        if stream != code.IFM:
            assert seen[stream] >= lines
    if layer.stride == (1, 1) or layer.kind == "fc":
        reachable = layer.H * layer.W * layer.C
        assert seen[code.IFM], "nothing was read"
        if layer.pad == (0, 0, 0, 0) and not blocked:
            assert seen[code.IFM] == lines_of(at.ifm, reachable * size)
    scratch = set().union(*(seen[k] for k in (code.COLUMNS, code.PACK_A, code.PACK_B)))
    if not blocked:
        assert not scratch or (min(scratch) * 64 >= at.scratch[0] and max(scratch) * 64 < end)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200), st.integers(1, 400), st.integers(0, 60))
def test_dot_products_touch_every_line_once_per_row(rows: int, columns: int, shift: int) -> None:
    """A product of aligned rows reads ceil(4 columns / 64) lines of the matrix and of the vector per row, plus one."""
    columns *= 16
    unit = Unit(nest_kernel.gemv, (BASE, BASE + (1 << 22), BASE + (1 << 23), rows, columns, 4, 0, rows, 0, 1, 2, 8))
    count = sum(len(words) for words in touches([unit]))
    assert count == rows * (2 * columns * 4 // 64 + 1)


@pytest.mark.parametrize(
    ("style", "n", "k", "counted"),
    [
        (PLAIN, 160, 160, 222_206),
        (PLAIN, 320, 160, 427_006),
        (TILED, 160, 160, 51_717),
        (TILED, 160, 320, 103_177),
        (TILED, 169, 160, 79_867),
        (TILED, 160, 171, 58_454),
    ],
)
def test_instructions_of_darknets_products(style: Loop, n: int, k: int, counted: int) -> None:
    """Four rows, whole blocks and columns and steps left over: callgrind's count of such loops (gcc 12.2 -Ofast).

    Within 5 %, also of thinned rows (10 %: they spread the instructions over whole lines).
    """
    loop = product_loop(*(Operand(BASE << x, 0, x) for x in range(3)), 4, n, k, style)

    def instructions(units: Iterable[Unit]) -> int:
        return sum(int(((words >> np.uint64(6)) & np.uint64(1023)).sum()) for words in touches(units))

    assert instructions(unit for i in range(loop.count) for unit in loop.body(i)) == pytest.approx(counted, rel=0.05)
    assert instructions(loop.thin(0, loop.count)) == pytest.approx(counted, rel=0.1)


def test_a_tile_reads_the_matrix_once() -> None:
    """Ten rows of 32 columns, 32 steps: two tiles of four rows and two rows left over read its 64 lines four times."""
    loop = product_loop(*(Operand(BASE << x, 0, x) for x in range(3)), 10, 32, 32, TILED)
    words = np.concatenate([w.copy() for i in range(loop.count) for w in touches(loop.body(i))])
    assert int(((words >> np.uint64(2)) & np.uint64(15) == 1).sum()) == 4 * 64
    assert loop.count == 3


def test_units_of_any_length_fit() -> None:
    """A unit far longer than announced is repeated with a longer buffer: the same touches as in many short units."""
    long = [Unit(nest_kernel.gemv, (BASE, BASE * 2, BASE * 3, 3000, 1600, 4, 0, 3000, 0, 1, 2, 8))]
    short = [
        Unit(nest_kernel.gemv, (BASE, BASE * 2, BASE * 3, 3000, 1600, 4, i, i + 10, 0, 1, 2, 8))
        for i in range(0, 3000, 10)
    ]
    a, b = (np.concatenate([w.copy() for w in touches(units)]) for units in (long, short))
    assert len(a) > 4 * UNIT_TOUCHES
    assert np.array_equal(a, b)


@pytest.mark.parametrize("style", code.STYLES)
def test_dram_reads_of_a_layer_that_fits_are_first_touches(style: str) -> None:
    """With a last level larger than everything, memory is read once per line whatever the style."""
    layer = Layer("conv", "conv", 32, 20, 20, 48, 3, 3, 20, 20, pad=(1, 1, 1, 1))
    size = 1 if style == "fbgemm" else 4
    seen, at, _ = gather_touches(layer, style, size)
    caches = Caches([CacheLevel(32 << 10, 8), CacheLevel(8 << 20, 16)])
    for words in touches(code.layer_units(layer, at, style, size)):
        for _ in caches.drive(words):
            pass
    assert caches.counts()[1]["read_misses"] == len(set().union(*seen.values()))


def test_precision_without_code_is_refused() -> None:
    """The message names style and precision."""
    with pytest.raises(ConfigError, match="fbgemm computes in int8, but workload.precision is fp32"):
        code.value_bytes("fbgemm", "fp32")
