"""Pruned variants: what is removed, and that it stays away."""

import copy

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from edensim.dnn import Boosting, FreshErrors, Training, accuracy, boost, prune, prune_and_train  # noqa: E402
from edensim.errors import ConfigError  # noqa: E402


def zeros(net):
    return [float((m.weight == 0).float().mean()) for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def test_the_smallest_weights_go():
    """Of every layer the share that was asked for, and no weight that stays is smaller than one that went."""
    net = nn.Sequential(nn.Conv2d(1, 4, 5), nn.Flatten(), nn.Linear(40, 10))
    before = copy.deepcopy(net)
    prune(net, 0.75)
    for now, then in ((net[0].weight, before[0].weight), (net[2].weight, before[2].weight)):
        assert (now == 0).float().mean() == 0.75
        assert then[now == 0].abs().max() <= now[now != 0].abs().min()
        assert torch.equal(now[now != 0], then[now != 0])
    assert torch.equal(net[0].bias, before[0].bias)


def test_what_is_removed_stays_away(learned, data):
    """Through training and boosting; half can go and the network is nearly as good as before."""
    net = copy.deepcopy(learned)
    prune_and_train(net, data, 0.5, Training(epochs=2))
    assert zeros(net) == pytest.approx([0.5] * 5, abs=0.01)
    assert accuracy(net, data.test).value > accuracy(learned, data.test).value - 0.04
    recipe = Boosting(Boosting.best(1e-2).curriculum, training=Training(epochs=1, keep_zeros=True))
    assert zeros(boost(net, data, FreshErrors, recipe).net) == zeros(net)


def test_bad_input():
    """A share that is none, a network without weights."""
    with pytest.raises(ConfigError, match="share = 1: expected"):
        prune(nn.Linear(2, 2), 1.0)
    with pytest.raises(ConfigError, match="no layer with weights"):
        prune(nn.Sequential(nn.ReLU()), 0.5)
