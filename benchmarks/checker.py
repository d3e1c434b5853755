"""The protocol checker over every memory and policy: violations, and the rules that were reached to the clock.

    python benchmarks/checker.py [--commands N] [--requests N] [--minutes M] [--write]

Memories take turns. To each of ours a controller is drawn: scheduler, row policy, refresh (also postponed, and in fine
granularity), power-down and self refresh, one or two ranks, subarrays slower than others; what does not go together is
refused by edensim and drawn anew. It runs every synthetic pattern, saturated or with gaps, with and without slow banks,
before the next is drawn; presets that imitate another simulator run as they are. That goes on until N
commands have been checked (default 5 M; the proof wants 100 M) or M minutes have passed; what is drawn depends on the
seed alone. One wrong command makes the exit code 1.

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
from typing import Any, get_args

import numpy as np

from edensim.config import Presets, load_config, schema
from edensim.dram.checker import CheckReport, check_command_log
from edensim.dram.command_log import resolve_edges
from edensim.dram.controller import DramSystem
from edensim.dram.generate import PATTERNS, generate
from edensim.dram.replay import replay_requests
from edensim.dram.timing import resolve_timing
from edensim.dram.trace_requests import Requests
from edensim.errors import ConfigError
from edensim.memory import resolve_operating_state

SEED, REQUESTS = 2019, 20_000
GAPS = (0, 0, 7, 60)
"""Clocks between arrivals, drawn per run: saturated, busy, mostly idle."""
LINE = 64


SLEEPS: tuple[tuple[tuple[str, object], ...], ...] = (
    (),
    (),
    (("power_down", "precharge"), ("power_down_after_ck", 40)),
    (("power_down", "active"), ("power_down_after_ck", 10)),
    (("self_refresh_after_us", 5.0),),
    (("power_down", "active"), ("power_down_after_ck", 20), ("self_refresh_after_us", 10.0)),
)
"""When ranks sleep, a third of it never; after short times, since most patterns leave a rank little rest."""


@dataclass(frozen=True)
class Run:
    """One memory under one policy on one pattern. `slow`: the parts whose timings are longer, if any."""

    preset: str
    controller: tuple[tuple[str, object], ...]
    ranks: int | None
    slow: str
    pattern: str

    @property
    def words(self) -> str:
        """The run in words."""
        policy = ", ".join(f"{key} {value}" for key, value in self.controller) or "as shipped"
        extra = (f", {self.ranks} ranks" if self.ranks else "") + (f", slow {self.slow}" if self.slow else "")
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


def draw_controller(rng: np.random.Generator) -> tuple[tuple[str, object], ...]:
    """Scheduler, row policy, refresh and sleep, of what the configuration knows."""
    fields = schema.DramController.model_fields

    def choose(key: str) -> str:
        return str(rng.choice(get_args(fields[key].annotation)))

    controller: list[tuple[str, object]] = [(key, choose(key)) for key in ("scheduler", "row_policy", "refresh")]
    if ("row_policy", "closed") in controller:
        controller.append(("row_cap", int(rng.choice((1, 4)))))
    if rng.random() < 0.3:
        controller.append(("refresh_postponed", int(rng.choice((1, 8)))))
    elif rng.random() < 0.2:
        controller.append(("refresh_granularity", choose("refresh_granularity")))
    return (*controller, *SLEEPS[rng.integers(len(SLEEPS))])


def draw_runs(preset: str, rng: np.random.Generator) -> list[Run]:
    """Runs that share a kernel: all patterns, with and without slow parts. Parity presets have one policy."""
    if ":" in preset:
        return [Run(preset, (), None, "", pattern) for pattern in PATTERNS]
    controller, ranks = draw_controller(rng), (None, 2)[rng.integers(2)]
    kinds = ("subarrays",) if rng.random() < 0.3 else ("", "banks")
    drawn = [Run(preset, controller, ranks, slow, pattern) for slow in kinds for pattern in PATTERNS]
    return [drawn[k] for k in rng.permutation(len(drawn))]


def in_turn(presets: list[str], seed: int, skipped: Counter[str]) -> Iterator[tuple[Run, DramSystem]]:
    """Runs without end, one of each memory before the next of the same, as shipped first; refused ones are counted."""
    rng = np.random.default_rng(seed)
    shipped = sorted(PATTERNS, key=lambda pattern: pattern == "mix")  # the last comes first: hits, conflicts, writes
    queues = {name: [Run(name, (), None, "", pattern) for pattern in shipped] for name in presets}
    while True:
        for name, queue in queues.items():
            while not queue:
                queue += possible(draw_runs(name, rng), skipped)
            run = queue.pop()
            yield run, system_of(run)


def possible(drawn: list[Run], skipped: Counter[str]) -> list[Run]:
    """Those that edensim accepts: all or none, since they differ in nothing that it looks at."""
    try:
        system_of(drawn[-1])
    except ConfigError as refusal:
        skipped[str(refusal).partition(";")[0][:100]] += len(drawn)
        return []
    return drawn


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
    if run.slow:
        timing = resolve_timing(dram)
        slow = {f"{name}_ns": getattr(timing, f"{name}_ns") * 1.4 for name in ("tRCD", "tRAS", "tRP")}
        where = {"banks": [1, 2]} if run.slow == "banks" else {"subarrays": "1:3"}
        parts = [schema.Partition(name="slow", **where, **slow)]
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
        timing = system.timing
        family = found.setdefault(timing.standard.name, Found())
        family.runs += 1
        rows = len(resolve_edges(timing.standard, timing.ck, {}, system.geometry.banks))  # with sleep, if it has any
        for report in reports_of(run, system, rng, requests):
            family.add(run, report, rows)
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
        count, tight = len(family.text), family.tight
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
