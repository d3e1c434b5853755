"""Fine characterisation of networks whose losses are known."""

import pytest

from edensim.eden import Search, cheapest_rates, guided, sensitivities, sweep
from edensim.eden.fine import thinned
from edensim.errors import ConfigError

SLOPES = {"first": 8.0, "middle": 1.0, "last": 2.0}
CLEAN = 0.95
ONCE = Search(most_repeats=1)


def measure(rates, repeat):
    """Losses add up, in proportion to the rates."""
    return [CLEAN - sum(SLOPES[name] * rate for name, rate in rates.items())] * 3


def test_sweep_raises_every_tensor_as_far_as_the_target_allows():
    """At the end no tensor can rise by one more step; the least sensitive one stands highest."""
    found = sweep(measure, list(SLOPES), 5e-4, CLEAN - 0.01, factor=1.1, search=ONCE)
    assert measure(found.rates, 0)[0] >= CLEAN - 0.01
    for name, rate in found.rates.items():
        assert measure(found.rates | {name: rate * 1.1}, 0)[0] < CLEAN - 0.01
    assert found.rates["middle"] > found.rates["first"]
    assert found.accuracy.mean == pytest.approx(measure(found.rates, 0)[0])


def test_guided_search_saves_at_least_what_the_sweep_saves_in_fewer_measurements():
    """On the same levels and with the same target; every tensor is worth the same."""
    levels = [5e-4 * 1.25**k for k in range(12)]
    swept = sweep(measure, list(SLOPES), 5e-4, CLEAN - 0.01, factor=1.25, search=ONCE, highest=levels[-1])
    losses = sensitivities(measure, list(SLOPES), [0.0, *levels], CLEAN)
    choose = cheapest_rates(dict.fromkeys(SLOPES, 1.0), lambda ber: min(ber, 0.01))
    found = guided(measure, losses, CLEAN, CLEAN - 0.01, choose, ONCE)
    assert found.accuracy.mean >= CLEAN - 0.01
    assert sum(found.rates.values()) >= sum(swept.rates.values())


def test_guided_search_steps_back_where_losses_do_not_add_up():
    """Together tensors lose twice what they lose alone: the choice that is kept holds as a whole."""

    def worse(rates, repeat):
        return [CLEAN - (2 if len(rates) > 1 else 1) * sum(SLOPES[n] * r for n, r in rates.items())] * 3

    losses = sensitivities(worse, list(SLOPES), [0.0, 1e-4, 1e-3, 1e-2], CLEAN)
    found = guided(worse, losses, CLEAN, CLEAN - 0.01, cheapest_rates(dict.fromkeys(SLOPES, 1.0), lambda b: b), ONCE)
    assert worse(found.rates, 0)[0] >= CLEAN - 0.01


def test_losses_never_fall_with_the_rate():
    """Luck at a higher rate does not make it cheaper than a lower one."""
    lucky = {1e-4: 0.02, 1e-3: 0.01, 1e-2: 0.05}
    losses = sensitivities(lambda rates, k: [CLEAN - lucky[rates["a"]]] * 2, ["a"], [0.0, *lucky], CLEAN)
    assert list(losses["a"].values()) == pytest.approx([0, 0.02, 0.02, 0.05])


def test_levels_are_thinned_between_their_ends():
    """Few levels stay as they are; of many, the ends and evenly spread ones in between."""
    assert thinned([3.0, 1.0], 8) == [1.0, 3.0]
    found = thinned([k / 100 for k in range(25)], 8)
    assert len(set(found)) == 8
    assert (found[0], found[-1]) == (0.0, 0.24)


def test_bad_input():
    """Steps that do not raise, and a target that nothing on offer reaches."""
    with pytest.raises(ConfigError, match="steps that raise it"):
        sweep(measure, ["first"], 1e-3, 0.9, factor=1.0)
    losses = sensitivities(measure, list(SLOPES), [1e-2], CLEAN)
    with pytest.raises(ConfigError, match="add an operating point without errors"):
        guided(measure, losses, CLEAN, CLEAN - 0.001, cheapest_rates(dict.fromkeys(SLOPES, 1.0), lambda b: b), ONCE)
