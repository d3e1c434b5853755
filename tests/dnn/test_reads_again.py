"""Reads that are made ready once: as those that are prepared anew, whatever changes between two passes.

Passes with gradients prepare every read anew and keep what they read, so they say what is expected; but they also learn
the ranges of the weights.
"""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from edensim.approx import Device, Region, Uniform  # noqa: E402
from edensim.approx.region import PLAIN  # noqa: E402
from edensim.dnn import FaultyMemory, FreshErrors, PlacedErrors, Storage  # noqa: E402


class Inner(nn.Linear):
    """A layer that reads and holds another one that reads the same map, before and after."""

    def __init__(self, before):
        super().__init__(8, 8)
        self.inner, self.before = nn.Linear(8, 8), before

    def forward(self, x):
        if self.before:
            y = self.inner(x)
            return super().forward(x) + y
        return super().forward(x) + self.inner(x)


def some_net(kind=""):
    torch.manual_seed(1)
    if not kind:
        return nn.Sequential(nn.Conv2d(2, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten(), nn.Linear(16, 4)).eval()
    return nn.Sequential(nn.Linear(8, 8), nn.ReLU(), Inner(kind == "reader before")).eval()


def calibrated(net, x, precision, errors=None):
    memory = FaultyMemory(net, Storage(precision), errors)
    memory.calibrate([x])
    return memory


def weak_cells(memory, laws=1):
    """At the tensors' addresses; several laws make the same ones weak."""
    laws = laws * [Uniform(0.5, 0.05).law(PLAIN.geometry)]
    places = {name: Region(PLAIN, t.size_bytes, 4096 * k) for k, (name, t) in enumerate(memory.tensors.items())}
    return PlacedErrors(Device([laws], seed=4), places)


def equal_to_anew(memory, x):
    """A pass without gradients, its bits and its numbers, against one with gradients at the same accesses."""
    found = []
    for learns in (False, True):
        memory.rewind(3)
        with torch.set_grad_enabled(learns):
            out = memory.net(x).detach().clone()
        found.append((out, memory.bits_read, memory.flips, memory.corrected))
    assert found[0][1:] == found[1][1:]
    assert torch.equal(found[0][0], found[1][0])
    assert found[0][2] or not len(x)
    return found[0][0]


PRECISIONS = pytest.mark.parametrize("precision", ["int4", "int8", "fp32"])
ERRORS = pytest.mark.parametrize(
    "errors",
    [lambda memory: FreshErrors(0.01), weak_cells, lambda memory: weak_cells(memory, 2)],
    ids=["fresh", "weak cells", "weak twice"],
)


@PRECISIONS
@ERRORS
def test_whatever_changes_between_passes(precision, errors):
    """Size of the batch, errors, weights written in place, pointed elsewhere, enlarged and replaced."""
    net, x = some_net(), torch.randn(6, 2, 6, 6)
    memory = calibrated(net, x, precision)
    weight = net[0].weight
    with memory:
        memory.errors = errors(memory)
        first = equal_to_anew(memory, x)
        equal_to_anew(memory, torch.randn(2, 2, 6, 6))
        equal_to_anew(memory, torch.cat([x, x]))
        memory.errors = FreshErrors(0.02, seed=5)
        other = equal_to_anew(memory, x)
        assert not torch.equal(other, first)
        with torch.no_grad():
            assert torch.equal(run(memory, x), other)
            weight.mul_(0.5)
            halved = run(memory, x)
            assert not torch.equal(halved, other)
            weight.data = 2 * weight.data
            assert torch.equal(run(memory, x), other)
            net[0].weight = nn.Parameter(weight / 2)
            assert torch.equal(run(memory, x), halved)
            memory._reads.clear()
            assert torch.equal(run(memory, x), halved)
            memory.errors = errors(memory)
            memory._reads.clear()
            anew = run(memory, x)
            memory.errors = FreshErrors(0.02, seed=5)
            assert torch.equal(run(memory, x), halved)
            memory.errors = errors(memory)
            assert torch.equal(run(memory, x), anew)


def run(memory, x):
    memory.rewind(3)
    return memory.net(x)


@PRECISIONS
@torch.no_grad()
def test_weights_behind_torchs_back(precision):
    """A change without a version is seen by the next block, and after a pass with gradients."""
    net, x = some_net(), torch.randn(6, 2, 6, 6)
    memory = calibrated(net, x, precision, FreshErrors(0.01))
    for backward in ("corrupted", "clean"):
        memory.backward = backward
        with memory:
            first = run(memory, x)
            net[0].weight.data.mul_(0.5)
        with memory:
            halved = run(memory, x)
            assert not torch.equal(halved, first)
            with torch.enable_grad():
                run(memory, x)
            net[0].weight.data.mul_(0.5)
            quarter = run(memory, x)
            memory._reads.clear()
            assert torch.equal(run(memory, x), quarter)


@PRECISIONS
@ERRORS
@pytest.mark.parametrize("kind", ["reader after", "reader before"])
def test_layers_within_layers(precision, errors, kind):
    """What a layer has read stays what it is while a layer within it reads."""
    net, x = some_net(kind), torch.randn(5, 8)
    with calibrated(net, x, precision) as memory:
        memory.errors = errors(memory)
        equal_to_anew(memory, x)


@PRECISIONS
@torch.no_grad()
def test_weights_that_become_fewer(precision):
    """The same parameter, version and address."""
    net, x = nn.Sequential(nn.Linear(8, 8)).eval(), torch.randn(5, 8)
    with calibrated(net, x, precision, FreshErrors(0.05)) as memory:
        run(memory, x)
        net[0].weight.data, net[0].bias.data = net[0].weight.data[:3], net[0].bias.data[:3]
        found = run(memory, x)
        memory._reads.clear()
        assert torch.equal(run(memory, x), found)
        assert found.shape == (5, 3)


@PRECISIONS
@ERRORS
def test_accesses_follow_each_other(precision, errors):
    """With gradients or without: the next pass reads what it would have read after any other."""
    net, x = some_net(), torch.randn(6, 2, 6, 6)
    with calibrated(net, x, precision) as memory:
        memory.errors, found = errors(memory), []
        for learns in (False, True):
            with torch.set_grad_enabled(learns):
                run(memory, x)
            with torch.no_grad():
                found.append(net(x))
        assert torch.equal(*found)
        with torch.no_grad():
            assert not torch.equal(net(x), found[0])


@torch.no_grad()
def test_tensors_without_memory():
    """What merely stands for a tensor of zeros has no address: torch says so."""
    with calibrated(some_net("reader after"), torch.randn(5, 8), "int8", FreshErrors(0.01)) as memory:
        run(memory, torch.zeros(5, 8))
        with pytest.raises(RuntimeError, match="ZeroTensor"):
            run(memory, torch._efficientzerotensor(5, 8))


@torch.no_grad()
def test_layers_that_learn_their_shape():
    """Their weights exist after the first pass."""
    net, x = nn.Sequential(nn.LazyLinear(4)).eval(), torch.randn(5, 8)
    memory = FaultyMemory(net, Storage("int8"), FreshErrors(0.01))
    net(x)
    memory.calibrate([x])
    with memory:
        equal_to_anew(memory, x)


@PRECISIONS
@ERRORS
@pytest.mark.parametrize("first", [0, 1])
def test_maps_that_are_passed_on(precision, errors, first):
    """A layer whose forward hands what it has read, or a part, to another reader: that one stores it first."""
    relay, x = nn.Linear(4, 4), torch.randn(5, 2, 6, 6)
    relay.forward = lambda y: y[first:]
    net = nn.Sequential(some_net(), relay, nn.Linear(4, 2)).eval()
    with calibrated(net, x, precision) as memory:
        memory.errors = errors(memory)
        equal_to_anew(memory, x)


@PRECISIONS
@pytest.mark.parametrize("layout", ["channels last", "float64", "negated", "empty", "requires grad"])
def test_layouts_and_types(precision, layout):
    """What is not plain is read as if it were."""
    net, x = some_net(), torch.randn(4, 2, 6, 6)
    memory = calibrated(net, x, precision, FreshErrors(0.01))
    if layout == "channels last":
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    elif layout == "float64":
        net, x = net.double(), x.double()
    elif layout == "negated":
        x = torch._neg_view(x)
    elif layout == "empty":
        x = x[:0]
    else:
        x.requires_grad_()
    with memory:
        assert equal_to_anew(memory, x).dtype == x.dtype


@PRECISIONS
def test_networks_made_without_versions(precision):
    """Tensors of torch's inference mode have no version: their weights are stored anew every time."""
    with torch.inference_mode():
        net, x = some_net(), torch.randn(4, 2, 6, 6)
        memory = calibrated(net, x, precision, FreshErrors(0.01))
        with memory:
            first = run(memory, x)
            assert torch.equal(run(memory, x), first)
            net[0].weight.mul_(0.5)
            assert not torch.equal(run(memory, x), first)
