"""`--dry-run`: what a sweep will cost, from one calibration point."""

from __future__ import annotations

import json
from dataclasses import dataclass

from edensim.study.sweep.backend import task_text
from edensim.study.sweep.journal import line_of
from edensim.study.sweep.plan import Plan
from edensim.study.sweep.point import evaluate
from edensim.study.sweep.warm import warm

CSV_SHARE = 0.5
"""A row of results.csv is about half as long as its line in the journal."""


@dataclass(frozen=True)
class Estimate:
    """Cost of a sweep. `seconds` supposes that all points take as long as the first, and `jobs` free processors."""

    points: int
    jobs: int
    point_s: float
    status: str
    disk_bytes: int

    @property
    def seconds(self) -> float:
        """Wall time of the whole sweep."""
        return self.points * self.point_s / max(1, self.jobs)


def estimate(plan: Plan, points: int, jobs: int) -> Estimate:
    """Run the first point, in this process and without keeping it, and scale."""
    warm(plan)
    first = next(iter(plan.points()))
    record = json.loads(evaluate(plan.text, task_text(first)))
    size = len(line_of(record))
    return Estimate(points, jobs, record["wall_s"], record["status"], round(points * size * (1 + CSV_SHARE)))
