"""The paper's numbers as shipped: they agree with each other as far as the paper's rounding lets them."""

from statistics import mean

import pytest

from edensim.study.ledger import paper
from edensim.workloads.eden import EDEN_NETWORKS


@pytest.mark.parametrize(
    ("table", "total", "parts"),
    [
        ("eyeriss", "DDR4-2400 mean", ("DDR4-2400 AlexNet", "DDR4-2400 YOLO-Tiny")),
        ("tpu", "DDR4-2400 mean", ("DDR4-2400 AlexNet", "DDR4-2400 YOLO-Tiny")),
        ("gpu", "energy_mean", ("energy_YOLO-Tiny", "energy_YOLO")),
        ("gpu", "speed_mean", ("speed_YOLO-Tiny", "speed_YOLO")),
    ],
)
def test_means_are_those_of_their_parts(table, total, parts):
    """A printed mean is the mean of the printed parts, within half a point for each rounding."""
    numbers = paper.numbers(table)
    assert numbers[total] == pytest.approx(mean(numbers[part] for part in parts), abs=0.0101)


def test_yolo_reductions_are_the_quoted_percentages():
    """YOLO FP32: 26 % of 1.35 V and 48 % of 12.5 ns, as the text says of Table 3."""
    cell = paper.reductions("fp32")["YOLO"]
    assert round(-cell.delta_vdd / 1.35, 2) == 0.26
    assert round(-cell.delta_tRCD_ns / 12.5, 2) == 0.48


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_higher_rate_allows_no_smaller_reduction(precision):
    """Both knobs of Table 3 fall with the tolerable rate."""
    cells = sorted(paper.reductions(precision).values(), key=lambda cell: cell.ber)
    for knob in ("delta_vdd", "delta_tRCD_ns"):
        values = [getattr(cell, knob) for cell in cells]
        assert values == sorted(values, reverse=True)


def test_networks_are_those_of_table_1():
    """Tables 2 and 3 name networks of Table 1 only; LeNet alone has no row in Table 3."""
    assert set(paper.accuracies()) == set(EDEN_NETWORKS)
    assert set(paper.reductions("int8")) == set(EDEN_NETWORKS) - {"LeNet"}
