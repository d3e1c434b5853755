"""Arithmetic of layer shapes: sizes after a kernel has moved over them, and what makes a layer possible at all.

Not modelled: values. Sizes are numbers of elements along one axis.
"""

from __future__ import annotations

from pathlib import Path

from edensim.errors import InputError
from edensim.workloads.layer import Layer

LARGEST = 2**31 - 1
"""Largest size of one axis an input file may state."""


def output_size(
    size: int, kernel: int, stride: int = 1, pad: tuple[int, int] = (0, 0), dilation: int = 1, ceil: bool = False
) -> int:
    """Positions of a kernel along one axis (zero or less: it does not fit).

    `ceil` counts a last position that hangs over the end (pooling with ceil_mode; SCALE-Sim's convolutions).
    """
    room = size + sum(pad) - dilation * (kernel - 1) - 1
    return -(-room // stride) + 1 if ceil else room // stride + 1


def same_pad(size: int, kernel: int, stride: int, dilation: int = 1, low: bool = False) -> tuple[int, int]:
    """Padding before and after that gives ceil(size / stride) outputs; the odd element goes after (before if `low`)."""
    outputs = -(-size // stride)
    total = max(0, (outputs - 1) * stride + dilation * (kernel - 1) + 1 - size)
    small, large = total // 2, total - total // 2
    return (large, small) if low else (small, large)


def gemm_layer(name: str, rows: int, columns: int, depth: int, products: int = 1) -> Layer:
    """Write `products` products (rows x depth) · (depth x columns) as a layer: a 1x1 convolution in as many groups."""
    kind = "fc" if rows == products == 1 else "conv"
    return Layer(name, kind, products * depth, rows, 1, products * columns, 1, 1, rows, 1, groups=products)


def check_layer(layer: Layer, where: str) -> Layer:
    """Return `layer` unchanged if its sizes are possible; raise InputError that starts with `where` otherwise."""
    for letter in "CHWKRSPQ":
        value = getattr(layer, letter)
        if not 1 <= value <= LARGEST:
            raise InputError(f"{where}: {letter} is {value}, expected 1 to {LARGEST}")
    for what, low, values in (
        ("stride", 1, layer.stride),
        ("dilation", 1, layer.dilation),
        ("pad", 0, layer.pad),
        ("groups", 1, (layer.groups,)),
        ("extra_params", 0, (layer.extra_params,)),
    ):
        for value in values:
            if not low <= value <= LARGEST:
                raise InputError(f"{where}: {what} is {value}, expected {low} to {LARGEST}")
    if layer.C % layer.groups or layer.K % layer.groups:
        raise InputError(
            f"{where}: groups = {layer.groups} divides not both C = {layer.C} and K = {layer.K}, but it must"
        )
    return layer


def check_file(path: Path, what: str, limit_bytes: int) -> None:
    """Raise InputError unless `path` is a non-empty regular file of at most `limit_bytes`."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder, expected {what}")
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected {what}")
    size = path.stat().st_size
    if not 0 < size <= limit_bytes:
        raise InputError(f"{path}: holds {size} bytes, expected {what} of 1 to {limit_bytes} bytes")
