"""Malformed, truncated and unsuitable ONNX files end with one clear paragraph, never with a traceback."""

import random

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import helper  # noqa: E402

from edensim.errors import InputError  # noqa: E402
from edensim.workloads import load_network, onnx_file  # noqa: E402
from tests.workloads.onnx_models import model, tensor, values, weights  # noqa: E402

node = helper.make_node


def good():
    nodes = [
        node("Conv", ["x", "w", "b"], ["a"], "c1", pads=[1, 1, 1, 1]),
        node("MaxPool", ["a"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Reshape", ["p", "flat"], ["f"]),
        node("Gemm", ["f", "v"], ["y"], "fc"),
    ]
    stored = [weights("w", 8, 3, 3, 3), weights("b", 8), weights("v", 128, 10), values("flat", np.array([1, 128]))]
    return model(nodes, [tensor("x", "N", 3, 8, 8)], stored)


@pytest.fixture
def write(tmp_path):
    def write_file(content):
        path = tmp_path / "m.onnx"
        path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
        return path

    return write_file


def test_truncated_files(write):
    """A file cut anywhere is refused or, where the cut leaves a valid prefix, read without any other error."""
    whole = good().SerializeToString()
    refused = 0
    for end in range(0, len(whole), 7):
        try:
            load_network(write(whole[:end]))
        except InputError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > len(whole) // 7 * 0.9


def test_flipped_bits(write):
    """A file with any single byte changed gives a network or an InputError."""
    whole = good().SerializeToString()
    draw = random.Random(1)
    refused = 0
    for place in range(len(whole)):
        broken = bytearray(whole)
        broken[place] ^= 1 << draw.randrange(8)
        try:
            load_network(write(bytes(broken)))
        except InputError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 20


def test_not_a_model(write, tmp_path):
    """Other contents, an empty file, a folder and a file over the size limit are named as what they are."""
    for content, message in ((b"PK\x03\x04 not onnx", "no readable ONNX model"), (b"", "holds 0 bytes")):
        with pytest.raises(InputError, match=message):
            load_network(write(content))
    with pytest.raises(InputError, match="its graph has no nodes"):
        load_network(write(onnx.ModelProto(ir_version=8, producer_name="x")))
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(InputError, match="is a folder, expected an ONNX model"):
        load_network(tmp_path / "folder.onnx")


def test_size_limit(write, monkeypatch):
    """Files beyond protobuf's own limit are refused before they are read."""
    monkeypatch.setattr(onnx_file, "LIMIT_BYTES", 100)
    with pytest.raises(InputError, match="expected an ONNX model of 1 to 100 bytes"):
        load_network(write(good()))


def test_large_weights_inside_the_file_change_nothing(write):
    """With or without its weights' values the model gives the same network; only their dimensions count."""
    without = load_network(write(good()))
    whole = good()
    for i, name in enumerate(["w", "b", "v"]):
        shape = tuple(whole.graph.initializer[i].dims)
        whole.graph.initializer[i].CopyFrom(values(name, np.ones(shape, np.float32)))
    assert load_network(write(whole)) == without
    assert [x.extra_params for x in without.layers] == [8, 0]


BAD = {
    "missing dimension": (
        [node("Conv", ["x", "w"], ["y"], "c")], [tensor("x", 1, 3, "height", 8)], [weights("w", 8, 3, 3, 3)],
        r"node 'c' \(Conv\): the shape of operand 'x' is 1x3x\?x8, expected at least 3 known dimensions",
    ),
    "no shape": (
        [node("Conv", ["x", "w"], ["y"], "c")], [onnx.ValueInfoProto(name="x")], [weights("w", 8, 3, 3, 3)],
        "the shape of operand 'x' is unknown",
    ),
    "dangling": (
        [node("Conv", ["q", "w"], ["y"], "c")], [tensor("x", 1, 3, 8, 8)], [weights("w", 8, 3, 3, 3)],
        "a node of type 'Conv' reads 'q', which no earlier node",
    ),
    "channels": (
        [node("Conv", ["x", "w"], ["y"], "c")], [tensor("x", 1, 4, 8, 8)], [weights("w", 8, 3, 3, 3)],
        r"4 input channels, but weights of shape \(8, 3, 3, 3\) in 1 groups take 3|shapes cannot be inferred",
    ),
    "3-D": (
        [node("Conv", ["x", "w"], ["y"], "c")], [tensor("x", 1, 3, 8, 8, 8)], [weights("w", 8, 3, 3, 3, 3)],
        "3-D convolutions are not modelled",
    ),
    "kernel": (
        [node("Conv", ["x", "w"], ["y"], "c")], [tensor("x", 1, 3, 2, 2)], [weights("w", 8, 3, 5, 5)],
        "P is -2, expected 1 to",
    ),
    "strides": (
        [node("Conv", ["x", "w"], ["y"], "c", strides=[0, 1])], [tensor("x", 1, 3, 8, 8)], [weights("w", 8, 3, 3, 3)],
        r"strides \(0, 1\) .* must be at least 1|shapes cannot be inferred",
    ),
    "pads": (
        [node("Conv", ["x", "w"], ["y"], "c", pads=[1, 1])], [tensor("x", 1, 3, 8, 8)], [weights("w", 8, 3, 3, 3)],
        r"pads is \[1, 1\], expected 4 integers|shapes cannot be inferred",
    ),
    "operand": (
        [node("Conv", ["x"], ["y"], "c")], [tensor("x", 1, 3, 8, 8)], [],
        "operand 1 is missing|shapes cannot be inferred",
    ),
    "product": (
        [node("Gemm", ["x", "w"], ["y"], "g")], [tensor("x", 1, 7)], [weights("w", 8, 5)],
        r"cannot multiply \(1, 7\) by \(8, 5\)|shapes cannot be inferred",
    ),
    "broadcast": (
        [node("Relu", ["x"], ["r"]), node("MatMul", ["x", "z"], ["y"], "g")],
        [tensor("x", 1, 2, 4, 5), tensor("z", 1, 3, 5, 6)], [],
        r"leading dimensions \(1, 2\) and \(1, 3\) do not fit|shapes cannot be inferred",
    ),
    "transposed stride": (
        [node("ConvTranspose", ["x", "w"], ["y"], "c", strides=[1, 10**9])], [tensor("x", 1, 8, 8, 8)],
        [weights("w", 8, 3, 3, 3)], "stride 1000000000, expected at most 64",
    ),
    "transposed pads": (
        [node("ConvTranspose", ["x", "w"], ["y"], "c", pads=[9, 9, 9, 9])], [tensor("x", 1, 8, 8, 8)],
        [weights("w", 8, 3, 3, 3)], "has no outputs",
    ),
    "no layers": ([node("Relu", ["x"], ["y"])], [tensor("x", 1, 8)], [], "holds no layer"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_row_37_unsuitable_models(write, case):
    """Each model that cannot be used names the node and what was expected of it."""
    nodes, inputs, stored, message = BAD[case]
    with pytest.raises(InputError, match=message) as caught:
        load_network(write(model(nodes, inputs, stored)))
    assert "\n" not in str(caught.value)
    assert "m.onnx: " in str(caught.value)
