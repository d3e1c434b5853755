"""Injection: copying with errors beside memcpy in the same run, weak-cell models, in place, threads, memory.

The floor. Per byte a copy moves two: one read, one written, if the target is written past the caches (else its lines
are read first, three). Per 8 KiB row: two random words for its key and the number of points. Per flip: half a random
word, and one access to a bitmap of the row in the nearest cache (8 KiB), none to memory. So at low rates the floor is
the copy; at 1e-2 (655 flips per row, about 1.5 cycles each) flips take as long as the copy and hide behind it in part.
`memcpy` is numpy.copyto of the same two arrays; it need not be the quickest copy, so a ratio above 1 is possible.

    python benchmarks/inject.py [--write] [--megabytes N] [--rounds N]

Every round times memcpy (numpy.copyto) and each case one after the other, in CPU time of one thread; a figure is the
least of all rounds, which other work on the machine disturbs least. Two threads are timed by the clock, so that figure
counts only on an idle machine; the load is printed. Other work on the machine takes memory bandwidth, which costs
copying with errors more than memcpy. `wanted` are the project's own goals.
"""

from __future__ import annotations

import argparse
import os
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from table import markdown, publish

from edensim.approx import Uniform, inject
from edensim.approx.build import build_model

COPY_GOALS = {1e-6: 0.95, 1e-5: None, 1e-4: 0.90, 1e-3: 0.85, 3e-3: None, 1e-2: 0.50, 3e-2: None, 1e-1: 0.12}
MODELS = ("uniform", "bitline", "wordline", "data_dependent", "bank_clustered")
WEAK, FAIL = 1e-3, 0.5
WEAK_GOAL_GB_S = 5.0
THREADS_AT, THREADS_GOAL = 1e-2, 1.7
MEMORY_GOAL = 2.0
Case = Callable[[], object]


def least(cases: list[Case], rounds: int, clock: Callable[[], float] = time.process_time) -> list[float]:
    """Least time of each case in s, rounds taking turns."""
    for case in cases:
        case()
    found = np.full((rounds, len(cases)), np.inf)
    for k in range(rounds):
        for j, case in enumerate(cases):
            began = clock()
            case()
            found[k, j] = clock() - began
    return found.min(axis=0).tolist()


def copies(source: np.ndarray, out: np.ndarray, rounds: int) -> list[list[str]]:
    """Rows: copying with errors at each rate against memcpy, and in place."""
    rows = []
    for ber, goal in COPY_GOALS.items():
        place = source.copy()
        copy, errors, counted, in_place = least(
            [
                lambda: np.copyto(out, source),
                lambda ber=ber: inject(source, ber=ber, out=out, threads=1, details=False),
                lambda ber=ber: inject(source, ber=ber, out=out, threads=1),
                lambda ber=ber, place=place: inject(place, ber=ber, threads=1, details=False),
            ],
            rounds,
        )
        ratio, wanted = copy / errors, "" if goal is None else f"{goal:.2f}"
        met = "" if goal is None else "yes" if ratio >= goal else "no"
        speeds = [f"{source.nbytes / t / 1e9:.1f}" for t in (copy, errors)]
        per_flip = in_place / (8 * source.nbytes * ber) * 1e9
        rows.append([f"{ber:g}", *speeds, f"{ratio:.2f}", wanted, met, f"{copy / counted:.2f}", f"{per_flip:.2f}"])
    return rows


def models(source: np.ndarray, out: np.ndarray, rounds: int) -> list[list[str]]:
    """Rows: weak-cell models at a weak share of 1e-3."""
    rows = []
    for name in MODELS:
        model = Uniform(FAIL, WEAK) if name == "uniform" else build_model(name, WEAK * FAIL)
        (spent,) = least([lambda m=model: inject(source, model=m, out=out, threads=1, details=False)], rounds)
        speed = source.nbytes / spent / 1e9
        met = "yes" if speed >= WEAK_GOAL_GB_S else "no"
        rows.append([name, f"{speed:.1f}", f"{WEAK_GOAL_GB_S:g}", met])
    return rows


def threads(source: np.ndarray, out: np.ndarray, rounds: int) -> list[list[str]]:
    """Rows: two threads against one, whether results are the same, and memory."""
    other, pool = np.empty_like(out), ThreadPoolExecutor(2)
    half = len(source) // 2
    one, two, copy, copy_two = least(
        [
            lambda: inject(source, ber=THREADS_AT, out=out, threads=1, details=False),
            lambda: inject(source, ber=THREADS_AT, out=other, threads=2, details=False),
            lambda: np.copyto(out, source),
            lambda: list(pool.map(lambda k: np.copyto(out[k : k + half], source[k : k + half]), (0, half))),
        ],
        rounds,
        time.perf_counter,
    )
    inject(source, ber=THREADS_AT, out=out, threads=1, details=False)
    same = bool((out == other).all())
    tracemalloc.start()
    place = source.copy()
    inject(place, ber=THREADS_AT, threads=1)
    peak = tracemalloc.get_traced_memory()[1] / place.nbytes
    tracemalloc.stop()
    load, gain = os.getloadavg()[0], one / two
    return [
        [f"two threads at {THREADS_AT:g}, by the clock (load {load:.1f} on {os.cpu_count()} processors)",
         f"{gain:.2f}", f"{THREADS_GOAL:g}", "yes" if gain >= THREADS_GOAL else "no"],
        ["two threads of memcpy itself, likewise", f"{copy / copy_two:.2f}", "", ""],
        ["two threads give the same bits", "yes" if same else "no", "yes", "yes" if same else "no"],
        ["peak memory in place, tensors", f"{peak:.2f}", f"{MEMORY_GOAL:g}", "yes" if peak <= MEMORY_GOAL else "no"],
    ]  # fmt: skip


def main() -> None:
    """Parse arguments, measure, print or write."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="renew benchmarks/README.md")
    parser.add_argument("--megabytes", type=int, default=100, help="size of the tensor (100)")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each case (15)")
    args = parser.parse_args()
    source = np.random.default_rng(0).integers(0, 256, args.megabytes * 1_000_000, dtype=np.uint8)
    out = np.zeros_like(source)
    command = "python benchmarks/inject.py"
    head = ["BER", "memcpy (GB/s)", "copy with errors (GB/s)", "ratio", "wanted", "met", "ratio, flips by bit"]
    head += ["in place (ns per flip)"]
    table = markdown(head, copies(source, out, args.rounds))
    table += f"\n\nLoad {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors."
    publish("Injection: copying with errors beside memcpy", command, table, args.write)
    table = markdown(["model", "GB/s", "wanted", "met"], models(source, out, args.rounds))
    publish(f"Injection: weak cells, share {WEAK:g}, F = {FAIL:g}", command, table, args.write)
    table = markdown(["", "measured", "wanted", "met"], threads(source, out, args.rounds))
    publish("Injection: threads and memory", command, table, args.write)


if __name__ == "__main__":
    main()
