"""Reads SCALE-Sim topology files: convolutions (`Layer, IFMAP height, …`) and matrix products (`Layer, M, N, K`).

As in SCALE-Sim: padding is already part of the input size; a last window that hangs over the edge counts (output =
ceil((H - R + stride) / stride)), which becomes padding at the bottom and right here; `DP` in a name means depthwise
(SCALE-Sim makes one layer per channel of it, here it is one layer with as many groups). Accepted beyond it: rows
without a trailing comma, no header, a second stride column, comments (#). Each layer is taken to read the one above.
Not modelled: N:M weight sparsity (weights count as dense, with a warning), SCALE-Sim's layout columns, biases.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from edensim.errors import InputError
from edensim.workloads.layer import Layer, Network
from edensim.workloads.names import Names
from edensim.workloads.shapes import LARGEST, check_file, check_layer, gemm_layer, output_size

LIMIT_BYTES = 4 << 20
CONV = ("IFMAP height", "IFMAP width", "filter height", "filter width", "channels", "filters", "stride")
GEMM = ("M", "N", "K")
RATIO = re.compile(r"(\d{1,9})\s*:\s*(\d{1,9})")
NUMBER = re.compile(r"[+-]?[0-9]{1,12}")


def load_topology(path: Path) -> Network:
    """Read a topology file; the kind (convolutions or matrix products) is told by its header or its column count.

    Raises
    ------
    InputError
        With file:line: not a text file, wrong number of columns, a size that is no positive integer, a kernel larger
        than its input, an impossible N:M ratio, no layer at all.
    """
    rows = _read_rows(path)
    header = rows[0] if rows and not any(NUMBER.fullmatch(c) for c in rows[0][1][1:]) else None
    data = rows[1:] if header else rows
    if not data:
        raise InputError(f"{path}: holds no layers, expected SCALE-Sim rows `Layer, {', '.join(CONV)},`")
    gemm = _is_gemm(header[1]) if header else len(data[0][1]) < 7
    names = Names()
    layers: list[Layer] = []
    for line, cells in data:
        where = f"{path}:{line}"
        layer = _gemm_layer(cells, where) if gemm else _conv_layer(cells, where)
        # SCALE-Sim lets names repeat.
        name = names.take(layer.name)
        inputs = (layers[-1].name,) if layers else ("input",)
        layers.append(check_layer(replace(layer, name=name, inputs=inputs), where))
    return Network(path.stem, tuple(layers), f"SCALE-Sim topology {path.name}", _sparsity(data, path.name))


def _read_rows(path: Path) -> list[tuple[int, list[str]]]:
    check_file(path, "a SCALE-Sim topology (CSV)", LIMIT_BYTES)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path}: cannot be read as a CSV text file ({error})") from None
    rows = []
    for line, content in enumerate(text.split("\n"), 1):
        cells = [cell.strip().strip('"').strip() for cell in content.split(",")]
        while cells and not cells[-1]:
            cells.pop()
        if cells and not cells[0].startswith("#"):
            rows.append((line, cells))
    return rows


def _is_gemm(header: list[str]) -> bool:
    return [cell.upper() for cell in header[1:4]] == ["M", "N", "K"]


def _conv_layer(cells: list[str], where: str) -> Layer:
    expected = f"8 columns (name, {', '.join(CONV)}), then optionally a second stride and N:M"
    sizes, rest = _split(cells, len(CONV), expected, where)
    H, W, R, S, C, filters, stride = _integers(sizes, CONV, where)
    strides = (stride, stride)
    if rest and NUMBER.fullmatch(rest[0]):
        strides = (stride, _integers(rest[:1], ("second stride",), where)[0])
        rest = rest[1:]
    _check_rest(rest, expected, where)
    if R > H or S > W:
        raise InputError(
            f"{where}: the {R}x{S} filter is larger than its {H}x{W} input (which must include the padding)"
        )
    P, Q = (output_size(n, k, u, ceil=True) for n, k, u in ((H, R, strides[0]), (W, S, strides[1])))
    below, right = ((p - 1) * u + k - n for p, u, k, n in ((P, strides[0], R, H), (Q, strides[1], S, W)))
    depthwise = "DP" in cells[0] and C > 1
    K = filters * C if depthwise else filters
    kind = "dwconv" if depthwise else "conv"
    return Layer(cells[0], kind, C, H, W, K, R, S, P, Q, strides, (0, below, 0, right), groups=C if depthwise else 1)


def _gemm_layer(cells: list[str], where: str) -> Layer:
    expected = "4 columns (name, M, N, K), then optionally N:M sparsity and a batch of products"
    sizes, rest = _split(cells, len(GEMM), expected, where)
    M, N, K = _integers(sizes, GEMM, where)
    batch = 1
    if rest and NUMBER.fullmatch(rest[-1]):
        batch = _integers(rest[-1:], ("batch",), where)[0]
        rest = rest[:-1]
    _check_rest(rest, expected, where)
    return gemm_layer(cells[0], M, N, K, batch)


def _split(cells: list[str], count: int, expected: str, where: str) -> tuple[list[str], list[str]]:
    if not count < len(cells) <= count + 3:
        raise InputError(f"{where}: found {len(cells)} columns, expected {expected}")
    return cells[1 : count + 1], cells[count + 1 :]


def _integers(cells: list[str], names: tuple[str, ...], where: str) -> list[int]:
    values = []
    for cell, name in zip(cells, names, strict=True):
        if not NUMBER.fullmatch(cell) or not 1 <= int(cell) <= LARGEST:
            raise InputError(f"{where}: {name} is {cell[:40]!r}, expected an integer of 1 to {LARGEST}")
        values.append(int(cell))
    return values


def _check_rest(rest: list[str], expected: str, where: str) -> None:
    """Only an N:M ratio may be left over."""
    if not rest:
        return
    ratio = RATIO.fullmatch(rest[0])
    if len(rest) > 1 or not ratio:
        raise InputError(f"{where}: column {', '.join(rest)[:40]!r} is not understood, expected {expected}")
    kept, block = int(ratio[1]), int(ratio[2])
    if not 1 <= kept <= block:
        raise InputError(f"{where}: sparsity {kept}:{block}, expected N:M with 1 <= N <= M")


def _sparsity(rows: list[tuple[int, list[str]]], file: str) -> tuple[str, ...]:
    """Warning about the rows, which have been checked, that leave weights out."""
    ratios = [(line, ratio) for line, cells in rows for ratio in map(RATIO.fullmatch, cells[1:]) if ratio]
    sparse = [(line, f"{int(n[1])}:{int(n[2])}") for line, n in ratios if int(n[1]) < int(n[2])]
    if not sparse:
        return ()
    (line, ratio), others = sparse[0], len(sparse) - 1
    likewise = f" (likewise in {others} further row{'s' if others > 1 else ''})" if others else ""
    return (f"{file}:{line}: sparsity {ratio} is not modelled, the weights count as dense{likewise}",)
