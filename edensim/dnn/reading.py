"""What the memory of a network asks of its errors.

An object of class `ReadErrors` stands for a memory in which every tensor has a place. A tensor is read whole; rows of
`codes` are separate reads of one tensor, one for each image, from the same addresses. Errors as plain as a bit error
rate may also have the method of `DrawnErrors`; then the memory draws them itself while it encodes and decodes, which is
quicker and gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from edensim.approx.tables_kernel import BEGIN, END, LOW
from edensim.approx.weak_cells import WeakCells


class ReadErrors(Protocol):
    """Errors of reads from approximate memory; what flips depends on the seed, the tensor and the access only."""

    def corrupt(self, name: str, codes: NDArray[np.uint8], access: int) -> int:
        """Flip what these reads get wrong, in place; returns the number of flips.

        Parameters
        ----------
        name : str
            Tensor, e.g. "conv1.weights", "conv1.ifm".
        codes : uint8 array, shape (reads, bytes of the tensor), contiguous
            What is stored, once per read.
        access : int
            Number of the first read; the others follow.
        """


ROW_BITS = 1 << 16


class Draws(NamedTuple):
    """How the errors of a tensor at a plain bit error rate are drawn, as `reads_kernel.toggle_reads` takes it.

    Rows are as long as the tensor, but at most `ROW_BITS`: what is drawn for a row costs as much as some flips, and a
    row stays in the nearest cache.
    """

    words: NDArray[np.uint64]
    key: np.uint64
    thresholds: NDArray[np.uint64]
    groups: NDArray[np.int64]
    row_bits: int

    @property
    def most_points(self) -> int:
        """Most points of a row, and one more: they are thrown two at a time."""
        least, begin, end = self.groups[0, [LOW, BEGIN, END]]
        return int(least + end - begin) + 1


NO_DRAWS = Draws(np.zeros(0, np.uint64), np.uint64(0), np.zeros(1, np.uint64), np.zeros((1, 5), np.int64), ROW_BITS)
"""Of a tensor without errors: it has no rows."""


class DrawnErrors(ReadErrors, Protocol):
    """Errors that a memory may draw itself."""

    def draws(self, name: str, size_bytes: int) -> Draws | None:
        """How to draw what `corrupt` flips in a tensor of this size; None if `corrupt` is quicker, or only it can."""

    def drawn_from(self, name: str, size_bytes: int) -> Draws | WeakCells | None:
        """The same for tensors on another device than the CPU; None if only `corrupt` can."""


class NoErrors:
    """Reliable memory."""

    def corrupt(self, name: str, codes: NDArray[np.uint8], access: int) -> int:
        """Nothing flips."""
        return 0

    def draws(self, name: str, size_bytes: int) -> Draws:
        """No rows."""
        return NO_DRAWS

    drawn_from = draws


ErrorsAt = Callable[[float], ReadErrors]
"""Bit error rate -> a memory with that rate. Same rate, same memory."""
