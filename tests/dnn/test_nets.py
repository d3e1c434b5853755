"""Networks as torch modules, held against the layer tables of the workloads."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from edensim.dnn import FULL, SMALL, make_net, to_network  # noqa: E402
from edensim.dnn.nets.blocks import MaxPool2d  # noqa: E402
from edensim.errors import ConfigError  # noqa: E402
from edensim.workloads import load_network  # noqa: E402

# Parameters of torchvision's models and of Darknet's configurations; EDEN's CIFAR-10 variants as in its Table 1.
PARAMETERS = {
    "alexnet": 61_100_840, "densenet201": 20_013_928, "lenet": 431_080, "mobilenetv2-cifar10": 2_236_682,
    "resnet101-cifar10": 42_512_970, "squeezenet1.1": 1_235_496, "vgg16": 138_357_544, "yolov3": 61_949_149,
    "yolov3-tiny": 8_852_366,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FULL))
def test_a_full_network_is_its_layer_table(name):
    """Layer by layer, all but the names: shapes, groups, parameters, and which layer feeds which."""
    with torch.device("meta"):
        net = FULL[name].make()
    found, table = to_network(net, FULL[name].shape), load_network(name)
    called = {"input": "input"} | {a.name: b.name for a, b in zip(found.layers, table.layers, strict=True)}
    renamed = [replace(x, name=called[x.name], inputs=tuple(called[i] for i in x.inputs)) for x in found.layers]
    assert renamed == list(table.layers)
    assert not found.warnings
    count = sum(p.numel() for p in net.parameters())
    assert count == table.parameter_count == PARAMETERS.get(name, count)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("resnet101-cifar10", [(2, 10)]),
        ("vgg16", [(2, 1000)]),
        ("densenet201", [(2, 1000)]),
        ("yolov3", [(2, 255, 13, 13), (2, 255, 26, 26), (2, 255, 52, 52)]),
        ("yolov3-tiny", [(2, 255, 13, 13), (2, 255, 26, 26)]),
    ],
)
def test_outputs(name, shapes):
    """Scores of every class, or detection maps of every scale."""
    with torch.device("meta"):
        net, images = FULL[name].make(), torch.zeros(2, *FULL[name].shape)
    found = net(images)
    assert [tuple(x.shape) for x in (found if isinstance(found, list) else [found])] == shapes


def test_parameter_names_are_torchvisions():
    """A few names that torchvision's weight files have."""
    wanted = {
        "resnet50": "layer1.0.downsample.1.running_mean layer4.2.conv3.weight fc.bias",
        "alexnet": "features.10.weight classifier.6.bias",
        "vgg16": "features.28.weight classifier.3.weight",
        "mobilenetv2": "features.1.conv.1.weight features.17.conv.3.bias features.18.0.weight classifier.1.weight",
        "squeezenet1.1": "features.12.expand3x3.weight classifier.1.bias",
        "densenet201": "features.denseblock4.denselayer32.norm2.weight features.transition3.conv.weight",
    }
    for name, names in wanted.items():
        with torch.device("meta"):
            assert set(names.split()) <= set(FULL[name].make().state_dict())


@pytest.mark.parametrize("name", sorted(SMALL))
def test_small_networks(name):
    """Any square size and channels; the seed decides the weights and leaves torch's generator alone."""
    before = torch.random.get_rng_state()
    a, b, c = make_net(name, 1), make_net(name, 1), make_net(name, 2)
    assert torch.equal(before, torch.random.get_rng_state())
    first = [next(net.parameters()) for net in (a, b, c)]
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])
    assert make_net(name, shape=(3, 32, 32), classes=7)(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


def test_wrong_names_and_sizes():
    """The nearest name, and the sizes a small network takes."""
    with pytest.raises(ConfigError, match="did you mean resnet50"):
        make_net("resnet5")
    with pytest.raises(ConfigError, match="multiple of 8, not 28x28"):
        make_net("vgg-small", shape=(1, 28, 28))


@pytest.mark.parametrize("window", [(2,), (3, 2, 1), (3, 2, 0, 1, False, True)])
def test_max_pool_equals_torchs(window):
    """Values equal torch's for any window; gradients too, to the bit and with ties, where windows do not overlap."""
    torch.manual_seed(0)
    x = (torch.randn(3, 12, 9, 10) * 3).round().requires_grad_()
    ours, theirs = MaxPool2d(*window)(x), torch.nn.MaxPool2d(*window)(x)
    assert torch.equal(ours, theirs)
    gain = torch.randn_like(theirs)
    (a,), (b,) = torch.autograd.grad(ours, x, gain), torch.autograd.grad(theirs, x, gain)
    assert torch.equal(a, b) if len(window) == 1 else torch.allclose(a, b)
