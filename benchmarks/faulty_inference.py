"""What faulty inference costs: clean pass, copying of its tensors, reading through the memory without and with errors.

    python benchmarks/faulty_inference.py [--write]

A pass of one batch that follows others, single thread, least of many CPU times, taken in turns so that a busy machine
slows all alike.
The C library keeps freed memory: getting new pages from the system for every map would cost more than the passes.
"Copying" copies every tensor that the memory holds
(weights once, maps of every image), as floats, once: nothing that reads them through a memory can be cheaper. Claimed:
where a clean pass costs at least ten times the copying, faulty inference at a bit error rate of 1e-3 adds at most 20 %;
elsewhere at most two copies. Held to it are fresh errors, and those of a device whose weak cells lie at the tensors'
addresses (twice as many cells, each failing half of the time).
"""

from __future__ import annotations

import argparse
import ctypes
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from table import markdown, publish

RATE, SECONDS, TURNS = 1e-3, 2.0, 15
SMALL = ("lenet-small", "resnet-small", "vgg-small", "squeezenet-small", "mobilenet-small")
CASES = [(name, 1, 16, batch, 10) for name in SMALL for batch in (100, 500)] + [("resnet18", 3, 224, 4, 1000)]


def least(calls: Sequence[Callable[[], float]]) -> list[float]:
    """Least CPU time of each call, in ms; a call returns its own time in seconds."""
    for call in calls:
        call()
    found: list[list[float]] = []
    while len(found) < TURNS or sum(map(sum, found)) < SECONDS:
        found.append([call() for call in calls])
    return [1000 * min(column) for column in zip(*found, strict=True)]


def keep_pages() -> None:
    """Let the C library (glibc) keep freed memory, whatever its size."""
    trim_threshold, mmap_threshold = -1, -3
    for parameter in (trim_threshold, mmap_threshold):
        ctypes.CDLL(None).mallopt(parameter, 1 << 30)


def timed(call: Callable[[], object]) -> float:
    """CPU seconds of the quickest of three calls that follow another one: of many batches nearly all do."""
    call()
    times = [time.process_time()]
    for _ in range(3):
        call()
        times.append(time.process_time())
    return min(end - begin for begin, end in pairwise(times))


def measure(name: str, channels: int, size: int, batch: int, classes: int, precision: Any) -> list[str]:
    """One row."""
    import torch

    from edensim import dnn
    from edensim.approx import Device, Region, Uniform
    from edensim.approx.region import PLAIN

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    net = dnn.make_net(name, 0, (channels, size, size), classes).eval()
    x = torch.randn(batch, channels, size, size, generator=torch.Generator().manual_seed(0))
    memory = dnn.FaultyMemory(net, dnn.Storage(precision))
    memory.calibrate([x])
    tensors = [torch.rand(batch if t.kind == "ifm" else 1, *t.shape) for t in memory.tensors.values()]
    copies = [torch.empty_like(t) for t in tensors]

    def copy() -> None:
        for target, source in zip(copies, tensors, strict=True):
            target.copy_(source)

    def under(errors: Any) -> float:
        memory.errors = errors
        with memory:
            return timed(lambda: net(x))

    places, base = {}, 0
    for tensor in memory.tensors.values():
        places[tensor.name] = Region(PLAIN, tensor.size_bytes, base)
        base += -(-tensor.size_bytes // PLAIN.geometry.burst_bytes) * PLAIN.geometry.burst_bytes
    weak = dnn.PlacedErrors(Device([[Uniform(0.5, 2 * RATE).law(PLAIN.geometry)]]), places)
    none, some = dnn.NoErrors(), dnn.FreshErrors(RATE)
    clean, copying, stored, faulty, placed = least(
        [lambda: timed(lambda: net(x)), lambda: timed(copy), *(lambda e=e: under(e) for e in (none, some, weak))]
    )

    def held(passed: float) -> list[str]:
        added = passed - clean
        holds = added <= 0.2 * clean if clean >= 10 * copying else added <= 2 * copying
        return [f"{100 * added / clean:+.0f} %", f"{added / copying:.1f}", "yes" if holds else "no"]

    return [
        f"{name} {precision}, batch {batch}", f"{clean:.2f}", f"{copying:.3f}", f"{clean / copying:.0f}",
        f"{100 * (stored / clean - 1):+.0f} %", *held(faulty), *held(placed),
    ]  # fmt: skip


def main() -> None:
    """Measure, print, and with --write update README.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="update benchmarks/README.md")
    parser.add_argument("--only", help="one network")
    options = parser.parse_args()
    keep_pages()
    head = ["network", "clean, ms", "copying, ms", "clean / copying", "stored, no errors", f"with errors, {RATE:g}",
            "added / copying", "within the claim", "weak cells", "added / copying", "within the claim"]  # fmt: skip
    body = []
    for case in CASES:
        for precision in ("int8", "int4", "fp32") if options.only in (None, case[0]) else ():
            body.append(measure(*case, precision))
            print(*body[-1], flush=True)
    publish("Faulty inference", "python benchmarks/faulty_inference.py --write", markdown(head, body), options.write)


if __name__ == "__main__":
    main()
