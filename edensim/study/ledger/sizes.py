"""Table 1: sizes of the networks, from the layer tables.

The paper's second column is headed as maps and weights for one input, but lies below the model's own size for three
networks. So what PyTorch users see as "forward/backward pass size" is set beside it (`table1-outputs`): twice the
outputs of all modules, no weights.
"""

from __future__ import annotations

from functools import partial

from edensim.study.ledger.experiment import Experiment, Found
from edensim.study.ledger.item import REACHED, SCALED, Context, Item, Row, row
from edensim.workloads import load_network
from edensim.workloads.eden import EDEN_NETWORKS

MIB = 1 << 20
FP32_BYTES = 4


def _model_mb(network: str) -> float:
    return FP32_BYTES * sum(layer.parameter_count for layer in load_network(network).layers) / MIB


def _moved_mb(network: str) -> float:
    layers = load_network(network).layers
    return FP32_BYTES * sum(layer.weight_count + layer.ifm_count for layer in layers) / MIB


def _measure() -> Found:
    """MiB of the outputs of all modules of every network, FP32, twice; shapes only, nothing is computed."""
    from edensim.dnn.outputs import output_values

    return {name: 2 * FP32_BYTES * output_values(known.network) / MIB for name, known in EDEN_NETWORKS.items()}


OUTPUTS = Experiment("module-outputs", _measure, 8.0)
TWICE = "what torchsummary prints as forward/backward pass size, with our modules"


def _outputs(context: Context) -> list[Row]:
    return [
        row(name, known.ifm_and_weights_mb, partial(_twice, context, name), "MB", SCALED, TWICE)
        for name, known in EDEN_NETWORKS.items()
    ]


def _twice(context: Context, name: str) -> float:
    return context.found(OUTPUTS)[name]


def _rows(context: Context) -> list[Row]:
    rows = []
    for name, known in EDEN_NETWORKS.items():
        other = "" if known.size_matches else "no standard variant has the printed size; the common one stands here"
        status = REACHED if known.size_matches else SCALED
        rows.append(row(f"{name}, model", known.model_mb, partial(_model_mb, known.network), "MB", status, other))
        below = "printed below the model's own size" if known.ifm_and_weights_mb < known.model_mb else ""
        note = "; ".join(filter(None, [other, below]))
        moved = partial(_moved_mb, known.network)
        rows.append(row(f"{name}, maps and weights", known.ifm_and_weights_mb, moved, "MB", status, note))
    return rows


ITEMS = [
    Item("table1", "Sizes of the networks, FP32, MiB", "Table 1", _rows),
    Item("table1-outputs", "Table 1's second column beside the outputs of all modules, twice", "beside Table 1",
         _outputs, beyond=True, experiments=(OUTPUTS,)),
]  # fmt: skip
