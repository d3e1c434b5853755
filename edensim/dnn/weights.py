"""A user's weights from files: .pt/.pth, .safetensors, .npz, ONNX initialisers, Darknet .weights. Never any code.

Not modelled: running a network from its ONNX file (bring the module; the file gives the weights).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edensim.dnn.array_file import read_arrays
from edensim.dnn.bounding import bound_at
from edensim.dnn.fitting import check_fit, fill, match_in_order
from edensim.dnn.nets.yolo import DarknetConv
from edensim.dnn.state import NET, RELU6, TEXT, to_array, weights_of
from edensim.errors import ConfigError, InputError, MissingExtraError
from edensim.output import atomic_output

Weights = dict[str, NDArray[Any]]
SAFETENSORS = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U8": "|u1",
    "BOOL": "|b1",
}  # fmt: skip
WRAPPERS = ("state_dict", "model_state_dict", "model", "net")  # keys under which training scripts keep weights


def load_weights(net: nn.Module, path: str | Path, match: Literal["names", "order"] = "names") -> None:
    """Put the weights of a file into a network; what `save_weights` knew of ReLU6 (see `bound_activations`), too.

    Parameters
    ----------
    net : torch.nn.Module
    path : path
        .pt, .pth or .tar (torch's format, loaded with `weights_only`), .safetensors, .npz, .onnx (its initialisers), or
        Darknet's .weights (YOLO only).
    match : "names" or "order"
        Tensors belong together if they have one name, or one position.

    Raises
    ------
    InputError
        If the file is missing, damaged or holds code; if its weights do not fit (with a report of shapes).
    ConfigError
        If the kind of file is unknown.
    MissingExtraError
        If it is an ONNX file and onnx is not installed.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if match not in ("names", "order"):
        raise ConfigError(f"match = {match!r}: expected names or order")
    if not file.is_file():
        raise InputError(f"{file}: no such file; expected weights")
    if suffix == ".weights":
        found = _darknet(file, net)
    elif suffix in READERS:
        found = READERS[suffix](file)
    else:
        raise ConfigError(f"{file}: unknown kind of weights; expected {', '.join([*READERS, '.weights'])}")
    if match == "order":
        found = match_in_order(net, found)
    check_fit(net, found, str(file))
    if suffix == ".npz":
        _bound(net, file)
    fill(net, found)


def save_weights(net: nn.Module, path: str | Path, force: bool = False) -> None:
    """Write the weights of a network as an .npz file that `load_weights` reads.

    Raises
    ------
    OutputError
        If the file exists (unless `force`) or cannot be written.
    """
    with atomic_output(path, force) as file:
        np.savez(file, **weights_of(net))  # type: ignore[arg-type]


def _bound(net: nn.Module, path: Path) -> None:
    """Bound the activations that were bounded when the file was written."""
    names = read_arrays(path, "weights").get(RELU6)
    try:
        bound_at(net, [] if names is None else [str(name) for name in names.reshape(-1)])
    except ConfigError as problem:
        raise InputError(f"{path}: {problem}") from None


def _torch_file(path: Path) -> Weights:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # its readers raise whatever the damage leads to
        raise InputError(f"{path}: is damaged, or holds Python objects; expected a saved state_dict") from None
    for key in WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
            break
    if not isinstance(found, dict) or not found or not all(isinstance(x, Tensor) for x in found.values()):
        raise InputError(f"{path}: is not a saved state_dict (a dictionary of tensors)")
    return {str(name).removeprefix("module."): to_array(value) for name, value in found.items()}


def _safetensors(path: Path) -> Weights:
    data = path.read_bytes()
    try:
        length = int.from_bytes(data[:8], "little")
        header, body = json.loads(data[8 : 8 + length]), memoryview(data)[8 + length :]
        header.pop("__metadata__", None)
        found = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            part = np.frombuffer(body[begin:end], np.uint8)
            if entry["dtype"] == "BF16":
                values = (part.view("<u2").astype(np.uint32) << 16).view(np.float32)
            else:
                values = part.view(SAFETENSORS[entry["dtype"]])
            found[name] = values.reshape(entry["shape"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise InputError(f"{path}: is damaged, or is not a safetensors file") from None
    return found


def _npz(path: Path) -> Weights:
    """Weights of `save_weights`, of a training's state, or plain arrays by name."""
    arrays = read_arrays(path, "weights")
    own = {name.removeprefix(NET): array for name, array in arrays.items() if name.startswith(NET)}
    return own or {name: array for name, array in arrays.items() if name not in (TEXT, RELU6)}


def _onnx(path: Path) -> Weights:
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError:
        raise MissingExtraError("onnx", "onnx", "reading weights from an ONNX file") from None
    try:
        graph = onnx.load(path).graph
        return {x.name: numpy_helper.to_array(x) for x in graph.initializer}
    except Exception as problem:  # protobuf, missing external data: many kinds
        raise InputError(f"{path}: no weights can be read from it ({type(problem).__name__})") from None


def _darknet(path: Path, net: nn.Module) -> Weights:
    """Darknet's order: per convolution its biases or batch norm (shift, scale, mean, variance), then its weights."""
    convs = [(name, module) for name, module in net.named_modules() if isinstance(module, DarknetConv)]
    if not convs:
        raise ConfigError(f"{path}: Darknet weights go into yolov3 and yolov3-tiny only, not {type(net).__name__}")
    data = path.read_bytes()
    major, minor = (int.from_bytes(data[k : k + 4], "little") for k in (0, 4))
    start = 20 if major * 10 + minor >= 2 else 16
    values = np.frombuffer(data[start : start + (len(data) - start) // 4 * 4], "<f4")
    own = net.state_dict()
    order = [f"{name}.{part}" for name, module in convs for part in _darknet_parts(module)]
    needed = sum(own[name].numel() for name in order)
    if needed != len(values):
        raise InputError(f"{path}: holds {len(values):,} numbers; {type(net).__name__} has {needed:,}")
    found, at = {}, 0
    for name in order:
        count = own[name].numel()
        found[name] = values[at : at + count].reshape(own[name].shape)
        at += count
    return found


def _darknet_parts(module: DarknetConv) -> tuple[str, ...]:
    if module.norm is None:
        return "conv.bias", "conv.weight"
    return "norm.bias", "norm.weight", "norm.running_mean", "norm.running_var", "conv.weight"


READERS: dict[str, Callable[[Path], Weights]] = {
    ".pt": _torch_file, ".pth": _torch_file, ".tar": _torch_file, ".safetensors": _safetensors, ".npz": _npz,
    ".onnx": _onnx,
}  # fmt: skip
