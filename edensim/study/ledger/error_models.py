"""Figure 8: accuracy under error models 0 to 3 at four precisions.

A small network in place of ResNet101, untouched, its tensors at places of their own over the weak cells of one device;
a weak cell fails in half of its reads. The paper fits shares and probabilities to its module and prints none.
"""

from __future__ import annotations

import math
from functools import partial

from edensim.study.ledger.curve import Curve
from edensim.study.ledger.experiment import Experiment, Found
from edensim.study.ledger.item import SCALED, Context, Item, Row, row
from edensim.study.ledger.tolerance import small_note

PRECISIONS = ("int4", "int8", "int16", "fp32")
MODELS = {"uniform": 0, "bitline": 1, "wordline": 2, "data_dependent": 3}
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
IMAGES = 1000
BOUND = 0.01
NETWORK = "ResNet101"


def _measure() -> Found:
    from edensim import dnn
    from edensim.study.ledger.networks import accuracy, load, memory, placed

    net, found = load("resnet-small"), {}
    for precision in PRECISIONS:
        under = memory(net, precision)
        found[f"{precision} clean"] = accuracy(under, dnn.NoErrors(), IMAGES)
        for model in MODELS:
            errors_at = placed(under.tensors.values(), model)
            for rate in RATES:
                found[f"{precision} {model} {rate:g}"] = accuracy(under, errors_at(rate), IMAGES)
    return found


SWEEP = Experiment("error-models", _measure, 40.0, networks=("resnet-small",))


def crossing(rates: tuple[float, ...], values: list[float], target: float) -> float:
    """Rate at which a falling curve first meets the target, between measured rates along their logarithm; its ends."""
    for k, value in enumerate(values):
        if value < target:
            if not k:
                return rates[0]
            share = (values[k - 1] - target) / (values[k - 1] - value)
            return math.exp(math.log(rates[k - 1]) + share * math.log(rates[k] / rates[k - 1]))
    return rates[-1]


def _values(context: Context, precision: str, model: str) -> list[float]:
    found = context.found(SWEEP)
    return [found[f"{precision} {model} {rate:g}"] for rate in RATES]


def _lost(context: Context, precision: str, model: str) -> float:
    clean = context.found(SWEEP)[f"{precision} clean"]
    return crossing(RATES, _values(context, precision, model), clean - BOUND)


def _rows(context: Context) -> list[Row]:
    note = (
        f"{small_note(NETWORK)}; rate at which one point is lost. The figure has no numbers; the text: model 1 drops "
        "first, most of all for FP32, and int4 is weakest under model 2"
    )
    return [
        row(
            f"{precision}, model {number} ({model})",
            None,
            partial(_lost, context, precision, model),
            "BER",
            SCALED,
            note,
        )
        for precision in PRECISIONS
        for model, number in MODELS.items()
    ]


def _curves(context: Context) -> list[Curve]:
    return [
        Curve(precision, f"model {number}", RATES, tuple(100 * v for v in _values(context, precision, model)),
              "bit error rate", "accuracy (%)", "x")
        for precision in PRECISIONS
        for model, number in MODELS.items()
    ]  # fmt: skip


ITEMS = [
    Item("error-models", "Accuracy under error models 0 to 3", "section 6.3, figure 8", _rows,
         experiments=(SWEEP,), curves=_curves)
]  # fmt: skip
