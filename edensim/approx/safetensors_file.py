"""`.safetensors` files: eight bytes of header length, a JSON header, then the tensors one behind the other.

Everything the header claims is held against the file and the format's own rules: sizes by type and shape, tensors that
follow each other without gaps or overlaps and fill the file. The format: https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from edensim.approx.element import ELEMENTS, Element
from edensim.approx.tables_kernel import Bytes
from edensim.approx.tensor_file import (
    WHAT,
    Change,
    Cut,
    FileTensor,
    TensorFile,
    chosen_element,
    copy_tensor,
    read_tensor,
)
from edensim.archive import require_file
from edensim.errors import InputError

LONGEST_HEADER = 100_000_000
"""As the format allows."""
SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2}
SIZES |= {"I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8}
NAMES = {"U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16", "F16": "fp16", "BF16": "bf16", "I32": "int32"}
NAMES |= {"U32": "uint32", "F32": "fp32", "I64": "int64", "U64": "uint64", "F64": "fp64"}


class SafetensorsFile(TensorFile):
    """A checked safetensors file."""

    def __init__(self, path: Path, elements: Mapping[str, Element]) -> None:
        self.path = path
        size = require_file(path, WHAT)
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 10 or length > min(size - 8, LONGEST_HEADER):
                raise InputError(
                    f"{path}: claims a header of {length:,} bytes in a file of {size:,} bytes; expected at most "
                    f"{max(min(size - 8, LONGEST_HEADER), 0):,}: truncated, forged, or no safetensors file"
                )
            text = file.read(length)
        self._data_begin = 8 + length
        table = _parse(path, text)
        table.pop("__metadata__", None)
        entries = [(*_entry(path, name, value), name) for name, value in table.items()]
        self.tensors = []
        self._begins = {name: begin for begin, _, _, name in entries}
        end = 0
        for begin, stop, dtype, name in sorted(entries):
            if begin != end:
                kind = "a gap" if begin > end else "an overlap"
                raise InputError(f"{path}: tensor {name!r} begins at byte {begin:,}, expected {end:,}: {kind}")
            end = stop
            element = chosen_element(name, elements, SIZES[dtype], f"{path}: {name}")
            if element is None and dtype in NAMES:
                element = ELEMENTS[NAMES[dtype]]
            self.tensors.append(FileTensor(name, dtype, element, stop - begin))
        if end != size - self._data_begin:
            raise InputError(
                f"{path}: the header describes {end:,} bytes of tensors, the file holds {size - self._data_begin:,}: "
                "truncated or forged"
            )

    def rewrite(self, target: IO[bytes], change: Change, cut: Cut) -> None:
        """See `TensorFile`. The header stays as it is."""
        with self.path.open("rb") as source:
            target.write(source.read(self._data_begin))
            for tensor in self.tensors:
                copy_tensor(source, target, tensor, change, cut(tensor), self.path)

    def load(self, tensor: FileTensor) -> Bytes:
        """See `TensorFile`."""
        return read_tensor(self.path, self._data_begin + self._begins[tensor.name], tensor)


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    """Header as a table; names given twice, NaN and anything but a table are refused."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(items)
        if len(table) < len(items):
            names = [name for name, _ in items]
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"{path}: the header names {twice!r} twice")
        return table

    try:
        table = json.loads(text.decode("utf-8"), object_pairs_hook=pairs, parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        raise InputError(f"{path}: the header is no valid JSON ({problem})") from None
    if not isinstance(table, dict):
        raise InputError(f"{path}: the header is no JSON object; found {text[:40]!r}")
    return table


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _entry(path: Path, name: str, entry: Any) -> tuple[int, int, str]:
    """Begin, end and type of one tensor."""
    where = f"{path}: tensor {name!r}"
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
        raise InputError(f"{where} lacks dtype, shape or data_offsets in the header")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if dtype not in SIZES:
        raise InputError(f"{where} has dtype {dtype!r}; known are {', '.join(SIZES)}")
    if not isinstance(shape, list) or not all(type(n) is int and 0 <= n < 1 << 63 for n in shape):
        raise InputError(f"{where} has shape {shape!r}; expected a list of sizes")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(type(x) is int and x >= 0 for x in offsets):
        raise InputError(f"{where} has data_offsets {offsets!r}; expected [begin, end]")
    expected = math.prod(shape) * SIZES[dtype]
    if offsets[1] - offsets[0] != expected:
        raise InputError(
            f"{where} has {expected:,} bytes by type and shape, {offsets[1] - offsets[0]:,} by data_offsets"
        )
    return offsets[0], offsets[1], dtype
