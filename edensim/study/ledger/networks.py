"""Small networks in place of the paper's: shipped weights, images, and memories with the errors of a model.

The paper's networks need weights and data sets (CIFAR-10, ImageNet, COCO) that do not ship. In place of ResNet101 and
LeNet stand small networks of the same families on procedural images, trained by `python benchmarks/ledger_weights.py`;
weights are kept in half precision.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np

from edensim import dnn
from edensim.approx import Device, Region
from edensim.approx.build import build_model
from edensim.approx.region import PLAIN
from edensim.dnn.reading import ErrorsAt, ReadErrors
from edensim.eden import Search, Tolerance, tolerable_ber
from edensim.study.ledger.experiment import weights_file

IMAGES = 2000
"""Test images under errors (none of them was trained on; nothing is chosen on them but rates)."""
BOUND = 0.01
"""Accuracy that may be lost."""
PER_DRAW = 50
"""Images that one draw of the weights' errors serves."""
ROW_BYTES = 8192


@cache
def data() -> Any:
    """The images that the networks were trained on, and others to test them."""
    return dnn.glyphs()


def load(network: str, variant: str = "base") -> Any:
    """A shipped network: "base", or what a retraining made of it.

    Variants: "int8" and "fp32", boosted as the paper says for that precision; "int8-control", the same passes without
    errors; of resnet-small also "at-once", "bitline" and "uniform" (see `benchmarks/ledger_weights.py`).
    """
    from edensim.dnn.fitting import fill

    net = dnn.make_net(network, shape=data().shape)
    with np.load(BytesIO(weights_file(network)), allow_pickle=False) as found:
        names = [name for name in found if name.startswith(f"{variant}/")]
        fill(net, {name.removeprefix(f"{variant}/"): found[name].astype(np.float32) for name in names})
    return net.eval()


def memory(net: Any, precision: Any) -> Any:
    """Memory under a network, stored as in the paper."""
    return memory_of(net, dnn.Storage.paper(precision))


def memory_of(net: Any, storage: Any) -> Any:
    """Memory under a network, its ranges learned."""
    found = dnn.FaultyMemory(net, storage)
    found.calibrate(dnn.batches(data().train))
    return found


def placed(tensors: Iterable[Any], model: str, seed: int = 1, fail_probability: float = 0.5) -> ErrorsAt:
    """Weak cells of one device under the tensors, each in rows of its own: bit error rate -> errors."""
    places, at = {}, 0
    for tensor in tensors:
        places[tensor.name] = Region(PLAIN, tensor.size_bytes, at)
        at += -(-tensor.size_bytes // ROW_BYTES) * ROW_BYTES

    def errors(rate: float) -> ReadErrors:
        law = build_model(model, rate, {"fail_probability": fail_probability}).law(PLAIN.geometry)
        return dnn.PlacedErrors(Device([[law]], seed=seed), places)

    return errors


def accuracy(under: Any, errors: ReadErrors, images: int = IMAGES) -> float:
    """Accuracy with these errors."""
    under.errors = errors
    return float(dnn.accuracy(under.net, data().test, under, batch=PER_DRAW, images=images).value)


def clean_accuracy(net: Any) -> float:
    """Accuracy of floats on reliable memory, on the images of `tolerable`."""
    return float(dnn.accuracy(net, data().test, images=IMAGES).value)


def tolerable(
    under: Any, errors_at: ErrorsAt, clean: float, max_loss: float = BOUND, lowest: float = 1e-6
) -> Tolerance:
    """Highest bit error rate at which the accuracy stays within the bound of `clean`."""
    measure = dnn.under_errors(under, data().test, errors_at, batch=PER_DRAW, images=IMAGES)
    return tolerable_ber(measure, clean, max_loss, Search(lowest=lowest, most_repeats=2))
