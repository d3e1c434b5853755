"""Opens an ONNX file for its shapes: weights are never needed, external data are never opened.

Large initialisers are emptied before shape inference (only small ones, such as the target of a Reshape, decide about
shapes), so memory stays within about twice the file's own size. A batch given as a symbol is set to 1. Not modelled:
sequences, optionals, control flow; what lies behind an operator that shape inference does not know must carry its own
shapes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edensim.errors import InputError, MissingExtraError
from edensim.workloads.shapes import check_file

LIMIT_BYTES = (1 << 31) - 1
"""A protobuf message cannot be larger; bigger models keep their weights in external files."""
DECIDES_SHAPES = 1024
"""Initialisers up to this many elements keep their values for shape inference."""

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class OnnxModel:
    """What the importer needs: the nodes in order, the shape of each value, and which values are stored constants.

    `batch` is the first dimension of the network's input. `parameters` names the initialisers of floating type.
    `constants` starts as the initialisers and grows as the importer meets values computed from constants alone; each
    value maps to the initialiser it comes from ("" = none).
    """

    path: Path
    nodes: list[Any]
    shapes: dict[str, Shape]
    inputs: list[str]
    constants: dict[str, str] = field(default_factory=dict)
    parameters: set[str] = field(default_factory=set)
    batch: int = 1


def read_model(path: Path) -> OnnxModel:
    """Decode the file and infer all shapes.

    Raises
    ------
    InputError
        If the file is a folder, too large, not an ONNX model or holds contradicting shapes.
    MissingExtraError
        If onnx is not installed.
    """
    check_file(path, "an ONNX model", LIMIT_BYTES)
    model = _inferred(_decoded(path), path)
    graph = model.graph
    _check_names(graph, path)  # once more: inlined functions have added nodes
    stored = {x.name: tuple(x.dims) for x in graph.initializer}
    stored |= {x.values.name: tuple(x.dims) for x in graph.sparse_initializer}
    shapes: dict[str, Shape] = {x.name: _shape(x) for x in (*graph.value_info, *graph.output, *graph.input)}
    inputs = [x.name for x in graph.input if x.name not in stored]
    first = shapes[inputs[0]] if inputs else ()
    return OnnxModel(
        path=path,
        nodes=list(graph.node),
        shapes=shapes | stored,
        inputs=inputs,
        constants={name: name for name in stored},
        parameters={x.name for x in graph.initializer if x.data_type in _floating()},
        batch=(first[0] or 1) if len(first) > 1 else 1,
    )


def _check_names(graph: Any, path: Path) -> None:
    """Refuse damaged names: protobuf hands them out as bytes."""
    names = [x.name for x in (*graph.input, *graph.output, *graph.value_info, *graph.initializer)]
    for node in graph.node:
        names += [node.name, node.op_type, *node.input, *node.output, *(x.name for x in node.attribute)]
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: is a damaged ONNX model, it holds a name that is no UTF-8 text")


def _onnx() -> Any:
    try:
        import onnx
        import onnx.inliner
        import onnx.shape_inference
    except ImportError:
        raise MissingExtraError("onnx", "onnx", "reading an ONNX model") from None
    return onnx


def _floating() -> set[int]:
    kinds = _onnx().TensorProto
    return {kinds.FLOAT, kinds.FLOAT16, kinds.BFLOAT16, kinds.DOUBLE}


def _decoded(path: Path) -> Any:
    onnx = _onnx()
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except Exception as error:  # protobuf, onnx and the file system each have their own exceptions
        raise InputError(f"{path}: is no readable ONNX model ({_first_line(error)}); it may be truncated") from None
    if not model.graph.node:
        raise InputError(f"{path}: is no ONNX model or an empty one: its graph has no nodes")
    _check_names(model.graph, path)
    return model


def _inferred(model: Any, path: Path) -> Any:
    onnx = _onnx()
    _fix_batch(model.graph)
    for tensor in model.graph.initializer:
        _empty(tensor)
    try:
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
        return onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception as error:  # onnx raises plain RuntimeError, TypeError and its own classes here
        raise InputError(f"{path}: its shapes cannot be inferred ({_first_line(error)})") from None


def _empty(tensor: Any) -> None:
    """Drop the values of a large tensor; name, type and dimensions stay."""
    count = 1
    for n in tensor.dims:
        count *= n
    if count > DECIDES_SHAPES:
        kind, name, dims = tensor.data_type, tensor.name, list(tensor.dims)
        tensor.Clear()
        tensor.data_type, tensor.name = kind, name
        tensor.dims.extend(dims)


def _fix_batch(graph: Any) -> None:
    """Set an open first dimension of each input to 1, and its symbol to 1 wherever else it occurs."""
    stored = {x.name for x in graph.initializer}
    symbols = set()
    for value in graph.input:
        dims = value.type.tensor_type.shape.dim
        if value.name not in stored and dims and dims[0].WhichOneof("value") != "dim_value":
            symbols.add(dims[0].dim_param)
            dims[0].dim_value = 1
    for value in (*graph.input, *graph.value_info, *graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param and dim.dim_param in symbols:
                dim.dim_value = 1


def _shape(value: Any) -> Shape:
    dims = value.type.tensor_type.shape.dim
    return tuple(d.dim_value if d.WhichOneof("value") == "dim_value" else None for d in dims)


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]
