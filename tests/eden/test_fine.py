"""Fine characterisation of networks whose losses are known."""

import numpy as np
import pytest

from edensim.eden import Search, Worth, guided, sensitivities, sweep
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


@pytest.mark.parametrize("common", [0.0, 0.9, 1.0])
@pytest.mark.parametrize("seed", range(8))
def test_guided_search_saves_at_least_what_the_sweep_saves(common, seed):
    """Random sensitivities, worth and operating points; whatever share follows the tensor that tolerates least."""
    rng = np.random.default_rng(seed)
    names = [f"layer{k}" for k in range(8)]
    slopes = dict(zip(names, 10 ** rng.uniform(-1, 1, len(names)), strict=True))
    sizes = rng.dirichlet(np.ones(len(names)))
    levels = dict(zip(np.sort(10 ** rng.uniform(-5, -1.5, 10)), np.sort(rng.uniform(0, 0.4, 10)), strict=True))
    worth = Worth(dict(zip(names, (1 - common) * sizes, strict=True)), common, {0.0: 0.0, **levels})

    def alike(rates, repeat):
        return [CLEAN - sum(slopes[name] * rate for name, rate in rates.items())] * 3

    target, start = CLEAN - 0.01, 0.0095 / sum(slopes.values())
    swept = sweep(alike, names, start, target, search=ONCE)
    losses = sensitivities(alike, names, worth.measured(start), CLEAN)
    found = guided(alike, losses, CLEAN, target, worth, start, ONCE)
    assert found.accuracy.mean >= target
    assert worth.of(found.rates) >= worth.of(swept.rates) - 1e-12
    assert worth.of(found.rates) >= worth.of(dict.fromkeys(names, start))


def test_guided_search_steps_back_where_losses_do_not_add_up():
    """Together tensors lose twice what they lose alone: the choice that is kept holds as a whole."""

    def worse(rates, repeat):
        return [CLEAN - (2 if len(rates) > 1 else 1) * sum(SLOPES[n] * r for n, r in rates.items())] * 3

    worth = Worth(dict.fromkeys(SLOPES, 1 / 3), 0.0, {1e-4: 0.1, 1e-3: 0.2, 1e-2: 0.3})
    losses = sensitivities(worse, list(SLOPES), [0.0, 1e-4, 1e-3, 1e-2], CLEAN)
    found = guided(worse, losses, CLEAN, CLEAN - 0.01, worth, 1e-4, ONCE)
    assert worse(found.rates, 0)[0] >= CLEAN - 0.01
    assert worth.of(found.rates) >= worth.saves(1e-4)


def test_rates_worth_looking_at():
    """No point that saves less than one before it; lower than the coarse rate only where tensors have own supplies."""
    points = {1e-6: 0.1, 1e-5: 0.2, 2e-5: 0.15, 1e-4: 0.3, 2e-3: 0.4, 5e-3: 0.4, 6e-3: 0.5, 1.0: 0.9}
    alone, shared = Worth({}, 0.0, points), Worth({}, 0.5, points)
    assert alone.offers(1e-3) == [0.0, 1e-5, 1e-4, 1e-3, 2e-3, 6e-3]
    assert alone.measured(1e-3) == [0.0, 1e-5, 1e-4, 2e-3]
    assert shared.offers(1e-3) == [0.0, 1e-3, 2e-3, 6e-3]
    assert shared.measured(1e-3) == [0.0, 2e-3]
    assert shared.measured(0.5) == [0.0, 1.0]
    assert shared.measured(1.0) == [0.0, 1.0]


def test_losses_never_fall_with_the_rate():
    """Luck at a higher rate does not make it cheaper than a lower one."""
    lucky = {1e-4: 0.02, 1e-3: 0.01, 1e-2: 0.05}
    losses = sensitivities(lambda rates, k: [CLEAN - lucky[rates["a"]]] * 2, ["a"], [0.0, *lucky], CLEAN)
    assert list(losses["a"].values()) == pytest.approx([0, 0.02, 0.02, 0.05])


def test_bad_input():
    """Steps that do not raise, and a target that nothing on offer reaches."""
    with pytest.raises(ConfigError, match="steps that raise it"):
        sweep(measure, ["first"], 1e-3, 0.9, factor=1.0)
    losses = sensitivities(measure, list(SLOPES), [0.0, 1e-2], CLEAN)
    with pytest.raises(ConfigError, match="neither no errors nor a bit error rate of 0.01 keep an accuracy of 0.951"):
        guided(measure, losses, CLEAN, CLEAN + 0.001, Worth(dict.fromkeys(SLOPES, 1.0), 0.0, {1e-2: 1.0}), 1e-2, ONCE)
