"""Published runs of DRAMsim3, beside the mode that schedules as it does and beside our usual scheduler."""

from __future__ import annotations

import json
from pathlib import Path

from table import markdown

from edensim.config import load_config
from edensim.dram.controller import DramSystem
from edensim.dram.counters import Counters
from edensim.dram.generate import golden_trace
from edensim.dram.replay import replay_requests
from edensim.dram.trace_requests import Requests
from references.ramulator2 import replayed

PART, TITLE = "DRAM timing", "DRAMsim3"
MERIT = "cycles, mean read latency, hits, misses and conflicts, with its scheduler"
QUEUES = {"rank32": ("per_rank", 32), "def": ("per_bank", 8)}
"""Command queues of its configurations."""
USUAL = "ddr4_2400_rowhit32"
LIMITS = [
    ("closed pages, self refresh, the dual command bus of HBM", 'refused with scheduler = "DRAMsim3"'),
    (
        "a full write queue whose first write follows a read that has not moved on",
        "DRAMsim3 waits for ever, ours moves on",
    ),
]
GOLDEN = Path(__file__).parents[2] / "tests" / "dram" / "golden" / "dramsim3.json"


def measure() -> tuple[str, str]:
    """All stored runs."""
    golden = json.loads(GOLDEN.read_text())
    rows, off, equal = [], 0.0, 0
    for config, trace, cycles, latency, *found in golden["rows"]:
        ours = _imitated(config, trace)
        clocks = int(ours.cycles.max()) + 1  # that driver counts the clock after the last too
        mean = int(ours.read_latency_ck_sum.sum()) / int(ours.reads.sum())
        row_found = [int(x.sum()) for x in (ours.row_hit, ours.row_miss, ours.row_conflict)]
        equal += clocks == cycles and abs(mean - latency) < 0.006 and row_found == found
        off = max(off, abs(clocks / cycles - 1))
        usual = replayed(USUAL, trace, False).cycles
        rows.append([f"{config}, {trace}", f"{cycles:,}", f"{clocks:,}", f"{mean - latency:+.3f}"])
        rows[-1] += ["equal" if row_found == found else "differ", f"{usual / cycles - 1:+.2%}"]
    told = f"{equal} of {len(rows)} runs equal, cycles at most {off:.2%} off"
    head = [
        "configuration, trace",
        "DRAMsim3, cycles",
        'scheduler "DRAMsim3"',
        "mean latency, clocks off (stored to 0.01)",
    ]
    text = markdown([*head, "row statistics", "cycles of FRFCFS_RowHit against it"], rows)
    return told, f"{text}\n\nSource: {golden['source']}."


def _imitated(config: str, trace: str) -> Counters:
    """A run with the scheduler that works as DRAMsim3's."""
    kind, size = QUEUES[config]
    controller = {"scheduler": "DRAMsim3", "command_queue": kind, "command_queue_size": size}
    memory = load_config({"dram": {"preset": "ramulator2:ddr4_2400_frfcfs32", "controller": controller}}).config.dram
    return replay_requests(DramSystem(memory), [Requests(**golden_trace(trace))]).counters
