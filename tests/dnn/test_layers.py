"""A user's module as a table of layers."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import edensim  # noqa: E402
from edensim.dnn import to_network  # noqa: E402
from edensim.errors import ConfigError, InputError  # noqa: E402


class Branches(nn.Module):
    """A sum, a join, a norm in front of a layer, and a layer that is used twice."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.norm, self.c = nn.BatchNorm2d(8), nn.Conv2d(8, 2, (1, 3), stride=(1, 2), padding=(0, 1), dilation=(1, 2))
        self.fc = nn.Linear(6, 6)

    def forward(self, x):
        a = F.relu(self.a(x))
        b = self.b(a) + a
        x = self.c(self.norm(torch.cat([b, a], 1)))
        return self.fc(self.fc(x.flatten(1)[:, :6]))


def test_flow_and_parameters():
    """Sums are held by the operand computed last, joins read both, a leading norm counts to the layer behind it."""
    net = to_network(Branches(), (3, 5, 6), "branches")
    a, b, c, fc, again = net.layers
    assert (a.inputs, b.inputs, c.inputs, fc.inputs) == (("input",), ("a",), ("b", "a"), ("c",))
    assert (a.extra_params, b.extra_params, c.extra_params) == (4, 0, 2 + 16)
    assert (c.C, c.H, c.W, c.K, c.R, c.S, c.P, c.Q) == (8, 5, 6, 2, 1, 3, 5, 2)
    assert (c.stride, c.pad, c.dilation) == ((1, 2), (0, 0, 1, 1), (1, 2))
    assert (again.name, again.inputs, again.extra_params) == ("fc#2", ("fc",), 0)
    assert net.warnings == ("fc#2: its weights are shared with a layer before, and are counted twice",)


def test_sequences():
    """A Linear layer on a sequence is a matrix product; a one-dimensional convolution has height 1."""
    rows = to_network(nn.Sequential(nn.Linear(8, 5)), (7, 8)).layers[0]
    assert (rows.kind, rows.C, rows.H, rows.P, rows.K, rows.macs) == ("conv", 8, 7, 7, 5, 7 * 8 * 5)
    wave = to_network(nn.Conv1d(2, 3, 5, stride=2, padding=2), (2, 16)).layers[0]
    assert (wave.name, wave.H, wave.W, wave.P, wave.Q, wave.R, wave.S, wave.stride, wave.pad) == (
        "conv1d", 1, 16, 1, 8, 1, 5, (1, 2), (0, 0, 2, 2),
    )  # fmt: skip


def test_what_is_left_out_is_told():
    """Modules that compute with parameters of their own and are no layer here."""
    net = to_network(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ConvTranspose2d(2, 2, 2)), (1, 8, 8))
    assert len(net.layers) == 1
    assert "ConvTranspose2d" in net.warnings[0]


def test_wrong_inputs():
    """A shape that does not go through, and a module without layers."""
    with pytest.raises(InputError, match=r"does not run on an input of shape \(1, 3, 8, 8\)"):
        to_network(nn.Conv2d(1, 2, 3), (3, 8, 8))
    with pytest.raises(InputError, match="no Conv1d, Conv2d or Linear"):
        to_network(nn.ReLU(), (3,))


def test_a_module_is_no_network():
    """`edensim.run` says how it becomes one."""
    with pytest.raises(ConfigError, match="found Linear; expected a Network: edensim.dnn.to_network"):
        edensim.run("configs/eyeriss-alexnet.toml", network=nn.Linear(2, 2))
