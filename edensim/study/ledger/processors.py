"""Sections 7.1 and 7.2, CPU and GPU: DRAM energy and speed per network, figures 13 and 14.

Energy: VDD as in Table 3. Speed: tRCD as in Table 3, and tRCD = 0. The paper's CPU numbers are of twelve benchmarks:
eight of OpenVINO and four of Darknet (the two YOLO networks), so each of the plotted six in FP32 and int8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from statistics import geometric_mean, mean

from edensim.study.ledger import paper, tolerance, zero_loss
from edensim.study.ledger.accelerators import explain
from edensim.study.ledger.item import REACHED, SCALED, Context, Item, Row, row
from edensim.study.ledger.pricing import saving
from edensim.study.ledger.setup import Setup
from edensim.workloads.eden import EDEN_NETWORKS

PRECISIONS = ("fp32", "int8")


@dataclass(frozen=True)
class Processor:
    """A processor of the paper.

    Parameters
    ----------
    key : str
        Table of `presets/paper/eden.toml`, and what items are called after.
    shown : str
        Its name.
    preset, memory : str
        Machine preset and key of `setup.MEMORIES`.
    code : mapping
        (network, precision) -> style of the code; the keys are the benchmarks, in order.
    instead : mapping
        (network, precision) -> what stands in place of the paper's benchmark.
    axes : tuple of str
        Axes of the band.
    """

    key: str
    shown: str
    preset: str
    memory: str
    code: Mapping[tuple[str, str], str]
    instead: Mapping[tuple[str, str], str]
    axes: tuple[str, ...]

    def setup(self, network: str, precision: str, delta_tRCD_ns: float = 0.0, ideal: bool = False) -> Setup:
        """One benchmark."""
        name, style = EDEN_NETWORKS[network].network, self.code[network, precision]
        return Setup(self.preset, name, precision, self.memory, delta_tRCD_ns, ideal, code=style)

    def status(self, network: str, precision: str) -> str:
        """Whether it is the paper's benchmark or something in its place."""
        return SCALED if (network, precision) in self.instead else REACHED

    @property
    def mean_told(self) -> tuple[str, str]:
        """Status and note of what is computed from all benchmarks."""
        if not self.instead:
            return REACHED, ""
        return SCALED, f"{len(self.instead)} of the {len(self.code)} benchmarks are substitutes: see the single ones"

    def told(self, network: str, precision: str, finding: str) -> str:
        """A note: what stands in place of the benchmark, and what was found."""
        return "; ".join(filter(None, [self.instead.get((network, precision), ""), finding]))

    def lowered(self, network: str, precision: str) -> Setup:
        """One benchmark with tRCD as in Table 3."""
        return self.setup(network, precision, paper.reductions(precision)[network].delta_tRCD_ns)


OPENVINO = ("ResNet101", "VGG-16", "SqueezeNet1.1", "DenseNet201")
DARKNET = ("YOLO", "YOLO-Tiny")
CPU = Processor(
    "cpu",
    "CPU",
    "cpu-eden",
    "DDR4-2133",
    {(name, "fp32"): "darknet" for name in DARKNET}
    | {(name, "fp32"): "onednn_prepacked" for name in OPENVINO}
    | {(name, "int8"): "fbgemm" for name in (*DARKNET, *OPENVINO)},
    {(name, "int8"): "FBGEMM's code in place of Darknet's int8" for name in DARKNET}
    | {(name, "int8"): "FBGEMM's code in place of OpenVINO's int8" for name in OPENVINO},
    ("delta", "voltage_model", "row_policy", "address_map", "memory_ns"),
)


def saved(processor: Processor, context: Context, network: str, precision: str) -> float:
    """Share of the DRAM energy that VDD as in Table 3 saves."""
    delta = paper.reductions(precision)[network].delta_vdd
    return saving(context.measured(processor.setup(network, precision)), delta, context.corner)


def gained(processor: Processor, context: Context, network: str, precision: str, ideal: bool = False) -> float:
    """Speed gained by tRCD as in Table 3, or by tRCD = 0."""
    usual = context.measured(processor.setup(network, precision))["time_ns"]
    fast = processor.setup(network, precision, ideal=True) if ideal else processor.lowered(network, precision)
    return usual / context.measured(fast)["time_ns"] - 1


def _why_energy(processor: Processor, context: Context, network: str, precision: str) -> str:
    delta = paper.reductions(precision)[network].delta_vdd
    found = explain(context.measured(processor.setup(network, precision)), delta, context)
    return processor.told(network, precision, found)


