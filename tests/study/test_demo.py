"""The demonstration: its network computes what the torch network computes, its choice follows from its curve."""

import json
from dataclasses import replace

import numpy as np
import pytest

from edensim.cli.main import main
from edensim.dnn.glyph_images import draw_glyphs
from edensim.study.demo import trade
from edensim.study.demo.network import LAYERS, DemoNet, _convolve, _pool
from edensim.study.demo.trade import Trade, chip_errors, choose, demo_network


def test_convolution_in_full():
    """One product equals the sum over taps, zeros around, as a loop computes it."""
    rng = np.random.default_rng(1)
    x, w, b = (rng.integers(-3, 4, s).astype(np.float32) for s in ((2, 3, 6, 4), (4, 3, 5, 5), (4,)))
    padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)))
    expected = np.zeros((2, 4, 6, 4), np.float32)
    for n, k, v, u in np.ndindex(expected.shape):
        expected[n, k, v, u] = (padded[n, :, v : v + 5, u : u + 5] * w[k]).sum() + b[k]
    assert (_convolve(x, w, b) == expected).all()


def test_pool():
    """The maximum of every square of four."""
    x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    assert _pool(x).ravel().tolist() == [5, 7, 13, 15]


def test_the_machine_runs_this_network():
    """Layers and weights that the machine moves are those that the network computes with."""
    net = DemoNet.shipped("boosted")
    layers = demo_network().layers
    assert [layer.name for layer in layers] == list(LAYERS)
    assert [layer.weight_count for layer in layers] == [layer.weights.size for layer in net.layers]


@pytest.mark.parametrize("name", ["baseline", "boosted"])
@pytest.mark.parametrize("vdd", [trade.NOMINAL_V, 1.15])
def test_equals_torch(name, vdd):
    """Answers are those of torch under `FaultyMemory` with the same errors: batch by batch, flip by flip."""
    torch = pytest.importorskip("torch")
    from edensim.dnn import FaultyMemory, Storage, make_net
    from edensim.dnn.storage import Range, StoredTensor

    shipped = DemoNet.shipped(name)
    net = make_net("lenet-small", shape=(1, 16, 16)).eval()
    readers = ("0", "3", "7", "9", "11")
    storage = Storage.best() if name == "boosted" else Storage.paper()
    errors = chip_errors(vdd)[1]

    class Renamed:
        def corrupt(self, tensor, codes, access):
            reader, _, kind = tensor.partition(".")
            return errors.corrupt(f"{LAYERS[readers.index(reader)]}.{kind}", codes, access)

    memory = FaultyMemory(net, replace(storage, weight_clip=0.0), Renamed())
    for reader, layer in zip(readers, shipped.layers, strict=True):
        module = net.get_submodule(reader)
        values = layer.weights.astype(np.float32) * layer.weight_scale
        module.weight.data = torch.from_numpy(values)
        module.bias.data = torch.from_numpy(layer.bias)
        top = 127 * float(layer.weight_scale)
        memory.tensors[f"{reader}.weights"] = StoredTensor(
            f"{reader}.weights", "weights", values.shape, values.size, Range(-top, top)
        )
        high = float(layer.map_code.scale) * layer.map_code.limits[1]
        low = -high if layer.map_code.signed else 0.0
        memory.tensors[f"{reader}.ifm"] = StoredTensor(f"{reader}.ifm", "ifm", (1,), 1, Range(low, high))
    images, _ = draw_glyphs(200, (7, 9))
    found = []
    with torch.no_grad(), memory:
        for start in (0, 100):
            part = (torch.from_numpy(images[start : start + 100]).float() - float(shipped.mean)) / float(
                shipped.deviation
            )
            found.append(net(part).argmax(1).numpy())
    assert (shipped.answers(images, errors) == np.concatenate(found)).mean() >= 0.99


def test_choice():
    """The lowest voltage before the first that loses more than the bound; a recovery further down does not count."""

    def at(vdd, boosted):
        return Trade(vdd, 0.0, 0.95, boosted, 1.0, 1.0)

    first = at(1.35, 0.96)
    assert choose([first, at(1.3, 0.945), at(1.25, 0.941), at(1.2, 0.93), at(1.15, 0.96)]).vdd == 1.25
    assert choose([first, at(1.3, 0.90)]) is first


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """`edensim demo --json`, with fewer images."""
    patch = pytest.MonkeyPatch()
    patch.setattr(trade, "IMAGES", 2000)
    patch.setattr(trade, "CHOOSING", 1000)
    patch.chdir(tmp_path_factory.mktemp("demo"))
    yield patch
    patch.undo()


def test_demo(shown, capsys):
    """Accuracy stays within the bound of nominal at a lower voltage, which an unboosted network does not bear."""
    assert main(["demo", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    nominal, eden = found["nominal"], found["eden"]
    assert eden["vdd"] < nominal["vdd"] == trade.NOMINAL_V
    noise = 3 * (nominal["accuracy_half_width"] + eden["accuracy_half_width"]) / 1.96  # three sigma each
    assert eden["accuracy"] > nominal["accuracy"] - trade.BOUND - noise
    assert found["eden_without_boosting"]["accuracy"] < eden["accuracy"]
    assert found["saving"]["energy_pj"] == pytest.approx(1 - eden["energy_pj"] / nominal["energy_pj"])
    assert 0 < found["saving"]["energy_pj"] < 1 - (eden["vdd"] / nominal["vdd"]) ** 2 + 1e-9


def test_demo_again(shown, capsys):
    """The same once more leaves the same picture where it is; another file of that name is not overwritten."""
    assert main(["demo"]) == 0
    assert "energy saved" in capsys.readouterr().out
    assert main(["demo", "--format", "png"]) == 0
    from pathlib import Path

    Path("runs/demo/demo.csv").write_text("mine")
    assert main(["demo"]) == 2
