"""Correction of implausible values against numpy, value by value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.approx import inject
from edensim.approx.correction import make_rule
from edensim.approx.element import ELEMENTS
from edensim.errors import ConfigError


def values_of(array: np.ndarray, name: str) -> np.ndarray:
    """Elements as float64."""
    if name == "int4":
        nibbles = np.stack([array & 15, array >> 4], -1).ravel().astype(np.int8)
        return (nibbles - 16 * (nibbles > 7)).astype(np.float64)
    with np.errstate(invalid="ignore"):  # signalling NaN
        if name == "bf16":
            return (array.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
        return array.astype(np.float64)


def random_array(name: str, seed: int) -> np.ndarray:
    """All kinds of bit patterns: random ones, and for floats both zeros, infinities and NaN."""
    raw = np.random.default_rng(seed).integers(0, 256, 4096, dtype=np.uint8)
    array = raw.view(ELEMENTS[name].storage).copy()
    if name in ("fp16", "fp32"):
        array[:5] = [0.0, -0.0, math.inf, -math.inf, math.nan]
    return array


@pytest.mark.parametrize("correction", ["zero", "saturate"])
@pytest.mark.parametrize("name", ["int4", "int8", "uint8", "int16", "uint16", "fp16", "bf16", "fp32"])
@given(st.tuples(st.integers(-130, 130), st.integers(-130, 130)).map(sorted), st.integers(0, 9))
def test_every_value_is_as_numpy_has_it(name, correction, bounds, seed):
    """In bounds: the very bits; outside: zero or the bound; NaN: zero. Bounds are exact in all formats."""
    low, high = bounds
    array = random_array(name, seed)
    before = values_of(array, name)
    try:
        report = inject(array, ber=0.0, dtype=name, bounds=(low, high), correction=correction)
    except ConfigError:
        least, most = {"int4": (-8, 7), "int8": (-128, 127)}.get(name, (0, 255))
        assert high < least or low > most
        return
    after = values_of(array, name)
    outside = ~((before >= low) & (before <= high))
    expected = before.copy()
    expected[outside] = 0
    if correction == "saturate":
        limits = {"int4": (-8, 7), "int8": (-128, 127), "uint8": (0, 255), "uint16": (0, 65535)}.get(name, (low, high))
        expected[before < low] = max(low, limits[0])
        expected[before > high] = min(high, limits[1])
    np.testing.assert_array_equal(after, expected)
    assert report.corrected == outside.sum()
    assert report.flips == 0


def test_correction_is_part_of_the_read():
    """Copy with errors and bounds = copy with errors, then bounds; the flips reported are those before correction."""
    data = np.random.default_rng(0).normal(0, 1, 50_000).astype(np.float32)
    plain, bounded, twice = np.empty_like(data), np.empty_like(data), np.empty_like(data)
    flips = inject(data, ber=1e-3, seed=1, out=plain).flips
    report = inject(data, ber=1e-3, seed=1, out=bounded, bounds=(-5, 5))
    inject(plain, ber=0.0, out=twice, bounds=(-5, 5))
    assert report.flips == flips
    assert report.corrected > flips / 32 / 2  # flips of the highest exponent bit lift a value out of bounds
    assert bounded.tobytes() == twice.tobytes()
    assert abs(bounded).max() <= 5 < abs(plain[np.isfinite(plain)]).max()


def test_sixteen_bit_bounds_are_rounded_and_zero_has_two_signs():
    """A bound between two numbers of the format is the nearer one; -0 lies in [0, 1] and in [-1, 0]."""
    x = np.array([1.0, 1.0009765625, -0.0, 0.0], np.float16)
    inject(x, ber=0.0, bounds=(0, 1.0004))
    assert x.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert math.copysign(1, x[2]) == -1
    y = np.array([-0.0, 0.0, 0.5], np.float16)
    inject(y, ber=0.0, bounds=(-1, 0), correction="saturate")
    assert y.tolist() == [0.0, 0.0, 0.0]
    infinite = np.array([np.inf, np.nan, 3], np.float16)
    assert inject(infinite, ber=0.0, bounds=(-math.inf, math.inf)).corrected == 1
    assert infinite[0] == np.inf


@pytest.mark.parametrize(
    ("name", "bounds", "message"),
    [
        ("fp32", (1, -1), "expected a lower and an upper bound"),
        ("fp32", (math.nan, 1), "bounds = nan, 1"),
        ("int8", (0.2, 0.8), "no number of int8 lies between"),
        ("int8", (200, 300), "no number of int8 lies between"),
        ("fp64", (0, 1), "values of fp64 cannot be held against bounds"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(name, bounds, message):
    """Wrong order, NaN, an empty range, formats without correction."""
    with pytest.raises(ConfigError, match=message):
        make_rule(ELEMENTS[name], bounds)
    with pytest.raises(ConfigError, match="expected zero or saturate"):
        make_rule(ELEMENTS["fp32"], (0, 1), "clip")
