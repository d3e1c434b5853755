"""Accelerator models beside published numbers: Eyeriss chip, TPU v1, SCALE-Sim v3, and best-tiling traffic.

    python benchmarks/accelerators.py [--only TABLE]

Nothing here simulates DRAM: traffic and compute cycles only.
"""

from __future__ import annotations

import argparse
import csv
import time
import tomllib
from pathlib import Path

import edensim
from edensim.config.accelerator_schema import AcceleratorMachine
from edensim.machines import LayerTensors, build_machine
from edensim.machines.bounds import lower_bound_bytes
from edensim.machines.eyeriss import Mapping, mapped_cycles
from edensim.machines.eyeriss_chip import chip_traffic
from edensim.machines.problem import Problem
from edensim.machines.scalesim import scalesim_counts
from edensim.machines.search import least_traffic
from edensim.machines.tiling import Buffer
from edensim.machines.tpu import SystolicArray, matrix_time, weight_tile_cycles
from edensim.workloads import load_network

MIB = 1 << 20

# JSSC 52(1) 2017, AlexNet, N = 4: mapping m n e p q r t, zero share of inputs, processing ms, DRAM MB.
EYERISS_ALEXNET = {
    "conv1": (Mapping(96, 1, 7, 16, 1, 1, 2), 0.0001, 16.5, 5.0),
    "conv2": (Mapping(64, 1, 27, 16, 2, 1, 1), 0.387, 39.2, 4.0),
    "conv3": (Mapping(64, 4, 13, 16, 4, 1, 4), 0.725, 21.8, 3.0),
    "conv4": (Mapping(64, 4, 13, 16, 3, 2, 2), 0.793, 16.0, 2.1),
    "conv5": (Mapping(64, 4, 13, 16, 3, 2, 2), 0.776, 10.0, 1.3),
}
# VGG-16, N = 3: processing ms. The mapping is not published; q (channels per PE) and p are what the buffer allows.
EYERISS_VGG = {
    "conv1_2": (3, 1, 810.6),
    "conv2_2": (3, 1, 810.8),
    "conv3_2": (8, 2, 408.1),
    "conv4_2": (16, 4, 210.0),
    "conv5_2": (16, 4, 48.5),
}
# ISCA 2017, tables 1 and 3: weights (million), MACs per weight byte, matrix layers, TOPS, useful MACs in % of the peak,
# array active %, stall %, shift %, time outside the matrix unit %.
TPU_V1 = {
    "MLP0": (20, 200, 5, 12.3, 12.5, 12.7, 53.9, 15.9, 17.5),
    "MLP1": (5, 168, 4, 9.7, 9.4, 10.6, 44.2, 13.4, 31.9),
    "LSTM0": (52, 64, 24, 3.7, 8.2, 8.2, 58.1, 15.8, 17.9),
    "LSTM1": (34, 96, 37, 2.8, 6.3, 10.5, 62.1, 17.1, 10.3),
    "CNN0": (8, 2888, 16, 86.0, 78.2, 78.2, 0.0, 0.0, 21.8),
    "CNN1": (100, 1750, 76, 14.1, 22.5, 46.2, 28.1, 7.0, 18.7),
}
TPU_PEAK_TOPS = 2 * 65_536 * 700e6 / 1e12
NAMED_MATRIX = {"LSTM1": 600}
"""Sides of the matrices that the paper names: section 7 tiles "the 600x600 matrix used in LSTM1"."""
WHY = """\
counters  useful MACs of the paper's table 3 times 92 TOPS. They are twice the TOPS of both LSTMs and less than those of
          CNN0 (93 % of the peak at 78 % active), so no model can meet both.
MLPs, LSTM0, CNN0  only weights, layers and MACs per weight byte are public: taken as equal square matrices.
LSTM1     600x600 is named, not how many: all are taken to be so. Of nine tiles 61 % hold weights (table 3: 60 %).
CNN1      72 convolutions and 4 fully connected layers, these at 32 MACs per weight byte; no shape is public. With none
          to all of the weights in fully connected layers: {most:.0f} to {least:.0f} TOPS. What is below the paper puts
          down to layers too shallow for the array (half of its active MACs) and pipeline dependences (23 % of cycles):
          not public, not modelled."""
# Best tilings in MiB by an independent search (108 KiB 16 bit, 324 KiB 16 bit, 324 KiB 8 bit, 24 MiB 8 bit).
BUFFERS = [(108, 16), (324, 16), (324, 8), (24 * 1024, 8)]
BEST_TILING = {
    "alexnet": (118.258, 118.141, 59.07, 59.07),
    "vgg16": (357.58, 324.0, 158.316, 153.557),
    "resnet101": (154.881, 145.834, 72.473, 72.226),
    "densenet201": (102.999, 99.756, 49.208, 49.208),
    "mobilenetv2": (32.271, 32.265, 16.132, 16.132),
    "squeezenet1.1": (11.4, 10.566, 5.283, 5.283),
    "yolov3": (384.908, 299.001, 140.431, 135.026),
    "yolov3-tiny": (37.47, 35.073, 16.973, 16.914),
}


