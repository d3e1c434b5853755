"""What the memory of a network asks of its errors.

An object of class `ReadErrors` stands for a memory in which every tensor has a place. A tensor is read whole; rows of
`codes` are separate reads of one tensor, one for each image, from the same addresses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


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


class NoErrors:
    """Reliable memory."""

    def corrupt(self, name: str, codes: NDArray[np.uint8], access: int) -> int:
        """Nothing flips."""
        return 0


ErrorsAt = Callable[[float], ReadErrors]
"""Bit error rate -> a memory with that rate. Same rate, same memory."""
