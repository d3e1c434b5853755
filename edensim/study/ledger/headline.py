"""The abstract: DRAM energy and speed on CPU, GPU, Eyeriss and TPU."""

from __future__ import annotations

from functools import partial
from statistics import mean

from edensim.study.ledger import accelerators, paper
from edensim.study.ledger.item import Context, Item, Row, row
from edensim.study.ledger.pricing import saving
from edensim.study.ledger.processors import CPU, GPU, Processor, fast_setups, gained, mean_gain, saved, usual_setups

ACCELERATORS = (("eyeriss", "DDR4-2400"), ("tpu", "DDR4-2400"), ("eyeriss", "LPDDR3-1600"), ("tpu", "LPDDR3-1600"))


def _mean_saved(processor: Processor, context: Context) -> float:
    return mean(saved(processor, context, *bench) for bench in processor.code)


def _most_gained(processor: Processor, context: Context) -> float:
    return max(gained(processor, context, *bench) for bench in processor.code)


def _accelerator(context: Context, machine: str, memory: str) -> float:
    cells = paper.reductions("int8")
    found = {name: context.measured(accelerators.setup(machine, name, memory)) for name in accelerators.NETWORKS}
    return mean(saving(measured, cells[name].delta_vdd, context.corner) for name, measured in found.items())


def _rows(context: Context) -> list[Row]:
    rows = []
    for processor, most in ((CPU, "speed_YOLO"), (GPU, "speed_YOLO-Tiny")):
        get, name, told = partial(paper.value, processor.key), processor.shown, processor.mean_told
        for what, published, ours in (
            ("DRAM energy saved", get("energy_mean"), partial(_mean_saved, processor, context)),
            ("speed gained", get("speed_mean"), partial(mean_gain, processor, context, False)),
            ("speed gained, most", get(most), partial(_most_gained, processor, context)),
        ):
            rows.append(row(f"{name}, {what}", published, ours, "%", *told))
    for machine, memory in ACCELERATORS:
        published = paper.value(machine, f"{memory} mean")
        ours = partial(_accelerator, context, machine, memory)
        rows.append(row(f"{accelerators.MACHINES[machine]}, {memory}, DRAM energy saved", published, ours))
    return rows


ITEMS = [
    Item(
        "headline",
        "DRAM energy and speed, means over networks",
        "abstract, section 7",
        _rows,
        (
            *(accelerators.setup(m, name, memory) for m, memory in ACCELERATORS for name in accelerators.NETWORKS),
            *(s for processor in (CPU, GPU) for s in (*usual_setups(processor), *fast_setups(processor))),
        ),
        ("delta", "voltage_model"),
    )
]
