"""What the CPU speed-up of a lower tRCD depends on: row policy and address map, prefetchers, way to the controller.

EDEN (Koppula et al., MICRO 2019, section 7.1) reports 8 % on average and 17 % at most (YOLO) for the tRCD of its Table
3, and 10 % for tRCD = 0, but says nothing of row policy, address map and controller. This runs every corner of them at
the nominal tRCD, at EDEN's and at 0, and draws the band beside the paper's numbers. Nothing is fitted.

    python benchmarks/cpu_sensitivity.py [NETWORK=CODE ...] [--out FOLDER] [--write]

Without networks: those of the paper's figure, the YOLO networks as Darknet runs them (`machine.extrapolate`). Corners
that FOLDER/cpu-sensitivity.csv holds already are not run again; `--write` renews the section of benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from pathlib import Path
from typing import NamedTuple

from table import markdown, publish

import edensim as es
from edensim.config import Resolved

NETWORKS = (
    "yolov3-tiny=darknet",
    "yolov3=darknet",
    "resnet101=openblas",
    "vgg16=openblas",
    "squeezenet1.1=openblas",
    "densenet201=openblas",
)
DELTAS = {
    "yolov3": -6.0,
    "yolov3-tiny": -5.0,
    "vgg16": -6.0,
    "resnet101": -5.5,
    "squeezenet1.1": -1.0,
    "densenet201": -2.0,
}
"""Reductions of tRCD in ns for less than 1 % loss of accuracy, FP32 (EDEN, Table 3)."""
DDR3L_TRCD_NS = 12.5
"""Nominal tRCD of the modules that they were measured on."""
MEAN = "mean"
PAPER = {"yolov3": (0.17, None), MEAN: (0.08, 0.10)}
"""Speed-ups that EDEN's text names, at its tRCD and at 0; its figure's other bars are not published as numbers."""
MEMORIES = {
    "open + hash": {"dram.controller.row_policy": "open", "dram.address_hash": "bank"},
    "open": {"dram.controller.row_policy": "open"},
    "closed + interleaved": {"dram.controller.row_policy": "closed", "dram.address_map": "RoCoRaBaCh"},
}
PREFETCHERS = ("none", "stream")
MEMORY_NS = (0.0, 10.0)
POINTS = ("eden", "ideal")


class Corner(NamedTuple):
    """One network in one corner: speed-ups, and the share of its nominal time that waits for rows to be opened."""

    network: str
    memory: str
    prefetcher: str
    memory_ns: float
    eden: float
    ideal: float
    row_miss: float
    memory_share: float
    row_hits: float
    config_hash: str


def configurations(network: str, code: str) -> Iterator[tuple[tuple[str, str, float], Resolved]]:
    """Every corner of a network."""
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
        yield (memory, prefetcher, way), es.load_config(settings, set=keys | levels)


def measured(network: str, place: tuple[str, str, float], config: Resolved) -> Corner:
    """Run a corner."""
    data = es.run(config).data
    gain = [data["time_ns"] / data["compare"][name]["time_ns"] - 1 for name in POINTS]
    stack, time_ns, row = data["cpi_stack_ns"], data["time_ns"], data["row"]
    waits = sum(stack[name] for name in ("row_hit", "row_miss", "queue", "refresh")) / time_ns
    return Corner(
        network, *place, *gain, stack["row_miss"] / time_ns, waits, row["hit"] / sum(row.values()), config.hash
    )


def kept(path: Path) -> dict[str, Corner]:
    """Corners of an earlier run, by the hash of their configuration."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if set(r) == set(Corner._fields)]
    texts = ("network", "memory", "prefetcher", "config_hash")
    corners = [Corner(**{k: v if k in texts else float(v) for k, v in r.items()}) for r in rows]  # type: ignore[arg-type]
    return {corner.config_hash: corner for corner in corners}


def keep(path: Path, corners: Sequence[Corner]) -> None:
    """Write all corners, whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Corner._fields)
        writer.writerows(corners)
    part.replace(path)


def means(corners: Sequence[Corner]) -> list[Corner]:
    """Geometric mean over the networks, of every corner that all have."""
    networks = {c.network for c in corners}
    found = []
    for place in dict.fromkeys(c[1:4] for c in corners):
        mine = [c for c in corners if c[1:4] == place]
        if len(mine) == len(networks):
            gains = [prod(1 + getattr(c, name) for c in mine) ** (1 / len(mine)) - 1 for name in POINTS]
            rest = [sum(getattr(c, n) for c in mine) / len(mine) for n in ("row_miss", "memory_share", "row_hits")]
            found.append(Corner(MEAN, *place, *gains, *rest, ""))
    return found


def draw(corners: Sequence[Corner], path: Path) -> None:
    """Per network the band of all corners, at both points, with the paper's bar beside it."""
    from matplotlib.figure import Figure

    networks = list(dict.fromkeys(c.network for c in corners))
    figure = Figure(figsize=(1.6 * len(networks) + 2.2, 4.2), layout="constrained")
    axes = figure.subplots()
    colors = dict(zip(MEMORIES, ("#0072b2", "#56b4e9", "#d55e00"), strict=True))
    markers = {("none", 0.0): "o", ("none", 10.0): "s", ("stream", 0.0): "^", ("stream", 10.0): "v"}
    for at, network in enumerate(networks):
        mine = [c for c in corners if c.network == network]
        for point, name in enumerate(POINTS):
            x = at - 0.25 + 0.34 * point
            values = [100 * getattr(c, name) for c in mine]
            axes.bar(x, max(values) - min(values), 0.24, min(values), color="#dddddd", zorder=0)
            for c, value in zip(mine, values, strict=True):
                marker = markers[c.prefetcher, c.memory_ns]
                axes.plot(x, value, marker, color=colors[c.memory], markersize=4, fillstyle="none")
            bar = PAPER.get(network, (None, None))[point]
            if bar is not None:
                axes.bar(x + 0.17, 100 * bar, 0.07, color="black", label="_")
            axes.annotate(
                "EDEN" if point == 0 else "0", (x, 0), (0, -11), textcoords="offset points", ha="center", size=6
            )
    for memory, color in colors.items():
        axes.plot([], [], "o", color=color, fillstyle="none", label=memory)
    for (prefetcher, way), marker in markers.items():
        text = f"prefetch {'on' if prefetcher == 'stream' else 'off'}, {way:g} ns"
        axes.plot([], [], marker, color="black", fillstyle="none", label=text)
    axes.bar(0, 0, color="black", label="paper")
    axes.set_xticks(range(len(networks)), networks)
    axes.tick_params(axis="x", pad=12, length=0)
    axes.set_ylabel("speed-up (%)")
    axes.axhline(0, color="black", linewidth=0.6)
    figure.legend(loc="outside right upper", fontsize=7)
    figure.savefig(path, metadata={"Date": None})
    figure.savefig(path.with_suffix(".png"), dpi=110)


