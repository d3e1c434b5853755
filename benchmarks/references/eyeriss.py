"""The measured Eyeriss chip: DRAM traffic and processing time of AlexNet and VGG-16."""

from __future__ import annotations

from accelerators import eyeriss_alexnet, eyeriss_vgg
from table import markdown

PART, TITLE = "Machines", "Eyeriss chip (JSSC 52(1), 2017)"
MERIT = "DRAM traffic and processing time of AlexNet, time of VGG-16"
LIMITS = [
    ("VGG-16's mapping is not published", "taken as the buffer allows; times of single layers miss accordingly"),
    ("zero skipping inside PEs, clock gating", "energy of the chip itself is not modelled"),
]


def measure() -> tuple[str, str]:
    """With the published mapping and zero shares."""
    alexnet, vgg = eyeriss_alexnet(), eyeriss_vgg()
    rows = [
        [name, f"{chip_mb:.1f}", f"{mb:.2f}", f"{mb / chip_mb - 1:+.1%}", f"{chip_ms:.1f}", f"{ms:.1f}"]
        + [f"{ms / chip_ms - 1:+.1%}"]
        for name, mb, chip_mb, ms, chip_ms in alexnet
    ]
    head = ["AlexNet, N = 4", "chip (MB)", "edensim (MB)", "difference", "chip (ms)", "edensim (ms)", "difference"]
    more = [
        [name, f"{chip_ms:.1f}", f"{ms:.1f}", f"{ms / chip_ms - 1:+.1%}", f"{ideal:.1f}"]
        for name, ideal, ms, chip_ms in vgg
    ]
    vgg_head = ["VGG-16, N = 3", "chip (ms)", "edensim (ms)", "difference", "every PE busy (ms)"]
    _, mb, chip_mb, ms, chip_ms = alexnet[-1]
    ours, theirs = (sum(row[k] for row in vgg) for k in (2, 3))  # type: ignore[misc]
    told = (
        f"AlexNet traffic {mb / chip_mb - 1:+.1%}, time {ms / chip_ms - 1:+.1%}; VGG-16 time {ours / theirs - 1:+.1%}"
    )
    return told, f"{markdown(head, rows)}\n\n{markdown(vgg_head, more)}"
