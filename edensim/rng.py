"""Random numbers as a pure function of where they are used: no state, so no order, chunking or thread can change them.

A *key* is a 64-bit word that names a stream, made from a seed and any words (numbers or text); word `i` of a stream is
`draw(key, i)`. Keys are derived by drawing, so `key(seed, a, b)` = `draw(draw(root(seed), a), b)`, which lets compiled
kernels continue a derivation begun here.

Not here: distributions other than uniform, and anything of use to cryptography.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edensim.rng_kernel import FIRST, GOLDEN, MASK, SECOND

Words = NDArray[np.uint64]


def key(seed: int, *words: int | str) -> int:
    """Key of the stream that `words` name under `seed` (0 … 2^64 - 1); text counts by its BLAKE2b digest.

    >>> key(1, "weak cells", 5) == int(draw(key(1, "weak cells"), 5))
    True
    """
    if not 0 <= seed <= MASK:
        raise ValueError(f"seed = {seed}: expected 0 … 2^64 - 1")
    here = _mix(seed ^ GOLDEN)
    for word in words:
        here = _mix(here + GOLDEN * ((word_of(word) if isinstance(word, str) else word) + 1))
    return here


def word_of(text: str) -> int:
    """64-bit word that stands for a text (first bytes of its BLAKE2b digest, little-endian)."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def draw(key: int | Words, counter: ArrayLike) -> Words:
    """Words of one or many streams (uint64, broadcast): word number `counter` (not negative) of stream `key`."""
    keys, counters = np.asarray(key, np.uint64), np.asarray(counter, np.uint64)
    with np.errstate(over="ignore"):  # of scalars, which would warn
        z = keys + np.uint64(GOLDEN) * (counters + np.uint64(1))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(FIRST)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(SECOND)
        return np.asarray(z ^ (z >> np.uint64(31)))


def uniform(key: int | Words, counter: ArrayLike) -> NDArray[np.float64]:
    """Float64 numbers in the open interval (0, 1), odd multiples of 2^-53, from the same words as `draw`."""
    words = draw(key, counter) >> np.uint64(12)
    return np.asarray((words.astype(np.float64) + 0.5) * 2.0**-52)


def _mix(word: Any) -> int:
    z = word & MASK
    z = ((z ^ (z >> 30)) * FIRST) & MASK
    z = ((z ^ (z >> 27)) * SECOND) & MASK
    return int(z ^ (z >> 31))
