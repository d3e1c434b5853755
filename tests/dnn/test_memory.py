"""A network read through approximate memory, against the same computed by hand."""

from contextlib import contextmanager

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from edensim.dnn import FaultyMemory, FreshErrors, Storage, make_net  # noqa: E402
from edensim.errors import ConfigError, InputError  # noqa: E402
from tests.dnn.plain_errors import PlainErrors  # noqa: E402

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch.cuda.is_available() is False")


class Flip:
    """Flips one bit of every read of one tensor."""

    def __init__(self, name, bit):
        self.name, self.bit = name, bit

    def corrupt(self, name, codes, access):
        if name != self.name:
            return 0
        codes[:, self.bit // 8] ^= np.uint8(1 << (self.bit % 8))
        return len(codes)


def pair(seed=0):
    """A convolution and a linear layer, and images."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4))
    return net.eval(), torch.randn(5, 2, 6, 6)


def ready(net, x, storage, errors=None):
    memory = FaultyMemory(net, storage, errors)
    memory.calibrate([x])
    return memory


def quantised(x, bits, low, high, signed=True):
    """What is read back from error-free memory."""
    scale = torch.tensor(max(abs(low), abs(high)) / (2 ** (bits - 1) - 1 if signed else 2**bits - 1))
    limits = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return (x * (1 / scale)).round().clamp(*limits) * scale


def by_hand(net, x, bits, unsigned):
    """The pair, with weights and maps quantised."""

    def store(v, signed=True):
        return quantised(v, bits, float(v.min()), float(v.max()), signed)

    conv, linear = net[0], net[3]
    map1 = F.relu(F.conv2d(x, conv.weight, conv.bias)).flatten(1)
    low, high = float(map1.min()), float(map1.max())
    y = F.relu(F.conv2d(store(x), store(conv.weight), conv.bias)).flatten(1)
    return F.linear(quantised(y, bits, low, high, not unsigned), store(linear.weight), linear.bias)


@pytest.mark.parametrize("precision", ["int4", "int8", "int16"])
@pytest.mark.parametrize("unsigned", [False, True])
@torch.no_grad()
def test_error_free_integers_are_quantisation(precision, unsigned):
    """Weights and maps quantised, biases not; maps that are never negative may use all codes."""
    net, x = pair()
    bits = int(precision[3:])
    with ready(net, x, Storage(precision, unsigned_maps=unsigned)):
        found = net(x)
    assert torch.allclose(found, by_hand(net, x, bits, unsigned), atol=1e-6)


@torch.no_grad()
def test_error_free_floats_are_the_network():
    """fp32 without errors changes no bit of the output, and nothing is corrected."""
    net = make_net("resnet-small").eval()
    x = torch.randn(4, 1, 16, 16)
    memory = ready(net, x, Storage("fp32", kinds=("weights", "ifm", "constants")))
    with memory:
        found = net(x)
    assert torch.equal(found, net(x))
    assert memory.corrected == 0


@torch.no_grad()
def test_a_flipped_bit_is_the_value_read():
    """The top bit of the first weight's code, of an input code of every image, of a packed nibble."""
    net, x = pair()
    for name, bit, precision in (("0.weights", 7, "int8"), ("0.ifm", 15, "int8"), ("3.weights", 3 + 4, "int4")):
        memory = ready(net, x, Storage(precision), Flip(name, bit))
        with memory:
            found = net(x)
        bits = int(precision[3:])
        at = bit // bits
        clean = memory.tensors[name].range

        def store(v, n, bits=bits, name=name, at=at, clean=clean, memory=memory):
            seen = memory.tensors[n].range
            y = quantised(v, bits, *seen)
            if n == name:
                scale = clean.largest / (2 ** (bits - 1) - 1)
                rows = y.reshape(len(v) if n.endswith("ifm") else 1, -1)
                code = (rows[:, at] / scale).round()
                rows[:, at] = torch.where(code < 0, code + 2 ** (bits - 1), code - 2 ** (bits - 1)) * scale
            return y

        y = F.relu(F.conv2d(store(x, "0.ifm"), store(net[0].weight, "0.weights"), net[0].bias)).flatten(1)
        wanted = F.linear(store(y, "3.ifm"), store(net[3].weight, "3.weights"), net[3].bias)
        assert torch.allclose(found, wanted, atol=1e-5)
        assert memory.flips == (5 if name.endswith("ifm") else 1)


@torch.no_grad()
def test_reads_are_named_sized_and_numbered():
    """Weights are read once per pass, maps once per image, and accesses of a tensor count on."""
    net, x = pair()
    errors = PlainErrors(0)
    memory = ready(net, x, Storage("int4"), errors)
    memory.rewind(100)
    with memory:
        net(x)
        net(x[:2])
    assert errors.calls == [
        ("0.weights", (1, 27), 100), ("0.ifm", (5, 36), 100), ("3.weights", (1, 96), 100), ("3.ifm", (5, 24), 100),
        ("0.weights", (1, 27), 101), ("0.ifm", (2, 36), 105), ("3.weights", (1, 96), 101), ("3.ifm", (2, 24), 105),
    ]  # fmt: skip
    assert memory.bits_read == 8 * (2 * (27 + 96) + 7 * (36 + 24))
    assert [(t.name, t.kind, t.shape, t.size_bytes) for t in memory.tensors.values()] == [
        ("0.weights", "weights", (3, 2, 3, 3), 27), ("0.ifm", "ifm", (2, 6, 6), 36),
        ("3.weights", "weights", (4, 48), 96), ("3.ifm", "ifm", (48,), 24),
    ]  # fmt: skip


class Twice(nn.Module):
    """A map with two readers, one of which runs twice."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return self.a(self.a(x) + self.b(input=x))


@torch.no_grad()
def test_every_reader_reads():
    """A map with two readers is read twice; a layer that runs twice reads its weights twice."""
    net, x, errors = Twice(), torch.randn(3, 4), PlainErrors(0)
    with ready(net, x, Storage(), errors):
        net(x)
    assert [(name, access) for name, _, access in errors.calls] == [
        ("a.weights", 0), ("a.ifm", 0), ("b.weights", 0), ("b.ifm", 0), ("a.weights", 1), ("a.ifm", 3),
    ]  # fmt: skip


@torch.no_grad()
def test_weights_changed_between_passes_are_read_as_they_are():
    """Weights stored once are used again only while nobody touches or replaces them; flips do not stay in them."""
    net, x = pair()
    memory = ready(net, x, Storage("int8"), Flip("0.weights", 7))
    with torch.no_grad(), memory:
        first = net(x)
        assert torch.equal(net(x), first)
        net[0].weight.mul_(0.5)
        halved = net(x)
        net[0].weight = nn.Parameter(2 * net[0].weight)
        assert torch.equal(net(x), first)
    assert not torch.equal(halved, first)
    with torch.no_grad(), memory:
        assert torch.equal(net(x), first)


def test_same_reads_same_errors():
    """Output follows from the seed and the number of the access; weights stay as they were."""
    net, x = pair()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    memory = ready(net, x, Storage("int8"), PlainErrors(0.02, seed=3))
    outputs = []
    for access in (0, 0, 1000):
        memory.rewind(access)
        with memory:
            outputs.append(net(x))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert isinstance(net[0].weight, nn.Parameter)


@torch.no_grad()
def test_what_lies_in_approximate_memory():
    """Only the kinds that are asked for; constants too if wanted. A norm in training does not read its statistics."""
    net = make_net("resnet-small").eval()
    x = torch.randn(2, 1, 16, 16)
    for kinds, ends in (
        (("weights",), {"weights"}),
        (("ifm",), {"ifm"}),
        (("constants",), {"bias", "weight", "running_mean", "running_var"}),
    ):
        errors = PlainErrors(0)
        with ready(net, x, Storage(kinds=kinds), errors):
            net(x)
        assert {name.rpartition(".")[2] for name, _, _ in errors.calls} == ends
    memory = ready(net, x, Storage(kinds=("constants",)), Flip("1.running_mean", 31))
    with memory:
        net(x)
        net.train()
        net(x)
        net.eval()
    assert memory.flips == 1


@pytest.mark.parametrize(("correction", "limit"), [("zero", 10.0), ("saturate", 10.0), ("none", 1e30)])
@torch.no_grad()
def test_implausible_values(correction, limit):
    """The top exponent bit makes a weight huge: it becomes 0, or the bound, or stays."""
    net = nn.Linear(2, 1, bias=False)
    net.weight.copy_(torch.tensor([[0.5, -0.75]]))
    x = torch.tensor([[1.0, 1.0]])
    memory = ready(net, x, Storage("fp32", correction=correction), Flip("linear.weights", 30))
    with memory:
        found = float(net(x))
    huge = 0.5 * 2.0**128
    value = {"zero": 0.0, "saturate": 0.5, "none": huge}[correction]
    assert found == pytest.approx(value - 0.75, rel=1e-6) or (correction == "none" and found > limit)
    assert memory.corrected == (correction != "none")


@torch.no_grad()
def test_bounds_may_be_shared():
    """Per kind, a weight is plausible if any weight of the network was so large."""
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    net[0].weight.fill_(0.5)
    net[1].weight.fill_(1.5)
    x = torch.ones(1, 1)
    for bounds, wanted in (("tensor", 0.0), ("kind", 1.5), ("network", 1.5)):
        # Bit 23 turns 0.5 into 1.0.
        memory = ready(net, x, Storage("fp32", kinds=("weights",), bounds=bounds), Flip("0.weights", 23))
        with memory:
            assert float(net(x)) == wanted


@contextmanager
def operands(monkeypatch):
    """What layers compute with in this block: input and weights, one after the other."""
    seen = []

    def watched(computes):
        def watch(x, weight, *others, **named):
            seen.extend([x.detach().clone().cpu(), weight.detach().clone().cpu()])
            return computes(x, weight, *others, **named)

        return watch

    with monkeypatch.context() as patched:
        for name in ("linear", "conv2d"):
            patched.setattr(nn.functional, name, watched(getattr(nn.functional, name)))
        yield seen


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_gpu)])
@pytest.mark.parametrize("precision", ["int4", "int8", "fp32"])
@torch.no_grad()
def test_a_network_on_another_device_reads_the_same_bits(precision, device, monkeypatch):
    """Every tensor that a layer reads there is, bit for bit, the one it reads on the CPU; `cpu`: as if it were one."""
    reads = {}
    for place in ("here", "there"):
        net, x = pair()
        memory = ready(net, x, Storage.paper(precision))
        memory.errors = FreshErrors(1e-2, seed=3)
        if place == "there":
            net.to(device)
            monkeypatch.setattr("edensim.dnn.memory._at_host", lambda x: False)
        with memory, operands(monkeypatch) as seen:
            for module, given in ((net[0], x), (net[3], torch.linspace(-1, 1, 240).reshape(5, 48))):
                module(given.to(net[0].weight.device))
        reads[place] = seen
        assert memory.flips
    assert len(reads["here"]) == 4
    for here, there in zip(reads["here"], reads["there"], strict=True):
        assert (here.view(torch.int32) == there.view(torch.int32)).all()
    assert not (reads["here"][1] == pair()[0][0].weight).all(), "the weights that were read, not those stored"


def test_gradients_pass_straight_through(monkeypatch):
    """Corrupted: as if the values read had been the operands. Clean: of the operands, at the faulty output."""
    net, x = nn.Linear(3, 2), torch.randn(4, 3, requires_grad=True)
    memory = ready(net, x.detach(), Storage("int8"), PlainErrors(0.1))
    with torch.no_grad(), memory:
        faulty = net(x)
    up = torch.randn(4, 2)
    for backward in ("corrupted", "clean"):
        memory.backward = backward
        memory.rewind()
        with memory, operands(monkeypatch) as seen:
            y = net(x)
        assert torch.equal(y, faulty)
        x.grad = net.weight.grad = None
        y.backward(up)
        x_used, w_used = (x.detach(), net.weight.detach()) if backward == "clean" else seen
        assert torch.allclose(x.grad, up @ w_used)
        assert torch.allclose(net.weight.grad, up.T @ x_used)


def test_clipped_values_have_no_gradient():
    """With clipped ranges, the gradient of what lies beyond them is zero, as clipping is part of the graph."""
    net = nn.Linear(4, 1, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[0.1, 0.1, 0.1, 4.0]]))
    x = torch.ones(1, 4)
    memory = ready(net, x, Storage("int8", weight_clip=1.0))
    with memory:
        net(x).sum().backward()
    assert net.weight.grad.tolist() == [[1, 1, 1, 0]]
    assert memory.tensors["linear.weights"].range.high == pytest.approx(
        float(net.weight.detach().square().mean().sqrt())
    )


def test_quantile_of_maps():
    """The range of a map is the quantile of its magnitudes, and never wider than what was seen."""
    net = nn.Linear(1, 1)
    x = torch.linspace(-1, 9, 1001)[:, None]
    assert ready(net, x, Storage("int8", map_quantile=0.9)).tensors["linear.ifm"].range == pytest.approx(
        (-1, 8), abs=0.02
    )


def test_the_network_is_restored():
    """After an exception inside of a pass, too, and with a `forward` of the user's own."""
    net, x = pair()
    memory = ready(net, x, Storage())
    with pytest.raises(RuntimeError), memory:
        net(x[:, :1])
    assert "weight" not in net[0].__dict__
    assert "forward" not in net[0].__dict__
    with memory, pytest.raises(ConfigError, match="under its network already"):
        memory.__enter__()
    net[3].forward = doubled = lambda x: 2 * nn.Linear.forward(net[3], x)
    with memory:
        twice = net(x)
    assert net[3].forward is doubled
    del net[3].forward
    with memory:
        assert torch.equal(2 * net(x), twice)


def test_one_memory_within_another():
    """The inner one is read through, and the outer one again after it."""
    net, x = pair()
    outer, inner = ready(net, x, Storage(), Flip("0.weights", 7)), ready(net, x, Storage())
    with outer:
        faulty = net(x)
        with inner:
            net(x)
        assert torch.equal(net(x), faulty)
    assert outer.flips == 3


def test_computed_weights_are_refused():
    """Nothing would be read of them."""
    net = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)))
    with pytest.raises(ConfigError, match="^0 computes its weights anew"):
        FaultyMemory(net, Storage())


def test_wrong_use():
    """Not calibrated, nothing that reads, NaN, no images."""
    net, x = pair()
    with pytest.raises(ConfigError, match="calibrate the memory first"):
        FaultyMemory(net, Storage()).__enter__()
    with pytest.raises(ConfigError, match="no layer that reads"):
        FaultyMemory(nn.ReLU(), Storage())
    with pytest.raises(InputError, match="0.ifm holds NaN"):
        FaultyMemory(net, Storage()).calibrate([x * float("nan")])
    with pytest.raises(InputError, match="no images"):
        FaultyMemory(net, Storage()).calibrate([])
    memory = ready(net, x, Storage())
    with memory, pytest.raises(ConfigError, match="outside of the `with` block"):
        memory.calibrate([x])


def test_layers_that_do_not_run_are_left_alone():
    """A branch that evaluation does not take has no map, and is not needed."""
    net = Twice()
    net.unused = nn.Linear(9, 9)
    with pytest.warns(UserWarning, match="unused: not run as modules"):
        memory = ready(net, torch.randn(2, 4), Storage())
    with memory:
        net(torch.randn(2, 4))
    assert "unused.weights" not in memory.tensors
