"""Ways to run points: in this process, or on any `concurrent.futures.Executor`. The default is `pool.Pool`.

A backend takes tasks from an iterator only as fast as it runs them, and yields records in batches, in any order. Once
the interrupt is set it takes no further task, finishes what runs, and ends. Limits of time and memory per point exist
in the pool only: an executor owns its workers.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from typing import Any, Protocol

from edensim.errors import EdensimError, OutputError
from edensim.study.sweep.interrupt import Interrupt
from edensim.study.sweep.point import MEASURE, Record, evaluate, failure

Task = tuple[str, dict[str, Any]]
"""Id and settings of a point."""
POLL_S = 0.2
TASKS_PER_WORKER = 2
UNKNOWN_WORKERS = 64


class Backend(Protocol):
    """What runs points."""

    def run(self, base: str, tasks: Iterator[Task], interrupt: Interrupt) -> Generator[list[Record], None, None]:
        """Run tasks of the configuration `base` (from `point.to_text`) and yield their records."""

    def close(self) -> None:
        """Let go of what was started; called when the sweep ends, however it ends."""


def task_text(task: Task) -> str:
    """A task as the JSON that `point.evaluate` reads."""
    return json.dumps({"id": task[0], "set": task[1]})


class Serial:
    """One point after the other in this process: for debugging, and where processes cannot be started."""

    def __init__(self, measure: str = MEASURE) -> None:
        self.measure = measure

    def run(self, base: str, tasks: Iterator[Task], interrupt: Interrupt) -> Generator[list[Record], None, None]:
        """See `Backend`."""
        for task in tasks:
            yield [json.loads(evaluate(base, task_text(task), self.measure))]
            if interrupt:
                return

    def close(self) -> None:
        """Nothing was started."""


class Futures:
    """Points on an executor: of `concurrent.futures`, `distributed.Client.get_executor()`, `mpi4py.futures`.

    Parameters
    ----------
    executor
        Not shut down here. Its workers need edensim in the same version, and input files under the same paths.
    """

    def __init__(self, executor: Executor, measure: str = MEASURE, window: int | None = None) -> None:
        self.executor, self.measure = executor, measure
        workers = getattr(executor, "_max_workers", None)
        known = workers if isinstance(workers, int) else UNKNOWN_WORKERS
        self.window = window or TASKS_PER_WORKER * known

    def run(self, base: str, tasks: Iterator[Task], interrupt: Interrupt) -> Generator[list[Record], None, None]:
        """See `Backend`."""
        flying: dict[Future[str], Task] = {}
        try:
            while True:
                while len(flying) < self.window and not interrupt:
                    task = next(tasks, None)
                    if task is None:
                        break
                    flying[self._submit(base, task)] = task
                if interrupt:
                    for future in [f for f in flying if f.cancel()]:
                        del flying[future]
                if not flying:
                    return
                done, _ = wait(flying, timeout=POLL_S, return_when=FIRST_COMPLETED)
                batch = [_record(future, flying.pop(future)) for future in done]
                if batch:
                    yield batch
        finally:
            for future in flying:
                future.cancel()

    def close(self) -> None:
        """The executor belongs to the caller."""

    def _submit(self, base: str, task: Task) -> Future[str]:
        try:
            return self.executor.submit(evaluate, base, task_text(task), self.measure)
        except (BrokenExecutor, RuntimeError) as error:
            raise _broken(error) from None


def _record(future: Future[str], task: Task) -> Record:
    try:
        return dict(json.loads(future.result()))
    except BrokenExecutor as error:
        raise _broken(error) from None
    except (Exception, CancelledError) as error:
        # `evaluate` catches whatever a point does, so this is the executor's word: distributed gives up a point
        # (KilledWorker) after several workers died of it.
        message = f"{error} (the executor gave the point up; did its worker run out of memory?)"
        return {"id": task[0], "set": task[1], "wall_s": 0.0} | failure(type(error).__name__, message)


def _broken(error: BaseException) -> EdensimError:
    class Broken(OutputError):
        exit_code = 1

    return Broken(
        f"the executor broke down ({type(error).__name__}: {error}); points finished before are saved. Repeat the "
        "command to go on, or leave the executor out: edensim's own pool replaces workers that die."
    )
