"""Supplies of single chips against all combinations."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.eden import Choice, best_of_chips, best_within
from edensim.errors import ConfigError

rates = st.sampled_from([0.0, 1e-3, 3e-3, 1e-2, 5e-2])
energies = st.sampled_from([0.6, 0.65, 0.7, 0.8, 0.9])


@st.composite
def offers(draw):
    """Points of two timings, a nominal one first, and supplies of unequal size."""
    points = [Choice(1.2, 13.0, 13.0, 0.0, "nominal")]
    for k, tRCD in enumerate((13.0, 10.0)):
        points += [
            Choice(1.1 - k / 10, tRCD, 13.0, draw(rates), "measured", draw(energies), 1.0 - k / 20)
            for _ in range(draw(st.integers(1, 3)))
        ]
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4).filter(any))
    return points, {f"s{k}": size / sum(sizes) for k, size in enumerate(sizes)}


@settings(max_examples=60, deadline=None)
@given(offer=offers(), bound=rates, goal=st.sampled_from(["energy", "time", "edp"]))
def test_no_combination_is_better(offer, bound, goal):
    """Every supply at every point of the same timings is tried."""
    points, shares = offer
    best = best_of_chips(points, shares, bound, goal)
    worth = {"energy": lambda e, t: e, "time": lambda e, t: t, "edp": lambda e, t: e * t}[goal]
    least = min(
        worth(sum(s * c.energy for s, c in zip(shares.values(), chosen, strict=True)), max(c.time for c in chosen))
        for chosen in itertools.product(points, repeat=len(shares))
        if len({(c.tRCD_ns, c.tRP_ns) for c in chosen}) == 1
        and sum(s * c.ber for s, c in zip(shares.values(), chosen, strict=True)) <= bound + 1e-15
    )
    assert worth(best.energy, best.time) == pytest.approx(least)
    assert best.ber == pytest.approx(sum(shares[name] * c.ber for name, c in best.points.items()))
    assert best.ber <= bound * (1 + 1e-12)
    if len(shares) == 1:
        alone = best_within(points, bound, goal)
        assert worth(alone.energy, alone.time) == pytest.approx(least)


def test_more_supplies_meet_the_bound_more_closely():
    """Two voltages, half a percent between them: with four supplies the rate lands between."""
    points = [Choice(1.2, 13, 13, 0.0, "nominal"), Choice(1.0, 13, 13, 0.02, "measured", 0.8)]
    found = [best_of_chips(points, {f"s{k}": 1 / parts for k in range(parts)}, 0.0151).energy for parts in (1, 2, 4, 8)]
    assert found == pytest.approx([1.0, 0.9, 0.85, 0.85])


def test_nothing_is_within():
    """Said."""
    with pytest.raises(ConfigError, match="no operating point has a bit error rate within 0"):
        best_of_chips([Choice(1.0, 13, 13, 0.02, "measured")], {"module": 1.0}, 0.0)
