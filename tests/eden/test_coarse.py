"""The coarse search and its intervals against closed forms; no network needed."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.eden import Estimate, Search, tolerable_ber
from edensim.eden.estimate import student_quantile
from edensim.errors import ConfigError


@pytest.mark.parametrize(
    ("freedom", "value"), [(1, 12.7062), (2, 4.30265), (3, 3.18245), (5, 2.57058), (10, 2.22814), (30, 2.04227)]
)
def test_student_quantiles_agree_with_tables(freedom, value):
    """97.5 % quantiles of Student's t as printed in any table, to 1 %."""
    assert student_quantile(0.975, freedom) == pytest.approx(value, rel=0.01)


@given(threshold=st.floats(1e-5, 0.05), precision=st.floats(1.02, 2))
def test_search_brackets_a_known_threshold(threshold, precision):
    """Of an accuracy that falls at a known rate the search finds that rate, within its precision."""
    found = tolerable_ber(
        lambda ber, repeat: [0.95 if ber <= threshold else 0.5] * 5, 0.95, 0.01, Search(precision=precision)
    )
    assert found.ber <= threshold <= found.ber * precision
    assert found.low == found.ber
    assert found.high <= found.ber * precision
    assert list(found.points) == sorted(found.points)


def test_search_ends_at_its_bounds():
    """A network that tolerates nothing gets 0, one that tolerates all the highest rate."""
    search = Search(1e-5, 1e-2)
    assert tolerable_ber(lambda ber, k: [0.1] * 3, 0.9, 0.01, search).ber == 0
    assert tolerable_ber(lambda ber, k: [0.9] * 3, 0.9, 0.01, search).ber == 1e-2


@given(begin=st.floats(1e-5, 1e-2), width=st.floats(2, 10))
def test_a_network_that_fails_below_its_setting_is_found_from_above(begin, width):
    """Where the lowest rate fails, the highest rate that passes is found if asked for, and 0 if none does."""
    end = begin * width

    def island(ber, repeat):
        return [0.95 if begin <= ber <= end else 0.5] * 5

    found = tolerable_ber(island, 0.95, 0.01, Search(from_above=True))
    assert found.ber <= end <= found.ber * 1.1
    assert found.low == found.ber
    assert tolerable_ber(island, 0.95, 0.01).ber == 0
    assert tolerable_ber(lambda ber, k: [0.1] * 5, 0.95, 0.01, Search(from_above=True)).ber == 0


def test_unclear_rates_are_measured_again_with_other_draws_until_they_are_clear():
    """Noise about the target costs repeats, each with its own number; far from it one measurement does."""
    asked = {}

    def measure(ber, repeat):
        asked.setdefault(ber, []).append(repeat)
        draw = random.Random(f"{ber} {repeat}")
        return [0.95 - 3 * ber + draw.gauss(0, 0.01) for _ in range(20)]

    found = tolerable_ber(measure, 0.95, 0.01, Search(1e-5, 0.1, 1.05, most_repeats=5))
    assert found.ber == pytest.approx(0.01 / 3, rel=0.5)
    assert all(repeats == list(range(len(repeats))) for repeats in asked.values())
    assert asked[0.1] == [0]
    assert max(len(repeats) for repeats in asked.values()) == 5
    assert found.low <= found.ber <= found.high


def plain_search(measure, clean, max_loss, search):
    """The bisection alone: rates in the order in which they are measured, and the rate found."""
    asked = []

    def passes(rate):
        asked.append(rate)
        return sum(measure(rate, 0)) / len(measure(rate, 0)) >= clean - max_loss

    low, high = search.lowest, search.highest
    if not passes(low):
        return asked, 0.0
    if passes(high):
        return asked, high
    while high > low * search.precision:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if passes(middle) else (low, middle)
    return asked, low


@pytest.mark.parametrize("threshold", [1e-7, 3e-6, 2e-4, 0.004])
def test_the_interval_is_closed_on_both_sides(threshold):
    """Within a factor 4 of the threshold nothing is clear: rates further away are, and the rate found is the same."""
    search = Search(1e-6, 0.1, most_repeats=1)

    def measure(ber, repeat):
        step = -0.05 if ber > 4 * threshold else 0.05 if ber < threshold / 4 else 0.001 if ber <= threshold else -0.001
        return [0.89 + step + wide for wide in (-0.01, 0.01) * 10]

    asked, ber = plain_search(measure, 0.9, 0.01, search)
    found = tolerable_ber(measure, 0.9, 0.01, search)
    assert found.ber == ber
    assert set(asked) <= set(found.points)
    further = [rate for rate in found.points if rate not in asked]
    assert all(search.lowest < rate < search.highest for rate in further)
    if ber == 0:
        assert found.low == 0
        assert found.high == min(rate for rate in found.points if rate > 4 * threshold)
        return
    assert 4 * threshold < found.high <= 4 * threshold * 1.5
    if threshold / 4 < search.lowest:
        assert found.low == 0, "nothing is measured outside of the bounds"
    else:
        assert threshold / 4 / 1.5 <= found.low < threshold / 4
    assert further


def test_the_interval_stays_open_where_nothing_is_clear():
    """Where no rate is clear, all up to the bounds are measured, and the interval says that nothing is known."""
    found = tolerable_ber(lambda ber, k: [0.8, 0.99], 0.9, 0.005, Search(1e-4, 1e-2, most_repeats=1))
    assert (found.ber, found.low, found.high) == (0.01, 0, 0.5)
    assert sum(1e-4 < rate < 1e-2 for rate in found.points) == 11


def test_interval_holds_the_mean_as_often_as_it_says():
    """Of 2000 intervals at 95 % over 10 normal draws 1858 to 1942 hold the truth (4.3 sd, false alarm 2e-5)."""
    draw = random.Random(1)
    held = 0
    for _ in range(2000):
        found = Estimate.of([draw.gauss(0.5, 0.05) for _ in range(10)])
        held += found.low <= 0.5 <= found.high
    assert 1858 <= held <= 1942


def test_bad_input():
    """A bound that leaves no target, NaN accuracies, and impossible searches are refused."""
    with pytest.raises(ConfigError, match="max_loss = -0.01 below a clean accuracy of 0.9"):
        tolerable_ber(lambda ber, k: [0.9], 0.9, -0.01)
    with pytest.raises(ConfigError, match="max_loss = 0.95"):
        tolerable_ber(lambda ber, k: [0.9], 0.9, 0.95)
    with pytest.raises(ConfigError, match="NaN"):
        tolerable_ber(lambda ber, k: [math.nan], 0.9, 0.01)
    with pytest.raises(ConfigError, match="lowest = 0.1, highest = 0.01"):
        Search(0.1, 0.01)
    with pytest.raises(ConfigError, match="precision = 1"):
        Search(precision=1)
