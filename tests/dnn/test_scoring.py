"""Accuracy and its intervals."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")

from torch import nn  # noqa: E402

from edensim.dnn import Accuracy, ArraySplit, FaultyMemory, Storage, accuracy  # noqa: E402
from edensim.dnn.scoring import clopper_pearson, wilson  # noqa: E402
from edensim.errors import ConfigError  # noqa: E402
from tests.dnn.plain_errors import PlainErrors  # noqa: E402


def test_binomial_intervals():
    """8 of 10, worked from the formulas in Brown, Cai and DasGupta, Statistical Science 16 (2001); and the ends."""
    assert wilson(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert clopper_pearson(8, 10) == pytest.approx((0.4439045, 0.9747893), abs=1e-6)
    assert clopper_pearson(0, 20)[1] == pytest.approx(1 - 0.025 ** (1 / 20))
    assert clopper_pearson(20, 20) == pytest.approx((0.025 ** (1 / 20), 1.0))


def test_interval_over_patterns():
    """Batches 0.5, 0.6, 0.7: mean 0.6, t(2) = 4.302653, half width t * 0.1 / sqrt(3)."""
    found = Accuracy((5, 6, 7), (10, 10, 10))
    assert found.value == pytest.approx(0.6)
    assert found.interval("patterns") == pytest.approx((0.6 - 0.248414, 0.6 + 0.248414), abs=1e-5)
    assert (found + found).interval("wilson") == wilson(36, 60)
    with pytest.raises(ConfigError, match="at least two"):
        Accuracy((1,), (2,)).interval("patterns")
    with pytest.raises(ConfigError, match="confidence = 1"):
        found.interval(confidence=1)


def split(count=40):
    """Images whose first pixels are the scores of their class."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, count)
    pixels = np.zeros((count, 1, 2, 2), np.float32)
    pixels.reshape(count, 4)[np.arange(count), labels] = 1
    return ArraySplit(pixels, labels, np.zeros(1, np.float32), np.ones(1, np.float32))


def test_measuring():
    """Batches in order; a part of the images if asked; errors lower it; repetitions differ, one repetition does not."""
    data = split()
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 4, bias=False)).train()
    with torch.no_grad():
        net[1].weight.copy_(torch.eye(4))
    assert accuracy(net, data, batch=16).images == (16, 16, 8)
    assert accuracy(net, data, images=10).images == (10,)
    assert accuracy(net, data).value == 1
    memory = FaultyMemory(net, Storage(), PlainErrors(0.2))
    memory.calibrate([data.images(np.arange(40))])
    runs = [accuracy(net, data, memory, batch=4, repeat=r) for r in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]
    assert runs[0].value < 0.9
    assert net.training
