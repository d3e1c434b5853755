"""Figures 7 and 9: LeNet on approximate memory, and error model 0 in place of that memory.

In place of real modules on an FPGA tester: modules drawn from the library's chips, read at the tensors' addresses, with
the rows, banks and bits that the laws make fail. In place of LeNet on CIFAR-10: a small network on procedural images.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from edensim.study.ledger import paper
from edensim.study.ledger.curve import Curve
from edensim.study.ledger.device_errors import setting_of
from edensim.study.ledger.experiment import Experiment, Found
from edensim.study.ledger.item import SCALED, Context, Item, Row, row
from edensim.study.ledger.operating_points import CHIPS, chip
from edensim.study.ledger.tolerance import small_note

MEMORY = "ddr3l-1600-4gb-x8"
SWEEPS: dict[str, tuple[float, ...]] = {
    "VDD": (1.35, 1.30, 1.25, 1.20, 1.15, 1.125, 1.10, 1.075, 1.05),
    "tRCD": (12.5, 11.5, 10.5, 9.5, 8.5, 8.0, 7.5, 7.0, 6.5, 5.0, 2.5),
}
UNIT = {"VDD": "V", "tRCD": "ns"}
FIGURE_9 = "eden"
MODULE_SEED = 1
IMAGES = 1000
BOUND = 0.01
SMALL = f"{small_note('LeNet')}, modules drawn from public chips in place of real ones"
OWN_CURVE = f"{small_note('LeNet')}; chip eden in place of the paper's module, whose rates of Table 3 it has"


def module_errors(name: str, knob: str, value: float) -> Callable[[Any], tuple[float, Any]]:
    """Tensors of a network -> bit error rate, and the errors of a drawn module with one knob lowered."""
    from edensim import dnn
    from edensim.approx import Device, Region
    from edensim.approx.chip_cells import cell_laws
    from edensim.config import load_config
    from edensim.memory import AddressMap, Geometry

    dram = load_config({"dram": {"preset": MEMORY}}).config.dram
    address_map = AddressMap.from_config(Geometry.from_config(dram), dram)
    module = chip(f"{name}@{MODULE_SEED}" if name in CHIPS else name)
    known = module.reliability(setting_of(name, knob, value), None, address_map.geometry.banks_per_rank)
    laws = cell_laws(known, module.table.stripe.period_rows, 8 * address_map.geometry.row_bytes)

    def errors(tensors: Any) -> tuple[float, Any]:
        places, at = {}, 0
        for tensor in tensors:
            places[tensor.name] = Region(address_map, tensor.size_bytes, at)
            at += -(-tensor.size_bytes // 64) * 64
        return known.ber, dnn.PlacedErrors(Device([laws], address_map, seed=MODULE_SEED), places)

    return errors


def _measure(name: str) -> Found:
    from edensim import dnn
    from edensim.study.ledger.networks import accuracy, clean_accuracy, load, memory

    base = load("lenet-small")
    nets = {"untouched": base} | ({"boosted": load("lenet-small", "int8")} if name == FIGURE_9 else {})
    found = {"clean": clean_accuracy(base)}
    for label, net in nets.items():
        under = memory(net, "int8")
        for knob, values in SWEEPS.items():
            for value in values:
                ber, errors = module_errors(name, knob, value)(under.tensors.values())
                at = f"{knob} {value:g}"
                found[f"{label} {at} ber"] = ber
                found[f"{label} {at}"] = accuracy(under, errors, IMAGES)
                found[f"{label} {at} model 0"] = accuracy(under, dnn.FreshErrors(ber), IMAGES)
    return found


ON_CHIP = {
    name: Experiment(f"lenet-chip-{name}", partial(_measure, name), 20.0, networks=("lenet-small",))
    for name in (*CHIPS, FIGURE_9)
}


def _gap(context: Context, name: str, knob: str) -> float:
    found = context.found(ON_CHIP[name])
    return max(abs(found[f"untouched {knob} {x:g}"] - found[f"untouched {knob} {x:g} model 0"]) for x in SWEEPS[knob])


def _model0(context: Context) -> list[Row]:
    note = f"{SMALL}; model 0 has the module's mean rate and nothing else of it; the paper: very close, no numbers"
    return [
        row(f"chip {name}, {knob}: largest difference in accuracy", None, partial(_gap, context, name, knob),
            status=SCALED, note=note)
        for name in CHIPS
        for knob in SWEEPS
    ]  # fmt: skip


def lowest_kept(context: Context, label: str, knob: str) -> float:
    """Change of a knob down to which, step by step, at most one point below the nominal accuracy is lost."""
    found, kept = context.found(ON_CHIP[FIGURE_9]), SWEEPS[knob][0]
    for value in SWEEPS[knob][1:]:
        if found[f"{label} {knob} {value:g}"] < found[f"untouched {knob} {SWEEPS[knob][0]:g}"] - BOUND:
            break
        kept = value
    return round(kept - SWEEPS[knob][0], 6)


def _real(context: Context) -> list[Row]:
    published = {"VDD": "lenet_delta_vdd", "tRCD": "lenet_delta_tRCD_ns"}
    return [
        row(f"{label}, {knob}", paper.value("accuracy", published[knob]) if label == "boosted" else None,
            partial(lowest_kept, context, label, knob), UNIT[knob], SCALED, OWN_CURVE)
        for label in ("boosted", "untouched")
        for knob in SWEEPS
    ]  # fmt: skip


def _line(context: Context, name: str, panel: str, label: str, knob: str, end: str = "", shown: str = "") -> Curve:
    found, values = context.found(ON_CHIP[name]), SWEEPS[knob]
    heights = tuple(100 * found[f"{label} {knob} {x:g}{end}"] for x in values)
    return Curve(panel, shown or label, values, heights, f"{knob} ({UNIT[knob]})", "accuracy (%)")


def _figure7(context: Context) -> list[Curve]:
    return [
        _line(context, name, f"vendor {name}, {knob}", "untouched", knob, end, shown)
        for knob in SWEEPS
        for name in CHIPS
        for end, shown in (("", "module"), (" model 0", "model 0"))
    ]


def _figure9(context: Context) -> list[Curve]:
    lines = []
    for knob, key in (("VDD", "lenet_delta_vdd"), ("tRCD", "lenet_delta_tRCD_ns")):
        lines += [_line(context, FIGURE_9, knob, label, knob) for label in ("boosted", "untouched")]
        nominal = SWEEPS[knob][0]
        height = 100 * context.found(ON_CHIP[FIGURE_9])[f"untouched {knob} {nominal:g}"]
        at = (nominal + paper.value("accuracy", key),)
        told = "boosted, lowest without loss (paper)"
        lines.append(Curve(knob, told, at, (height,), lines[-1].x_label, "accuracy (%)", is_paper=True))
    return lines


ITEMS = [
    Item("model-0", "Error model 0 in place of the module, LeNet", "section 6.2, figure 7", _model0,
         experiments=tuple(ON_CHIP[name] for name in CHIPS), curves=_figure7),
    Item("real-memory", "LeNet on approximate memory, lowest setting that keeps its accuracy", "section 6.4, figure 9",
         _real, experiments=(ON_CHIP[FIGURE_9],), curves=_figure9),
]  # fmt: skip
