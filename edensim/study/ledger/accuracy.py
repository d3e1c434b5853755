"""Table 2: accuracy on reliable memory, by precision, of small networks that stand for those of the paper."""

from __future__ import annotations

from functools import partial

from edensim.study.ledger import paper
from edensim.study.ledger.experiment import Experiment, Found
from edensim.study.ledger.item import NOT_REACHABLE, SCALED, Context, Item, Row, row
from edensim.study.ledger.tolerance import NO_SMALL, SMALL, small_note

IMAGES = 5000
PRECISIONS = ("int4", "int8", "int16", "fp32")


def _measure(small: str) -> Found:
    from edensim import dnn
    from edensim.study.ledger.networks import accuracy, load, memory

    return {p: accuracy(memory(load(small), p), dnn.NoErrors(), IMAGES) for p in PRECISIONS}


CLEAN = {
    network: Experiment(f"table2-{small}", partial(_measure, small), 4.0, networks=(small,))
    for network, small in SMALL.items()
}


def _rows(context: Context) -> list[Row]:
    rows = []
    for network, cells in paper.accuracies().items():
        for precision, percent in cells.items():
            name, published = f"{network} {precision}", percent / 100
            if network in SMALL:
                ours = partial(_accuracy, context, network, precision)
                rows.append(row(name, published, ours, "%", SCALED, small_note(network)))
            else:
                rows.append(Row(name, published, None, "%", NOT_REACHABLE, NO_SMALL))
    return rows


def _accuracy(context: Context, network: str, precision: str) -> float:
    return context.found(CLEAN[network])[precision]


ITEMS = [Item("table2", "Accuracy on reliable memory", "Table 2", _rows, experiments=tuple(CLEAN.values()))]
