"""A worker process of the pool: reads tasks from stdin, writes records to stdout, both as framed JSON.

Ends when its parent does. Prints of the point go to stderr. Linux and macOS only.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

from edensim.errors import EdensimError
from edensim.study.sweep.interrupt import SIGNALS

BOOT = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from edensim.study.sweep.worker import main; main()"
READY = b"ready"
WATCH_S = 0.5


def main() -> None:
    """Serve until stdin ends."""
    inward, outward = Connection(os.dup(0), writable=False), Connection(os.dup(1), readable=False)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    for name in SIGNALS:  # a scheduler may send them to every process of a job; the parent decides what they mean
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        _serve(inward, outward)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        os._exit(0)


def _serve(inward: Connection, outward: Connection) -> None:
    orders: dict[str, Any] = json.loads(inward.recv_bytes())
    with os.fdopen(orders["stack"], "w", encoding="utf-8") as stack:
        faulthandler.enable(stack)
        try:
            _limit_memory(orders["memory_limit"])
            evaluate = _prepare(orders["base"], orders["measure"])
        except (EdensimError, MemoryError, OSError, ImportError) as error:
            outward.send_bytes(f"cannot start: {type(error).__name__}: {error}".encode())
            return
        outward.send_bytes(READY)
        while True:
            task = inward.recv_bytes().decode()
            if orders["timeout_s"]:
                faulthandler.dump_traceback_later(orders["timeout_s"], file=stack)
            record = evaluate(orders["base"], task, orders["measure"])
            faulthandler.cancel_dump_traceback_later()
            outward.send_bytes(record.encode())


def _end_with_parent(parent: int) -> None:
    """Leave when the parent is gone, even in the middle of a point that hangs (kernels release the lock of Python)."""
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    os._exit(0)


def _limit_memory(limit: int | None) -> None:
    if limit:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _prepare(base: str, measure: str) -> Any:
    """Load everything before the clock of the first point starts."""
    from edensim.study.sweep.point import MEASURE, evaluate, from_text

    if measure == MEASURE:
        import edensim.system.run  # noqa: F401
    from_text(base)
    sys.stdout.flush()
    return evaluate
