"""The pool of worker processes: one that dies or hangs costs its one point, and is replaced.

Workers are fresh interpreters (never forks, so threads of numba cannot be copied), each with a pipe of its own; they
do not import the caller's main module, and no pickle passes between them and the parent.
"""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Generator, Iterator
from multiprocessing.connection import wait

from edensim.study.sweep.backend import POLL_S, Task
from edensim.study.sweep.interrupt import Interrupt
from edensim.study.sweep.point import MEASURE, Record
from edensim.study.sweep.process import WorkerError, WorkerProcess
from edensim.study.sweep.worker import READY

SHORT_S = 0.5
"""Of points shorter than this, each worker is given one ahead, so that it never waits for the parent's disk."""
MAX_FALSE_STARTS = 3


class Pool:
    """Run points on `jobs` processes of this machine.

    Parameters
    ----------
    timeout_s
        Wall time a point may take; a worker that exceeds it is killed and its stack kept in the record.
    memory_limit
        Bytes of address space a worker may have.
    """

    def __init__(
        self, jobs: int, timeout_s: float | None = None, memory_limit: int | None = None, measure: str = MEASURE
    ) -> None:
        self.jobs, self.timeout_s, self.memory_limit, self.measure = jobs, timeout_s, memory_limit, measure
        self.notes: list[str] = []
        self._workers: list[WorkerProcess] = []
        self._false_starts = 0
        self._mean_s = SHORT_S

    def run(self, base: str, tasks: Iterator[Task], interrupt: Interrupt) -> Generator[list[Record], None, None]:
        """See `backend.Backend`."""
        again: deque[Task] = deque()
        try:
            while True:
                self._feed(base, tasks, again, interrupt)
                if not any(worker.tasks for worker in self._workers):
                    return
                batch = self._collect(again, interrupt)
                if batch:
                    self._feed(base, tasks, again, interrupt)
                    yield batch
        finally:
            if any(worker.tasks for worker in self._workers):
                self.close()

    def close(self) -> None:
        """End all workers; the next run starts new ones."""
        while self._workers:
            self._workers.pop().end()

    def _feed(self, base: str, tasks: Iterator[Task], again: deque[Task], interrupt: Interrupt) -> None:
        """Give every worker as many points as it should have, and start workers while there are points for them."""

        def following() -> Task | None:
            if interrupt:
                return None
            return again.popleft() if again else next(tasks, None)

        for depth in (1, 2):
            if depth == 2 and self._mean_s >= SHORT_S:
                return
            for worker in self._workers:
                if len(worker.tasks) < depth:
                    task = following()
                    if task is None:
                        return
                    worker.give(task, self.timeout_s)
            while depth == 1 and len(self._workers) < self.jobs:
                task = following()
                if task is None:
                    return
                orders = {
                    "base": base,
                    "measure": self.measure,
                    "timeout_s": self.timeout_s,
                    "memory_limit": self.memory_limit,
                }
                self._workers.append(WorkerProcess(orders))
                self._workers[-1].give(task, self.timeout_s)

    def _collect(self, again: deque[Task], interrupt: Interrupt) -> list[Record]:
        """Wait for records, deaths and deadlines."""
        ready = set(wait([worker.inward for worker in self._workers], timeout=POLL_S))
        batch = []
        for worker in list(self._workers):
            record: Record | None = None
            try:
                if worker.inward in ready:
                    record = self._hear(worker)
                elif time.monotonic() > worker.deadline:
                    worker.kill()
                    record = worker.timed_out(self.timeout_s)
            except (EOFError, OSError):
                if interrupt:  # once everything is being shut down, a death says nothing about the point
                    worker.kill()
                else:
                    record = self._dead(worker)
            if record is not None:
                batch.append(record)
            if worker.gone:
                again.extend(worker.tasks)
                self._workers.remove(worker)
                worker.end()
        return batch

    def _hear(self, worker: WorkerProcess) -> Record | None:
        message = worker.inward.recv_bytes()
        if not worker.ready:
            if message != READY:
                raise WorkerError(f"a worker {message.decode(errors='replace')} (see --memory-limit)")
            worker.begin(self.timeout_s)
            self._false_starts = 0
            return None
        record: Record = json.loads(message)
        worker.tasks.popleft()
        worker.begin(self.timeout_s)
        self._mean_s += (record["wall_s"] - self._mean_s) / 4
        return record

    def _dead(self, worker: WorkerProcess) -> Record | None:
        """A worker died: its present point failed, unless it died before it could begin one."""
        worker.kill()
        if worker.ready:
            return worker.died() if worker.tasks and not worker.died_idle else None
        self._false_starts += 1
        if self._false_starts >= MAX_FALSE_STARTS:
            raise WorkerError(f"worker processes die at their start ({worker.manner}); points finished are saved")
        return None


def check_platform() -> None:
    """Refuse systems without the pipes the pool is built on.

    Raises
    ------
    WorkerError
        On Windows, where `executor=` or `--serial` serve.
    """
    if os.name != "posix":
        raise WorkerError("edensim's own pool needs Linux or macOS: use --serial, --dask or, from Python, executor=…")
