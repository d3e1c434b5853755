"""ONNX import: each operator's shapes, what feeds what, and whole networks against the built-in tables."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402

from edensim.workloads import builtin_names, load_network  # noqa: E402
from edensim.workloads.networks import BUILTIN  # noqa: E402
from tests.workloads.onnx_models import OnnxWriter, model, tensor, values, weights  # noqa: E402

node = helper.make_node


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "m.onnx"

    def read_model(*args, **kwargs):
        path.write_bytes(model(*args, **kwargs).SerializeToString())
        return load_network(path)

    return read_model


def conv(*shape, image=(1, 3, 20, 30), op="Conv", **attributes):
    return [node(op, ["x", "w"], ["y"], "c", **attributes)], [tensor("x", *image)], [weights("w", *shape)]


@pytest.mark.parametrize("name", builtin_names())
def test_whole_networks_survive_the_round_trip(name, tmp_path, monkeypatch):
    """Each built-in network, written as ONNX without weights, is read back layer by layer, parameters included."""
    family = getattr(BUILTIN[name], "func", BUILTIN[name]).__globals__
    own = [x for x in ("NetworkBuilder", "_Darknet") if x in family][-1]
    writer = OnnxWriter if own == "NetworkBuilder" else type(own, (family[own], OnnxWriter), {})
    monkeypatch.setitem(family, own, writer)
    built = BUILTIN[name]()
    path = tmp_path / f"{name}.onnx"
    path.write_bytes(OnnxWriter.latest.onnx_model().SerializeToString())
    read_back = load_network(path)
    assert read_back.name == built.name
    assert read_back.parameter_count == built.parameter_count
    bare = [[replace(x, extra_params=0) for x in net.layers] for net in (read_back, built)]
    assert bare[0] == bare[1]


def test_kernel_order_is_y_x(read):
    """A 1x7 kernel has height 1 and width 7, and its pads and strides follow the same order."""
    x = read(*conv(16, 3, 1, 7, pads=[0, 3, 0, 2], strides=[1, 2])).layers[0]
    assert (x.R, x.S, x.pad, x.stride) == (1, 7, (0, 0, 3, 2), (1, 2))
    assert (x.C, x.H, x.W, x.K, x.P, x.Q) == (3, 20, 30, 16, 20, 15)


def test_asymmetric_pads_and_dilation(read):
    """ONNX orders pads (top, left, bottom, right)."""
    x = read(*conv(8, 3, 3, 3, pads=[1, 2, 3, 4], dilations=[2, 3])).layers[0]
    assert (x.pad, x.dilation, x.P, x.Q) == ((1, 3, 2, 4), (2, 3), 20, 30)


@pytest.mark.parametrize("auto,pad,size", [
    ("SAME_UPPER", (1, 1, 1, 2), (10, 10)), ("SAME_LOWER", (1, 1, 2, 1), (10, 10)), ("VALID", (0, 0, 0, 0), (9, 9)),
])  # fmt: skip
def test_auto_pad(read, auto, pad, size):
    """SAME pads to ceil(size / stride), the odd element after (UPPER) or before (LOWER); VALID does not pad."""
    x = read(*conv(8, 3, 4, 6, image=(1, 3, 20, 30), strides=[2, 3], auto_pad=auto)).layers[0]
    assert (x.pad, (x.P, x.Q)) == (pad, size)


def test_groups(read):
    """Depthwise has a group per input channel, whatever its multiplier; other groups stay a convolution."""
    depthwise = read(*conv(6, 1, 3, 3, group=3)).layers[0]
    assert (depthwise.kind, depthwise.groups, depthwise.K) == ("dwconv", 3, 6)
    grouped = read(*conv(8, 2, 3, 3, image=(1, 4, 9, 9), group=2)).layers[0]
    assert (grouped.kind, grouped.groups, grouped.weight_count) == ("conv", 2, 8 * 2 * 9)


def test_one_dimension_runs_along_the_width(read):
    """A 1-D convolution has height 1."""
    x = read(*conv(8, 4, 5, image=(1, 4, 100), strides=[2], pads=[1, 2], dilations=[3])).layers[0]
    assert (x.H, x.W, x.R, x.S, x.P, x.Q) == (1, 100, 1, 5, 1, 46)
    assert (x.pad, x.stride, x.dilation) == ((0, 0, 1, 2), (1, 2), (1, 3))


def test_dynamic_first_dimension_counts_as_the_batch(read):
    """A symbolic or unnamed batch is one image; a fixed batch is divided out of matrix products."""
    for batch in ("N", None, 1, 8):
        nodes = [
            node("Conv", ["x", "w"], ["a"], "conv"),
            node("Flatten", ["a"], ["b"]),
            node("Gemm", ["b", "v"], ["c"], "gemm"),
            node("MatMul", ["c", "u"], ["y"], "matmul"),
        ]
        stored = [weights("w", 4, 3, 3, 3), weights("v", 144, 10), weights("u", 10, 5)]
        x, gemm, matmul = read(nodes, [tensor("x", batch, 3, 8, 8)], stored).layers
        assert (x.ofm_count, gemm.macs, matmul.macs, gemm.kind, matmul.kind) == (144, 1440, 50, "fc", "fc")


def test_flatten_through_shape_arithmetic(read):
    """The chain that exporters write for view(x.size(0), -1) is followed to the product behind it."""
    nodes = [
        node("Conv", ["x", "w"], ["a"], "conv"),
        node("Shape", ["a"], ["s"]),
        node("Gather", ["s", "zero"], ["n"], axis=0),
        node("Unsqueeze", ["n", "axes"], ["n1"]),
        node("Concat", ["n1", "minus"], ["target"], axis=0),
        node("Reshape", ["a", "target"], ["b"]),
        node("Gemm", ["b", "v", "bias"], ["y"], "fc", transB=1),
    ]
    stored = [weights("w", 4, 3, 3, 3), weights("v", 10, 144), weights("bias", 10)]
    stored += [values("zero", np.array(0)), values("axes", np.array([0])), values("minus", np.array([-1]))]
    net = read(nodes, [tensor("x", "N", 3, 8, 8)], stored)
    assert [x.name for x in net.layers] == ["conv", "fc"]
    assert net.layers[1].inputs == ("conv",)
    assert net.parameter_count == 4 * 27 + 1440 + 10


def test_gemm_transposes(read):
    """Rows, columns and depth are found for all four combinations of transA and transB."""
    for ta in (0, 1):
        for tb in (0, 1):
            a, b = (20, 6) if ta else (6, 20), (30, 20) if tb else (20, 30)
            nodes = [node("Gemm", ["x", "w", "b"], ["y"], transA=ta, transB=tb)]
            x = read(nodes, [tensor("r", 1, 1), tensor("x", *a)], [weights("w", *b), weights("b", 30)]).layers[0]
            assert (x.C, x.H, x.K, x.P, x.macs, x.extra_params) == (20, 6, 30, 6, 3600, 30)


def test_matmul_of_sequences(read):
    """Leading dimensions of the data become rows; a bias added behind counts once, a factor of one number not."""
    nodes = [
        node("MatMul", ["x", "w"], ["a"], "/enc/dense/MatMul"),
        node("Add", ["b", "a"], ["c"]),
        node("Mul", ["c", "half"], ["y"]),
    ]
    stored = [weights("w", 64, 256), weights("b", 256), values("half", np.array([0.5], np.float32))]
    x = read(nodes, [tensor("x", "N", 128, 64)], stored).layers[0]
    assert (x.name, x.C, x.H, x.K, x.P) == ("enc/dense/MatMul", 64, 128, 256, 128)
    assert (x.macs, x.extra_params) == (128 * 64 * 256, 256)


def test_attention_multiplies_computed_tensors(read):
    """Products of two computed tensors have one group per head, two producers, and no parameters."""
    nodes = [
        node("MatMul", ["x", "wq"], ["q"], "q"),
        node("MatMul", ["x", "wk"], ["k"], "k"),
        node("Reshape", ["q", "heads"], ["q4"]),
        node("Reshape", ["k", "heads"], ["k4"]),
        node("Transpose", ["q4"], ["qt"], perm=[0, 2, 1, 3]),
        node("Transpose", ["k4"], ["kt"], perm=[0, 2, 3, 1]),
        node("MatMul", ["qt", "kt"], ["y"], "qk"),
    ]
    stored = [weights("wq", 64, 64), weights("wk", 64, 64), values("heads", np.array([2, 10, 4, 16]))]
    net = read(nodes, [tensor("x", 2, 10, 64)], stored)
    qk = net.layers[2]
    assert (qk.groups, qk.C, qk.K, qk.H, qk.macs) == (4, 64, 40, 10, 4 * 10 * 10 * 16)
    assert (qk.inputs, qk.weights_from) == (("q", "k"), ("k",))
    assert qk.weight_count == 4 * 10 * 16
    assert net.parameter_count == 2 * 64 * 64


def test_constant_on_the_left_is_the_weight(read):
    """W·x is the same work with the roles of the operands exchanged."""
    x = read([node("MatMul", ["w", "x"], ["y"])], [tensor("x", 1, 20, 7)], [weights("w", 30, 20)]).layers[0]
    assert (x.C, x.K, x.H, x.weight_count, x.ifm_count) == (20, 30, 7, 600, 140)
    assert (x.inputs, x.weights_from) == (("input",), ())


def test_broadcast_products(read):
    """Leading dimensions broadcast as in numpy."""
    nodes = [node("Relu", ["b"], ["c"]), node("MatMul", ["a", "c"], ["y"])]
    x = read(nodes, [tensor("a", 1, 8, 1, 5, 6), tensor("b", 1, 1, 4, 6, 7)]).layers[0]
    assert x.macs == 8 * 4 * 5 * 6 * 7
    assert (x.groups, x.weight_count) == (4, 4 * 6 * 7)


def test_residual_block(read):
    """Batch norms fold into the layer before; the sum is held by the operand computed last."""
    bn = [f"n{i}" for i in range(4)]
    nodes = [
        node("Conv", ["x", "w0"], ["a"], "stem"),
        node("Conv", ["a", "w1"], ["b"], "body"),
        node("BatchNormalization", ["b", *bn], ["c"]),
        node("Add", ["a", "c"], ["d"]),
        node("Relu", ["d"], ["e"]),
        node("Conv", ["e", "w2"], ["f"], "next"),
        node("Add", ["e", "f"], ["g"]),
        node("Conv", ["g", "w2"], ["y"], "last"),
    ]
    stored = [weights("w0", 8, 3, 1, 1), weights("w1", 8, 8, 1, 1), weights("w2", 8, 8, 1, 1)]
    net = read(nodes, [tensor("x", 1, 3, 5, 5)], stored + [weights(n, 8) for n in bn])
    assert [x.inputs for x in net.layers] == [("input",), ("stem",), ("body", "stem"), ("next", "body")]
    assert [x.extra_params for x in net.layers] == [0, 16, 0, 0]


def test_sum_of_three_that_nobody_read_in_between(read):
    """A sum of sums names every operand, since none has been added up before."""
    nodes = [node("Conv", ["x", f"w{i}"], [f"a{i}"], f"c{i}") for i in range(3)]
    nodes += [node("Add", ["a0", "a1"], ["s"]), node("Add", ["s", "a2"], ["t"]), node("Conv", ["t", "w"], ["y"], "c")]
    stored = [weights(f"w{i}", 3, 3, 1, 1) for i in range(3)] + [weights("w", 3, 3, 1, 1)]
    assert read(nodes, [tensor("x", 1, 3, 5, 5)], stored).layers[3].inputs == ("c2", "c1", "c0")


def test_squeeze_and_excite(read):
    """A per-channel factor is broadcast: the full-size operand holds the product although the factor comes later."""
    nodes = [
        node("Conv", ["x", "w0"], ["a"], "wide"),
        node("GlobalAveragePool", ["a"], ["p"]),
        node("Conv", ["p", "w1"], ["q"], "gate"),
        node("Sigmoid", ["q"], ["s"]),
        node("Mul", ["s", "a"], ["m"]),
        node("Conv", ["m", "w1"], ["y"], "out"),
    ]
    stored = [weights("w0", 8, 3, 1, 1), weights("w1", 8, 8, 1, 1)]
    assert read(nodes, [tensor("x", 1, 3, 5, 5)], stored).layers[2].inputs == ("wide", "gate")


def test_concatenation_and_split(read):
    """Concatenations name all parts in channel order; a split passes its source on."""
    nodes = [
        node("Conv", ["x", "w0"], ["a"], "left"),
        node("Conv", ["x", "w0"], ["b"], "right"),
        node("Concat", ["b", "a"], ["c"], axis=1),
        node("Split", ["c"], ["d", "e"], axis=1),
        node("Conv", ["e", "w1"], ["y"], "out"),
    ]
    stored = [weights("w0", 8, 3, 1, 1), weights("w1", 4, 8, 1, 1)]
    net = read(nodes, [tensor("x", 1, 3, 5, 5)], stored)
    assert net.layers[2].inputs == ("right", "left")
    assert net.layers[2].C == 8


def test_initialisers_listed_as_inputs(read):
    """Old models list their weights among the inputs; they are still weights."""
    nodes, inputs, stored = conv(8, 3, 3, 3)
    x = read(nodes, [tensor("w", 8, 3, 3, 3), *inputs], stored).layers[0]
    assert (x.inputs, x.weights_from, x.K) == (("input",), (), 8)


def test_weights_behind_identity_constant_or_dequantisation(read):
    """Weights may be shared through Identity, held by a Constant, or stored as int8 and dequantised."""
    constant = helper.make_tensor("t", TensorProto.FLOAT, [3, 3, 1, 1], [0.0] * 9)
    nodes = [
        node("Identity", ["w"], ["w1"]),
        node("Constant", [], ["w2"], value=constant),
        node("DequantizeLinear", ["wq", "scale", "zero"], ["w3"]),
        *(node("Conv", [x, w], [y], y) for x, w, y in (("x", "w1", "a"), ("a", "w2", "b"), ("b", "w3", "y"))),
    ]
    stored = [weights("w", 3, 3, 1, 1), weights("wq", 3, 3, 1, 1, kind=TensorProto.INT8)]
    stored += [values("scale", np.float32(0.1).reshape(())), values("zero", np.int8(0).reshape(()))]
    net = read(nodes, [tensor("x", 1, 3, 5, 5)], stored)
    assert [(x.name, x.weights_from, x.weight_count) for x in net.layers] == [("a", (), 9), ("b", (), 9), ("y", (), 9)]


def test_quantised_operators(read):
    """QLinearConv and QLinearMatMul keep weights in operand 3; an int32 bias counts."""
    scales = [values("s", np.float32(0.1).reshape(())), values("z", np.uint8(0).reshape(()))]
    nodes = [
        node("QLinearConv", ["x", "s", "z", "w", "s", "z", "s", "z", "b"], ["a"], "qc", pads=[1, 1, 1, 1]),
        node("Flatten", ["a"], ["f"]),
        node("QLinearMatMul", ["f", "s", "z", "v", "s", "z", "s", "z"], ["y"], "qm"),
    ]
    stored = [
        weights("w", 8, 3, 3, 3, kind=TensorProto.UINT8),
        weights("b", 8, kind=TensorProto.INT32),
        weights("v", 200, 10, kind=TensorProto.UINT8),
    ]
    net = read(nodes, [tensor("x", "N", 3, 5, 5, kind=TensorProto.UINT8)], stored + scales)
    assert [(x.name, x.K, x.weight_count, x.extra_params) for x in net.layers] == [
        ("qc", 8, 216, 8), ("qm", 10, 2000, 0),
    ]  # fmt: skip


def test_unknown_operators_warn_once_and_connect(read):
    """Operators without a model are named in one warning with their counts; the layers around them stay connected."""
    nodes = [
        node("Conv", ["x", "w"], ["a"], "c1"),
        node("Frobnicate", ["a"], ["b"], domain="my.ops"),
        node("Frobnicate", ["b"], ["c"], domain="my.ops"),
        node("Zap", ["c"], ["d"], domain="my.ops"),
        node("Conv", ["d", "w"], ["y"], "c2"),
    ]
    net = read(
        nodes, [tensor("x", 1, 3, 5, 5)], [weights("w", 3, 3, 1, 1)], extra_domains=["my.ops"],
        value_info=[tensor("d", 1, 3, 5, 5)],
    )  # fmt: skip
    (warning,) = net.warnings
    assert warning.split(": ", 1)[1] == "operators without a model, counted as no work: Frobnicate (2x), Zap (1x)"
    assert net.layers[1].inputs == ("c1",)


def test_names_are_unique_and_printable(read):
    """Missing, repeated, reserved and unprintable node names become usable ones."""
    nodes = [
        node("Conv", [f"v{i}", "w"], [f"v{i + 1}"], name) for i, name in enumerate(["", "a", "a", "input", "b\n\x00"])
    ]
    nodes[-1].output[0] = "y"
    net = read(nodes, [tensor("v0", 1, 3, 5, 5)], [weights("w", 3, 3, 1, 1)])
    assert [x.name for x in net.layers] == ["conv0", "a", "a#2", "input#2", "b__"]


sizes = st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 4), st.integers(1, 3), st.integers(0, 3))


@given(sizes, st.integers(0, 3), st.integers(0, 3))
def test_transposed_convolution_is_exact(read, axis, after, added):
    """Phases together have the transposed convolution's useful products and reached outputs, counted one by one."""
    size, kernel, stride, dilation, before = axis
    added = min(added, stride - 1)
    outputs = stride * (size - 1) + dilation * (kernel - 1) + 1 + added - before - after
    landing = [i * stride + r * dilation - before for i in range(size) for r in range(kernel)]
    useful = sum(0 <= y < outputs for y in landing)
    if not useful:
        return
    nodes, inputs, stored = conv(
        5, 4, kernel, image=(1, 5, size), op="ConvTranspose", strides=[stride], dilations=[dilation],
        pads=[before, after], output_padding=[added],
    )  # fmt: skip
    layers = read(nodes, inputs, stored).layers
    assert all((x.C, x.K, x.H, x.P, x.stride) == (5, 4, 1, 1, (1, 1)) for x in layers)
    assert sum(_useful_products(x) for x in layers) == useful
    assert sum(x.S for x in layers) <= kernel
    reached = {y % stride for y in landing if 0 <= y < outputs}
    least = sum(y % stride in reached for y in range(outputs))
    assert least <= sum(x.Q for x in layers) <= (least if dilation == 1 else outputs)
    for x in layers:
        assert x.W + x.pad[2] + x.pad[3] == x.Q + (x.S - 1) * x.dilation[1]


