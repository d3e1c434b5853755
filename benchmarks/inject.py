"""Injection: copying with errors beside memcpy in the same run, weak cells, in place, threads, small arrays, memory.

The floor. Per byte a copy moves two: one read, one written, if the target is written past the caches (else its lines
are read first, three). Per row: two random words for its key and the number of points. Per flip: half a random word,
and one access to a bitmap of the row in the nearest cache (8 KiB), none to memory; from a rate of 1/16 on, masks of
random words instead. Both can be done at once at best, so the floor is the longer of the copy alone (measured: copying
at a rate of 0) and the flips alone (measured: in place in an array of the second cache, which is read and written too).
`memcpy` is numpy.copyto of the same two arrays; it need not be the quickest copy, so a ratio above 1 is possible.

    python benchmarks/inject.py [--write] [--megabytes N] [--rounds N]

Every round times memcpy (numpy.copyto) and each case one after the other, in CPU time of one thread; a figure is the
least of all rounds, which other work on the machine disturbs least. Two threads are timed by the clock: what a second
processor is worth at that time is told by kernels that only compute. A chain of multiplications waits for its own
results, so it gains even where a virtual machine's processors are two halves of one core; one that keeps the vector
units busy does not. What the memory leaves room for is told by two threads that copy at a rate of 0: one thread at 1e-2
uses half of that; and by a copy within the last cache. On a busy machine the second processor is worth
nothing, unless the benchmark goes before other work, as `setsid sh -c 'echo -20 > /proc/self/autogroup; python
benchmarks/inject.py'` does on Linux. Other work on the machine takes memory bandwidth, which costs copying with errors
more than memcpy. `wanted` are the project's own goals.
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

from edensim.approx import Device, Injector, Region, Uniform, inject
from edensim.approx.build import build_model
from edensim.approx.element import ELEMENTS
from edensim.approx.model import ErrorModel
from edensim.jit import jit
from edensim.memory import AddressMap, Geometry

COPY_GOALS = {1e-6: 0.95, 1e-5: None, 1e-4: 0.90, 1e-3: 0.85, 3e-3: None, 1e-2: 0.50, 3e-2: None, 1e-1: 0.12}
MODELS = ("uniform", "bitline", "wordline", "data_dependent", "bank_clustered")
WEAK, FAIL = 1e-3, 0.5
WEAK_GOAL_GB_S = 5.0
THREADS_AT, THREADS_GOAL = 1e-2, 1.7
MEMORY_GOAL = 2.0
NEAR_BYTES = 1 << 19  # of an array that the second cache holds
NEAR_TWO_BYTES = 1 << 23  # of an array that lies, with its copy, in the last cache
SMALL_KIB = (4, 64, 256, 1024)
IN_TURN = AddressMap(Geometry(2, 1, 4, 4, 1 << 16, 128, 8, 64, 8, 512), "RoBaRaCoCh")
"""Two channels that take bursts in turn."""
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


def alone(model: ErrorModel, rounds: int) -> float:
    """Time of the flips of a byte in s, without a memory behind them."""
    near, tiny = np.zeros(NEAR_BYTES, np.uint8), np.zeros(8192, np.uint8)
    times = [lambda a=a: [inject(a, model=model, threads=1) for _ in range(20)] for a in (near, tiny)]
    more, less = least(times, rounds)
    return (more - less) / 20 / (near.nbytes - tiny.nbytes)


def copies(source: np.ndarray, out: np.ndarray, rounds: int) -> list[list[str]]:
    """Rows: copying with errors at each rate against memcpy, and in place."""
    rows = []
    for ber, goal in COPY_GOALS.items():
        place = source.copy()
        device = Device([[Uniform(ber).law(IN_TURN.geometry)]], IN_TURN)
        in_turn = Injector(device, Region(IN_TURN, source.nbytes), ELEMENTS["uint8"], threads=1)
        copy, clean, errors, uncounted, turns, in_place = least(
            [
                lambda: np.copyto(out, source),
                lambda: inject(source, ber=0.0, out=out, threads=1),
                lambda ber=ber: inject(source, ber=ber, out=out, threads=1),
                lambda ber=ber: inject(source, ber=ber, out=out, threads=1, details=False),
                lambda i=in_turn: i.run(source, out=out),
                lambda ber=ber, place=place: inject(place, ber=ber, threads=1),
            ],
            rounds,
        )
        floor = max(clean, alone(Uniform(ber), rounds) * source.nbytes)
        ratio, wanted = copy / errors, "" if goal is None else f"{goal:.2f}"
        met = "" if goal is None else "yes" if ratio >= goal else "no"
        speeds = [f"{source.nbytes / t / 1e9:.1f}" for t in (copy, errors)]
        per_flip = in_place / (8 * source.nbytes * ber) * 1e9
        more = [f"{copy / uncounted:.2f}", f"{copy / turns:.2f}", f"{floor / errors:.2f}", f"{per_flip:.2f}"]
        rows.append([f"{ber:g}", *speeds, f"{ratio:.2f}", wanted, met, *more])
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


@jit
def compute(steps: int) -> int:  # pragma: no cover
    """A chain of multiplications, which needs a processor and no memory."""
    word = np.uint64(1)
    for i in range(steps):
        word = word * np.uint64(6364136223846793005) + np.uint64(i)
        word ^= word >> np.uint64(17)
    return word


@jit
def compute_wide(steps: int) -> int:  # pragma: no cover
    """Finalisers of SplitMix64, none of which waits for another: all that the vector units can do."""
    found = np.uint64(0)
    for i in range(steps):
        word = np.uint64(i) * np.uint64(0x9E3779B97F4A7C15)
        word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found ^= word
    return found


def threads(source: np.ndarray, out: np.ndarray, rounds: int) -> list[list[str]]:
    """Rows: what two threads gain, ours and others, and whether results are the same."""
    other, pool = np.empty_like(out), ThreadPoolExecutor(1)
    half, steps, wide = len(source) // 2, 3_000_000, 60_000_000
    near, near_out = source[:NEAR_TWO_BYTES], out[:NEAR_TWO_BYTES]

    def two(halves: list[Case]) -> None:
        beside = pool.submit(halves[0])
        halves[1]()
        beside.result()

    copying = [lambda k=k: np.copyto(out[k : k + half], source[k : k + half]) for k in (0, half)]
    cases: dict[str, tuple[Case, Case]] = {
        "a kernel that waits for its own results": (
            lambda: compute(2 * steps),
            lambda: two([lambda: compute(steps)] * 2),
        ),
        "a kernel that keeps the vector units busy": (
            lambda: compute_wide(2 * wide),
            lambda: two([lambda: compute_wide(wide)] * 2),
        ),
        "memcpy": (lambda: np.copyto(out, source), lambda: two(copying)),
    }
    for ber in (0.0, THREADS_AT, 1e-1):
        cases[f"copying with errors at {ber:g}"] = (
            lambda ber=ber: inject(source, ber=ber, out=out, threads=1),
            lambda ber=ber: inject(source, ber=ber, out=other, threads=2),
        )
    cases[f"copying with errors at {THREADS_AT:g}, within the last cache"] = (
        lambda: inject(near, ber=THREADS_AT, out=near_out, threads=1),
        lambda: inject(near, ber=THREADS_AT, out=near_out, threads=2),
    )
    compute(1)
    compute_wide(1)
    both = [case for pair in cases.values() for case in pair]
    clock, processor = least(both, 4 * rounds, time.perf_counter), least(both, rounds)
    rows, names = [], list(cases)
    for k, name in enumerate(names):
        gain, work = clock[2 * k] / clock[2 * k + 1], processor[2 * k + 1] / processor[2 * k]
        ours = name.endswith(f" {THREADS_AT:g}")
        goal = [f"{THREADS_GOAL:g}", "yes" if gain >= THREADS_GOAL else "no"] if ours else ["", ""]
        size = 0 if name.startswith("a kernel") else near.nbytes if name.endswith("cache") else source.nbytes
        speed = f"{size / clock[2 * k + 1] / 1e9:.1f}" if size else ""
        rows.append([name, f"{gain:.2f}", *goal, speed, f"{work:.2f}"])
    clean, ours = (names.index(f"copying with errors at {ber:g}") for ber in (0.0, THREADS_AT))
    most = clock[2 * ours] / clock[2 * clean + 1]
    rows.append([f"most that the memory leaves room for at {THREADS_AT:g}", f"{most:.2f}", "", "", "", ""])
    inject(source, ber=THREADS_AT, out=out, threads=1)
    inject(source, ber=THREADS_AT, out=other, threads=2)
    same = "yes" if (out == other).all() else "no"
    return [*rows, ["the same bits from one and two threads", same, "yes", same, "", ""]]


def small(rounds: int) -> list[list[str]]:
    """Rows: time of a call for small arrays in µs."""
    rows, again = [], range(64)
    for kib in SMALL_KIB:
        source = np.random.default_rng(0).integers(0, 256, kib * 1024, dtype=np.uint8)
        out = np.zeros_like(source)
        times = least(
            [
                lambda out=out, source=source: [np.copyto(out, source) for _ in again],
                lambda out=out, source=source: [inject(source, ber=1e-3, out=out) for _ in again],
                lambda out=out: [inject(out, ber=1e-3) for _ in again],
            ],
            rounds,
        )
        rows.append([f"{kib} KiB", *(f"{t / len(again) * 1e6:.1f}" for t in times)])
    return rows


def memory(source: np.ndarray) -> list[list[str]]:
    """Rows: peak of what is allocated, with the arrays, in sizes of the tensor."""

    def peak(run: Callable[[np.ndarray], object]) -> float:
        tracemalloc.start()
        run(source.copy())
        found = tracemalloc.get_traced_memory()[1] / source.nbytes
        tracemalloc.stop()
        return found

    model = build_model("data_dependent", WEAK * FAIL)
    cases = {
        "in place": lambda array: inject(array, ber=THREADS_AT),
        "in place, weak cells": lambda array: inject(array, model=model),
        "into a copy, with that": lambda array: inject(array, ber=THREADS_AT, out=np.empty_like(array)),
    }
    found = [(name, peak(run)) for name, run in cases.items()]
    return [[name, f"{x:.3f}", f"{MEMORY_GOAL:g}", "yes" if x < MEMORY_GOAL + 0.01 else "no"] for name, x in found]


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
    head = [
        "BER",
        "memcpy (GB/s)",
        "copy with errors (GB/s)",
        "ratio",
        "wanted",
        "met",
        "ratio, flips by bit not asked",
    ]
    head += ["ratio, two channels in turn", "share of the floor", "in place (ns per flip)"]
    load = f"Load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors."
    table = markdown(head, copies(source, out, args.rounds)) + f"\n\n{load}"
    publish("Injection: copying with errors beside memcpy", command, table, args.write)
    table = markdown(["model", "GB/s", "wanted", "met"], models(source, out, args.rounds))
    publish(f"Injection: weak cells, share {WEAK:g}, F = {FAIL:g}", command, table, args.write)
    head = ["", "two threads gain, by the clock", "wanted", "met", "GB/s of two", "CPU time of two over one"]
    table = markdown(head, threads(source, out, args.rounds)) + f"\n\n{load}"
    publish("Injection: threads", command, table, args.write)
    table = markdown(["", "memcpy (µs)", "copy with errors at 1e-3 (µs)", "in place (µs)"], small(args.rounds))
    publish("Injection: small arrays", command, table, args.write)
    table = markdown(["", "peak memory, tensors", "wanted", "met"], memory(source))
    publish("Injection: memory", command, table, args.write)


if __name__ == "__main__":
    main()
