"""Published runs of ramulator 2.1 on its own configurations, replayed on the presets `ramulator2:NAME`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from table import markdown

from edensim.config import load_config
from edensim.dram.controller import DramSystem
from edensim.dram.generate import golden_trace
from edensim.dram.replay import ReplayResult, replay_requests
from edensim.dram.trace import Requests

PART, TITLE = "DRAM timing", "ramulator 2.1"
MERIT = "cycles, latencies, row statistics, and the SHA-256 of all commands"
LIMITS = [
    (
        "row-hammer plug-ins, RITAddrMapper, more than two ranks or channels, other write watermarks",
        "no stored run: our own rules hold, parity is not known",
    ),
    (
        "closed rows on other families than DDR4",
        "the parity rules are those of DDR4; no stored run",
    ),
]
GOLDEN = Path(__file__).parents[2] / "tests" / "dram" / "golden" / "ramulator2.json"


def replayed(preset: str, trace: str, command_hash: bool) -> ReplayResult:
    """A golden trace on a parity preset."""
    system = DramSystem(load_config({"dram": {"preset": f"ramulator2:{preset}"}}).config.dram)
    requests = Requests(*(golden_trace(trace)[key] for key in ("addr", "is_write", "arrival")))
    return replay_requests(system, [requests], command_hash=command_hash)


def row_counts(result: ReplayResult) -> list[int]:
    """Hits, misses and conflicts."""
    c = result.counters
    return [int(x.sum()) for x in (c.row_hit, c.row_miss, c.row_conflict)]


def saturated(row: list[Any]) -> tuple[str, bool, int]:
    """Configuration, whether everything printed is equal, and our cycles minus theirs."""
    config, trace, cycles, latency, *rows = row
    result = replayed(f"ddr4_2400_{config}", trace, False)
    ours = float(result.counters.read_latency_ck_sum.sum() / result.counters.reads.sum())
    equal = result.cycles == cycles and row_counts(result) == rows and np.isclose(ours, latency, atol=0.0051, rtol=0)
    return f"ddr4_2400_{config}", bool(equal), result.cycles - cycles


def every_command(row: list[Any]) -> tuple[str, bool, int]:
    """As `saturated`, with the digest of every command."""
    config, trace, cycles, latency_sum, *rows, digests = row
    result = replayed(config, trace, True)
    equal = (
        result.command_sha256 == digests
        and result.cycles == cycles
        and int(result.counters.read_latency_ck_sum.sum()) == latency_sum
        and row_counts(result) == rows
    )
    return f"{config}, every command", equal, result.cycles - cycles


def measure() -> tuple[str, str]:
    """All stored runs."""
    golden = json.loads(GOLDEN.read_text())
    runs = [saturated(row) for row in golden["saturated"]] + [every_command(row) for row in golden["standards"]]
    table = []
    for name in dict.fromkeys(name for name, _, _ in runs):
        mine = [(equal, off) for config, equal, off in runs if config == name]
        table.append([name, len(mine), sum(equal for equal, _ in mine), max(abs(off) for _, off in mine)])
    equal = sum(equal for _, equal, _ in runs)
    head = ["configuration", "runs", "equal in everything", "largest difference (cycles)"]
    return f"{equal} of {len(runs)} runs equal", f"{markdown(head, table)}\n\nSource: {golden['source']}."
