"""Figure 12, and beyond it: ResNet101's tensors in four parts of the memory with a voltage each, through to energy.

Tolerances are those of the paper's text for the boosted network: 4 % as a whole (Table 3), first and last layers 2 to 3
times less than the average (section 1), up to 13 % for the last weights (figure 11); those of single layers are only
drawn there. The paper stops at the mapping; here it runs on Eyeriss with DDR4-2400, beside one voltage for everything.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from edensim.study.ledger import paper
from edensim.study.ledger.curve import Curve
from edensim.study.ledger.experiment import Experiment, Found
from edensim.study.ledger.fine_grained import KINDS
from edensim.study.ledger.item import SCALED, Context, Item, Row, row
from edensim.study.ledger.pricing import REFERENCE_V
from edensim.workloads import load_network

MIB = 1 << 20
NOMINAL_V = 1.2
SHOWN_V = ("1.35 V", "1.25 V", "1.10 V", "1.05 V", "1.00 V")
NOTE = "tolerances of the paper's text, not measured ones; voltages as of the 1.35 V module, Algorithm 1"
CONFIG: dict[str, Any] = {
    "machine": {"preset": "eyeriss-eden"},
    "dram": {"preset": "ddr4-2400r-8gb-x8"},
    "eden": {
        "network": "resnet101-cifar10",
        "precision": "int8",
        "chip": "eden",
        "vdd": [1.11, 0.978, 0.933, 0.889],
        "parts": 4,
        "idle": "nominal",
        "tolerable": {"*": 0.04, "conv1.*": 0.015, "fc.ifm": 0.015, "fc.weights": 0.13},
    },
}
"""That of configs/eden-resnet101.toml, where parts without tensors run at the lowest voltage."""
WAYS = {
    "coarse": "one voltage for the whole memory, set by the least tolerant tensor",
    "greedy": "four parts, the paper's Algorithm 1; parts without tensors nominal",
    "greedy, idle low": "four parts; parts without tensors at the lowest voltage",
}


def _measure() -> Found:
    from edensim.config import load_config
    from edensim.eden.flow import Flow
    from edensim.eden.site import Site

    found = {}
    for way in WAYS:
        idle = "lowest" if way.endswith("idle low") else "nominal"
        plan = CONFIG["eden"] | {"mapping": way.partition(",")[0], "idle": idle}
        site = Site(load_config(CONFIG | {"eden": plan}), load_network(plan["network"]))
        flow = Flow(site, Path(), Path())
        mapping = flow.map(flow.tolerances(None))
        mapped, nominal = site.simulate(site.mapped(mapping)), site.nominal
        found[f"{way} saving"] = 1 - mapped["energy_pj"]["total"] / nominal["energy_pj"]["total"]
        found[f"{way} time"] = mapped["time_ns"] / nominal["time_ns"] - 1
        for name in {choice.vdd for choice in mapping.settings.values()}:
            parts = {part for part, choice in mapping.settings.items() if choice.vdd == name}
            held = sum(
                item.size_bytes for item in site.items(flow.tolerances(None)) if mapping.places[item.name] in parts
            )
            found[f"{way} bytes at {name * REFERENCE_V / NOMINAL_V:.2f} V"] = held
        if way == "greedy":
            for tensor, part in mapping.places.items():
                found[f"volts of {tensor}"] = mapping.settings[part].vdd * REFERENCE_V / NOMINAL_V
    return found


MAPPED = Experiment("fine-mapping", _measure, 15.0, needs_torch=False)


def _get(context: Context, way: str, what: str) -> float:
    return context.found(MAPPED)[f"{way} {what}"]


def _placed(context: Context, way: str) -> dict[str, float]:
    """MiB of tensors by voltage, of a 1.35 V memory, highest first."""
    start = f"{way} bytes at "
    found = {
        name.removeprefix(start): value / MIB for name, value in context.found(MAPPED).items() if name.startswith(start)
    }
    return dict(sorted(found.items(), reverse=True))


def _figure12(context: Context) -> list[Row]:
    count = row(
        "voltages in use", paper.value("accuracy", "partitions"), partial(_used, context), "voltages", SCALED, NOTE
    )
    held = [row(f"tensors at {volts}", None, partial(_held, context, volts), "MB", SCALED, NOTE) for volts in SHOWN_V]
    return [count, *held]


def _used(context: Context) -> float:
    return float(sum(held > 0 for held in _placed(context, "greedy").values()))


def _held(context: Context, volts: str) -> float:
    return _placed(context, "greedy").get(volts, 0.0)


def _curves(context: Context) -> list[Curve]:
    """The voltage of every tensor, weights and input maps layer by layer."""
    found, layers = context.found(MAPPED), load_network(CONFIG["eden"]["network"]).layers
    drawn = []
    for kind, told in KINDS.items():
        keys = ((float(k), f"volts of {layer.name}.{kind}") for k, layer in enumerate(layers, 1))
        points = [(k, found[key]) for k, key in keys if key in found]
        if points:
            x, y = zip(*points, strict=True)
            drawn.append(Curve("ResNet101, int8", told, x, y, "layer", "VDD of its part (V)", falls=False))
    return drawn


def _system(context: Context) -> list[Row]:
    rows = []
    for way, told in WAYS.items():
        rows.append(row(f"{way}: energy saved", None, partial(_get, context, way, "saving"), "%", SCALED, told))
    slower = "time of four parts against nominal"
    rows.append(row("greedy: time taken more", None, partial(_get, context, "greedy", "time"), "%", SCALED, slower))
    return rows


ITEMS = [
    Item("partitions", "ResNet101 in four parts of the memory", "section 6.6, figure 12", _figure12,
         experiments=(MAPPED,), curves=_curves),
    Item("fine-mapping", "Fine-grained mapping of ResNet101 through to energy, Eyeriss with DDR4-2400",
         "beyond; figures 11 and 12", _system, beyond=True, experiments=(MAPPED,)),
]  # fmt: skip
