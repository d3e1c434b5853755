"""Speed of the CPU and GPU front ends: caches, loop nests, the closed-loop core, whole inferences, and their memory.

    python benchmarks/cpu_speed.py [--write] [--quick]

Times are CPU times of one process, compilation left out; streams are not kept on disk, so an inference makes its own.
Floors are those the project asks for. What extrapolation changes is told of a network that can also be run whole.
`--quick` leaves whole inferences out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction

import numpy as np
from cpu_misses import LAYERS
from table import markdown, publish

import edensim as es
from edensim.config import load_config
from edensim.dram.controller import DramSystem
from edensim.machines.cpu import code
from edensim.machines.cpu.cache import CacheLevel, Caches, touch_words
from edensim.machines.cpu.nest import touches
from edensim.system.core import CoreSpec
from edensim.system.world import World

LEVELS = [CacheLevel(32 << 10, 8), CacheLevel(512 << 10, 8), CacheLevel(8 << 20, 16)]
INFERENCES = {
    "ResNet-50, OpenBLAS": (10.0, "resnet50", "cpu-eden", {"machine.code": "openblas"}),
    "VGG-16, OpenBLAS": (30.0, "vgg16", "cpu-eden", {"machine.code": "openblas"}),
    "YOLOv3, Darknet, extrapolated": (
        20.0,
        "yolov3",
        "cpu-eden",
        {"machine.code": "darknet", "machine.extrapolate": True},
    ),
    "YOLOv3-Tiny, Titan X": (20.0, "yolov3-tiny", "gpu-titan-x-eden", {}),
}
"""Seconds wanted at most, network, machine, settings."""
MEMORIES = {
    "cpu-eden": {"preset": "ddr4-2133p-8gb-x8", "channels": 2},
    "gpu-titan-x-eden": {
        "preset": "gddr5-6000-1gb-x32",
        "channels": 12,
        "data_rate_mt_s": 5000,
        "address_map": "RoBaRaCoHBgCoL2Ch",
    },
}


def fastest(work: Callable[[], int], seconds: float = 4.0) -> float:
    """Million items per CPU second: the best run of so many seconds. The first, which compiles, is not counted."""
    work()
    rates: list[float] = []
    until = time.process_time() + seconds
    while len(rates) < 3 or time.process_time() < until:
        began = time.process_time()
        count = work()
        rates.append(count / (time.process_time() - began) / 1e6)
    return max(rates)


def drive(lines: np.ndarray) -> Callable[[], int]:
    """Touches of lines through three levels."""
    words, caches = touch_words(lines, 0, 4), Caches(LEVELS)

    def work() -> int:
        for _ in caches.drive(words):
            pass
        return len(words)

    return work


def nest_touches(name: str) -> int:
    """A layer's loop nest through three levels; returns its touches."""
    style, layer = LAYERS[name]
    base = 0x10000000
    weights = base + code.paged(layer.ifm_count * 4)
    ofm = weights + code.paged(layer.weight_count * 4)
    scratch = code.scratch_at(ofm + code.paged(layer.ofm_count * 4), layer, style, 4)
    caches, count = Caches(LEVELS), 0
    for words in touches(code.layer_units(layer, code.Arrays(weights, base, ofm, scratch), style, 4)):
        count += len(words)
        for _ in caches.drive(words):
            pass
    return count


def core_events() -> Callable[[], int]:
    """A core whose every record is a read of memory."""
    records = np.concatenate([words.copy() for words in Caches(LEVELS).drive(touch_words(np.arange(2_000_000), 0, 16))])
    system = DramSystem(load_config({"dram": {"preset": "ddr4-2400r-8gb-x8"}}).config.dram)
    spec = CoreSpec(Fraction(4000), 4, 128, 64, 32, 10, (2, 4, 6), Fraction(0))

    def work() -> int:
        world = World(system, [spec], np.zeros(0, np.int64))
        world.start_core(0, [records])
        world.advance()
        return len(records)

    return work


