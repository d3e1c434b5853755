"""An ONNX node with checked access to its operands' shapes and its attributes; every error names the node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edensim.errors import InputError
from edensim.workloads.onnx_file import OnnxModel


@dataclass(frozen=True)
class Node:
    """`proto`: the NodeProto. `name`: the name its layer gets."""

    proto: Any
    model: OnnxModel
    name: str = ""

    @property
    def where(self) -> str:
        """Place of the node, for error messages."""
        return f"{self.model.path}: node {self.name!r} ({self.proto.op_type[:40]})"

    def operand(self, index: int) -> str:
        """Return the name of an operand that must be there."""
        if index >= len(self.proto.input) or not self.proto.input[index]:
            raise InputError(f"{self.where}: operand {index} is missing")
        return str(self.proto.input[index])

    def stored(self, index: int) -> bool:
        """Whether an operand is computed from stored values alone."""
        return self.operand(index) in self.model.constants

    def shape(self, index: int, least: int) -> tuple[int, ...]:
        """Return the shape of an operand: `least` or more dimensions, all known (an unknown first one is the batch)."""
        operand = self.operand(index)
        found = self.model.shapes.get(operand)
        if found is None or len(found) < least or None in found[1:]:
            text = "x".join("?" if n is None else str(n) for n in found) if found else "unknown"
            raise InputError(
                f"{self.where}: the shape of operand {operand[:80]!r} is {text}, expected at least {least} known "
                "dimensions (fix the model's input sizes, e.g. with onnx.tools.update_model_dims)"
            )
        shape = tuple(self.model.batch if n is None else n for n in found)
        if min(shape) < 1:
            raise InputError(f"{self.where}: operand {operand[:80]!r} has shape {shape}, expected positive dimensions")
        return shape

    def integers(self, key: str, length: int, default: int) -> tuple[int, ...]:
        """Return a list attribute of exactly `length` non-negative integers."""
        for attribute in self.proto.attribute:
            if attribute.name == key:
                values = tuple(attribute.ints)
                if len(values) != length or min(values) < 0:
                    raise InputError(f"{self.where}: {key} is {list(values)}, expected {length} integers >= 0")
                return values
        return (default,) * length

    def integer(self, key: str, default: int) -> int:
        """Return an integer attribute."""
        return next((int(x.i) for x in self.proto.attribute if x.name == key), default)

    def text(self, key: str, default: str) -> str:
        """Return a text attribute."""
        return next((x.s.decode("ascii", "replace") for x in self.proto.attribute if x.name == key), default)
