"""A worker process as its parent sees it: the process, its pipe, its deadline, and how it died."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from edensim.errors import OutputError
from edensim.study.sweep.backend import Task, task_text
from edensim.study.sweep.point import Record, failure
from edensim.study.sweep.worker import BOOT

GRACE_S = 1.0
START_S = 300.0
STACK_BYTES = 4000
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


class WorkerError(OutputError):
    """Workers cannot be started, or disagree with the plan."""

    exit_code = 1


class WorkerProcess:
    """A process, its pipes, and the points it was given (the first is the one it computes)."""

    def __init__(self, orders: Mapping[str, object]) -> None:
        self.stack = tempfile.TemporaryFile(prefix="edensim-stack-")  # noqa: SIM115  (closed by `end`)
        self.process = subprocess.Popen(
            [sys.executable, "-c", BOOT, json.dumps([entry or str(Path.cwd()) for entry in sys.path])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | ONE_THREAD,
            pass_fds=[self.stack.fileno()],
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
        self.died_idle = False
        self.deadline = time.monotonic() + START_S
        with suppress(OSError):  # as in `give`
            self.outward.send_bytes(json.dumps({**orders, "stack": self.stack.fileno()}).encode())

    def give(self, task: Task, timeout_s: float | None) -> None:
        """Hand over a point. If the process is dead, reading from it will tell."""
        self.tasks.append(task)
        if len(self.tasks) == 1 and self.ready:
            self.begin(timeout_s)
        try:
            self.outward.send_bytes(task_text(task).encode())
        except OSError:
            self.died_idle = len(self.tasks) == 1

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
        for opened in (self.inward, self.outward, self.stack):
            opened.close()

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
        length = os.fstat(self.stack.fileno()).st_size
        stack = os.pread(self.stack.fileno(), STACK_BYTES, max(0, length - STACK_BYTES))
        written = stack.decode(errors="replace").strip()
        return {"id": identity, "set": settings, "wall_s": 0.0} | failure(kind, message, written)
