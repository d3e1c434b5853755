"""Reads of tensors on another device than the CPU: codes, errors and values in torch's own operations.

What is drawn is, word for word, what the kernels draw (`rng_kernel`, `reads_kernel`, `approx.weak_kernel`), so a
network reads the same bits on every device. torch has no unsigned 64-bit arithmetic: words are int64 that wrap around,
shifts are masked, and comparisons shifted by 2^63.

Covered: a plain bit error rate whose flips are thrown as points (up to about 0.07), weak cells that are listed
(`approx.weak_cells`), no errors. All other errors go through the host (`memory`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edensim.approx.tables_kernel import BEGIN, END, LOW
from edensim.approx.weak_cells import WeakCells
from edensim.dnn.codes import Code
from edensim.dnn.codes_kernel import SATURATE
from edensim.dnn.reading import Draws, ReadErrors
from edensim.rng_kernel import FIRST, GOLDEN, MASK, SECOND

MOST = 1 << 24
"""Words drawn at once."""
_LOW32, _SIGN = 0xFFFFFFFF, -(1 << 63)


class Cells(NamedTuple):
    """Weak cells of a tensor, as `WeakCells` lists them, on a device.

    `most` (cells, 2) are the highest outcomes with which a cell fails (-1: none) where it stores a 0, a 1; `bits` are
    those of the tensor that hold weak cells, `group` says which of them a cell is: one that is weak by two laws flips
    once.
    """

    bits: Tensor
    group: Tensor
    unit: Tensor
    stream: Tensor
    most: Tensor
    words: Tensor
    keys: Tensor

    @classmethod
    def of(cls, weak: WeakCells, device: torch.device) -> Cells:
        """Take them there."""
        bits, group = np.unique(weak.bit, return_inverse=True)
        arrays = (
            bits, group, weak.unit.astype(np.int64), weak.stream, weak.least.T - np.uint64(1), weak.streams[:, 1],
            weak.streams[:, 0],
        )  # fmt: skip
        return cls(*(_tensor(array, device) for array in arrays))


class Points(NamedTuple):
    """`Draws` on a device; `thresholds` ascend, and are shifted so that they compare as signed numbers."""

    stretches: int
    stretch_bits: int
    key: int
    thresholds: Tensor
    least: int

    @classmethod
    def of(cls, draws: Draws, device: torch.device) -> Points:
        """Take them there."""
        least, begin, end = (int(draws.groups[0, k]) for k in (LOW, BEGIN, END))
        thresholds = _tensor(draws.thresholds[begin:end][::-1].copy(), device) ^ _SIGN
        return cls(draws.stretches, draws.stretch_bits, _signed(int(draws.key)), thresholds, least)


Source = Points | Cells


def draws_on(device: torch.device, errors: ReadErrors, name: str, size_bytes: int) -> Source | None:
    """What to draw the errors of a tensor from on a device; None if the host has to."""
    found = errors.drawn_from(name, size_bytes) if hasattr(errors, "drawn_from") else None
    if found is None:
        return None
    return Points.of(found, device) if isinstance(found, Draws) else Cells.of(found, device)


def read(code: Code, errors: Source, x: Tensor, items: int, access: int) -> tuple[Tensor, int, int]:
    """Store values and read them; returns what is read, and the numbers of bits flipped and of values corrected.

    Parameters
    ----------
    code : Code
    errors : Points or Cells
        On the device of `x`.
    x : Tensor
        What is stored: `items` reads of one tensor.
    access : int
        Number of the first read.
    """
    values = x.detach().to(torch.float32).reshape(items, -1)
    codes = encode(code, values)
    flips = toggle(errors, codes, access) if isinstance(errors, Points) else fail(errors, codes, access)
    found, corrected = decode(code, codes, values.shape[1])
    return found.reshape(x.shape).to(x.dtype), flips, corrected


def draw(key: Tensor | int, counter: Tensor | int) -> Tensor:
    """`rng_kernel.draw` of int64 words, one of them a tensor."""
    if isinstance(counter, int):
        step: Tensor | int = _signed((counter + 1) * GOLDEN & MASK)
    else:
        step = (counter + 1) * _signed(GOLDEN)
    word = key + step
    assert isinstance(word, Tensor)
    word = (word ^ _shifted(word, 30)) * _signed(FIRST)
    word = (word ^ _shifted(word, 27)) * _signed(SECOND)
    return word ^ _shifted(word, 31)


def toggle(points: Points, codes: Tensor, access: int) -> int:
    """`reads_kernel.toggle_reads` on codes (reads, bytes) of a device."""
    if not points.stretches or not len(codes):
        return 0
    at_once = max(1, MOST // (points.stretches * (points.least + len(points.thresholds) + 2)))
    return sum(_toggle(points, codes[k : k + at_once], access + k) for k in range(0, len(codes), at_once))


def _toggle(points: Points, codes: Tensor, access: int) -> int:
    reads, size = codes.shape
    now = draw(points.key, _counters(reads, codes, access))[:, None]
    stretch = _counters(points.stretches, codes)
    streams = draw(draw(now, stretch), 0)
    heads = draw(streams, 0) ^ _SIGN
    counts = points.least + len(points.thresholds) - torch.searchsorted(points.thresholds, heads, right=True)
    pairs = (int(counts.max()) + 1) // 2
    words = draw(streams[..., None], _counters(pairs, codes, 1))
    halves = torch.stack([words & _LOW32, _shifted(words, 32)], -1).flatten(-2)
    bits = ((halves * points.stretch_bits) >> 32) + stretch[:, None] * points.stretch_bits
    thrown = (_counters(2 * pairs, codes) < counts[..., None]) & (bits < 8 * size)
    bits += _counters(reads, codes)[:, None, None] * (8 * size)
    hit, times = torch.unique(bits[thrown], return_counts=True)
    return _flip(codes, hit[times % 2 == 1])  # a point that is hit again takes back its flip


def fail(cells: Cells, codes: Tensor, access: int) -> int:
    """`WeakCells.flip` on codes (reads, bytes) of a device."""
    at_once = max(1, MOST // max(1, len(cells.unit)))
    return sum(_fail(cells, codes[k : k + at_once], access + k) for k in range(0, len(codes), at_once))


def _fail(cells: Cells, codes: Tensor, access: int) -> int:
    reads, size = codes.shape
    counters = _counters(reads, codes, access)[:, None]
    heads = draw(draw(cells.keys, counters), cells.words)
    outcomes = _shifted(draw(heads[:, cells.stream], cells.unit), 1)
    stored = (codes[:, cells.bits >> 3].long() >> (cells.bits & 7) & 1)[:, cells.group].bool()
    fails = outcomes <= torch.where(stored, cells.most[:, 1], cells.most[:, 0])
    failed = torch.zeros(reads, len(cells.bits), dtype=torch.int32, device=codes.device)
    failed.index_add_(1, cells.group, fails.int())
    return _flip(codes, (cells.bits + _counters(reads, codes)[:, None] * (8 * size))[failed > 0])


def encode(code: Code, values: Tensor) -> Tensor:
    """`Code.encode` of float32 values (reads, values); a new tensor of bytes (reads, bytes)."""
    if code.bits == 32:
        return values.clone(memory_format=torch.contiguous_format).view(torch.uint8)
    low, high = float(code.lowest), float(code.highest)
    v = torch.round(values * float(code.inverse))
    v = torch.where(v > low, v, low)  # NaN, too, becomes the lowest code
    whole = torch.where(v < high, v, high).int()
    if code.bits == 4:
        pairs = torch.nn.functional.pad(whole & 15, (0, whole.shape[1] & 1)).unflatten(1, (-1, 2))
        return (pairs[..., 0] | (pairs[..., 1] << 4)).to(torch.uint8)
    return whole.to(torch.int8 if code.bits == 8 else torch.int16).view(torch.uint8)


def decode(code: Code, codes: Tensor, count: int) -> tuple[Tensor, int]:
    """`Code.decode` to so many values per read; values, and how many were implausible."""
    if code.bits == 4:
        sign = 8 if code.signed else 0
        pairs = torch.stack([codes & 15, codes >> 4], -1).flatten(1)[:, :count].int()
        return ((pairs ^ sign) - sign).float() * float(code.scale), 0
    if code.bits < 32:
        whole = codes.view(torch.int8 if code.bits == 8 else torch.int16).int()
        return (whole if code.signed else whole & (2**code.bits - 1)).float() * float(code.scale), 0
    values = codes.view(torch.float32)
    if code.correction == "none":
        return values, 0
    low, high = float(code.lowest), float(code.highest)
    outside = ~((values >= low) & (values <= high))
    nearer = torch.zeros_like(values)
    if code.way == SATURATE:
        nearer = torch.where(values < low, low, torch.where(values > high, high, nearer))
    return torch.where(outside, nearer, values), int(outside.sum())


def _flip(codes: Tensor, bits: Tensor) -> int:
    """Flip bits of codes that lie in one piece, each of them named once; returns how many."""
    change = torch.zeros(codes.numel(), dtype=torch.int32, device=codes.device)
    change.index_add_(0, bits >> 3, torch.ones_like(bits, dtype=torch.int32) << (bits & 7).int())
    codes.bitwise_xor_(change.to(torch.uint8).view_as(codes))
    return len(bits)


def _counters(count: int, like: Tensor, first: int = 0) -> Tensor:
    return torch.arange(first, first + count, device=like.device)


def _shifted(word: Tensor, by: int) -> Tensor:
    """Shifted right, zeros coming in."""
    return (word >> by) & ((1 << (64 - by)) - 1)


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


def _tensor(array: NDArray[np.generic], device: torch.device) -> Tensor:
    if array.dtype == np.uint64:
        array = array.view(np.int64)
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)
