"""Rates of errors over a training."""

import numpy as np
import pytest

from edensim.dnn.curriculum import Curriculum
from edensim.errors import ConfigError


def rates(curriculum, epochs=10, steps=5):
    return [curriculum.rate(k, steps, epochs, np.random.default_rng(k)) for k in range(steps * epochs)]


def test_the_papers_steps():
    """From 0 to the target, up every two epochs of five steps, five levels in ten epochs."""
    found = rates(Curriculum(0.02))
    assert found == sorted(found)
    assert sorted(set(found)) == pytest.approx([0, 0.005, 0.01, 0.015, 0.02])
    assert [found.count(r) for r in sorted(set(found))] == [10] * 5


def test_other_shapes():
    """Factors, all at once, one level only, and no errors at all."""
    assert rates(Curriculum(1.0e-2, "log", ratio=10), 4)[::5] == pytest.approx([1e-3, 1e-3, 1e-2, 1e-2])
    assert set(rates(Curriculum(0.03, "at_once"))) == {0.03}
    assert set(rates(Curriculum(0.03), epochs=2)) == {0.03}
    for shape in ("linear", "log", "spread", "at_once"):
        assert set(rates(Curriculum(0, shape))) == {0}


def test_spread():
    """Within a decade below a rising level, half a decade at the end; few different rates."""
    found = np.array(rates(Curriculum(0.02, "spread"), steps=100))
    ramp = 0.02 * np.minimum(1, 0.1 + 3 * np.arange(1000) / 1000)
    slack = 10 ** (0.5 / 16)
    assert (found <= ramp * slack).all()
    assert (found >= ramp / 10 / slack).all()
    assert (found[800:] >= 0.02 * 10**-0.5 / slack).all()
    assert len(set(found)) <= 34


@pytest.mark.parametrize(
    "fields", [{"target": 0.5}, {"target": float("nan")}, {"target": 0.1, "shape": "steps"},
               {"target": 0.1, "epochs_per_step": 0}, {"target": 0.1, "ratio": 1}]
)  # fmt: skip
def test_impossible_fields(fields):
    """Told with what is expected."""
    with pytest.raises(ConfigError, match="expected"):
        Curriculum(**fields)
