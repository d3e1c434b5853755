"""The protocol checker over every memory and policy: violations, and the rules that were reached to the clock.

    python benchmarks/checker.py [--commands N] [--requests N] [--minutes M] [--write]

Every shipped memory runs with every scheduler, row policy and refresh that the configuration knows, with one and two
ranks, with banks slower than the others, and on every synthetic pattern, saturated and with gaps; presets that imitate
another simulator run as they are. What does not go together is refused by edensim and skipped. Runs are drawn in an
order that depends on the seed alone until N commands have been checked (default 5 M; the proof wants 100 M) or M
minutes have passed. One wrong command makes the exit code 1.

A row of the constraint table at slack 0 means that some gap was exactly as long as it must be, so the row was in force
and not hidden behind a stricter one.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any, get_args

import numpy as np

from edensim.config import Presets, load_config, schema
from edensim.dram.checker import CheckReport, check_command_log
from edensim.dram.controller import DramSystem
from edensim.dram.generate import PATTERNS, generate
from edensim.dram.replay import replay_requests
from edensim.dram.standard import load_standard
from edensim.dram.timing import resolve_timing
from edensim.dram.trace_requests import Requests
from edensim.errors import ConfigError
from edensim.memory import resolve_operating_state

SEED, REQUESTS = 2019, 20_000
GAPS = (0, 0, 7, 60)
"""Clocks between arrivals, drawn per run: saturated, busy, mostly idle."""
LINE = 64


@dataclass(frozen=True)
class Run:
    """One memory under one policy on one pattern."""

    preset: str
    controller: tuple[tuple[str, object], ...]
    ranks: int | None
    slow_banks: bool
    pattern: str

    @property
    def words(self) -> str:
        """The run in words."""
        policy = ", ".join(f"{key} {value}" for key, value in self.controller) or "as shipped"
        extra = (f", {self.ranks} ranks" if self.ranks else "") + (", slow banks" if self.slow_banks else "")
        return f"{self.preset} ({policy}{extra}) on {self.pattern}"


@dataclass
class Found:
    """What all runs of one family found.

    `slack` and `text` are by row of the constraint table; a row that was never exercised has no slack.
    """

    runs: int = 0
    commands: int = 0
    violations: int = 0
    slack: dict[int, int] = field(default_factory=dict)
    text: dict[int, str] = field(default_factory=dict)
    offences: list[str] = field(default_factory=list)

    def add(self, run: Run, report: CheckReport, rows: int) -> None:
        """Add the report of one channel, whose first `rows` rules are those of the table."""
        self.commands += report.commands
        self.violations += report.violations
        if report.first is not None:
            self.offences.append(f"{run.words}: {report.first.offence}")
        for row, rule in enumerate(report.rules[:rows]):
            self.text[row] = f"{rule.name} ({rule.text})"
            if rule.slack is not None:
                self.slack[row] = min(rule.slack, self.slack.get(row, rule.slack))

    @property
    def tight(self) -> list[int]:
        """Rows that reached slack 0."""
        return [row for row, slack in self.slack.items() if slack == 0]


def policies() -> list[tuple[tuple[str, object], ...]]:
    """Every combination of scheduler, row policy (two caps) and refresh that the configuration knows."""
    fields = schema.DramController.model_fields
    schedulers, rows, refreshes = (get_args(fields[x].annotation) for x in ("scheduler", "row_policy", "refresh"))
    capped = [(row, cap) for row in rows for cap in ((1, 4) if row == "closed" else (None,))]
    return [
        (("scheduler", scheduler), ("row_policy", row), *([("row_cap", cap)] if cap else []), ("refresh", refresh))
        for scheduler, (row, cap), refresh in product(schedulers, capped, refreshes)
    ]


def runs(presets: list[str]) -> list[Run]:
    """All runs; parity presets have one policy, their own."""
    own = [name for name in presets if ":" not in name]
    every = [Run(*x) for x in product(own, policies(), (None, 2), (False, True), PATTERNS)]
    return every + [Run(name, (), None, False, pattern) for name in presets if ":" in name for pattern in PATTERNS]


def in_turn(presets: list[str], seed: int, skipped: Counter[str]) -> Iterator[tuple[Run, DramSystem]]:
    """Runs without end, shuffled, one of each memory before the next of the same; refused ones are counted instead."""
    rng = np.random.default_rng(seed)
    by_preset = [runs([name]) for name in presets]
    while True:
        queues = [[own[k] for k in rng.permutation(len(own))] for own in by_preset]
        while any(queues):
            yield from [found for queue in queues if (found := next_possible(queue, skipped))]


def next_possible(queue: list[Run], skipped: Counter[str]) -> tuple[Run, DramSystem] | None:
    """Take runs off a queue until edensim accepts one."""
    while queue:
        run = queue.pop()
        try:
            return run, system_of(run)
        except ConfigError as refusal:
            skipped[str(refusal).partition(";")[0][:100]] += 1
    return None


def system_of(run: Run) -> DramSystem:
    """The memory of a run.

    Raises
    ------
    ConfigError
        What the run asks for does not go together.
    """
    table: dict[str, Any] = {"preset": run.preset, "address_wrap": True}
    if run.controller:
        table["controller"] = dict(run.controller)
    if run.ranks is not None:
        table["ranks"] = run.ranks
    dram = load_config({"dram": table}).config.dram
    parts = []
    if run.slow_banks:
        timing = resolve_timing(dram)
        slow = {f"{name}_ns": getattr(timing, f"{name}_ns") * 1.4 for name in ("tRCD", "tRAS", "tRP")}
        parts = [schema.Partition(name="slow", banks=[1, 2], **slow)]
    return DramSystem(dram, resolve_operating_state(dram, schema.OperatingPoint(), parts))


def reports_of(run: Run, system: DramSystem, rng: np.random.Generator, requests: int) -> list[CheckReport]:
    """Replay a pattern and check every command of every channel."""
    trace = generate(run.pattern, requests, seed=int(rng.integers(1 << 31)), gap=int(rng.choice(GAPS)))
    line = trace.addr // np.uint64(LINE) * np.uint64(system.line_bytes)
    log = replay_requests(system, [Requests(line, trace.is_write, trace.arrival)], keep_log=True).log
    assert log is not None
    return check_command_log(log)


def check(
    presets: list[str],
    commands: int,
    seed: int = SEED,
    requests: int = REQUESTS,
    minutes: float = math.inf,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[dict[str, Found], Counter[str]]:
    """Check runs until that many commands have been seen, and every memory at least once, or for so many minutes.

    Returns
    -------
    found : dict of str to Found
        By family.
    skipped : Counter
        Runs that edensim refused, by reason.
    """
    rng, done, seen, end = np.random.default_rng(seed), 0, set(), time.monotonic() + 60 * minutes
    found: dict[str, Found] = {}
    skipped: Counter[str] = Counter()
    for run, system in in_turn(presets, seed, skipped):
        standard = system.timing.standard
        family = found.setdefault(standard.name, Found())
        family.runs += 1
        for report in reports_of(run, system, rng, requests):
            family.add(run, report, len(standard.constraints))
            done += report.commands
        seen.add(run.preset)
        progress(done)
        if (done >= commands and len(seen) == len(presets)) or time.monotonic() > end:
            break
    return found, skipped


def table(found: dict[str, Found]) -> tuple[list[str], list[list[object]]]:
    """Header and one row per family."""
    head = ["family", "runs", "commands", "violations", "rules at slack 0", "other rules (smallest slack)"]
    rows: list[list[object]] = []
    for name, family in sorted(found.items()):
        count, tight = len(load_standard(name).constraints), family.tight
        others = [f"{family.text[k]}: {family.slack.get(k, 'never')}" for k in range(count) if k not in tight]
        told = "; ".join(others) or "none"
        rows.append([name, family.runs, f"{family.commands:,}", family.violations, f"{len(tight)} of {count}", told])
    return head, rows


def tight_names(found: dict[str, Found]) -> str:
    """Per family the names of the rules that reached slack 0, each once."""
    lines = []
    for name, family in sorted(found.items()):
        names = dict.fromkeys(family.text[row].partition(" (")[0] for row in sorted(family.tight))
        lines.append(f"- {name}: {', '.join(names)}")
    return "\n".join(lines)


def main() -> int:
    """Run and print, and with --write update README.md."""
    from table import markdown, publish

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=5_000_000, metavar="N", help="commands to check (5,000,000)")
    parser.add_argument("--requests", type=int, default=REQUESTS, metavar="N", help=f"requests per run ({REQUESTS:,})")
    parser.add_argument("--minutes", type=float, default=math.inf, metavar="M", help="stop after so long (no limit)")
    parser.add_argument("--write", action="store_true", help="update benchmarks/README.md")
    options = parser.parse_args()
    began, last = time.process_time(), [0]

    def progress(done: int) -> None:
        if done - last[0] >= options.commands // 50:
            last[0] = done
            print(f"{done:,} commands", file=sys.stderr)

    asked = (options.commands, SEED, options.requests, options.minutes)
    found, skipped = check(Presets().names("dram"), *asked, progress=progress)
    total, wrong = (sum(getattr(x, name) for x in found.values()) for name in ("commands", "violations"))
    spent = time.process_time() - began
    text = (
        f"{total:,} commands, {wrong} violations, {spent:.0f} CPU s with compilation.\n\n{markdown(*table(found))}\n\n"
        f"Rules that were reached to the clock:\n\n{tight_names(found)}"
    )
    command = f"python benchmarks/checker.py --commands {options.commands} --requests {options.requests}"
    if options.minutes < math.inf:
        command += f" --minutes {options.minutes:g}"
    publish("Protocol checker", f"{command} --write", text, options.write)
    for reason, count in skipped.items():
        print(f"skipped {count} runs: {reason}", file=sys.stderr)
    for offence in [offence for family in found.values() for offence in family.offences][:20]:
        print(f"violation: {offence}", file=sys.stderr)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
