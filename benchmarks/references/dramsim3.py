"""Published runs of DRAMsim3, beside our nearest configuration of the same device."""

from __future__ import annotations

import json
from pathlib import Path

from table import markdown

from references.ramulator2 import replayed

PART, TITLE = "DRAM timing", "DRAMsim3"
MERIT = "cycles"
NEAREST = {"rank32": "ddr4_2400_rowhit32", "def": "ddr4_2400_rowhit32"}
"""Preset that schedules most like each of its configurations."""
LIMITS = [
    (
        "two-stage queues, write drain by count, banks closed one by one before a refresh",
        "policies differ, timings do not: the distance is theirs, largest on mixed traffic",
    ),
    ("read latencies", "not compared when saturated: 64 reads wait there against 48 here (Little's law)"),
]
GOLDEN = Path(__file__).parents[2] / "tests" / "dram" / "golden" / "dramsim3.json"


def measure() -> tuple[str, str]:
    """All stored runs."""
    golden = json.loads(GOLDEN.read_text())
    rows, off = [], {name: 0.0 for name in NEAREST}
    for config, trace, cycles, *_ in golden["rows"]:
        ours = replayed(NEAREST[config], trace, False).cycles
        difference = ours / cycles - 1
        off[config] = max(off[config], abs(difference))
        rows.append([f"{config}, {trace}", f"{cycles:,}", f"{ours:,}", f"{difference:+.2%}"])
    told = ", ".join(f"at most {worst:.1%} from {name}" for name, worst in sorted(off.items(), reverse=True))
    head = ["configuration, trace", "DRAMsim3", "edensim, row-hit-first", "difference"]
    return told, f"{markdown(head, rows)}\n\nSource: {golden['source']}."
