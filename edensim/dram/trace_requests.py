"""Runs of memory requests as arrays, the checks they must pass, and their digest.

A trace is a list of requests in the order in which they are offered to the memory. Its columns:

========== ======= ===========================================================================================
`addr`     uint64  byte address
`is_write` uint8   1 = write, 0 = read
`arrival`  uint64  optional; memory clock from which the request may be offered, never decreasing; absent or all
                   zero = as fast as the queue accepts
`tensor`   uint16  optional; number of the tensor the request belongs to
========== ======= ===========================================================================================

Not modelled: sizes other than one burst per request, dependencies between requests, data values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from edensim.errors import InputError

CHUNK = 1 << 20
"""Requests handled at a time unless told otherwise."""

COLUMNS: dict[str, np.dtype[Any]] = {
    "addr": np.dtype("<u8"),
    "is_write": np.dtype("u1"),
    "arrival": np.dtype("<u8"),
    "tensor": np.dtype("<u2"),
}
"""Native dtype of every column; the first two are required."""
UNITS = {"addr": "byte", "is_write": "1 = write", "arrival": "memory clock", "tensor": "index"}


class Requests(NamedTuple):
    """A run of consecutive requests; arrays of equal length.

    Attributes
    ----------
    addr : uint64 array
        Byte addresses.
    is_write : uint8 array
        1 = write, 0 = read.
    arrival : uint64 array or None
        Memory clock from which each request may be offered, non-decreasing.
    tensor : uint16 array or None
        Tensor numbers.
    """

    addr: npt.NDArray[np.uint64]
    is_write: npt.NDArray[np.uint8]
    arrival: npt.NDArray[np.uint64] | None = None
    tensor: npt.NDArray[np.uint16] | None = None


class RequestSource(Protocol):
    """What both native and text traces offer: chunks of requests from the beginning, as often as asked."""

    path: Path

    @property
    def has_arrival(self) -> bool:
        """Whether arrival clocks are given."""

    @property
    def has_tensor(self) -> bool:
        """Whether tensor numbers are given."""

    def chunks(self, size: int = CHUNK) -> Iterator[Requests]:
        """Yield the requests in order, at most `size` at a time."""


def check_addresses(
    addr: npt.NDArray[np.uint64],
    burst_bytes: int,
    capacity_bytes: int,
    *,
    wrap: bool = False,
    first: int = 0,
    where: str = "trace",
) -> None:
    """Refuse addresses that are no multiple of the burst or lie beyond the memory.

    Parameters
    ----------
    addr : uint64 array
        Byte addresses.
    burst_bytes, capacity_bytes : int
        Size of one burst and of the whole memory, in bytes.
    wrap : bool
        Addresses beyond the capacity are allowed (`dram.address_wrap`).
    first : int
        Index of `addr[0]` in the trace.
    where : str
        File name for the message.

    Raises
    ------
    InputError
        Naming the first such request and the allowed range.
    """
    if len(addr) == 0:
        return
    allowed = f"allowed are multiples of {burst_bytes} from 0 to {capacity_bytes - burst_bytes:#x}"
    if burst_bytes & (burst_bytes - 1) == 0:
        unaligned = int(np.bitwise_or.reduce(addr)) & (burst_bytes - 1) != 0
    else:
        unaligned = bool(np.any(addr % np.uint64(burst_bytes)))
    if unaligned:
        k = int(np.argmax(addr % np.uint64(burst_bytes) != 0))
        raise InputError(
            f"{where}: request {first + k}: address {int(addr[k]):#x} is not a multiple of the burst of "
            f"{burst_bytes} bytes; {allowed}"
        )
    if not wrap and int(addr.max()) >= capacity_bytes:
        k = int(np.argmax(addr >= np.uint64(capacity_bytes)))
        raise InputError(
            f"{where}: request {first + k}: address {int(addr[k]):#x} lies beyond the memory of "
            f"{capacity_bytes:,} bytes; {allowed}. Set dram.address_wrap = true to wrap addresses around"
        )


def checked(parts: Iterable[Requests], where: str) -> Iterator[Requests]:
    """Pass requests through; refuse unequal lengths, a bad `is_write`, and arrivals that run backwards."""
    first, latest = 0, 0
    for part in parts:
        lengths = {name: len(values) for name, values in part._asdict().items() if values is not None}
        if len(set(lengths.values())) > 1:
            raise InputError(
                f"{where}: columns of unequal length: " + ", ".join(f"{n} {k:,}" for n, k in lengths.items())
            )
        if not len(part.addr):
            continue
        if int(part.is_write.max()) > 1:
            k = int(np.argmax(part.is_write > 1))
            raise InputError(
                f"{where}: request {first + k}: is_write is {part.is_write[k]}; expected 0 (read) or 1 (write)"
            )
        if part.arrival is not None:
            latest = _check_arrival(part.arrival, first, latest, where)
        yield part
        first += len(part.addr)


def _check_arrival(arrival: npt.NDArray[np.uint64], first: int, latest: int, where: str) -> int:
    back = arrival[1:] < arrival[:-1]
    k = 0 if int(arrival[0]) < latest else int(np.argmax(back)) + 1 if back.any() else -1
    if k >= 0:
        before = int(arrival[k - 1]) if k else latest
        raise InputError(
            f"{where}: request {first + k}: time runs backwards, arrival {int(arrival[k])} after {before}; "
            f"expected a memory clock from {before} to {2**64 - 1}"
        )
    return int(arrival[-1])


def slices(part: Requests, size: int) -> Iterator[Requests]:
    """Cut requests into pieces of at most `size`."""
    if len(part.addr) <= size:
        yield part
        return
    for k in range(0, max(len(values) for values in part if values is not None), size):
        yield cut(part, k, k + size)


def cut(part: Requests, first: int, last: int | None = None) -> Requests:
    """Return the requests `first` to `last - 1` of a part (views, no copies)."""
    columns: list[Any] = [None if values is None else values[first:last] for values in part]
    return Requests(*columns)


class ContentDigest:
    """SHA-256 of the requests, whatever the layout and the chunk size.

    Every column is hashed as little-endian bytes in its native dtype; the digest is that of the lines
    `column hash` in the order of `COLUMNS`. A column of zeros counts as absent (arrival 0 means no arrival). Every part
    must have the same columns.
    """

    def __init__(self) -> None:
        self.count = 0
        self._hashes = {name: hashlib.sha256() for name in COLUMNS}
        self._nonzero = {"addr", "is_write"}

    def update(self, part: Requests) -> None:
        """Add the next requests."""
        self.count += len(part.addr)
        for (name, dtype), values in zip(COLUMNS.items(), part, strict=True):
            if values is not None:
                if name not in self._nonzero and values.any():
                    self._nonzero.add(name)
                self._hashes[name].update(np.ascontiguousarray(values, dtype).data)

    def hexdigest(self) -> str:
        """Return the digest of everything added so far, 64 hex digits."""
        lines = [f"{name} {self._hashes[name].hexdigest()}\n" for name in COLUMNS if name in self._nonzero]
        return hashlib.sha256("".join(lines).encode()).hexdigest()
