"""What small networks tolerate in place of the paper's: sections 3.2 and 6.4, first column of Table 3, no loss at all.

One experiment per network: the highest bit error rate of the untouched network, of the boosted one, and of its control
(the same passes without errors), each with at most one point of accuracy lost; and of the boosted one without any loss.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import geometric_mean

from edensim.study.ledger import paper
from edensim.study.ledger.experiment import Experiment, Found
from edensim.study.ledger.item import NOT_REACHABLE, SCALED, Context, Item, NotMeasuredError, Row, row
from edensim.study.ledger.operating_points import lowest_tRCD, lowest_vdd

SMALL = {"ResNet101": "resnet-small", "LeNet": "lenet-small"}
"""The paper's network -> the small one that stands for it."""
PRECISIONS = ("fp32", "int8")
NO_SMALL = "needs trained weights and ImageNet or COCO, which do not ship, and no small network stands for this one"


def small_note(network: str) -> str:
    """What was substituted."""
    return f"{SMALL[network]} on procedural images in place of {network}"


def _tolerance(network: str) -> Found:
    from edensim import dnn
    from edensim.study.ledger.networks import clean_accuracy, load, memory, memory_of, tolerable

    base = load(network)
    clean, found = clean_accuracy(base), {}
    for precision in PRECISIONS:
        for label, net in (("before", base), ("boosted", load(network, precision))):
            under = memory(net, precision)
            for bound, loss in (("", 0.01), (" no loss", 0.0)):
                found[f"{precision} {label}{bound}"] = tolerable(under, dnn.FreshErrors, clean, loss).ber
    control = memory(load(network, "int8-control"), "int8")
    found["int8 control"] = tolerable(control, dnn.FreshErrors, clean).ber
    for way in ("none", "saturate"):
        under = memory_of(base, dnn.Storage("fp32", correction=way))
        found[f"fp32 {way}"] = tolerable(under, dnn.FreshErrors, clean, lowest=1e-9).ber
    return found


TOLERANCE = {
    network: Experiment(f"tolerance-{small}", partial(_tolerance, small), 30.0, networks=(small,))
    for network, small in SMALL.items()
}


def rate(context: Context, network: str, what: str) -> float:
    """A rate of a network, e.g. "int8 boosted no loss"."""
    return context.found(TOLERANCE[network])[what]


def _ratio(context: Context, network: str, over: str, under: str) -> float:
    high, low = rate(context, network, over), rate(context, network, under)
    if not low:
        raise NotMeasuredError(f"{SMALL[network]} tolerates no errors at all ({under})")
    return high / low


def _of_all(context: Context, what: str) -> float:
    """Geometric mean over the networks; those that tolerate nothing count as the lowest rate that is tried."""
    return geometric_mean(max(rate(context, network, what), 1e-9) for network in SMALL)


def _table3_rates(context: Context) -> list[Row]:
    rows = []
    for precision in PRECISIONS:
        for network, cell in paper.reductions(precision).items():
            name = f"{network} {precision}"
            if network not in SMALL:
                rows.append(Row(name, cell.ber, None, "BER", NOT_REACHABLE, NO_SMALL))
                continue
            ours = partial(rate, context, network, f"{precision} boosted")
            rows.append(row(name, cell.ber, ours, "BER", SCALED, partial(_allowed, network, ours)))
    return rows


def _allowed(network: str, ours: Callable[[], float]) -> str:
    found = ours()
    allowed = f"{lowest_vdd('eden', found):+.2f} V or {lowest_tRCD('eden', found):+.1f} ns"
    return f"{small_note(network)}; Table 3's module allows {allowed} there"


def _correction(context: Context) -> list[Row]:
    note = f"geometric mean over {', '.join(SMALL.values())} in place of the eight networks"
    rows = (
        ("zeroed (the paper's way)", "corrected_ber", "fp32 before"),
        ("left as they are", "uncorrected_ber", "fp32 none"),
        ("set to the nearest bound", None, "fp32 saturate"),
    )
    return [
        row(f"implausible values {name}", paper.value("accuracy", key) if key else None,
            partial(_of_all, context, what), "BER", SCALED, note)
        for name, key, what in rows
    ]  # fmt: skip


def _boosting(context: Context) -> list[Row]:
    low, high = (paper.value("accuracy", f"boosting_{end}") for end in ("low", "high"))
    rows = []
    for network in SMALL:
        note = f"{small_note(network)}; the paper says x{low:.0f} to x{high:.0f}"
        for precision in PRECISIONS:
            gain = partial(_ratio, context, network, f"{precision} boosted", f"{precision} before")
            rows.append(row(f"{network} {precision}, boosted over not", low, gain, "x", SCALED, note))
        control = partial(_ratio, context, network, "int8 boosted", "int8 control")
        told = f"{small_note(network)}; against the same passes without errors, which the paper does not show"
        rows.append(row(f"{network} int8, boosted over control", None, control, "x", SCALED, told))
    return rows


EXPERIMENTS = tuple(TOLERANCE.values())
ITEMS = [
    Item(
        "table3-rates", "Tolerable bit error rates, boosted, less than one point of loss", "Table 3", _table3_rates,
        experiments=EXPERIMENTS,
    ),
    Item(
        "correction", "Tolerable bit error rate with and without correction, FP32", "section 3.2", _correction,
        experiments=EXPERIMENTS,
    ),
    Item(
        "boosting", "What boosting gains in tolerable bit error rate", "sections 1 and 6.4", _boosting,
        experiments=EXPERIMENTS,
    ),
]  # fmt: skip
