"""The way of one tensor through memory: encoded, hit by errors, decoded.

A network makes many short reads, so all that stays the same from one read of a tensor to the next is kept at hand.
Where errors are `DrawnErrors`, one kernel takes each read the whole way; else all reads are encoded,
`corrupt` flips what they get wrong, and all are decoded. Both give the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edensim.approx.weak_cells import WeakCells
from edensim.dnn import on_device
from edensim.dnn.codes import Bytes, Code, Floats, pairs_of
from edensim.dnn.reading import Draws, ReadErrors
from edensim.dnn.reads_kernel import pass_bytes, pass_floats, pass_nibbles

_UNKNOWN = np.zeros(0, np.uint8)


def _empty(shape: Sequence[int]) -> Tensor:
    """Not filled; whatever the user has set as default type and device."""
    return torch.empty(shape, dtype=torch.float32, device="cpu")


class Space(NamedTuple):
    """Where values are read to: a tensor, and the same memory read by read, shape (reads, values)."""

    tensor: Tensor
    rows: Floats

    @classmethod
    def within(cls, tensor: Tensor, items: int) -> Space:
        """Space that is this tensor."""
        return cls(tensor, tensor.numpy().reshape(items, -1))

    @classmethod
    def of_its_own(cls, shape: torch.Size, items: int) -> Space:
        """Space for values that are kept."""
        return cls.within(_empty(shape), items)


class Rooms:
    """Memory that the reads of all tensors share: new pages cost more than the errors do."""

    def __init__(self) -> None:
        self._rooms: dict[str, Tensor] = {}

    def take(self, use: str, count: int) -> Tensor:
        """The memory of a use: floats in one dimension, so many at least."""
        room = self._rooms.get(use)
        if room is None or room.numel() < count:
            room = self._rooms[use] = _empty((count,))
        return room


class Drawn(NamedTuple):
    """Errors of a tensor as `reads_kernel` takes them, and room to list what is hit."""

    errors: tuple[Any, ...]
    listed: NDArray[np.int64]

    @classmethod
    def of(cls, drawn: Draws | WeakCells) -> Drawn:
        """From what they are drawn from."""
        listed = np.empty(drawn.most, np.int64)
        if isinstance(drawn, Draws):
            return cls(tuple(drawn), listed)
        return cls((drawn.stretches, drawn.stretch_bits, *drawn.table), listed)


class TensorReads:
    """Reads of one tensor.

    Parameters
    ----------
    name, kind : str
        Of the tensor.
    code : Code
        How it is stored.
    rooms : Rooms
    """

    def __init__(self, name: str, kind: str, code: Code, rooms: Rooms) -> None:
        self.name, self.kind, self.code, self.rooms = name, kind, code, rooms
        self._space: tuple[torch.Size, Tensor, Space] | None = None
        self._errors: tuple[ReadErrors, int, Drawn | None] | None = None
        self._remote: tuple[ReadErrors, int, torch.device, on_device.Source | None] | None = None
        self._stored: tuple[Tensor, int, Bytes] | None = None
        self._work: tuple[Bytes, NDArray[Any], NDArray[Any]] | None = None

    def space(self, shape: torch.Size, items: int) -> Space:
        """Space for the values of a read that nobody keeps: that of the read before, if it had this shape."""
        room = self.rooms.take(self.kind, shape.numel())
        if self._space is None or self._space[0] != shape or self._space[1] is not room:
            self._space = shape, room, Space.within(room[: shape.numel()].view(shape), items)
        return self._space[2]

    def draws_on(self, device: torch.device, errors: ReadErrors, size: int) -> on_device.Source | None:
        """What to draw the errors of a tensor of so many bytes from on a device; None if the host has to."""
        known = self._remote
        if known is None or known[0] is not errors or known[1] != size or known[2] != device:
            known = self._remote = errors, size, device, on_device.draws_on(device, errors, self.name, size)
        return known[3]

    def holds(self, weight: Tensor) -> bool:
        """Whether the codes of these very weights are known."""
        known = self._stored
        return known is not None and known[0] is weight and known[1] == weight._version

    def store(self, weight: Tensor, values: Floats) -> None:
        """Keep the codes of weights, so that they are encoded once; floats are their own codes."""
        if self.code.bits < 32:
            codes = np.empty((1, self.code.row_bytes(values.size)), np.uint8)
            self.code.encode(values, codes)
            self._stored = weight, weight._version, codes[0]

    def read(self, errors: ReadErrors, values: Floats | None, read: Floats, access: int) -> tuple[int, int]:
        """Store values and read them; returns the numbers of bits flipped and of values corrected.

        Parameters
        ----------
        errors : ReadErrors
        values, read : float32 arrays, shape (reads, values), contiguous
            What is stored, once per read (None: what `store` has been given); what is read.
        access : int
            Number of the first read.
        """
        size = self.code.row_bytes(read.shape[1])
        if self._errors is None or self._errors[0] is not errors or self._errors[1] != size:
            drawn = errors.drawn_from(self.name, size) if hasattr(errors, "drawn_from") else None
            self._errors = errors, size, None if drawn is None else Drawn.of(drawn)
        known = self._errors[2]
        if known is None or not size:
            return self._read_by_steps(errors, values, read, size, access)
        return self._read_at_once(known, values, read, size, access)

    def _read_at_once(
        self, drawn: Drawn, values: Floats | None, read: Floats, size: int, access: int
    ) -> tuple[int, int]:
        code, known = self.code, _UNKNOWN
        if values is None:
            assert self._stored is not None
            known, values = self._stored[2], read  # these values are not looked at
        ends, (errors, listed) = (code.lowest, code.highest), drawn
        if code.bits == 32:
            corrects, way = code.correction != "none", code.way
            stored, codes = values.view(np.uint32), read.view(np.uint32)
            return pass_floats(values, read, stored, codes, corrects, *ends, way, listed, errors, access)
        room = min(size, errors[1] // 8)
        if self._work is None or self._work[0].shape[1] != room:
            rooms = np.empty((2, room), np.uint8)
            views = pairs_of(2 * room) if code.bits == 4 else (code.elements(rooms[0]), code.elements(rooms[1]))
            self._work = rooms, *views
        rooms, front, back = self._work
        if code.bits == 4:
            return pass_nibbles(
                values, read, rooms, front, back, known, code.inverse, *ends, code.sign, code.scale, listed,
                errors, access
            ), 0  # fmt: skip
        return pass_bytes(
            values, read, rooms, front, back, known, code.inverse, *ends, code.scale, listed, errors, access
        ), 0  # fmt: skip

    def _read_by_steps(
        self, errors: ReadErrors, values: Floats | None, read: Floats, size: int, access: int
    ) -> tuple[int, int]:
        codes = read.view(np.uint8)
        if self.code.bits < 32:
            room = self.rooms.take("codes", -(-len(read) * size // 4))
            codes = room.numpy().view(np.uint8)[: len(read) * size].reshape(len(read), size)
        if values is not None:
            self.code.encode(values, codes)
        else:
            assert self._stored is not None
            np.copyto(codes, self._stored[2])
        return errors.corrupt(self.name, codes, access), self.code.decode(codes, read)
