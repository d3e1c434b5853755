"""Weights from files, fitting and not."""

import copy
import json
import struct

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from edensim.dnn import FULL, load_weights, make_net, save_weights  # noqa: E402
from edensim.dnn.bounding import bound_at  # noqa: E402
from edensim.dnn.state import save_state  # noqa: E402
from edensim.errors import ConfigError, InputError, OutputError  # noqa: E402


def nets():
    return make_net("squeezenet-small", 1), make_net("squeezenet-small", 2)


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def safetensors(path, net, cast=None):
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, value in net.state_dict().items():
        data = value.to(torch.bfloat16).view(torch.int16).numpy() if cast else value.numpy()
        header[name] = {
            "dtype": "BF16" if cast else "F32", "shape": list(value.shape),
            "data_offsets": [len(body), len(body) + data.nbytes],
        }  # fmt: skip
        body += data.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def test_bounded_activations_come_with_the_weights(tmp_path):
    """A network that computes with ReLU6 is the same function after it was loaded; what does not fit is refused."""
    net, other = (nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU())) for _ in range(2))
    bound_at(net, ["1.0"])
    for name, write in (("a.npz", save_weights), ("b.npz", lambda n, p: save_state(p, n, optimizer(n), {}, [], {}))):
        write(net, tmp_path / name)
        fresh = copy.deepcopy(other)
        load_weights(fresh, tmp_path / name)
        assert same(fresh, net)
        assert isinstance(fresh[1][0], nn.ReLU6)
    for wrong in (nn.Sequential(nn.Linear(4, 4)), nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Tanh()))):
        with pytest.raises(InputError, match="a.npz: .*1.0"):
            load_weights(wrong, tmp_path / "a.npz")


def optimizer(net):
    return torch.optim.Adam(net.parameters())


def test_formats(tmp_path):
    """What was written is read, whether plain, wrapped by a training script, or of a parallel module."""
    a, _ = nets()
    state = a.state_dict()
    torch.save(state, tmp_path / "plain.pt")
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}, "epoch": 3}, tmp_path / "wrapped.pth")
    save_weights(a, tmp_path / "own.npz")
    np.savez(tmp_path / "named.npz", **{k: v.numpy() for k, v in state.items()})
    safetensors(tmp_path / "hub.safetensors", a)
    for path in sorted(tmp_path.iterdir()):
        b = nets()[1]
        assert not same(a, b)
        load_weights(b, path)
        assert same(a, b), path
    safetensors(tmp_path / "half.safetensors", a, cast=True)
    b = nets()[1]
    load_weights(b, tmp_path / "half.safetensors")
    assert torch.equal(b[0].weight, a[0].weight.to(torch.bfloat16).float())
    with pytest.raises(OutputError, match="exists already"):
        save_weights(a, tmp_path / "own.npz")


def test_onnx_initialisers(tmp_path):
    """An ONNX file gives its initialisers by name."""
    onnx = pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    a, b = nets()
    stored = [numpy_helper.from_array(v.numpy(), k) for k, v in a.state_dict().items()]
    onnx.save(helper.make_model(helper.make_graph([], "g", [], [], stored)), tmp_path / "net.onnx")
    load_weights(b, tmp_path / "net.onnx")
    assert same(a, b)
    (tmp_path / "net.onnx").write_bytes(b"\xff" * 64)
    with pytest.raises(InputError, match="no weights can be read"):
        load_weights(b, tmp_path / "net.onnx")


def test_darknet_order(tmp_path):
    """Header of five numbers; shift, scale, mean, variance, weights of each convolution; heads: bias, weights."""
    net = FULL["yolov3-tiny"].make()
    count = sum(v.numel() for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked"))
    values = np.arange(count, dtype=np.float32) / count
    path = tmp_path / "yolov3-tiny.weights"
    path.write_bytes(struct.pack("<5i", 0, 2, 0, 7, 0) + values.tobytes())
    assert path.stat().st_size == 35_434_956  # the published file's
    load_weights(net, path)
    first = net.conv0
    parts = [first.norm.bias, first.norm.weight, first.norm.running_mean, first.norm.running_var, first.conv.weight]
    assert np.array_equal(torch.cat([p.detach().flatten() for p in parts]).numpy(), values[: 4 * 16 + 432])
    last = net.conv12.conv
    assert np.array_equal(torch.cat([last.bias, last.weight.flatten()]).detach().numpy(), values[-255 * 257 :])
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(InputError, match="holds 8,858,733 numbers; YoloV3Tiny has 8,858,734"):
        load_weights(net, path)
    with pytest.raises(ConfigError, match="yolov3 and yolov3-tiny only"):
        load_weights(nets()[0], path)


def test_weights_of_another_network(tmp_path):
    """The report counts what fits and names what does not; nothing is loaded."""
    a, b = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2)), nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(2, 2))
    torch.save(a.state_dict(), tmp_path / "a.pt")
    before = b[0].weight.detach().clone()
    with pytest.raises(InputError) as caught:
        load_weights(b, tmp_path / "a.pt")
    text = str(caught.value)
    for part in (
        "0 of 4 tensors do", "0.weight: is (2, 3), expected (4, 3)", "2.bias: missing, expected (2,)",
        "1.weight: unknown, is (2, 2)",
    ):  # fmt: skip
        assert part in text
    assert torch.equal(before, b[0].weight)


def test_other_names_same_order(tmp_path):
    """Weights under foreign names go by position, if shapes agree one by one."""
    a, b = nets()
    torch.save({f"layer{i}": v for i, v in enumerate(a.state_dict().values())}, tmp_path / "a.pt")
    load_weights(b, tmp_path / "a.pt", match="order")
    assert same(a, b)
    torch.save({f"layer{i}": v for i, v in enumerate([*a.state_dict().values(), torch.zeros(3)])}, tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"number 22: unknown, is \(3,\)"):
        load_weights(b, tmp_path / "a.pt", match="order")


class Payload:
    def __reduce__(self):
        return print, ("code ran",)


def test_files_that_are_none(tmp_path, capsys):
    """Code is refused, damage is told, NaN is told, kinds are listed."""
    net = nets()[0]
    torch.save({"a": Payload()}, tmp_path / "evil.pt")
    with pytest.raises(InputError, match="Python objects"):
        load_weights(net, tmp_path / "evil.pt")
    assert "code ran" not in capsys.readouterr().out
    for name in ("a.pt", "a.npz", "a.safetensors"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(InputError, match="damaged"):
            load_weights(net, tmp_path / name)
    torch.save({k: v * float("nan") for k, v in net.state_dict().items()}, tmp_path / "nan.pt")
    with pytest.raises(InputError, match="0.weight holds NaN"):
        load_weights(net, tmp_path / "nan.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(InputError, match="not a saved state_dict"):
        load_weights(net, tmp_path / "list.pt")
    (tmp_path / "a.h5").touch()
    with pytest.raises(ConfigError, match=r"unknown kind of weights; expected .pt"):
        load_weights(net, tmp_path / "a.h5")
    with pytest.raises(InputError, match="no such file"):
        load_weights(net, tmp_path / "absent.pt")
