"""One point in a child process of whatever process an executor runs it in.

What the point does to its process, it does to the child: death, a hang or too much memory cost that one point, never
the worker of the executor, and the limits of time and memory hold wherever points run. Children wait `IDLE_S` for
another point of the same sweep. Linux and macOS; elsewhere points run in the worker itself, without limits.
"""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict
from contextlib import closing

from edensim.study.sweep.interrupt import Interrupt
from edensim.study.sweep.point import REFUSED, encode, evaluate, failure
from edensim.study.sweep.pool import Pool, check_platform
from edensim.study.sweep.process import WorkerError

IDLE_S = 30.0
Orders = tuple[str, str, float | None, int | None]
"""Configuration, measure and limits: what a child was started with."""

_idle: defaultdict[Orders, list[tuple[Pool, threading.Timer]]] = defaultdict(list)
_lock = threading.Lock()


def guarded(base: str, task: str, measure: str, timeout_s: float | None, memory_limit: int | None) -> str:
    """Run one point; parameters and result as of `point.evaluate`, with the limits of `pool.Pool`."""
    if os.name != "posix" and not (timeout_s or memory_limit):
        return evaluate(base, task, measure)
    wanted = json.loads(task)
    orders = (base, measure, timeout_s, memory_limit)
    try:
        check_platform()
        pool = _take(orders)
        with closing(pool.run(base, iter([(wanted["id"], wanted["set"])]), Interrupt())) as batches:
            (record,) = next(batches)
        _give_back(orders, pool)
    except WorkerError as error:
        record = wanted | {"wall_s": 0.0} | failure(type(error).__name__, str(error)) | {"status": REFUSED}
    return encode(record)


def _take(orders: Orders) -> Pool:
    """A child that waits, or a new one."""
    base, measure, timeout_s, memory_limit = orders
    with _lock:
        if not _idle[orders]:
            return Pool(1, timeout_s, memory_limit, measure)
        pool, timer = _idle[orders].pop()
    timer.cancel()
    return pool


def _give_back(orders: Orders, pool: Pool) -> None:
    """Let a child wait for the next point, and end it when none comes."""

    def end() -> None:
        with _lock:
            mine = next((entry for entry in _idle[orders] if entry[0] is pool), None)
            if mine is None:  # taken again just now
                return
            _idle[orders].remove(mine)
            if not _idle[orders]:
                del _idle[orders]
        pool.close()

    timer = threading.Timer(IDLE_S, end)
    timer.daemon = True
    with _lock:
        _idle[orders].append((pool, timer))
    timer.start()
