"""A small data set and a network that has learned it."""

import pytest


@pytest.fixture(scope="session")
def data():
    """4000 and 1000 glyphs."""
    pytest.importorskip("torch")
    from edensim.dnn import glyphs

    return glyphs(4000, 1000)


@pytest.fixture(scope="session")
def learned(data):
    """A LeNet that is right nine times of ten."""
    from edensim.dnn import Training, make_net, train

    net = make_net("lenet-small")
    train(net, data, Training(epochs=6, batch=64))
    return net
