"""Operating points on offer, their Pareto front, and the choice among them."""

import numpy as np
import pytest

from edensim.approx import Setting, load_chip
from edensim.eden import Choice, best_within, in_parts, offered, pareto
from edensim.errors import ConfigError
from edensim.memory.operating_state import Nominal

NOMINAL = Nominal(1.35, 12.5, 32.0, 12.5, 44.5)


def test_points_of_the_paper_and_both_knobs_together():
    """Single knobs have the rates of the paper's Table 3; both at once fail at least as often, and are marked."""
    points = offered(load_chip("eden"), NOMINAL, 8, vdd=[1.25, 1.05], tRCD_ns=[11.5])
    by_name = {(p.vdd, p.tRCD_ns): p for p in points}
    assert len(points) == 6
    assert (points[0].ber, points[0].basis) == (0.0, "nominal")
    assert by_name[1.25, 12.5].ber == pytest.approx(0.005)
    assert by_name[1.05, 12.5].ber == pytest.approx(0.03)
    assert by_name[1.35, 11.5].ber == pytest.approx(0.005)
    both = by_name[1.25, 11.5]
    assert both.ber == pytest.approx(0.01, rel=0.02)
    assert both.basis == "extrapolated"


def test_knob_without_a_law_stays_nominal():
    """The paper's module has no law for tRP: lowering it is refused."""
    with pytest.raises(ConfigError, match="no error law for tRP"):
        offered(load_chip("eden"), NOMINAL, 8, tRP_ns=[10.0])


def test_parts_of_weak_banks_fail_more_often():
    """Vendor C's banks differ: parts of them have rates of their own, whose mean is that of the whole memory."""
    chip = load_chip("C")
    points = offered(chip, NOMINAL, 8, tRCD_ns=[7.5])
    shares = np.vstack([np.repeat(np.eye(4), 2, axis=1) / 2, np.zeros((1, 8))])
    parts = in_parts(points, chip, NOMINAL, shares)
    assert [part[0].ber for part in parts] == [0.0] * 5
    rates = [part[1].ber for part in parts]
    assert max(rates[:4]) > 1.5 * min(rates[:4])
    assert sum(rates[:4]) / 4 == pytest.approx(points[1].ber)
    assert rates[4] == points[1].ber
    one_bank = chip.reliability(Setting(1.35, 7.5, 32.0, 12.5), NOMINAL, 8).ber_by_bank()
    assert rates[0] == pytest.approx(one_bank[:2].mean())


def test_front_holds_what_nobody_beats():
    """Dominated points leave; the front ascends in errors and falls in energy or time."""
    make = [(0.0, 1.0, 1.0), (1e-3, 0.8, 1.0), (1e-3, 0.9, 1.0), (2e-3, 0.8, 0.9), (3e-3, 0.85, 0.95)]
    choices = [Choice(1.0, 10.0, 10.0, ber, "measured", energy, time) for ber, energy, time in make]
    assert [(c.ber, c.energy, c.time) for c in pareto(choices)] == [make[0], make[1], make[3]]


def test_choice_within_a_tolerable_rate():
    """Least energy, least time or least product among the points within the rate."""
    make = [(0.0, 1.0, 1.0), (1e-3, 0.8, 1.0), (1e-3, 0.95, 0.7), (1e-2, 0.1, 0.1)]
    choices = [Choice(1.0, 10.0, 10.0, ber, "measured", energy, time) for ber, energy, time in make]
    assert best_within(choices, 2e-3) is choices[1]
    assert best_within(choices, 2e-3, "time") is choices[2]
    assert best_within(choices, 2e-3, "edp") is choices[2]
    assert best_within(choices, 0.0) is choices[0]
    with pytest.raises(ConfigError, match="goal = 'speed'"):
        best_within(choices, 0.0, "speed")
    with pytest.raises(ConfigError, match="no operating point"):
        best_within(choices[1:], 0.0)