def preset(name: str) -> AcceleratorMachine:
    """A shipped machine."""
    path = Path(edensim.__file__).parent / "presets" / "machine" / f"{name}.toml"
    return AcceleratorMachine(**tomllib.loads(path.read_text()))


def eyeriss_alexnet() -> list[tuple[str, float, float, float, float]]:
    """Layer, then DRAM MB and ms: ours and the chip's (moved, chip_mb, ms, chip_ms); the last row is the sum."""
    layers = dict(zip(EYERISS_ALEXNET, load_network("alexnet-grouped").layers, strict=False))
    zeros, rows = [row[1] for row in EYERISS_ALEXNET.values()], []
    for i, (name, (mapping, _, chip_ms, chip_mb)) in enumerate(EYERISS_ALEXNET.items()):
        problem = Problem.of(layers[name], 4)
        moved = chip_traffic(problem, mapping, zeros[i] if i else None, zeros[min(i + 1, 4)]).total * 2 / 1e6
        rows.append((name, moved, chip_mb, mapped_cycles(problem, mapping) / 2e5, chip_ms))
    moved, chip_mb, ms, chip_ms = (sum(row[k] for row in rows) for k in range(1, 5))  # type: ignore[misc]
    return [*rows, ("sum", moved, chip_mb, ms, chip_ms)]


def eyeriss_vgg() -> list[tuple[str, float, float, float]]:
    """Layer, then ms: with every PE busy, ours and the chip's."""
    rows = []
    for layer in load_network("vgg16").layers:
        if layer.name in EYERISS_VGG:
            p, q, chip_ms = EYERISS_VGG[layer.name]
            problem = Problem.of(layer, 3)
            images = 3 if layer.P == 14 else 1
            ms = mapped_cycles(problem, Mapping(4 * p, images, 14, p, q, 1, 4)) / 2e5
            rows.append((layer.name, problem.macs / 168 / 2e5, ms, chip_ms))
    return rows


def eyeriss_chip() -> None:
    """DRAM traffic and processing time with the published mapping."""
    print("\nEyeriss chip (JSSC 2017), published mapping and zero shares, 200 MHz")
    print(f"{'AlexNet N=4':12} {'DRAM MB':>8} {'chip':>7} {'':>7} {'ms':>8} {'chip':>7}")
    for name, moved, chip_mb, ms, chip_ms in eyeriss_alexnet():
        traffic = f"{moved:8.2f} {chip_mb:7.1f} {moved / chip_mb - 1:+7.1%}"
        print(f"{name:12} {traffic} {ms:8.1f} {chip_ms:7.1f} {ms / chip_ms - 1:+7.1%}")
    print("VGG-16 N=3 (mapping not published: e = 14, t = 4, q as the buffer allows), ms")
    for name, ideal, ms, chip_ms in eyeriss_vgg():
        print(f"{name:12} {'MACs/PEs':>8} {ideal:7.1f} {'':7} {ms:8.1f} {chip_ms:7.1f} {ms / chip_ms - 1:+7.1%}")


def tpu_rows() -> list[tuple[str, float, float, list[float], list[float]]]:
    """Application, TOPS (ours, the paper's), and active, stall, shift in % of the matrix unit's time (ours, its)."""
    array, rows = SystolicArray(256, 256), []
    for name, (weights, batch, layers, tops, _, *shares, outside) in TPU_V1.items():
        side = NAMED_MATRIX.get(name, round((weights * 1e6 / layers) ** 0.5))
        t = matrix_time(array, batch, side, side, 700, 34)
        ours_tops = 2 * side * side * batch / (t.cycles / 700e6) / 1e12
        ours = [100 * x / t.cycles for x in (t.active, t.weight_stall, t.shift)]
        rows.append((name, ours_tops, tops, ours, [x / (1 - outside / 100) for x in shares]))
    return rows


def tpu_v1() -> None:
    """Closed-form matrix time from an ideal 34 GB/s memory."""
    array = SystolicArray(256, 256)
    print("\nTPU v1 (ISCA 2017), 700 MHz, ideal 34 GB/s weight memory")
    print(f"weight tile: {weight_tile_cycles(array, 700, 34):.1f} cycles (paper: 1349)")
    small = matrix_time(array, 200, 600, 600, 700, 34)
    print(f"600x600 matrix: {small.tile_steps} tile steps, {small.time_us(700):.2f} us (paper: 9 steps, 18 us)")
    print("Shares are of the time in the matrix unit (published ones scaled up by 1 / (1 - time outside it)).")
    heads = ("TOPS", "paper", "counters", "active", "paper", "stall", "paper", "shift", "paper")
    print(" " * 7 + "".join(f"{head:>9}" for head in heads))
    for name, ours_tops, tops, ours, paper in tpu_rows():
        columns = "".join(f"{a:9.1f}{b:9.1f}" for a, b in zip(ours, paper, strict=True))
        print(f"{name:7}{ours_tops:9.1f}{tops:9.1f}{TPU_V1[name][4] / 100 * TPU_PEAK_TOPS:9.1f}{columns}")
    print(WHY.format(most=cnn1_tops(array, 0.0), least=cnn1_tops(array, 1.0)))


