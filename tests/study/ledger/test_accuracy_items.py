"""Items of accuracy from stubbed measurements; the shipped networks themselves."""

import math

import pytest

from edensim.study.ledger import device_errors, tolerance
from edensim.study.ledger.error_models import crossing
from edensim.study.ledger.item import NOT_REACHABLE, SCALED, Context
from edensim.study.ledger.items import all_items
from edensim.study.ledger.sizes import OUTPUTS

RATES = {
    "int8 before": 1e-4, "int8 boosted": 1e-3, "int8 control": 5e-4, "int8 boosted no loss": 2e-4,
    "fp32 before": 1e-4, "fp32 boosted": 5e-4, "fp32 boosted no loss": 1e-4, "fp32 none": 1e-8, "fp32 saturate": 2e-5,
}  # fmt: skip


def rows_of(name, found):
    context = Context(lambda *a: {}, experiments=lambda experiment: found)
    return {row.name: row for row in all_items()[name].rows(context)}


def test_table_3_rates_name_what_stands_for_what():
    """What a small network stands for is scaled-down; the others cannot be reached."""
    rows = rows_of("table3-rates", RATES)
    assert rows["ResNet101 int8"].ours == 1e-3
    assert rows["ResNet101 int8"].status == SCALED
    assert "resnet-small on procedural images in place of ResNet101" in rows["ResNet101 int8"].note
    assert rows["YOLO fp32"].status == NOT_REACHABLE
    assert {row.status for row in rows.values()} == {SCALED, NOT_REACHABLE}


def test_gains_are_ratios_of_rates():
    """Boosted over untouched and over the control; means over networks are geometric."""
    rows = rows_of("boosting", RATES)
    assert rows["ResNet101 int8, boosted over not"].ours == pytest.approx(10)
    assert rows["ResNet101 int8, boosted over control"].ours == pytest.approx(2)
    correction = rows_of("correction", RATES)
    assert correction["implausible values left as they are"].ours == pytest.approx(1e-8)
    assert correction["implausible values set to the nearest bound"].paper is None


def test_a_network_that_tolerates_nothing_has_no_gain():
    """Nothing is divided by zero: the row says that the network tolerates nothing."""
    row = rows_of("boosting", RATES | {"int8 before": 0.0})["ResNet101 int8, boosted over not"]
    assert row.ours is None
    assert "tolerates no errors" in row.note


def test_where_a_curve_crosses():
    """Between 1e-3 (0.9) and 1e-2 (0.7) a target of 0.8 lies half way on a logarithmic axis; ends stay ends."""
    rates = (1e-4, 1e-3, 1e-2)
    assert crossing(rates, [0.95, 0.9, 0.7], 0.8) == pytest.approx(math.sqrt(1e-3 * 1e-2))
    assert crossing(rates, [0.7, 0.6, 0.5], 0.8) == 1e-4
    assert crossing(rates, [0.9, 0.9, 0.9], 0.8) == 1e-2


def test_device_errors_rise_as_settings_fall():
    """On every chip and pattern; mixed patterns lie between ones and zeros."""
    for name in device_errors.CHIPS:
        for knob, values in (("VDD", device_errors.VDD_V), ("tRCD", device_errors.TRCD_NS)):
            for pattern in device_errors.PATTERNS[knob]:
                rates = [device_errors.pattern_ber(name, knob, value, pattern) for value in values]
                assert rates == sorted(rates)
        ones, mixed, zeros = (device_errors.pattern_ber(name, "tRCD", 5.0, p) for p in device_errors.PATTERNS["tRCD"])
        assert mixed == pytest.approx((ones + zeros) / 2, rel=0.05)


def test_shipped_networks():
    """Every variant that an experiment asks for is there, fits its network, and does what it was trained for."""
    pytest.importorskip("torch")
    from edensim import dnn
    from edensim.study.ledger.networks import clean_accuracy, load, memory

    for small in tolerance.SMALL.values():
        for variant in ("base", "int8", "fp32", "int8-control"):
            assert clean_accuracy(load(small, variant)) > 0.9, (small, variant)
    for variant in ("at-once", "bitline", "uniform"):
        assert clean_accuracy(load("resnet-small", variant)) > 0.9
    under = memory(load("resnet-small", "int8"), "int8")
    assert dnn.accuracy(under.net, dnn.glyphs().test, under, images=500).value > 0.9


def test_outputs_of_modules_are_what_table_1_lists():
    """Twice the outputs of VGG-16, DenseNet201 and SqueezeNet1.1: the paper's second column within half a percent."""
    pytest.importorskip("torch")
    rows = rows_of("table1-outputs", OUTPUTS.run())
    for name in ("VGG-16", "DenseNet201", "SqueezeNet1.1"):
        assert rows[name].ours == pytest.approx(rows[name].paper, rel=0.005)


def curves_of(name, found):
    context = Context(lambda *a: {}, experiments=lambda experiment: found)
    return {curve.name: curve for curve in all_items()[name].curves(context)}


def test_figure_11_draws_every_tensor_by_layer():
    """Layers in the order of the network (10 behind 2), a missing tensor left out, the paper's points on its last."""
    found = {"coarse": 1e-4, "rate 2.a.weights": 3e-4, "rate 2.a.ifm": 2e-4, "rate 10.weights": 5e-4}
    curves = curves_of("fine-grained", found)
    assert (curves["weights"].x, curves["weights"].y) == ((1.0, 2.0), (3e-4, 5e-4))
    assert (curves["input maps"].x, curves["input maps"].y) == ((1.0,), (2e-4,))
    assert curves["whole network"].y == (1e-4, 1e-4)
    assert [c.x for c in curves.values() if c.is_paper] == [(2.0, 2.0)]


def test_figure_12_draws_the_voltage_of_every_tensor():
    """By layer of ResNet101, its first and its last here; a ledger of an earlier edition has no voltages to draw."""
    volts = {"volts of fc.weights": 1.0, "volts of conv1.weights": 1.1, "volts of conv1.ifm": 1.05}
    curves = curves_of("partitions", volts | {"greedy saving": 0.1})
    assert (curves["weights"].x, curves["weights"].y) == ((1.0, 105.0), (1.1, 1.0))
    assert curves["input maps"].y == (1.05,)
    assert curves_of("partitions", {"greedy saving": 0.1}) == {}
