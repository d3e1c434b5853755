"""Reads the layers of an ONNX model: every node that multiplies by weights becomes a layer, all others only connect.

Modelled: shapes, weights, biases, scale and shift of normalisations (counted to the layer before them), residual sums,
concatenations, products of two computed tensors (attention). Views, activations, pools and element-wise operators
make no traffic of their own. Not modelled: values, bit widths, recurrent operators (LSTM, GRU, RNN), control flow:
those are unknown operators, passed through with one warning. A layer's sizes are those of one image.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import prod
from pathlib import Path

from edensim.errors import InputError
from edensim.workloads.dataflow import Dataflow, Origin
from edensim.workloads.layer import Layer, Network
from edensim.workloads.names import Names
from edensim.workloads.onnx_file import OnnxModel, read_model
from edensim.workloads.onnx_layers import layers_of
from edensim.workloads.onnx_node import Node
from edensim.workloads.onnx_operators import CONTROL_FLOW, KNOWN, NORMALISATIONS, OPERANDS, PRODUCTS, SHAPE_ONLY, SUMS


def load_onnx(path: Path) -> Network:
    """Read a model's layers; weights may be absent. Operators edensim does not know are named in one warning.

    Raises
    ------
    InputError
        If the file is malformed, a needed shape is missing, or no node multiplies by weights.
    MissingExtraError
        If onnx is not installed.
    """
    walk = _Walk(read_model(path))
    for proto in walk.model.nodes:
        walk.visit(Node(proto, walk.model))
    listed = ", ".join(f"{op} ({count}x)" for op, count in sorted(walk.unknown.items()))
    warnings = (f"{path.name}: operators without a model, counted as no work: {listed}",) if listed else ()
    if not walk.layers:
        raise InputError(f"{path}: holds no layer (no Conv, ConvTranspose, Gemm or MatMul)")
    return Network(path.stem, tuple(walk.finished()), f"ONNX model {path.name}", warnings)


class _Walk:
    """State while the nodes are visited in order: the layers so far, and which of them each value comes from."""

    def __init__(self, model: OnnxModel) -> None:
        self.model = model
        self.layers: list[Layer] = []
        self.unknown: Counter[str] = Counter()
        self._flow = Dataflow()
        self._image = self._flow.output("input")
        self._origins = dict.fromkeys(model.inputs, self._image)
        self._names = Names()
        self._extra: Counter[int] = Counter()
        self._counted: set[str] = set()

    def visit(self, node: Node) -> None:
        """Take one node: make layers of it, or connect its outputs to what it reads."""
        op, operands = str(node.proto.op_type), [str(x) for x in node.proto.input if x]
        constants = self.model.constants
        for x in operands:
            if x not in self._origins and x not in constants:
                raise InputError(
                    f"{self.model.path}: a node of type {op[:40]!r} reads {x[:80]!r}, which no earlier node, input or "
                    "initialiser provides"
                )
        if op in SHAPE_ONLY:
            constants.update(dict.fromkeys(node.proto.output, ""))
        elif op not in CONTROL_FLOW and all(x in constants for x in operands):
            root = constants[operands[0]] if operands else ""
            constants.update(dict.fromkeys(node.proto.output, root))
        elif op in OPERANDS:
            self._compute(replace(node, name=self._name(node)))
        else:
            self._connect(node, operands)

    def finished(self) -> list[Layer]:
        """Return the layers with the parameters of biases and normalisations added."""
        return [replace(x, extra_params=self._extra[i]) for i, x in enumerate(self.layers)]

    def _name(self, node: Node) -> str:
        return self._names.take(node.proto.name.strip("/") or f"{node.proto.op_type.lower()}{len(self.layers)}")

    def _compute(self, node: Node) -> None:
        x, w, bias = OPERANDS[node.proto.op_type]
        if node.proto.op_type in PRODUCTS and node.stored(x) and not node.stored(w):
            x, w = w, x
        layers = layers_of(node, x, w)
        data = self._flow.read(self._origins.get(node.operand(x), self._image))
        computed: tuple[str, ...] = ()
        if node.stored(w):
            self._counted.add(self.model.constants[node.operand(w)])
        else:
            computed = self._flow.read(self._origins[node.operand(w)])
        inputs = tuple(dict.fromkeys(data + computed))
        if len(layers) > 1:
            layers = [replace(layer, name=self._names.take(layer.name)) for layer in layers]
        self.layers += [replace(layer, inputs=inputs, weights_from=computed) for layer in layers]
        origin = self._flow.join(*(self._flow.output(layer.name) for layer in layers))
        self._origins.update(dict.fromkeys(node.proto.output, origin))
        if bias is not None and bias < len(node.proto.input):
            self._count(node.proto.input[bias], len(self.layers) - 1, least=1, floating=False)

    def _connect(self, node: Node, operands: list[str]) -> None:
        op = str(node.proto.op_type)
        if op not in KNOWN:
            self.unknown[op[:40]] += 1
        data = [x for x in operands if x not in self.model.constants]
        origins = [self._origins[x] for x in data] or [self._image]
        origin = self._sum(node, data) if op in SUMS and len(data) > 1 else self._flow.join(*origins)
        self._origins.update(dict.fromkeys(node.proto.output, origin))
        owner = max(0, self._flow.position(origin))
        if op in NORMALISATIONS:
            for x in operands[1:3]:
                self._count(x, owner, least=1)
        elif op in SUMS or op == "Gather":
            # A single number is a constant of the formula, not something that was learnt.
            for x in operands:
                self._count(x, owner, least=2)

    def _sum(self, node: Node, data: list[str]) -> Origin:
        """Operands as large as the result hold the sum; smaller ones are broadcast."""
        result = self.model.shapes.get(node.proto.output[0])
        full = [x for x in data if self.model.shapes.get(x) == result] or data
        return self._flow.add(
            *(self._origins[x] for x in full), broadcast=[self._origins[x] for x in data if x not in full]
        )

    def _count(self, operand: str, owner: int, least: int, floating: bool = True) -> None:
        """Count a stored operand of at least `least` elements as parameters of layer `owner`, once per initialiser."""
        root = self.model.constants.get(operand, "")
        if not root or root in self._counted or (floating and root not in self.model.parameters):
            return
        count = prod(n or 0 for n in self.model.shapes.get(root, ()))
        if count >= least:
            self._counted.add(root)
            self._extra[owner] += count
