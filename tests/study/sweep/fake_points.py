"""Points that cost nothing, and points that go wrong: what workers run in tests instead of a simulation.

Named as "fake_points:FUNCTION"; this folder is put on `sys.path`, which workers inherit.
"""

import os
import signal
import time
from pathlib import Path

runs = []
"""Seeds that ran in this process."""


def quick(resolved, inputs):
    """Metrics that follow from the configuration alone."""
    point = resolved.config.operating_point
    vdd, trcd, seed = point.vdd or 1.2, point.tRCD_ns or 13.0, resolved.config.seed
    runs.append(seed)
    return {
        "time_ns": 100.0 + trcd / 3 + seed,
        "energy_pj.total": 1e3 * vdd**2 + seed / 7,
        "energy_pj.act": 10 * vdd,
        "commands.ACT": seed,
        **({"commands.REF": 2} if seed % 3 == 0 else {}),
    }


def accurate(resolved, inputs):
    """As `quick`, and the third of four points is the most accurate."""
    return quick(resolved, inputs) | {"accuracy": 0.9 - abs(resolved.config.seed - 2) / 10}


def slow(resolved, inputs):
    """As `quick`, after 20 ms."""
    time.sleep(0.02)
    return quick(resolved, inputs)


def faulty(resolved, inputs):
    """Some seeds end badly, each in its own way."""
    seed = resolved.config.seed
    if seed == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if seed == 3:
        raise ValueError("three is no number")
    if seed == 4:
        return {"time_ns": float("nan")}
    if seed == 5:
        os.abort()
    if seed == 6:
        raise MemoryError
    return quick(resolved, inputs)


def hanging(resolved, inputs):
    """Seed 1 never ends."""
    if resolved.config.seed == 1:
        time.sleep(3600)
    return quick(resolved, inputs)


def greedy(resolved, inputs):
    """Seed 1 takes 3 GB."""
    if resolved.config.seed == 1:
        return {"time_ns": float(len(bytearray(3_000_000_000)))}
    return quick(resolved, inputs)


def chatty(resolved, inputs):
    """Writes to stdout, which belongs to the pool."""
    print("noise on stdout", flush=True)
    os.write(1, b"more noise\n")
    return quick(resolved, inputs)


def killing_worker_once(resolved, inputs):
    """Seed 2 kills the executor's worker that it runs in, the first time only (a marker file remembers)."""
    marker = Path(os.environ["FAKE_POINTS_MARKER"])
    if resolved.config.seed == 2 and not marker.exists():
        marker.touch()
        os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(0.02)
    return quick(resolved, inputs)


def killing_worker(resolved, inputs):
    """Seed 2 kills the executor's worker that it runs in, every time (a marker file counts)."""
    if resolved.config.seed == 2:
        with Path(os.environ["FAKE_POINTS_MARKER"]).open("a") as marker:
            marker.write("killed\n")
        tester = os.environ.get("FAKE_POINTS_TESTER") == str(os.getppid())
        os.kill(os.getpid() if tester else os.getppid(), signal.SIGKILL)
    return quick(resolved, inputs)
