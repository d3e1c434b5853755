"""Points on any `concurrent.futures.Executor`: of the standard library, `distributed`, `mpi4py.futures`, loky.

Each point runs in a child process of the executor's worker (see `guard`), so limits of time and memory hold there too,
and a point that dies takes no worker along. An executor that breaks all the same is given up: the points it had, and
those left, go on in edensim's own pool.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from itertools import chain

from edensim.study.sweep.backend import POLL_S, Task, task_text
from edensim.study.sweep.guard import guarded
from edensim.study.sweep.interrupt import Interrupt
from edensim.study.sweep.point import MEASURE, Record, failure
from edensim.study.sweep.pool import Pool, check_platform
from edensim.study.sweep.process import WorkerError

TASKS_PER_WORKER = 2
UNKNOWN_WORKERS = 256
"""Workers that are supposed where the executor does not tell; of a cluster, more may come at any time."""
BREAK_S = 5.0
"""As long a broken executor may take to say which points it had finished."""


class Futures:
    """Points on an executor.

    Parameters
    ----------
    executor
        Not shut down here. Its workers need edensim in the same version, and input files under the same paths.
    workers
        How many it has, if it does not tell itself; it is handed two points per worker at a time.
    timeout_s, memory_limit
        See `pool.Pool`.
    """

    def __init__(
        self,
        executor: Executor,
        measure: str = MEASURE,
        workers: int = UNKNOWN_WORKERS,
        timeout_s: float | None = None,
        memory_limit: int | None = None,
    ) -> None:
        self.executor, self.measure = executor, measure
        self.timeout_s, self.memory_limit = timeout_s, memory_limit
        told = getattr(executor, "_max_workers", None)
        self.workers = told if isinstance(told, int) else workers
        self.window = TASKS_PER_WORKER * self.workers
        self.notes: list[str] = []
        self._instead: Pool | None = None

    def run(self, base: str, tasks: Iterator[Task], interrupt: Interrupt) -> Generator[list[Record], None, None]:
        """See `backend.Backend`."""
        flying: dict[Future[str], Task] = {}
        lost: list[Task] = []
        try:
            while self._instead is None:
                self._submit(base, tasks, flying, lost, interrupt)
                if not flying and not lost:
                    return
                done, _ = wait(flying, timeout=POLL_S, return_when=FIRST_COMPLETED)
                batch = self._harvest(done, flying, lost)
                if batch:
                    yield batch
            done, _ = wait(flying, timeout=BREAK_S)
            batch = self._harvest(done, flying, lost)
            if batch:
                yield batch
            yield from self._instead.run(base, chain(lost, flying.values(), tasks), interrupt)
        finally:
            for future in flying:
                future.cancel()

    def close(self) -> None:
        """The executor belongs to the caller."""
        if self._instead is not None:
            self._instead.close()

    def _submit(
        self, base: str, tasks: Iterator[Task], flying: dict[Future[str], Task], lost: list[Task], interrupt: Interrupt
    ) -> None:
        """Hand over points until `window` are in flight; after an interrupt take back those that wait."""
        while len(flying) < self.window and not interrupt:
            task = next(tasks, None)
            if task is None:
                return
            orders = (base, task_text(task), self.measure, self.timeout_s, self.memory_limit)
            try:
                flying[self.executor.submit(guarded, *orders)] = task
            except BrokenExecutor as error:
                lost.append(task)
                self._give_up(error)
                return
            except RuntimeError as error:
                raise _stopped(error) from None
        if interrupt:
            for future in [f for f in flying if f.cancel()]:
                del flying[future]

    def _harvest(self, done: Iterable[Future[str]], flying: dict[Future[str], Task], lost: list[Task]) -> list[Record]:
        """Records of futures that are done; points whose executor broke are `lost`."""
        batch = []
        for future in done:
            task = flying.pop(future)
            try:
                batch.append(_record(future, task))
            except BrokenExecutor as error:
                lost.append(task)
                self._give_up(error)
        return batch

    def _give_up(self, error: BrokenExecutor) -> None:
        if self._instead is None:
            check_platform()
            jobs = min(self.workers, os.cpu_count() or 1)
            self._instead = Pool(jobs, self.timeout_s, self.memory_limit, self.measure)
            self.notes.append(
                f"the executor broke ({type(error).__name__}: {error}): from there on, points ran on {jobs} worker "
                "processes of this machine."
            )


def _record(future: Future[str], task: Task) -> Record:
    """The record of a future that is done. `guarded` catches what a point does; all else is the executor's word."""
    try:
        return dict(json.loads(future.result()))
    except BrokenExecutor:
        raise
    except (CancelledError, ImportError, AttributeError) as error:
        raise _stopped(error) from None
    except Exception as error:
        # distributed gives up a point (KilledWorker) after several machines were lost with it.
        message = f"{error} (the executor gave the point up; did its worker run out of memory?)"
        return {"id": task[0], "set": task[1], "wall_s": 0.0} | failure(type(error).__name__, message)


def _stopped(error: BaseException) -> WorkerError:
    name = f"{type(error).__name__}: {error}".rstrip(": ")
    return WorkerError(
        f"the executor takes no more points ({name}): was it shut down, was its scheduler lost, or do its workers lack "
        "edensim? Points finished before are saved; repeat the command to go on."
    )
