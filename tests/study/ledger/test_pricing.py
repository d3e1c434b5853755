"""Energies priced from one simulation are those of a run at that voltage."""

from dataclasses import replace

import pytest

from edensim.config import load_config
from edensim.dram.voltage import POWERS
from edensim.study.ledger.corner import Corner
from edensim.study.ledger.measure import CONV, FC, measure
from edensim.study.ledger.pricing import energy_pj, lowered_vdd, saving
from edensim.study.ledger.setup import BASE, Setup
from edensim.system.run import run

SETUP = Setup("eyeriss-eden", "lenet", "int8", "DDR4-2400")


@pytest.fixture(scope="module")
def measured():
    """LeNet on Eyeriss with DDR4."""
    return measure(load_config(load_config(BASE), set=SETUP.settings(Corner())), {})


@pytest.mark.parametrize("model", POWERS)
def test_price_is_that_of_a_run_at_the_voltage(measured, model):
    """Every voltage model, 0.9333 V of 1.2 V: the same joules and saving as `run` with `[compare]`."""
    settings = SETUP.settings(Corner()) | {"energy.voltage_model": model, "compare.low.delta_vdd": -0.30}
    data = run(load_config(load_config(BASE), set=settings)).data
    low = lowered_vdd(1.2, -0.30, "relative")
    assert low == pytest.approx(data["compare"]["low"]["operating_point"]["vdd"], rel=1e-12)
    assert energy_pj(measured, low, model) == pytest.approx(data["compare"]["low"]["energy_pj"]["total"], rel=1e-12)
    expected = data["compare"]["low"]["saving"]["energy_pj"]
    assert saving(measured, -0.30, replace(Corner(), voltage_model=model)) == pytest.approx(expected, rel=1e-9)


def test_kinds_of_layers_make_the_whole(measured):
    """Convolutions and fully connected layers together cost what the network costs, component by component."""
    for name in (key for key in measured if key.startswith(("vdd.", "fixed."))):
        assert measured[CONV + name] + measured[FC + name] == pytest.approx(measured[name], rel=1e-9)


def test_pins_that_follow_save_more(measured):
    """Lowering the data pins' supply too saves exactly their share times 1 - s^2 more."""
    without, with_pins = (saving(measured, -0.30, Corner(), io_follows=follows) for follows in (False, True))
    share = measured["fixed.io"] / energy_pj(measured, 1.2, "quadratic")
    assert with_pins - without == pytest.approx(share * (1 - (1.05 / 1.35) ** 2), rel=1e-9)


def test_absolute_and_relative_voltages():
    """0.30 V off 1.2 V, or 0.30/1.35 of it."""
    assert lowered_vdd(1.2, -0.30, "absolute") == pytest.approx(0.9)
    assert lowered_vdd(1.2, -0.30, "relative") == pytest.approx(1.2 * 1.05 / 1.35)
