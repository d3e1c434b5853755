"""Cache misses of compiled programs, beside those of our loop nests."""

from __future__ import annotations

import csv

from cpu_misses import LAYERS, REAL, misses
from table import markdown

PART, TITLE = "Machines", "Real kernels (OpenBLAS 0.3, a loop as Darknet's)"
MERIT = "misses and write-backs of three cache levels, nine layers"
LIMITS = [
    ("first-level misses", "depend on the order inside the micro-kernel, which is not modelled"),
    ("oneDNN and FBGEMM", "no program was recorded: their loops are written from their sources alone"),
    ("alexnet_conv3, r50_3x3_512", "OpenBLAS' rule for few rows was found on them: no prediction"),
]


def measure() -> tuple[str, str]:
    """Each layer's loops through the same caches as the recorded program's."""
    with REAL.open() as file:
        real = {row["layer"]: row for row in csv.DictReader(file)}
    rows, off = [], []
    for name, (style, layer) in LAYERS.items():
        cells = []
        for column, ours in misses(style, layer).items():
            there = float(real[name][column])
            cells.append(f"{ours:,} ({ours / there - 1:+.1%})" if there else f"{ours:,} (0)")
            if column == "l3_misses":
                off.append(abs(ours / there - 1))
        rows.append([name, style, *cells])
    head = ["layer", "code", "L1 misses", "L2 misses", "L2 write-backs", "L3 misses", "L3 write-backs"]
    note = "Ours, and in brackets the difference to the count of the program, recorded under QEMU's user mode."
    return f"reads of memory: at most {max(off):.1%}", f"{markdown(head, rows)}\n\n{note}"
