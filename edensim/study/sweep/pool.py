"""The pool of worker processes: one that dies or hangs costs its one point, and is replaced.

Workers are fresh interpreters (never forks, so threads of numba cannot be copied), each with a pipe of its own; they
do not import the caller's main module, and no pickle passes between them and the parent.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

from edensim.errors import OutputError
from edensim.study.sweep.executors import POLL_S, Task, task_text
from edensim.study.sweep.interrupt import Interrupt
from edensim.study.sweep.point import MEASURE, Record, failure
from edensim.study.sweep.worker import BOOT, READY

SHORT_S = 0.5
"""Of points shorter than this, each worker is given one ahead, so that it never waits for the parent's disk."""
GRACE_S = 1.0
START_S = 300.0
MAX_FALSE_STARTS = 3
STACK_CHARACTERS = 4000
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


class WorkerError(OutputError):
    """Workers cannot be started, or disagree with the plan."""

    exit_code = 1


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
        self._workers: list[_Worker] = []
        self._false_starts = 0
        self._mean_s = SHORT_S
        self._stacks: tempfile.TemporaryDirectory[str] | None = None

    def run(self, base: str, tasks: Iterator[Task], interrupt: Interrupt) -> Generator[list[Record], None, None]:
        """See `executors.Backend`."""
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
        if self._stacks is not None:
            self._stacks.cleanup()
            self._stacks = None

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
                self._workers.append(_Worker(orders, self._stack_folder()))
                self._workers[-1].give(task, self.timeout_s)

    def _stack_folder(self) -> Path:
        if self._stacks is None:
            self._stacks = tempfile.TemporaryDirectory(prefix="edensim-sweep-")
        return Path(self._stacks.name)

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

    def _hear(self, worker: _Worker) -> Record | None:
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

    def _dead(self, worker: _Worker) -> Record | None:
        """A worker died: its present point failed, unless it died before it could begin one."""
        worker.kill()
        if worker.ready:
            return worker.died()
        self._false_starts += 1
        if self._false_starts >= MAX_FALSE_STARTS:
            raise WorkerError(f"worker processes die at their start ({worker.manner}); points finished are saved")
        return None


class _Worker:
    """A process, its pipes, and the points it was given (the first is the one it computes)."""

    def __init__(self, orders: Mapping[str, object], folder: Path) -> None:
        handle, name = tempfile.mkstemp(dir=folder, suffix=".stack")
        os.close(handle)
        self.stack_file = Path(name)
        self.process = subprocess.Popen(
            [sys.executable, "-c", BOOT, json.dumps([entry or str(Path.cwd()) for entry in sys.path])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | ONE_THREAD,
            process_group=0,  # a terminal's Ctrl-C is the parent's to handle
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.inward = Connection(os.dup(self.process.stdout.fileno()), writable=False)
        self.outward = Connection(os.dup(self.process.stdin.fileno()), readable=False)
        self.process.stdout.close()
        self.process.stdin.close()
        self.tasks: deque[Task] = deque()
        self.ready = self.gone = False
        self.deadline = time.monotonic() + START_S
        with suppress(OSError):  # if it is dead already, reading from it will tell
            self.outward.send_bytes(json.dumps({**orders, "stack_file": name}).encode())

    def give(self, task: Task, timeout_s: float | None) -> None:
        """Hand over a point."""
        self.tasks.append(task)
        if len(self.tasks) == 1 and self.ready:
            self.begin(timeout_s)
        with suppress(OSError):
            self.outward.send_bytes(task_text(task).encode())

    def begin(self, timeout_s: float | None) -> None:
        """Note that the first of the points begins now."""
        self.ready = True
        self.deadline = time.monotonic() + timeout_s + GRACE_S if timeout_s and self.tasks else float("inf")

    def kill(self) -> None:
        """Kill the process and wait for its end."""
        self.gone = True
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Let go of the process: it is killed, nothing of it is needed any more."""
        self.kill()
        for connection in (self.inward, self.outward):
            connection.close()

    @property
    def manner(self) -> str:
        """How the process died."""
        code = self.process.returncode
        if code is None or code >= 0:
            return f"exit code {code}"
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"

    def died(self) -> Record:
        """Record of the point the process died of."""
        hint = "; the system kills processes when memory runs out: see --jobs and --memory-limit"
        code = self.process.returncode
        message = f"the worker died ({self.manner}{hint if code == -getattr(signal, 'SIGKILL', 9) else ''})"
        return self._failed("WorkerDied", message)

    def timed_out(self, timeout_s: float | None) -> Record:
        """Record of a point that took too long."""
        if not self.ready:
            raise WorkerError(f"a worker process did not start within {START_S:.0f} s")
        return self._failed("Timeout", f"the point took longer than {timeout_s:g} s and was stopped")

    def _failed(self, kind: str, message: str) -> Record:
        identity, settings = self.tasks.popleft()
        stack = self.stack_file.read_text(encoding="utf-8", errors="replace")[-STACK_CHARACTERS:].strip()
        return {"id": identity, "set": settings, "wall_s": 0.0} | failure(kind, message, stack)


def check_platform() -> None:
    """Refuse systems without the pipes the pool is built on.

    Raises
    ------
    WorkerError
        On Windows, where `executor=` or `--serial` serve.
    """
    if os.name != "posix":
        raise WorkerError("edensim's own pool needs Linux or macOS: use --serial, --dask or, from Python, executor=…")
