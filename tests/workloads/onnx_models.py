"""ONNX models for the tests: single nodes, and whole built-in networks written through the builder's own calls."""

import onnx
from onnx import TensorProto, helper, numpy_helper

from edensim.workloads.builder import NetworkBuilder


def weights(name, *dims, kind=TensorProto.FLOAT):
    """An initialiser whose values lie in an external file that does not exist."""
    tensor = TensorProto(name=name, data_type=kind, dims=dims, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="absent.bin")
    return tensor


def values(name, array):
    """A small initialiser with its values."""
    return numpy_helper.from_array(array, name)


def tensor(name, *dims, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, dims)


def model(nodes, inputs, initialisers=(), output="y", opset=17, extra_domains=(), value_info=()):
    """A model with one output of unknown shape."""
    graph = helper.make_graph(
        nodes, "g", inputs, [onnx.ValueInfoProto(name=output)], list(initialisers), value_info=list(value_info)
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in extra_domains)]
    return helper.make_model(graph, opset_imports=opsets)


class OnnxWriter(NetworkBuilder):
    """A `NetworkBuilder` that writes the ONNX nodes of each call beside the layers."""

    latest = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.nodes, self.stored, self.values = [], [], {}
        OnnxWriter.latest = self

    def input(self, C, H, W):
        x = super().input(C, H, W)
        self.values[x] = "image"
        self.image = tensor("image", "batch", C, H, W)
        return x

    def conv(self, x, name, K, kernel, stride=1, pad=None, groups=1, per_filter=None, extra=0):
        y = super().conv(x, name, K, kernel, stride, pad, groups, per_filter, extra)
        made = self.layers[-1]
        source = self._norm(self.values[x], x.C) if extra else self.values[x]
        each = self.per_filter if per_filter is None else per_filter
        operands = [source, self._store(K, made.C // groups, made.R, made.S)]
        if each in (1, 3):
            operands.append(self._store(K))
        pads = [made.pad[0], made.pad[2], made.pad[1], made.pad[3]]
        out = self._node("Conv", operands, name, group=groups, strides=made.stride, pads=pads)
        if each in (2, 3):
            out = self._norm(out, K)
        self.values[y] = self._node("Relu", [out])
        return y

    def fc(self, x, name, K, extra=0):
        y = super().fc(x, name, K, extra)
        source = self._norm(self.values[x], x.C) if extra else self.values[x]
        flat = self._node("Flatten", [source])
        stored = [self._store(K, self.layers[-1].C), self._store(K)]
        self.values[y] = self._node("Gemm", [flat, *stored], name, transB=1)
        return y

    def pool(self, x, kernel, stride, pad=0, ceil=False):
        y = super().pool(x, kernel, stride, pad, ceil)
        sizes = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4, "ceil_mode": int(ceil)}
        self.values[y] = self._node("MaxPool", [self.values[x]], **sizes)
        return y

    def global_pool(self, x):
        y = super().global_pool(x)
        self.values[y] = self._node("GlobalAveragePool", [self.values[x]])
        return y

    def upsample(self, x, factor):
        y = super().upsample(x, factor)
        name = f"scale{len(self.stored)}"
        self.stored.append(helper.make_tensor(name, TensorProto.FLOAT, [4], [1, 1, factor, factor]))
        self.values[y] = self._node("Resize", [self.values[x], "", name])
        return y

    def add(self, x, y):
        z = super().add(x, y)
        self.values[z] = self._node("Add", [self.values[y], self.values[x]])
        return z

    def concat(self, *parts):
        z = super().concat(*parts)
        if len(parts) > 1:
            self.values[z] = self._node("Concat", [self.values[x] for x in parts], axis=1)
        return z

    def onnx_model(self):
        return model(self.nodes, [self.image], self.stored, self.nodes[-1].output[0])

    def _norm(self, source, channels):
        return self._node("BatchNormalization", [source, *(self._store(channels) for _ in range(4))])

    def _store(self, *dims):
        self.stored.append(weights(f"w{len(self.stored)}", *dims))
        return self.stored[-1].name

    def _node(self, op, operands, name="", **attributes):
        out = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, operands, [out], name, **attributes))
        return out