def _why_speed(processor: Processor, context: Context, network: str, precision: str) -> str:
    """Where the time goes: what row misses cost bounds what tRCD can give."""
    found = context.measured(processor.setup(network, precision))
    touched = found["row.hit"] + found["row.miss"] + found["row.conflict"]
    stack = {name.removeprefix("cpi."): time for name, time in found.items() if name.startswith("cpi.")}
    parts = [
        f"{time / found['time_ns']:.0%} {name}" for name, time in stack.items() if time >= 0.005 * found["time_ns"]
    ]
    told = f"; time: {', '.join(parts)}" if parts else ""
    return processor.told(network, precision, f"{found['row.hit'] / touched:.0%} row hits{told}")


def _energy(processor: Processor, context: Context) -> list[Row]:
    numbers = paper.numbers(processor.key)
    values = {bench: partial(saved, processor, context, *bench) for bench in processor.code}
    rows = []
    for bench, ours in values.items():
        network, precision = bench
        why, published = partial(_why_energy, processor, context, *bench), numbers.get(f"energy_{network}")
        rows.append(row(f"{network} {precision}", published, ours, status=processor.status(*bench), note=why))
    rows.append(
        row("mean", numbers["energy_mean"], lambda: mean(v() for v in values.values()), "%", *processor.mean_told)
    )
    if "energy_zero_loss_mean" in numbers:
        rows += zero_loss.rows(processor, "energy", zero_loss.saved)(context)
    return rows


def _speed(processor: Processor, context: Context) -> list[Row]:
    numbers, rows = paper.numbers(processor.key), []
    for network, precision in processor.code:
        why = partial(_why_speed, processor, context, network, precision)
        for label, key, ideal in (("", "speed", False), (", tRCD = 0", "speed_ideal", True)):
            ours = partial(gained, processor, context, network, precision, ideal)
            note, status = (
                processor.told(network, precision, "") if ideal else why,
                processor.status(network, precision),
            )
            published = numbers.get(f"{key}_{network}")
            rows.append(row(f"{network} {precision}{label}", published, ours, status=status, note=note))
    for label, key, ideal in (("mean", "speed_mean", False), ("mean, tRCD = 0", "speed_ideal_mean", True)):
        rows.append(
            row(label, numbers.get(key), partial(mean_gain, processor, context, ideal), "%", *processor.mean_told)
        )
    if "speed_zero_loss_mean" in numbers:
        rows += zero_loss.rows(processor, "speed", zero_loss.gained)(context)
    return rows


def mean_gain(processor: Processor, context: Context, ideal: bool) -> float:
    """Geometric mean over the benchmarks of the speed gained."""
    return geometric_mean(1 + gained(processor, context, *bench, ideal) for bench in processor.code) - 1


def usual_setups(processor: Processor) -> tuple[Setup, ...]:
    """Every benchmark at nominal timing."""
    return tuple(processor.setup(*bench) for bench in processor.code)


def fast_setups(processor: Processor) -> tuple[Setup, ...]:
    """Every benchmark with tRCD as in Table 3, and with tRCD = 0."""
    benches = processor.code
    return tuple(s for b in benches for s in (processor.lowered(*b), processor.setup(*b, ideal=True)))


def items_of(processor: Processor) -> list[Item]:
    """Energy and speed of a processor."""
    usual, fast = usual_setups(processor), fast_setups(processor)
    timing = tuple(axis for axis in processor.axes if axis != "voltage_model")
    where = paper.source(processor.key)
    experiments = tolerance.EXPERIMENTS if "energy_zero_loss_mean" in paper.numbers(processor.key) else ()
    energy = f"{processor.shown}: DRAM energy saved, VDD as in Table 3"
    speed = f"{processor.shown}: speed gained, tRCD as in Table 3 and tRCD = 0"
    return [
        Item(f"{processor.key}-energy", energy, where, partial(_energy, processor), usual, processor.axes,
             figure="energy", experiments=experiments),
        Item(f"{processor.key}-speed", speed, where, partial(_speed, processor), usual + fast, timing, figure="speed",
             experiments=experiments),
    ]  # fmt: skip


GPU = Processor(
    "gpu",
    "GPU",
    "gpu-titan-x-eden",
    "GDDR5",
    {(name, p): "" for name in ("YOLO-Tiny", "YOLO") for p in PRECISIONS},
    {},
    ("delta", "voltage_model", "row_policy", "address_map"),
)
ITEMS = [*items_of(CPU), *items_of(GPU)]
