"""What the memory of a network asks of its errors.

An object of class `ReadErrors` stands for a memory in which every tensor has a place. A tensor is read whole; rows of
`codes` are separate reads of one tensor, one for each image, from the same addresses. Errors as plain as a bit error
rate or a list of weak cells may also have the method of `DrawnErrors`; then the memory draws them itself while it
encodes and decodes, which is quicker and gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from edensim.approx.tables_kernel import BEGIN, END, LOW
from edensim.approx.weak_cells import STRETCH_BITS, WeakCells


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


class Draws(NamedTuple):
    """How the errors of a tensor at a plain bit error rate are drawn, as `reads_kernel.toggle_reads` takes it.

    They are drawn stretch by stretch (`stretches_of`), as what is drawn for a stretch costs as much as some flips.
    """

    stretches: int
    stretch_bits: int
    key: np.uint64
    thresholds: NDArray[np.uint64]
    groups: NDArray[np.int64]

    @property
    def most(self) -> int:
        """Most points of a stretch, and one more: they are thrown two at a time."""
        least, begin, end = self.groups[0, [LOW, BEGIN, END]]
        return int(least + end - begin) + 1


NO_DRAWS = Draws(0, STRETCH_BITS, np.uint64(0), np.zeros(1, np.uint64), np.zeros((1, 5), np.int64))
"""Of a tensor without errors: it has no stretches."""


class DrawnErrors(ReadErrors, Protocol):
    """Errors that a memory may draw itself."""

    def drawn_from(self, name: str, size_bytes: int) -> Draws | WeakCells | None:
        """What `corrupt` draws from in a tensor of this size; None if `corrupt` is quicker, or only it can."""


class NoErrors:
    """Reliable memory."""

    def corrupt(self, name: str, codes: NDArray[np.uint8], access: int) -> int:
        """Nothing flips."""
        return 0

    def drawn_from(self, name: str, size_bytes: int) -> Draws:
        """No stretches."""
        return NO_DRAWS


ErrorsAt = Callable[[float], ReadErrors]
"""Bit error rate -> a memory with that rate. Same rate, same memory."""
