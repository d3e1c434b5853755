"""Generated loop nests against cache misses of real kernels.

The counts in `real_misses.csv` were taken by emulating compiled programs (OpenBLAS 0.3 sgemm after im2col; an i-k-j
convolution with Darknet's loops) with a cache model: 32 KiB 8-way, 512 KiB 8-way, 8 MiB 16-way (16 MiB where said),
LRU, write-back, cold. Misses are what is compared; first-level misses depend on scheduling inside the micro-kernel,
which is not modelled, and are only bounded.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from edensim.machines.cpu import code
from edensim.machines.cpu.cache import CacheLevel, Caches
from edensim.machines.cpu.darknet import plain_product
from edensim.machines.cpu.nest import Operand, touches
from edensim.workloads.layer import Layer

REAL = {
    row["layer"]: row for row in csv.DictReader((Path(__file__).parent / "real_misses.csv").read_text().splitlines())
}


def conv(c: int, size: int, k: int, kernel: int, pad: int) -> Layer:
    """A square convolution of stride 1."""
    out = size + 2 * pad - kernel + 1
    return Layer("conv", "conv", c, size, size, k, kernel, kernel, out, out, pad=(pad,) * 4)


LAYERS = {
    "alexnet_conv2": ("openblas", conv(64, 27, 192, 5, 2)),
    "alexnet_conv3": ("openblas", conv(192, 13, 384, 3, 1)),
    "r50_3x3_64": ("openblas", conv(64, 56, 64, 3, 1)),
    "r50_1x1_256_64": ("openblas", conv(256, 56, 64, 1, 0)),
    "r50_3x3_512": ("openblas", conv(512, 7, 512, 3, 1)),
    "dk_tiny5": ("darknet", conv(128, 26, 256, 3, 1)),
    "dk_tiny6": ("darknet", conv(256, 13, 512, 3, 1)),
    "dk_y3_1x1": ("darknet", conv(256, 52, 128, 1, 0)),
    "dk_y3_3x3": ("darknet", conv(128, 52, 256, 3, 1)),
}


def arrays(layer: Layer, style: str = "openblas") -> code.Arrays:
    """Tensors one after the other, on pages."""
    base = 0x10000000
    weights = base + code.paged(layer.ifm_count * 4)
    ofm = weights + code.paged(layer.weight_count * 4)
    scratch = code.scratch_at(ofm + code.paged(layer.ofm_count * 4), layer, style, 4)
    return code.Arrays(weights, base, ofm, scratch)


def run(units: object, last: int = 8 << 20) -> tuple[list[dict[str, int]], int]:
    """Counts of three levels and the number of instructions."""
    caches = Caches([CacheLevel(32 << 10, 8), CacheLevel(512 << 10, 8), CacheLevel(last, 16)])
    instructions = 0
    for words in touches(units):  # type: ignore[arg-type]
        instructions += int(((words >> np.uint64(6)) & np.uint64(1023)).sum())
        for _ in caches.drive(words):
            pass
    return caches.counts(), instructions


@pytest.mark.parametrize("name", LAYERS)
def test_misses_of_real_kernels(name: str) -> None:
    """DRAM reads within 3 %, second-level misses within 5 %, instructions within 5 %; first level within 30 %."""
    style, layer = LAYERS[name]
    counts, instructions = run(code.layer_units(layer, arrays(layer, style), style, 4))
    real = {key: float(value) for key, value in REAL[name].items() if key != "layer"}
    assert counts[2]["read_misses"] == pytest.approx(real["l3_misses"], rel=0.03)
    assert counts[1]["read_misses"] == pytest.approx(real["l2_misses"], rel=0.05)
    assert counts[1]["write_backs"] == pytest.approx(real["l2_write_backs"], rel=0.06)
    assert counts[2]["write_backs"] == pytest.approx(real["l3_write_backs"], rel=0.1)
    assert counts[0]["read_misses"] == pytest.approx(real["l1_misses"], rel=0.3)
    assert instructions == pytest.approx(real["instructions"], rel=0.05)


def test_im2col_alone() -> None:
    """The unfolding of a 64 x 56 x 56 map, 3 x 3: every level misses as in the real program, within 1 %."""
    layer = conv(64, 56, 64, 3, 1)
    at = arrays(layer)
    units = code.im2col_units(layer, Operand(at.ifm, 0, 1), Operand(at.scratch[0], 0, 3), 64, 4)
    counts, _ = run(units)
    real = {key: float(value) for key, value in REAL["im2col_r50"].items() if key != "layer"}
    for level in range(3):
        assert counts[level]["read_misses"] == pytest.approx(real[f"l{level + 1}_misses"], rel=0.01)
    assert counts[1]["write_backs"] == pytest.approx(real["l2_write_backs"], rel=0.01)


def test_first_rows_of_a_map_that_spills() -> None:
    """Eight output channels of a 104 x 104 layer, unfolding included, 16 MiB last level: the matrix is read again."""
    layer = conv(64, 104, 128, 3, 1)
    at = arrays(layer)
    columns = Operand(at.scratch[0], 104 * 104, 3)
    units = [
        *code.im2col_units(layer, Operand(at.ifm, 0, 1), columns, 64, 4),
        *plain_product(
            Operand(at.weights, 576, 0), columns, Operand(at.ofm, 104 * 104, 2), 128, 104 * 104, 576, rows=range(8)
        ),
    ]
    counts, _ = run(units, 16 << 20)
    real = {key: float(value) for key, value in REAL["dk_y3_104_8rows"].items() if key != "layer"}
    assert counts[2]["read_misses"] == pytest.approx(real["l3_misses"], rel=0.03)
    assert counts[1]["read_misses"] == pytest.approx(real["l2_misses"], rel=0.05)
    assert counts[2]["write_backs"] == pytest.approx(real["l3_write_backs"], rel=0.03)
