"""Turns one ONNX node that multiplies by weights into layer records.

Convolutions (1-D and 2-D; groups, dilations, asymmetric pads, auto_pad), transposed convolutions, matrix products.
A 1-D convolution runs along the width. A transposed convolution of stride s becomes its s x s phases, each a plain
convolution that computes every s-th output row and column: MACs and weights are exact, the input is read once per
phase, outputs that no weight reaches are left out. Not modelled: 3-D convolutions, bit widths of quantised operators
(the configuration sets one).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, prod

from edensim.errors import InputError
from edensim.workloads.layer import Layer
from edensim.workloads.onnx_node import Node
from edensim.workloads.onnx_operators import PRODUCTS, TRANSPOSED
from edensim.workloads.shapes import check_layer, gemm_layer, output_size, same_pad

LARGEST_TRANSPOSED_STRIDE = 64
"""A transposed convolution becomes stride x stride layers."""


def layers_of(node: Node, x: int, w: int) -> list[Layer]:
    """Layers of a node with its data in operand `x` and its weights in operand `w`; inputs are left empty.

    Raises
    ------
    InputError
        If shapes are unknown, do not fit each other, or are of a kind that is not modelled.
    """
    op = node.proto.op_type
    if op in PRODUCTS:
        return [check_layer(_product(node, x, w), node.where)]
    layers = _transposed(node, x, w) if op in TRANSPOSED else [_convolution(node, x, w)]
    return [check_layer(layer, node.where) for layer in layers]


@dataclass(frozen=True)
class _Axis:
    """One spatial axis of a convolution."""

    size: int = 1
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    pad: tuple[int, int] = (0, 0)


def _convolution(node: Node, x: int, w: int) -> Layer:
    data, weights = _tensors(node, x, w)
    groups = node.integer("group", 1)
    if groups < 1 or data[1] != weights[1] * groups:
        raise InputError(
            f"{node.where}: {data[1]} input channels, but weights of shape {weights} in {groups} groups take "
            f"{weights[1] * groups}"
        )
    v, h = _axes(node, data[2:], weights[2:])
    P, Q = (output_size(a.size, a.kernel, a.stride, a.pad, a.dilation) for a in (v, h))
    return Layer(
        node.name, _kind(data[1], groups), data[1], v.size, h.size, weights[0], v.kernel, h.kernel, P, Q,
        (v.stride, h.stride), v.pad + h.pad, (v.dilation, h.dilation), groups,
    )  # fmt: skip


def _transposed(node: Node, x: int, w: int) -> list[Layer]:
    data, weights = _tensors(node, x, w)
    groups = node.integer("group", 1)
    if groups < 1 or data[1] != weights[0]:
        raise InputError(f"{node.where}: {data[1]} input channels, but weights of shape {weights} take {weights[0]}")
    n = len(data) - 2
    axes = _axes(node, data[2:], weights[2:])
    added = (0,) * (2 - n) + node.integers("output_padding", n, 0)
    wanted = (0,) * (2 - n) + node.integers("output_shape", n, 0)
    auto = node.text("auto_pad", "NOTSET")
    rows, columns = (_phases(*_cropped(axes[i], added[i], wanted[i], auto), node) for i in (0, 1))
    split = len(rows) * len(columns) > 1
    layers = [
        Layer(
            f"{node.name}.{i}.{j}" if split else node.name, _kind(data[1], groups), data[1], v.inputs, h.inputs,
            weights[1] * groups, v.taps, h.taps, v.outputs, h.outputs,
            pad=v.pad + h.pad, dilation=(v.step, h.step), groups=groups,
        )
        for i, v in rows
        for j, h in columns
    ]  # fmt: skip
    if not layers:
        raise InputError(f"{node.where}: has no outputs, its pads are larger than what it computes")
    return layers


def _cropped(axis: _Axis, added: int, wanted: int, auto: str) -> tuple[_Axis, int, int]:
    """Return the axis, the padding cut off its start, and its outputs; a wanted size decides the padding."""
    full = axis.stride * (axis.size - 1) + axis.dilation * (axis.kernel - 1) + 1 + added
    if not wanted and auto.startswith("SAME"):
        wanted = axis.size * axis.stride
    if not wanted:
        return axis, axis.pad[0], full - sum(axis.pad)
    cut = max(0, full - wanted)
    return axis, cut - cut // 2 if auto == "SAME_LOWER" else cut // 2, wanted


@dataclass(frozen=True)
class _Phase:
    """One axis of one phase: inputs read, kernel taps used, outputs computed, distance of taps, padding."""

    inputs: int
    taps: int
    outputs: int
    step: int
    pad: tuple[int, int]


def _phases(a: _Axis, pad: int, outputs: int, node: Node) -> list[tuple[int, _Phase]]:
    """Split one axis by output index mod stride: output y takes tap r from input (y + pad - r*dilation) / stride."""
    if a.stride > LARGEST_TRANSPOSED_STRIDE:
        raise InputError(f"{node.where}: stride {a.stride}, expected at most {LARGEST_TRANSPOSED_STRIDE}")
    repeat = a.stride // gcd(a.stride, a.dilation)
    step = a.dilation * repeat // a.stride
    found = []
    for phase in range(min(a.stride, outputs)):
        taps = [r for r in range(min(a.kernel, repeat)) if (phase + pad - r * a.dilation) % a.stride == 0]
        if not taps:
            continue
        count = (a.kernel - 1 - taps[0]) // repeat + 1
        own = (outputs - 1 - phase) // a.stride + 1
        newest = (phase + pad - taps[0] * a.dilation) // a.stride
        oldest, end = newest - (count - 1) * step, newest + own
        read = min(end, a.size) - max(oldest, 0)
        if read > 0:
            found.append((phase, _Phase(read, count, own, step, (max(0, -oldest), max(0, end - a.size)))))
    return found


def _product(node: Node, x: int, w: int) -> Layer:
    """(… x M x D) · (… x D x N) with the weights on the right, or on the left if `w` < `x`."""
    gemm = node.proto.op_type.endswith("Gemm")
    a, b = node.shape(min(x, w), least=1), node.shape(max(x, w), least=1)
    if gemm and (len(a) != 2 or len(b) != 2):
        raise InputError(f"{node.where}: operands of shape {a} and {b}, expected two matrices")
    a = a[::-1] if gemm and node.integer("transA", 0) else (1, *a) if len(a) == 1 else a
    b = b[::-1] if gemm and node.integer("transB", 0) else (*b, 1) if len(b) == 1 else b
    if a[-1] != b[-2]:
        raise InputError(f"{node.where}: cannot multiply {a} by {b}, their inner dimensions differ")
    if w < x:
        # W·x is (xᵀ·Wᵀ)ᵀ: the same work with the operands' roles exchanged.
        a, b = (*b[:-2], b[-1], b[-2]), (*a[:-2], a[-1], a[-2])
    products = prod(b[:-2])
    rows = prod(_broadcast(a[:-2], b[:-2], node)) * a[-2] // products
    batch = node.model.batch
    if not node.stored(w) and len(b) > 2 and b[0] % batch == 0:
        products //= batch
    elif a[0] % batch == 0:
        rows = max(1, rows // batch)
    return gemm_layer(node.name, rows, b[-1], a[-1], products)


def _broadcast(a: tuple[int, ...], b: tuple[int, ...], node: Node) -> list[int]:
    length = max(len(a), len(b))
    pairs = list(zip((1,) * (length - len(a)) + a, (1,) * (length - len(b)) + b, strict=True))
    if any(m != n and 1 not in (m, n) for m, n in pairs):
        raise InputError(f"{node.where}: leading dimensions {a} and {b} do not fit each other")
    return [max(pair) for pair in pairs]


def _kind(channels: int, groups: int) -> str:
    return "dwconv" if groups == channels > 1 else "conv"


def _tensors(node: Node, x: int, w: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    data, weights = node.shape(x, least=3), node.shape(w, least=3)
    if len(data) != len(weights) or len(data) > 4:
        raise InputError(
            f"{node.where}: input of shape {data} and weights of shape {weights}, expected 3 dimensions each (1-D) or "
            "4 each (2-D); 3-D convolutions are not modelled"
        )
    return data, weights


def _axes(node: Node, sizes: tuple[int, ...], kernels: tuple[int, ...]) -> list[_Axis]:
    """Vertical and horizontal axis (ONNX orders y, x); a 1-D convolution has only the horizontal one."""
    n = len(sizes)
    strides, dilations = node.integers("strides", n, 1), node.integers("dilations", n, 1)
    pads = node.integers("pads", 2 * n, 0)
    if min(*strides, *dilations) < 1:
        raise InputError(f"{node.where}: strides {strides} and dilations {dilations} must be at least 1")
    auto = node.text("auto_pad", "NOTSET")
    axes = [_Axis()] * (2 - n)
    for i in range(n):
        pad = (pads[i], pads[n + i])
        if auto.startswith("SAME"):
            pad = same_pad(sizes[i], kernels[i], strides[i], dilations[i], low=auto == "SAME_LOWER")
        elif auto == "VALID":
            pad = (0, 0)
        axes.append(_Axis(sizes[i], kernels[i], strides[i], dilations[i], pad))
    return axes
