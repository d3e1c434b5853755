"""What runs points: in this process here; on worker processes `pool.Pool`; on any executor `executors.Futures`.

A backend takes tasks from an iterator only as fast as it runs them, and yields records in batches, in any order. Once
the interrupt is set it takes no further task, finishes what runs, and ends.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from typing import Any, Protocol

from edensim.study.sweep.interrupt import Interrupt
from edensim.study.sweep.point import MEASURE, Record, evaluate

Task = tuple[str, dict[str, Any]]
"""Id and settings of a point."""
POLL_S = 0.2


class Backend(Protocol):
    """What runs points."""

    notes: list[str]
    """What the user should know about how they ran, in sentences."""

    def run(self, base: str, tasks: Iterator[Task], interrupt: Interrupt) -> Generator[list[Record], None, None]:
        """Run tasks of the configuration `base` (from `point.to_text`) and yield their records."""

    def close(self) -> None:
        """Let go of what was started; called when the sweep ends, however it ends."""


def task_text(task: Task) -> str:
    """A task as the JSON that `point.evaluate` reads."""
    return json.dumps({"id": task[0], "set": task[1]})


class Serial:
    """One point after the other in this process, without limits: to debug, or where processes cannot be started."""

    def __init__(self, measure: str = MEASURE) -> None:
        self.measure = measure
        self.notes: list[str] = []

    def run(self, base: str, tasks: Iterator[Task], interrupt: Interrupt) -> Generator[list[Record], None, None]:
        """See `Backend`."""
        for task in tasks:
            yield [json.loads(evaluate(base, task_text(task), self.measure))]
            if interrupt:
                return

    def close(self) -> None:
        """Nothing was started."""
