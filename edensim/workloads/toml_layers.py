"""Reads edensim's own layer list: a TOML file of `[[layer]]` tables in the letters of `Layer`.

    name = "two-layers"                      # optional, default: the file's name
    [[layer]]
    name = "conv1"
    C = 3
    H = 32                                   # W defaults to H, S to R
    K = 16
    R = 3
    pad = 1                                  # or [top, bottom, left, right]
    stride = 2                               # or [vertical, horizontal]; likewise dilation
    [[layer]]
    name = "fc"
    kind = "fc"                              # default: "conv", or "dwconv" when groups = C
    C = 16
    K = 10
    inputs = ["conv1"]                       # default: the layer above

H, W, R, S, stride, dilation and groups default to 1, pad to 0; the output size follows. Not modelled: pools as such
(they show in the next layer's H and W), weights that are computed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from edensim.errors import InputError, did_you_mean
from edensim.workloads.layer import Layer, Network
from edensim.workloads.names import Names
from edensim.workloads.shapes import check_file, check_layer, output_size

LIMIT_BYTES = 4 << 20
KINDS = ("conv", "dwconv", "fc")
INTEGERS = ("C", "H", "W", "K", "R", "S", "groups", "extra_params")
LISTS = {"stride": 2, "dilation": 2, "pad": 4}
KEYS = ("name", "kind", "inputs", *INTEGERS, *LISTS)


def load_layers(path: Path) -> Network:
    """Read a layer list.

    Raises
    ------
    InputError
        With file:line of the layer: not TOML, unknown or missing key, wrong type, impossible shape, a layer read
        before it is computed, two layers of one name.
    """
    check_file(path, "a TOML list of layers", LIMIT_BYTES)
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (UnicodeDecodeError, OSError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path}: not a valid TOML file: {error}") from None
    unknown = sorted(set(data) - {"name", "source", "layer"})
    tables = data.get("layer")
    if unknown or not isinstance(tables, list) or not all(isinstance(x, dict) for x in tables) or not tables:
        found = f"found key {unknown[0]!r}" if unknown else "found no [[layer]]"
        raise InputError(f"{path}: {found}, expected name, source and at least one [[layer]] table")
    lines = [n for n, line in enumerate(text.split("\n"), 1) if re.match(r"\s*\[\[\s*layer\s*\]\]", line)]
    layers: dict[str, Layer] = {}
    above = "input"
    for i, table in enumerate(tables):
        where = f"{path}:{lines[i]}" if len(lines) == len(tables) else f"{path}: layer {i + 1}"
        name = _name(table, layers, where)
        layers[name] = replace(_layer(table, name, where), inputs=_inputs(table, above, layers, where))
        above = name
    return Network(str(data.get("name", path.stem)), tuple(layers.values()), str(data.get("source", path.name)))


def _layer(table: dict[str, Any], name: str, where: str) -> Layer:
    for key in table:
        if key not in KEYS:
            hint = did_you_mean(key, KEYS, f"known are {', '.join(KEYS)}")
            raise InputError(f"{where}: unknown key {key!r}{hint}")
    n = {key: _integer(table, key, where) for key in INTEGERS if key in table}
    for key in ("C", "K"):
        if key not in n:
            raise InputError(f"{where}: {key} is missing (C: input channels, K: output channels)")
    lists = {key: _list(table, key, length, where) for key, length in LISTS.items()}
    stride, dilation, pad = lists["stride"] or (1, 1), lists["dilation"] or (1, 1), lists["pad"] or (0, 0, 0, 0)
    H, R, groups = n.get("H", 1), n.get("R", 1), n.get("groups", 1)
    W, S = n.get("W", H), n.get("S", R)
    if min(*stride, *dilation, H, W, R, S) < 1:
        raise InputError(f"{where}: sizes, strides and dilations must be at least 1")
    P = output_size(H, R, stride[0], (pad[0], pad[1]), dilation[0])
    Q = output_size(W, S, stride[1], (pad[2], pad[3]), dilation[1])
    if P < 1 or Q < 1:
        raise InputError(f"{where}: the {R}x{S} kernel is larger than its padded {H}x{W} input")
    kind = _text(table, "kind", "dwconv" if groups == n["C"] > 1 else "conv", where)
    if kind not in KINDS or (kind == "fc" and max(H, W, R, S) > 1) or (kind == "dwconv" and groups != n["C"]):
        raise InputError(
            f"{where}: kind is {kind!r}, expected conv, dwconv (with groups = C) or fc (with H = W = R = S = 1)"
        )
    layer = Layer(
        name, kind, n["C"], H, W, n["K"], R, S, P, Q, (stride[0], stride[1]), (pad[0], pad[1], pad[2], pad[3]),
        (dilation[0], dilation[1]), groups, extra_params=n.get("extra_params", 0),
    )  # fmt: skip
    return check_layer(layer, where)


def _name(table: dict[str, Any], known: Collection[str], where: str) -> str:
    name = _text(table, "name", f"layer{len(known) + 1}", where)
    if name in known or Names().take(name) != name:
        raise InputError(f"{where}: the name {name!r} is taken, reserved, too long or not printable")
    return name


def _inputs(table: dict[str, Any], above: str, known: Collection[str], where: str) -> tuple[str, ...]:
    value = table.get("inputs", [above])
    if not isinstance(value, list) or not value or not all(isinstance(x, str) for x in value):
        raise InputError(f"{where}: inputs is {value!r}, expected a list of layer names or 'input'")
    for name in value:
        if name != "input" and name not in known:
            raise InputError(f"{where}: inputs names {name!r}, which is no layer above this one")
    return tuple(value)


def _integer(table: dict[str, Any], key: str, where: str) -> int:
    value = table[key]
    if type(value) is not int:
        raise InputError(f"{where}: {key} is {value!r}, expected an integer")
    return value


def _list(table: dict[str, Any], key: str, length: int, where: str) -> tuple[int, ...] | None:
    """Read one number for all places, or one per place."""
    if key not in table:
        return None
    value = table[key]
    values = value if isinstance(value, list) else [value] * length
    if len(values) != length or not all(type(x) is int for x in values):
        raise InputError(f"{where}: {key} is {value!r}, expected an integer or a list of {length}")
    return tuple(values)


def _text(table: dict[str, Any], key: str, default: str, where: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str) or not value:
        raise InputError(f"{where}: {key} is {value!r}, expected a text")
    return value
