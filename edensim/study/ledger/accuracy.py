"""Table 2 and figures 5 to 12: accuracy, which needs training (extra `dnn`) or real memory."""

from __future__ import annotations

from edensim.study.ledger import paper
from edensim.study.ledger.item import NOT_COMPUTED, NOT_REACHABLE, Context, Item, Row

SETS = "needs the trained network and its data set; with both, `edensim eden CONFIG` (see configs/eden-resnet101.toml)"
SMALL = "small networks: `python benchmarks/boosting.py` in a checkout; one: `edensim eden configs/eden-lenet.toml`"
REAL = "real modules on an FPGA tester; a simulated one: `edensim eden configs/eden-lenet.toml`"
TENSORS = "needs trained ResNet101 and CIFAR-10; with both, `edensim eden` (see configs/eden-resnet101.toml)"


def _table2(context: Context) -> list[Row]:
    return [
        Row(f"{network} {precision}", percent / 100, None, "%", NOT_COMPUTED, SETS)
        for network, cells in paper.accuracies().items()
        for precision, percent in cells.items()
    ]


def _row(name: str, key: str, unit: str, status: str = NOT_COMPUTED, note: str = SMALL) -> Row:
    return Row(name, paper.value("accuracy", key), None, unit, status, note)


def _correction(context: Context) -> list[Row]:
    return [
        _row("tolerable rate, implausible values zeroed", "corrected_ber", "BER"),
        _row("tolerable rate, left as they are", "uncorrected_ber", "BER"),
    ]


def _boosting(context: Context) -> list[Row]:
    return [
        _row("tolerable rate, boosted over not, at least", "boosting_low", "x"),
        _row("tolerable rate, boosted over not, at most", "boosting_high", "x"),
        _row("ResNet101 at 89 %, model that fits, more than", "boosting_resnet101", "x"),
    ]


def _real(context: Context) -> list[Row]:
    return [
        _row("LeNet boosted, VDD", "lenet_delta_vdd", "V", NOT_REACHABLE, REAL),
        _row("LeNet boosted, tRCD", "lenet_delta_tRCD_ns", "ns", NOT_REACHABLE, REAL),
    ]


def _fine(context: Context) -> list[Row]:
    return [
        _row("ResNet101, most tolerant tensor over the whole network", "fine_grained", "x", note=TENSORS),
        _row("ResNet101, last weights", "fine_ber", "BER", note=TENSORS),
        _row("ResNet101, whole network", "coarse_ber", "BER", note=TENSORS),
    ]


ITEMS = [
    Item("table2", "Accuracy on reliable memory", "Table 2", _table2),
    Item("correction", "Tolerable bit error rate with and without correction", "section 3.2", _correction),
    Item("boosting", "What boosting gains", "sections 1 and 6.4, figure 10", _boosting),
    Item("real-memory", "LeNet on real approximate memory", "section 6.4, figure 9", _real),
    Item("fine-grained", "Tolerable rates of single tensors", "section 6.6, figure 11", _fine),
]
