"""What the DRAM kernel does for a request: its steps, counted. `dram.py --only profile` shows them beside the times.

    NUMBA_DISABLE_JIT=1 python benchmarks/dram_work.py [--memory M] [--trace T] [--requests N]

As plain Python every step of the kernel is a call that can be counted; compiled they are one function. Counts are the
same on every machine. Prints them as JSON, per request.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from types import FrameType

MEMORIES = ("ddr4_2400_frfcfs32", "ddr5_4800_frfcfs32", "hbm3_6400_frfcfs32")
TRACES = ("a_stream", "b_random", "c_mix8")
STEPS = {
    "clocks looked at": ("tick",),
    "commands": ("issue",),
    "full scans": ("scan_queue", "scan_active", "scan_hits", "scan_others"),
    "scans of few": ("scan_queue_few", "scan_active_few", "scan_hits_few", "scan_others_few"),
    "rows of 16 times raised": ("raise_lanes",),
    "candidates set": ("set_candidates",),
}
"""Column -> functions of the kernel."""


def measured(memory: str, trace: str, requests: int = 5000) -> dict[str, float]:
    """Steps per request, counted in a process of its own."""
    command = [sys.executable, __file__, "--memory", memory, "--trace", trace, "--requests", str(requests)]
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    return {name: float(value) for name, value in json.loads(found).items()}


def count(memory: str, trace: str, requests: int) -> dict[str, float]:
    """Steps per request of the first requests of a golden trace."""
    from dram import kernel_run, requests_of, system  # which imports this module

    modelled = system(f"ramulator2:{memory}")
    work = kernel_run(modelled, requests_of(trace, modelled, requests))
    calls: Counter[str] = Counter()

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and "edensim" in frame.f_code.co_filename:
            calls[frame.f_code.co_name] += 1

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return {step: sum(calls[name] for name in names) / requests for step, names in STEPS.items()}


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", choices=MEMORIES, default=MEMORIES[0], help="preset ramulator2:MEMORY")
    parser.add_argument("--trace", choices=TRACES, default=TRACES[0], help="golden trace")
    parser.add_argument("--requests", type=int, default=5000, help="of the trace")
    options = parser.parse_args()
    print(json.dumps(count(options.memory, options.trace, options.requests)))


if __name__ == "__main__":
    main()