def cnn1_tops(array: SystolicArray, share: float) -> float:
    """CNN1 if fully connected layers hold this share of its weights and convolutions fill the array."""
    weights, intensity = TPU_V1["CNN1"][0] * 1e6, TPU_V1["CNN1"][1]
    fetch_us = share * weights / array.rows / array.cols * weight_tile_cycles(array, 700, 34) / 700
    macs = weights * intensity
    convolved_us = (macs - 32 * share * weights) / array.rows / array.cols / 700
    return 2 * macs / (fetch_us + convolved_us) / 1e6


def scalesim_groups() -> dict[str, tuple[int, int, int]]:
    """Configuration -> layers, layers whose cycles are equal, cycles of all."""
    path = Path(__file__).parents[1] / "tests" / "machines" / "scalesim_rows.csv"
    rows = list(csv.DictReader(path.read_text().splitlines()[1:]))
    arrays = {"eyeriss324": (12, 14), "tiny8": (8, 8), "tpu": (256, 256)}
    flows = {"ws": "weight_stationary", "os": "output_stationary", "is": "input_stationary"}
    groups: dict[str, tuple[int, int, int]] = {}
    for row in rows:
        array, flow, _ = row["config"].split("_")
        h, w, r, s, c, k, u = (int(row[x]) for x in ("H", "W", "R", "S", "C", "K", "stride"))
        pixels = (-(-(h - r + u) // u)) * (-(-(w - s + u) // u))
        counts = scalesim_counts(pixels, r * s * c, k, *arrays[array], flows[flow])  # type: ignore[arg-type]
        count, equal, cycles = groups.get(row["config"], (0, 0, 0))
        target = int(row["cycles"]) - int(row["stalls"])
        groups[row["config"]] = count + 1, equal + (counts.cycles == target), cycles + counts.cycles
    return groups


def scalesim() -> None:
    """Cycles of the closed form against stored SCALE-Sim v3 runs."""
    begin = time.process_time()
    groups = scalesim_groups()
    each_us = (time.process_time() - begin) / sum(count for count, _, _ in groups.values()) * 1e6
    print(f"\nSCALE-Sim v3 cycles without stalls ({each_us:.0f} us per layer here)")
    for config, (count, equal, cycles) in groups.items():
        print(f"{config:20} {equal} of {count} layers equal, {cycles:,} cycles")


def tilings() -> None:
    """Best-tiling traffic of whole networks against the bound and an independent search, and what presets move."""
    print("\nDRAM traffic in MiB, batch 1: best tiling / independent search / lower bound")
    print("single buffered, partial sums as wide as the data")
    for name, stored in BEST_TILING.items():
        begin = time.process_time()
        problems = [Problem.of(layer) for layer in load_network(name).layers]
        cells = []
        for (kib, bits), table in zip(BUFFERS, stored, strict=True):
            buffer = Buffer.plain(kib * 1024, bits)
            moved = {p: least_traffic(p, buffer).traffic(p).total for p in set(problems)}  # type: ignore[union-attr]
            best = sum(moved[p] for p in problems) * bits / 8 / MIB
            bound = sum(lower_bound_bytes(p, bits, kib * 1024) for p in problems) / MIB
            cells.append(f"{best:7.2f} /{table:7.2f} /{bound:7.2f}")
        print(f"{name:14} {'   '.join(cells)}   {time.process_time() - begin:5.2f} s")
    print("EDEN presets, int8, batch 1: MiB moved (useful), compute ms, planning time")
    for machine_name in ("eyeriss-eden", "tpu-eden"):
        for name in BEST_TILING:
            begin = time.process_time()
            accelerator = build_machine(preset(machine_name))
            plans = [accelerator.plan(x, LayerTensors(0, 1 << 30, 1 << 31), 8) for x in load_network(name).layers]
            moved_mib = sum(sum(p.traffic_bytes.values()) for p in plans) / MIB
            ms = sum(p.compute_cycles for p in plans) / accelerator.machine.clock_mhz / 1e3
            for plan in plans:
                for _ in plan.programs():
                    pass
            spent = time.process_time() - begin
            print(f"{machine_name:13} {name:14} {moved_mib:8.2f} MiB {ms:9.2f} ms {spent:6.2f} s CPU")


TABLES = {"eyeriss": eyeriss_chip, "tpu": tpu_v1, "scalesim": scalesim, "tilings": tilings}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=TABLES, action="append", help="print this table only (repeatable)")
    for name in parser.parse_args().only or TABLES:
        TABLES[name]()


if __name__ == "__main__":
    main()