INFERENCE = """
import json, resource, sys, time
import edensim as es
network, machine, settings, memory = json.loads(sys.argv[1])
def run(**more):
    began = time.process_time()
    base = {"workload": {"network": network, "precision": "fp32"}, "machine": {"preset": machine}, "dram": memory}
    es.run(es.load_config(base, set=settings | more))
    return time.process_time() - began
first = es.load_config({"workload": {"network": network}, "machine": {"preset": machine}, "dram": memory})
from edensim.workloads import load_network
run(**{"workload.layers": [load_network(network).layers[-1].name]})
print(json.dumps([run(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def inference(network: str, machine: str, settings: dict[str, object]) -> tuple[float, float]:
    """CPU seconds and peak MB of a process that runs a network once."""
    given = json.dumps([network, machine, settings, MEMORIES[machine]])
    done = subprocess.run([sys.executable, "-c", INFERENCE, given], check=True, capture_output=True, text=True)
    seconds, megabytes = json.loads(done.stdout.splitlines()[-1])
    return seconds, megabytes


def error_of_extrapolation() -> list[object]:
    """YOLOv3-Tiny run in part against run whole: time and reads of memory."""
    table = {"workload": {"network": "yolov3-tiny", "precision": "fp32"}, "machine": {"preset": "cpu-eden"}}
    config = table | {"dram": MEMORIES["cpu-eden"]}
    part, whole = (
        es.run(es.load_config(config, set={"machine.code": "darknet", "machine.extrapolate": on})).data
        for on in (True, False)
    )
    errors = part["time_ns"] / whole["time_ns"] - 1, part["requests"]["read"] / whole["requests"]["read"] - 1
    met = "yes" if max(map(abs, errors)) < 0.01 else "no"
    text = "{:+.2%}, {:+.3%}".format(*errors)
    return ["YOLOv3-Tiny, Darknet: error of extrapolation in time and in reads", text, "within 1%", met]


def main() -> None:
    """Measure everything, print it, renew the section of the README."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="renew the section of benchmarks/README.md")
    parser.add_argument("--quick", action="store_true", help="no whole inferences")
    options = parser.parse_args()
    os.environ["EDENSIM_STREAM_BYTES"] = "0"
    hot = np.tile(np.repeat(np.arange(64), 4), 40_000)
    rates = [
        ("caches, DRAM-bound stream (M accesses/s)", 50, drive(np.arange(4_000_000))),
        ("caches, hits of the first level (M accesses/s)", 200, drive(hot)),
        ("Darknet's loops and three levels (M touches/s)", 15, lambda: nest_touches("dk_tiny6")),
        ("OpenBLAS' loops and three levels (M touches/s)", 15, lambda: nest_touches("r50_3x3_64")),
        ("core, every record a read of memory (M records/s)", 8, core_events()),
    ]
    rows: list[list[object]] = []
    for name, floor, work in rates:
        rate = fastest(work)
        rows.append([name, f"{rate:.1f}", f">= {floor}", "yes" if rate >= floor else "no"])
        print(rows[-1], flush=True)
    for name, (limit, network, machine, settings) in {} if options.quick else INFERENCES.items():
        seconds, megabytes = inference(network, machine, settings)
        rows.append([f"{name} (CPU s)", f"{seconds:.1f}", f"< {limit:g}", "yes" if seconds < limit else "no"])
        rows.append([f"{name} (peak MB)", f"{megabytes:.0f}", "< 2048", "yes" if megabytes < 2048 else "no"])
        print(rows[-2:], flush=True)
    if not options.quick:
        rows.append(error_of_extrapolation())
        print(rows[-1], flush=True)
    load = f"Load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors."
    text = markdown(["", "measured", "wanted", "met"], rows) + f"\n\n{load}"
    publish("CPU and GPU front ends: speed", "python benchmarks/cpu_speed.py --write", text, options.write)


if __name__ == "__main__":
    main()
