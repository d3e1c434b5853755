"""Table 1: sizes of the networks, from the layer tables."""

from __future__ import annotations

from functools import partial

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


ITEMS = [Item("table1", "Sizes of the networks, FP32, MiB", "Table 1", _rows)]
