"""Our caches beside real kernels: misses of loop nests and of programs that ran them.

The programs ran under QEMU's user mode (7.2, OpenBLAS for Haswell and a loop as Darknet's, one thread) with the same
caches in a plugin: 32 KB 8 ways, 512 KB 8 ways, 8 MB 16 ways, LRU, cold at the start. The counts stand in
tests/machines/cpu/real_misses.csv. OpenBLAS' rule for few rows was found on alexnet_conv3 and r50_3x3_512, so these two
are no prediction.

    python benchmarks/cpu_misses.py
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from edensim.machines.cpu import code
from edensim.machines.cpu.cache import CacheLevel, Caches
from edensim.machines.cpu.nest import touches
from edensim.workloads.layer import Layer

REAL = Path(__file__).parents[1] / "tests" / "machines" / "cpu" / "real_misses.csv"
BASE = 0x10000000


def conv(c: int, size: int, k: int, kernel: int) -> Layer:
    """A square convolution of stride 1 that keeps the size of its map."""
    return Layer("conv", "conv", c, size, size, k, kernel, kernel, size, size, pad=(kernel // 2,) * 4)


LAYERS = {
    "alexnet_conv2": ("openblas", conv(64, 27, 192, 5)),
    "alexnet_conv3": ("openblas", conv(192, 13, 384, 3)),
    "r50_3x3_64": ("openblas", conv(64, 56, 64, 3)),
    "r50_1x1_256_64": ("openblas", conv(256, 56, 64, 1)),
    "r50_3x3_512": ("openblas", conv(512, 7, 512, 3)),
    "dk_tiny5": ("darknet", conv(128, 26, 256, 3)),
    "dk_tiny6": ("darknet", conv(256, 13, 512, 3)),
    "dk_y3_1x1": ("darknet", conv(256, 52, 128, 1)),
    "dk_y3_3x3": ("darknet", conv(128, 52, 256, 3)),
}


def misses(style: str, layer: Layer) -> dict[str, int]:
    """Counts of three levels while the code of a layer runs."""
    weights = BASE + code.paged(layer.ifm_count * 4)
    ofm = weights + code.paged(layer.weight_count * 4)
    scratch = code.scratch_at(ofm + code.paged(layer.ofm_count * 4), layer, style, 4)
    caches = Caches([CacheLevel(32 << 10, 8), CacheLevel(512 << 10, 8), CacheLevel(8 << 20, 16)])
    for words in touches(code.layer_units(layer, code.Arrays(weights, BASE, ofm, scratch), style, 4)):
        for _ in caches.drive(words):
            pass
    l1, l2, l3 = caches.counts()
    return {
        "l1_misses": l1["read_misses"],
        "l2_misses": l2["read_misses"],
        "l2_write_backs": l2["write_backs"],
        "l3_misses": l3["read_misses"],
        "l3_write_backs": l3["write_backs"],
    }


def main() -> None:
    """Print ours, the real count and their ratio."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with REAL.open() as file:
        real = {row["layer"]: row for row in csv.DictReader(file)}
    print(f"{'layer':<16}{'code':<10}{'':<16}{'ours':>12}{'real':>12}{'ratio':>8}")
    for name, (style, layer) in LAYERS.items():
        for column, ours in misses(style, layer).items():
            there = int(float(real[name][column]))
            ratio = f"{ours / there:.3f}" if there else "-"
            print(f"{name:<16}{style:<10}{column:<16}{ours:>12,}{there:>12,}{ratio:>8}")


if __name__ == "__main__":
    main()
