"""End to end: whole networks on both accelerators, CPU time with warm kernels, and peak memory.

    python benchmarks/networks.py [--write]

One operating point each, int8, EDEN's accelerators on one channel of DDR4-2400: network, tiling search, placement,
closed loop and energy. Peak memory is that of the whole process.
"""

from __future__ import annotations

import argparse
import resource
import time

from table import markdown, publish

from edensim.config import load_config
from edensim.system.run import run
from edensim.workloads import EDEN_NETWORKS

MACHINES = ("eyeriss-eden", "tpu-eden")


def measure(network: str, machine: str) -> list[object]:
    """One row: network, machine, simulated time, requests, CPU seconds, requests per CPU second."""
    resolved = load_config(
        {"workload": {"network": network}, "machine": {"preset": machine}, "dram": {"preset": "ddr4-2400r-8gb-x8"}}
    )
    began = time.process_time()
    data = run(resolved).data
    seconds = time.process_time() - began
    requests = sum(data["requests"].values())
    simulated = f"{data['time_ns'] / 1e6:.3g}"
    return [network, machine, simulated, f"{requests:,}", f"{seconds:.2f}", f"{requests / seconds / 1e6:.1f}"]


def main() -> None:
    """Run and print, and with --write update README.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="update benchmarks/README.md")
    options = parser.parse_args()
    measure("lenet", MACHINES[0])  # compiles
    rows = [measure(eden.network, machine) for eden in EDEN_NETWORKS.values() for machine in MACHINES]
    head = ["network", "machine", "simulated, ms", "DRAM requests", "CPU s", "M requests/CPU s"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    text = f"{markdown(head, rows)}\n\nPeak memory of the process: {peak:.0f} MB."
    publish("Whole networks", "python benchmarks/networks.py --write", text, options.write)


if __name__ == "__main__":
    main()
