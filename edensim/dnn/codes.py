"""Float tensors to the bytes that memory holds, and back; see `storage` for the formats."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edensim.dnn.codes_kernel import (
    SATURATE,
    ZERO,
    correct_values,
    decode_bytes,
    decode_nibble_rows,
    encode_bytes,
    encode_nibble_rows,
)
from edensim.dnn.storage import Range, Storage

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Code:
    """Format of one tensor.

    Attributes
    ----------
    bits : int
        4, 8 or 16; 32: floats as they are.
    signed : bool
        Two's complement, or unsigned codes of values that are never negative.
    scale : float
        Value of code 1 (integers).
    bounds : Range
        Plausible values (floats).
    correction : str
        "zero", "saturate" or "none" (floats).
    """

    bits: int
    signed: bool
    scale: np.float32
    bounds: Range
    correction: str
    inverse: np.float32 = field(init=False)
    lowest: np.float32 = field(init=False)
    highest: np.float32 = field(init=False)
    sign: np.uint32 = field(init=False)
    way: int = field(init=False)

    def __post_init__(self) -> None:
        # Codes of integers, values of floats: what the kernels take, made once, as a read of a small tensor is short.
        ends = self.bounds if self.bits == 32 else self.limits
        for name, value in (("inverse", np.float32(1) / self.scale), ("lowest", ends[0]), ("highest", ends[1])):
            object.__setattr__(self, name, np.float32(value))
        object.__setattr__(self, "sign", np.uint32(0x0808 if self.signed else 0))
        object.__setattr__(self, "way", ZERO if self.correction == "zero" else SATURATE)

    def row_bytes(self, count: int) -> int:
        """Bytes of so many values."""
        return -(-count * self.bits // 8)

    def encode(self, values: Floats, codes: Bytes) -> None:
        """Write `values`, shape (items, count), as `codes`, shape (items, row_bytes(count)); both contiguous."""
        if self.bits == 32:
            np.copyto(codes.view(np.float32), values)
            return
        if self.bits == 4:
            room = pairs_of(values.shape[1])
            encode_nibble_rows(values, codes, *room, self.inverse, self.lowest, self.highest)
        else:
            encode_bytes(values.reshape(-1), self.elements(codes), self.inverse, self.lowest, self.highest)

    def decode(self, codes: Bytes, values: Floats) -> int:
        """The reverse; returns how many values were implausible. fp32: `values` may be the codes themselves."""
        if self.bits == 32:
            found = codes.view(np.float32)
            if not np.may_share_memory(found, values):
                np.copyto(values, found)
            if self.correction == "none":
                return 0
            return int(correct_values(values.reshape(-1), self.lowest, self.highest, self.way))
        if self.bits == 4:
            decode_nibble_rows(codes, values, *pairs_of(values.shape[1]), self.sign, self.scale)
        else:
            decode_bytes(self.elements(codes), values.reshape(-1), self.scale)
        return 0

    @property
    def limits(self) -> tuple[int, int]:
        """Lowest and highest code."""
        return (-(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1) if self.signed else (0, 2**self.bits - 1)

    def elements(self, codes: Bytes) -> NDArray[Any]:
        """Codes of whole bytes as the integers they are, in one dimension."""
        kind = f"{'i' if self.signed else 'u'}{self.bits // 8}"
        return codes.reshape(-1).view(kind)


def pairs_of(count: int) -> tuple[NDArray[np.int8], NDArray[np.uint16]]:
    """Room for so many 4-bit codes, each in a byte, and the same memory pair by pair."""
    pairs = np.empty(-(-count // 2), np.uint16)
    return pairs.view(np.int8), pairs


def code_of(storage: Storage, kind: str, seen: Range, plausible: Range) -> Code:
    """Format of a tensor of this kind whose values were seen in one range, and are plausible in another."""
    bits = 32 if kind == "constants" else storage.bits
    signed = not (storage.unsigned_maps and kind == "ifm" and seen.low >= 0)
    top = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    # Bounds stretch away from zero, and hold it: it is what the correction writes.
    bounds = Range(min(plausible.low, 0.0) * storage.margin, max(plausible.high, 0.0) * storage.margin)
    return Code(bits, signed, np.float32(seen.largest / top), bounds, storage.correction)
