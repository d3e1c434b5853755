"""Counter-based random numbers: published outputs, agreement of the three implementations, independence of streams."""

from __future__ import annotations

import numpy as np
import pytest

from edensim import rng, rng_kernel

# First outputs of SplitMix64 from state 1234567, as listed with the reference implementation's test programs.
SPLITMIX64 = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]


def test_published_outputs():
    """Word i of a stream is output i of SplitMix64."""
    assert rng.draw(1234567, np.arange(5)).tolist() == SPLITMIX64
    assert [int(rng_kernel.draw(np.uint64(1234567), i)) for i in range(5)] == SPLITMIX64


def test_python_numpy_and_kernel_derive_the_same_keys():
    """A derivation begun in Python goes on in numpy and in kernels."""
    key = rng.key(7, "weak", 3)
    assert key == int(rng.draw(rng.key(7, "weak"), 3)) == int(rng_kernel.draw(np.uint64(rng.key(7, "weak")), 3))
    assert rng.draw(np.array([1, 2], np.uint64), 5).tolist() == [int(rng.draw(k, 5)) for k in (1, 2)]
    assert rng.draw(key, np.zeros((2, 3), int)).shape == (2, 3)


def test_keys_differ_in_every_word():
    """Seeds, numbers and texts all matter, and so does their order."""
    keys = {rng.key(s, *w) for s in (0, 1, 2**64 - 1) for w in ((), ("a",), ("b",), ("a", 0), (0, "a"), ("a", 1), (0,))}
    assert len(keys) == 21


@pytest.mark.parametrize("seed", [-1, 1 << 64])
def test_a_seed_is_a_64_bit_word(seed):
    """Other seeds are refused."""
    with pytest.raises(ValueError, match="seed"):
        rng.key(seed)


def test_uniform_numbers():
    """Never 0 or 1; mean and variance of 10^5 of them within 5 standard errors (false alarms below 1e-6 each)."""
    x = rng.uniform(rng.key(1), np.arange(100_000))
    assert x.min() > 0
    assert x.max() < 1
    assert abs(x.mean() - 1 / 2) < 5 * (1 / 12 / x.size) ** 0.5
    assert abs(x.var() - 1 / 12) < 5 * (1 / 180 / x.size) ** 0.5
