"""Performance counters of the first TPU, beside the closed form of its matrix unit."""

from __future__ import annotations

from accelerators import TPU_V1, WHY, cnn1_tops, tpu_rows
from table import markdown

from edensim.machines.tpu import SystolicArray

PART, TITLE = "Machines", "TPU v1 (ISCA 2017, tables 1 and 3)"
MERIT = "TOPS of six applications"
LIMITS = [
    ("shapes of four of six applications are not public", "taken as equal square matrices"),
    ("pipeline dependences of CNN1", "not public, not modelled: its TOPS are too high"),
]


def measure() -> tuple[str, str]:
    """From an ideal 34 GB/s weight memory."""
    rows = []
    for name, ours, paper, shares, paper_shares in tpu_rows():
        pairs = [f"{a:.1f} ({b:.1f})" for a, b in zip(shares, paper_shares, strict=True)]
        rows.append([name, f"{paper:.1f}", f"{ours:.1f}", f"{ours / paper - 1:+.0%}", *pairs])
    array = SystolicArray(256, 256)
    why = WHY.format(most=cnn1_tops(array, 0.0), least=cnn1_tops(array, 1.0))
    off = sorted(abs(ours / paper - 1) for _, ours, paper, _, _ in tpu_rows())
    median = (off[len(off) // 2 - 1] + off[len(off) // 2]) / 2
    head = ["application", "TOPS, paper", "TOPS", "difference", "active %", "stall %", "shift %"]
    note = "Shares of the matrix unit's time, the paper's in brackets."
    text = f"{markdown(head, rows)}\n\n{note}\n\n```text\n{why}\n```"
    return f"median {median:.0%}, worst {off[-1]:.0%} of {len(TPU_V1)}", text