def _useful_products(x):
    """Products of one row that read an input, not padding."""
    reads = (q - x.pad[2] + s * x.dilation[1] for q in range(x.Q) for s in range(x.S))
    return sum(0 <= i < x.W for i in reads)


def test_transposed_convolution_of_a_decoder(read):
    """The usual 4x4 stride 2: four phases of 2x2 taps, MACs = input pixels x kernel x channels, all of one producer."""
    nodes, inputs, stored = conv(8, 6, 4, 4, image=(1, 8, 7, 7), op="ConvTranspose", strides=[2, 2], pads=[1, 1, 1, 1])
    nodes[0].output[0] = "a"
    nodes.append(node("Conv", ["a", "v"], ["y"], "next"))
    *phases, after = read(nodes, inputs, [*stored, weights("v", 3, 6, 1, 1)]).layers
    assert [x.name for x in phases] == ["c.0.0", "c.0.1", "c.1.0", "c.1.1"]
    assert {(x.R, x.S, x.P, x.Q, x.H, x.W) for x in phases} == {(2, 2, 7, 7, 7, 7)}
    assert sum(x.weight_count for x in phases) == 8 * 6 * 16
    assert sum(x.macs for x in phases) == 7 * 7 * 16 * 8 * 6
    assert (after.inputs, after.H) == (("c.0.0", "c.0.1", "c.1.0", "c.1.1"), 14)


@pytest.mark.parametrize("attributes,total", [
    ({"output_shape": [15]}, 15), ({"auto_pad": "SAME_UPPER"}, 14), ({"auto_pad": "SAME_LOWER"}, 14), ({}, 16),
])  # fmt: skip
def test_transposed_convolution_with_a_wanted_size(read, attributes, total):
    """output_shape and auto_pad decide the padding, as ONNX's own shape inference has it."""
    nodes, inputs, stored = conv(2, 2, 4, image=(1, 2, 7), op="ConvTranspose", strides=[2], **attributes)
    nodes[0].output[0] = "a"
    nodes.append(node("Conv", ["a", "v"], ["y"], "next"))
    *phases, after = read(nodes, inputs, [*stored, weights("v", 3, 2, 1)]).layers
    assert sum(x.Q for x in phases) == after.W == total
