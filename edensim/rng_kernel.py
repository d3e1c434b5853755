"""Kernels of the counter-based random numbers of `edensim.rng`: one 64-bit word per (key, counter).

`draw(key, counter)` is output `counter` of a SplitMix64 generator in state `key` (Steele, Lea and Flood, "Fast
splittable pseudorandom number generators", OOPSLA 2014; finaliser "Mix13" by D. Stafford). SplitMix64 passes BigCrush;
it is no cipher.
"""

from __future__ import annotations

import numpy as np

from edensim.jit import JIT_DISABLED, jit

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB

_GOLDEN, _FIRST, _SECOND = np.uint64(GOLDEN), np.uint64(FIRST), np.uint64(SECOND)
_ONE, _27, _30, _31 = np.uint64(1), np.uint64(27), np.uint64(30), np.uint64(31)


def mix(word):  # type: ignore[no-untyped-def]
    """Finaliser of SplitMix64, a bijection of 64-bit words."""
    z = int(word)
    z = ((z ^ (z >> 30)) * FIRST) & MASK
    z = ((z ^ (z >> 27)) * SECOND) & MASK
    return np.uint64(z ^ (z >> 31))


def draw(key, counter):  # type: ignore[no-untyped-def]
    """Word number `counter` (not negative) of the stream `key`, both uint64."""
    return mix((int(key) + GOLDEN * (int(counter) + 1)) & MASK)


if not JIT_DISABLED:

    @jit
    def mix(word):  # type: ignore[no-untyped-def]  # noqa: F811, D103
        word = (word ^ (word >> _30)) * _FIRST
        word = (word ^ (word >> _27)) * _SECOND
        return word ^ (word >> _31)

    @jit
    def draw(key, counter):  # type: ignore[no-untyped-def]  # noqa: F811, D103
        return mix(key + _GOLDEN * (np.uint64(counter) + _ONE))
