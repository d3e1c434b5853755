"""What the CPU speed-up of a lower tRCD depends on: row policy and address map, prefetchers, way to the controller.

EDEN (Koppula et al., MICRO 2019, section 7.1) reports 8 % on average and 17 % at most (YOLO) for the tRCD of its Table
3, and 10 % for tRCD = 0, but says nothing of row policy, address map and controller. This runs every corner of them at
the nominal tRCD, at EDEN's and at 0, and draws the band beside the paper's numbers. Nothing is fitted.

    python benchmarks/cpu_sensitivity.py [NETWORK=CODE ...] [--out FOLDER]

Without networks: yolov3-tiny=darknet resnet50=openblas vgg16=openblas squeezenet1.1=openblas densenet201=openblas.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import edensim as es

NETWORKS = (
    "yolov3-tiny=darknet",
    "resnet50=openblas",
    "vgg16=openblas",
    "squeezenet1.1=openblas",
    "densenet201=openblas",
)
DELTAS = {
    "yolov3": -6.0,
    "yolov3-tiny": -5.0,
    "vgg16": -6.0,
    "resnet50": -5.5,
    "squeezenet1.1": -1.0,
    "densenet201": -2.0,
}
"""Reductions of tRCD in ns for less than 1 % loss of accuracy, FP32 (EDEN, Table 3; ResNet-101 there)."""
PAPER = {"yolov3": 0.17}
"""Speed-ups that EDEN's text names; its figure's other bars are not published as numbers."""
MEMORIES = {
    "open + hash": {"dram.controller.row_policy": "open", "dram.address_hash": "bank"},
    "open": {"dram.controller.row_policy": "open"},
    "closed + interleaved": {"dram.controller.row_policy": "closed", "dram.address_map": "RoCoRaBaCh"},
}
PREFETCHERS = ("none", "stream")
MEMORY_NS = (0.0, 10.0)
COLUMNS = ("network", "memory", "prefetcher", "memory_ns", "eden", "ideal")


def corners(network: str, code: str) -> Iterator[dict[str, object]]:
    """Speed-up at EDEN's tRCD and at 0 in every corner."""
    for (memory, keys), prefetcher, way in product(MEMORIES.items(), PREFETCHERS, MEMORY_NS):
        settings = {
            "workload": {"network": network, "precision": "fp32"},
            "machine": {
                "preset": "cpu-eden",
                "code": code,
                "memory_ns": way,
                "extrapolate": code.startswith("darknet"),
            },
            "dram": {"preset": "ddr4-2133p-8gb-x8", "channels": 2},
            "compare": {"eden": {"delta_tRCD_ns": DELTAS.get(network, -5.0)}, "ideal": {"tRCD_ns": 0.0}},
        }
        levels = {f"machine.cache.{level}.prefetcher": prefetcher for level in ("l2", "l3")}
        data = es.run(es.load_config(settings, set=keys | levels)).data
        gain = {name: data["time_ns"] / point["time_ns"] - 1 for name, point in data["compare"].items()}
        yield {"network": network, "memory": memory, "prefetcher": prefetcher, "memory_ns": way, **gain}


def draw(rows: list[dict[str, object]], path: Path) -> None:
    """One panel per network: bars of both points over the corners, the paper's number as a line."""
    from matplotlib.figure import Figure

    networks = list(dict.fromkeys(str(row["network"]) for row in rows))
    figure = Figure(figsize=(3.4 * len(networks), 3.2), layout="constrained")
    for axes, network in zip(figure.subplots(1, len(networks), squeeze=False)[0], networks, strict=True):
        mine = [row for row in rows if row["network"] == network]
        places = range(len(mine))
        for shift, name in ((-0.2, "eden"), (0.2, "ideal")):
            label = "tRCD of EDEN" if name == "eden" else "tRCD = 0"
            axes.bar([p + shift for p in places], [100 * float(str(row[name])) for row in mine], 0.4, label=label)
        if network in PAPER:
            axes.axhline(100 * PAPER[network], color="black", linestyle="--", label="EDEN's bar")
        ticks = [f"{r['memory']}, {r['prefetcher']}, {r['memory_ns']:g} ns" for r in mine]
        axes.set_xticks(places, ticks, rotation=90, fontsize=6)
        axes.set_title(network)
        axes.set_ylabel("speed-up (%)")
    axes.legend(fontsize=6)
    figure.savefig(path)


def main() -> None:
    """Run the corners, print them, write CSV and figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="*", default=NETWORKS, metavar="NETWORK=CODE")
    parser.add_argument("--out", type=Path, default=Path(), metavar="FOLDER", help="where CSV and figure go")
    options = parser.parse_args()
    rows = []
    print(f"{'network':<16}{'memory':<22}{'prefetch':<10}{'way (ns)':>9}{'EDEN':>9}{'ideal':>9}")
    for network, code in (argument.split("=") for argument in options.network):
        for row in corners(network, code):
            rows.append(row)
            print(
                f"{network:<16}{row['memory']:<22}{row['prefetcher']:<10}{row['memory_ns']:>9}"
                f"{row['eden']:>9.2%}{row['ideal']:>9.2%}",
                flush=True,
            )
    with (options.out / "cpu-sensitivity.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, options.out / "cpu-sensitivity.svg")


if __name__ == "__main__":
    main()