def told(corners: Sequence[Corner]) -> str:
    """The table, and in words where the paper's ratio of 8 to 10 would come out."""
    header = ["network", "EDEN's tRCD", "tRCD = 0", "best corner", "its wait for rows", "its row hits"]
    rows = []
    for network in dict.fromkeys(c.network for c in corners):
        mine = [c for c in corners if c.network == network]
        best = max(mine, key=lambda c: c.eden)
        bands = (f"{min(v):.1%} to {max(v):.1%}" for v in ([getattr(c, n) for c in mine] for n in POINTS))
        rows.append([network, *bands, ", ".join(map(str, best[1:4])), f"{best.row_miss:.1%}", f"{best.row_hits:.0%}"])
    text = markdown(header, rows)
    average = [c for c in corners if c.network == MEAN and c.ideal > 0]
    if average:
        near = min(average, key=lambda c: abs(c.eden - 0.08) + abs(c.ideal - 0.10))
        ratio = max(average, key=lambda c: c.eden / c.ideal)
        singles = [c for c in corners if c.network != MEAN and c.ideal >= 0.01]
        single = min(singles, key=lambda c: abs(c.eden / c.ideal - 0.8))
        taken = -sum(DELTAS.values()) / len(DELTAS) / DDR3L_TRCD_NS
        text += (
            f"\n\nThe paper's mean is 8 % at its tRCD and 10 % at 0. Nearest to both is the corner {_place(near)}: "
            f"{near.eden:.1%} and {near.ideal:.1%}. The ratio, 0.8 there, is {near.eden / near.ideal:.2f} in it and at "
            f"most {ratio.eden / ratio.ideal:.2f} ({_place(ratio)}). Table 3 takes {taken:.0%} of tRCD on average, "
            "and gains in proportion would give just that ratio. More comes out only where, once tRCD has fallen, "
            "something else is the limit: tRAS and tRP of a bank, or the bus. Of single networks that gain 1 % at 0, "
            f"{single.network} comes closest to 0.8: {single.eden / single.ideal:.2f} ({_place(single)}; "
            f"{single.row_hits:.0%} row hits). So the paper's pair needs rows that miss nearly always, for the size, "
            "and banks or a bus that are busy all the time, for the ratio. "
            f"In that nearest corner a core waits for memory {near.memory_share:.0%} of its time, "
            f"{near.row_miss:.0%} for rows to be opened, which bounds what any tRCD can give."
        )
    return f"{text}\n\nNothing is tuned."


def _place(corner: Corner) -> str:
    on = "on" if corner.prefetcher == "stream" else "off"
    return f"{corner.memory}, prefetchers {on}, {corner.memory_ns:g} ns to the controller"


def main() -> None:
    """Run the corners that are missing, print them, write CSV and figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="*", default=NETWORKS, metavar="NETWORK=CODE")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="FOLDER", help="of CSV and figure")
    parser.add_argument("--write", action="store_true", help="renew the section of benchmarks/README.md")
    options = parser.parse_args()
    os.environ.setdefault("EDENSIM_STREAM_BYTES", str(8 << 30))  # all streams at once
    path = options.out / "cpu-sensitivity.csv"
    before, corners = kept(path), []
    began, run = time.process_time(), 0
    for network, code in (argument.split("=") for argument in options.network):
        for place, config in configurations(network, code):
            run += config.hash not in before
            corner = before.get(config.hash) or measured(network, place, config)
            corners.append(corner)
            others = [c for h, c in before.items() if h not in {x.config_hash for x in corners}]
            keep(path, [*corners, *others])
            text = f"{network:<16}{corner.memory:<22}{corner.prefetcher:<10}{corner.memory_ns:>6g} ns"
            print(f"{text}{corner.eden:>9.2%}{corner.ideal:>9.2%}", flush=True)
    shown = [*corners, *means(corners)]
    draw(shown, options.out / "cpu-sensitivity.svg")
    print(f"{run} corners in {(time.process_time() - began) / 60:.1f} CPU minutes; {len(corners) - run} from {path}")
    text = told(shown) + "\n\n![speed-up of a lower tRCD](cpu-sensitivity.svg)"
    publish("CPU: what the speed-up depends on", "python benchmarks/cpu_sensitivity.py --write", text, options.write)


if __name__ == "__main__":
    main()
