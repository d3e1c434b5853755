"""The way of one tensor through memory: encoded, hit by errors, decoded.

A network makes many short reads, so all that stays the same from one read of a tensor to the next is kept at hand.
Where errors can be drawn (`DrawnErrors`), one kernel takes each read the whole way; else all reads are encoded,
`corrupt` flips what they get wrong, and all are decoded. Both give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
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
from edensim.jit import compiled_for, view_floats

_UNKNOWN = np.zeros(0, np.uint8)


def _empty(shape: Sequence[int]) -> Tensor:
    """Not filled; whatever the user has set as default type and device."""
    return torch.empty(shape, dtype=torch.float32, device="cpu")


def floats(x: Tensor, items: int) -> Floats:
    """Values of a tensor as float32, shape (items, values), in memory of the CPU."""
    x = x.detach() if x.requires_grad else x
    if not (x.is_cpu and x.dtype is torch.float32 and x.is_contiguous() and not x.is_neg()):
        x = x.to("cpu", torch.float32).contiguous().resolve_neg()
    return x.numpy().reshape(items, -1)


def _version(x: Tensor) -> object:
    """Equal while nobody writes to a tensor; torch does not keep count of those made in its inference mode."""
    try:
        return x._version
    except RuntimeError:
        return object()


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
        self.rooms: dict[str, Tensor] = {}

    def take(self, use: str, count: int) -> Tensor:
        """The memory of a use: floats in one dimension, so many at least."""
        room = self.rooms.get(use)
        if room is None or room.numel() < count:
            room = self.rooms[use] = _empty((count,))
        return room


class Drawn(NamedTuple):
    """Room to list what is hit, and errors of a tensor as `reads_kernel` takes them."""

    listed: NDArray[np.int64]
    errors: tuple[Any, ...]

    @classmethod
    def of(cls, drawn: Draws | WeakCells) -> Drawn:
        """From what they are drawn from."""
        listed = np.empty(drawn.most, np.int64)
        if isinstance(drawn, Draws):
            return cls(listed, tuple(drawn))
        return cls(listed, (drawn.stretches, drawn.stretch_bits, *drawn.table()))


class _Ready(NamedTuple):
    """A read that is like the one before it, ready but for where the values are and the number of the access."""

    errors: ReadErrors
    shape: torch.Size
    items: int
    bits: int
    room: Tensor
    begin: int
    end: int
    tensor: Tensor
    kernel: Callable[..., tuple[int, int]]
    fixed: tuple[Any, ...]


class _Weights(NamedTuple):
    """Weights, by what they are known again; their values, and codes (floats are their own)."""

    weight: Tensor
    version: object
    address: int
    shape: torch.Size
    values: Floats
    values_address: int
    codes: Bytes


class TensorReads:
    """Reads of one tensor.

    Parameters
    ----------
    name, kind : str
        Of the tensor.
    code : Code
        How it is stored.
    rooms : Rooms
    dims : int
        A tensor of so many dimensions holds several reads, in its first one; 0: it never does.
    kept : bool
        Whether what is read has to stay what it is until the pass ends.
    """

    def __init__(self, name: str, kind: str, code: Code, rooms: Rooms, dims: int = 0, kept: bool = False) -> None:
        self.name, self.kind, self.code, self.rooms, self.dims, self.kept = name, kind, code, rooms, dims, kept
        self._ready: _Ready | None = None
        self._errors: tuple[ReadErrors, int, Drawn | None] | None = None
        self._remote: tuple[ReadErrors, int, torch.device, on_device.Source | None] | None = None
        self._weights: _Weights | None = None
        self._work: tuple[Bytes, NDArray[Any], NDArray[Any]] | None = None

    def items(self, x: Tensor) -> int:
        """How many reads of the tensor this one holds."""
        return x.shape[0] if self.dims and x.dim() >= self.dims else 1

    def pass_through(self, errors: ReadErrors, x: Tensor, accesses: dict[str, int]) -> tuple[Tensor, int, int, int]:
        """Read a tensor that nobody keeps, in the memory that the next read of its kind will use.

        Every question to torch takes as long as reading a hundred values: no more of them than needed.

        Parameters
        ----------
        errors : ReadErrors
        x : Tensor
            What is stored, on the CPU.
        accesses : dict of str to int
            Number of the next read by tensor: goes up.

        Returns
        -------
        Tensor, int, int, int
            What is read, and the numbers of bits read, bits flipped and values corrected.
        """
        ready, values = self._ready, None  # `values` lives for as long as its address is used
        if self.kind == "weights":
            known = self._weights
            if (
                known is None
                or known.weight is not x
                or known.version != _version(x)
                or known.address != x.data_ptr()
                or known.shape != x.shape
            ):
                known, ready = self._encode_weights(x), None
            shape, address = known.shape, known.values_address
        else:
            shape, address = x.shape, x.data_ptr()
            if not (address and x.dtype is torch.float32 and x.is_contiguous() and not x.is_neg()):
                values = floats(x, 1)
                address = values.ctypes.data
        room = self.rooms.rooms.get(self.kind)
        if ready is None or ready.errors is not errors or ready.shape != shape or ready.room is not room:
            if not self.items(x):
                return x, 0, 0, 0
            ready = self._ready = self._make_ready(errors, x)
        _, _, items, bits, _, begin, end, tensor, kernel, fixed = ready
        if begin <= address < end:  # somebody passes on what a layer has read
            values = floats(x, 1).copy()
            address = values.ctypes.data
        access = accesses[self.name]
        accesses[self.name] = access + items
        flips, corrected = kernel(address, access, *fixed)
        return tensor if x.dtype is torch.float32 else tensor.to(x.dtype), bits, flips, corrected

    def _encode_weights(self, weight: Tensor) -> _Weights:
        values, codes = floats(weight, 1), _UNKNOWN
        if self.code.bits < 32:
            codes = np.empty(self.code.row_bytes(values.size), np.uint8)
            self.code.encode(values, codes[None])
        known = weight, _version(weight), weight.data_ptr(), weight.shape
        self._weights = _Weights(*known, values, values.ctypes.data, codes)
        return self._weights

    def _make_ready(self, errors: ReadErrors, x: Tensor) -> _Ready:
        count, items = x.numel(), self.items(x)
        room = self.rooms.take(self.kind, count)
        space = Space.within(room[:count].view(x.shape), items)
        size, begin = self.code.row_bytes(count // items), room.data_ptr()
        drawn = self._drawn_from(errors, size)
        if drawn is None:
            kernel: Callable[..., tuple[int, int]] = partial(self._read_address, errors)
            fixed: tuple[Any, ...] = (space.rows,)
        else:
            kernel, fixed = self._kernel(drawn, space.rows, _UNKNOWN if self._weights is None else self._weights.codes)
            kernel = compiled_for(kernel, (0, 0, *fixed))
        end = begin + 4 * room.numel()
        return _Ready(errors, x.shape, items, 8 * items * size, room, begin, end, space.tensor, kernel, fixed)

    def draws_on(self, device: torch.device, errors: ReadErrors, size: int) -> on_device.Source | None:
        """What to draw the errors of a tensor of so many bytes from on a device; None if the host has to."""
        known = self._remote
        if known is None or known[0] is not errors or known[1] != size or known[2] != device:
            known = self._remote = errors, size, device, on_device.draws_on(device, errors, self.name, size)
        return known[3]

    def read(self, errors: ReadErrors, values: Floats, read: Floats, access: int) -> tuple[int, int]:
        """Store values and read them; returns the numbers of bits flipped and of values corrected.

        Parameters
        ----------
        errors : ReadErrors
        values, read : float32 arrays, shape (reads, values), contiguous
            What is stored, once per read; what is read.
        access : int
            Number of the first read.
        """
        drawn = self._drawn_from(errors, self.code.row_bytes(read.shape[1]))
        if drawn is None:
            return self._read_by_steps(errors, values, access, read)
        kernel, fixed = self._kernel(drawn, read, _UNKNOWN)
        flips, corrected = kernel(values.ctypes.data, access, *fixed)
        return flips, corrected

    def _drawn_from(self, errors: ReadErrors, size: int) -> Drawn | None:
        if self._errors is None or self._errors[0] is not errors or self._errors[1] != size:
            drawn = errors.drawn_from(self.name, size) if size and hasattr(errors, "drawn_from") else None
            self._errors = errors, size, None if drawn is None else Drawn.of(drawn)
        return self._errors[2]

    def _kernel(
        self, drawn: Drawn, read: Floats, known: Bytes
    ) -> tuple[Callable[..., tuple[int, int]], tuple[Any, ...]]:
        """The kernel for reads into an array, and what it takes but for the address of values, and the access."""
        code = self.code
        ends = code.lowest, code.highest
        if code.bits == 32:
            return pass_floats, (read, code.correction != "none", *ends, code.way, *drawn)
        room = min(code.row_bytes(read.shape[1]), drawn.errors[1] // 8)
        if self._work is None or self._work[0].shape[1] != room:
            rooms = np.empty((2, room), np.uint8)
            views = pairs_of(2 * room) if code.bits == 4 else (code.elements(rooms[0]), code.elements(rooms[1]))
            self._work = rooms, *views
        if code.bits == 4:
            return pass_nibbles, (read, *self._work, known, code.inverse, *ends, code.sign, code.scale, *drawn)
        return pass_bytes, (read, *self._work, known, code.inverse, *ends, code.scale, *drawn)

    def _read_address(self, errors: ReadErrors, address: int, access: int, read: Floats) -> tuple[int, int]:
        return self._read_by_steps(errors, view_floats(address, *read.shape), access, read)

    def _read_by_steps(self, errors: ReadErrors, values: Floats, access: int, read: Floats) -> tuple[int, int]:
        size = self.code.row_bytes(read.shape[1])
        codes = read.view(np.uint8)
        if self.code.bits < 32:
            room = self.rooms.take("codes", -(-len(read) * size // 4))
            codes = room.numpy().view(np.uint8)[: len(read) * size].reshape(len(read), size)
        self.code.encode(values, codes)
        return errors.corrupt(self.name, codes, access), self.code.decode(codes, read)
