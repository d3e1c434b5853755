"""Values as codes, against a plain reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edensim.dnn.codes import code_of
from edensim.dnn.storage import Range, Storage

VALUES = arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(1, 70)), elements=st.floats(-9, 9, width=32))


def reference(values, bits, signed, scale):
    """Codes as whole numbers; Python's round is half to even, and a float32 product is rounded once."""
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    inverse = np.float32(1) / scale
    return [[min(max(round(float(v * inverse)), low), high) for v in row] for row in values]


@given(values=VALUES, precision=st.sampled_from(["int4", "int8", "int16"]), unsigned=st.booleans())
def test_integers(values, precision, unsigned):
    """Codes are the reference's, packed little-endian (int4 low half first), and decode to code * scale."""
    low = 0.0 if unsigned else -4.0
    code = code_of(Storage(precision, unsigned_maps=True), "ifm", Range(low, 4.0), Range(low, 4.0))
    assert code.signed != unsigned
    items, count = values.shape
    stored, back = np.full((items, code.row_bytes(count)), 0xA5, np.uint8), np.empty_like(values)
    code.encode(values, stored)
    code.decode(stored, back)
    for row, packed, decoded in zip(reference(values, code.bits, code.signed, code.scale), stored, back, strict=True):
        whole = sum((c & (2**code.bits - 1)) << (code.bits * i) for i, c in enumerate(row))
        assert whole == int.from_bytes(packed.tobytes(), "little")
        assert np.array_equal(decoded, np.float32(row) * code.scale)


def test_largest_values_and_nan():
    """The largest magnitude is the largest code; what lies beyond is clipped; NaN gives the lowest code."""
    code = code_of(Storage("int8"), "weights", Range(-2.0, 1.0), Range(-2.0, 1.0))
    stored = np.empty((1, 5), np.uint8)
    code.encode(np.float32([[-2, 2, 5, -5, np.nan]]), stored)
    assert stored.view(np.int8).tolist() == [[-127, 127, 127, -128, -128]]


@given(
    values=arrays(np.float32, st.integers(1, 3000), elements=st.floats(width=32)),
    way=st.sampled_from(["zero", "saturate", "none"]),
)
def test_correction(values, way):
    """Values outside of the bounds, and NaN, are replaced and counted; nothing else changes."""
    code = code_of(Storage("fp32", correction=way), "ifm", Range(-1, 2), Range(-1, 2))
    stored = values.reshape(1, -1).copy()
    count = code.decode(stored.view(np.uint8), stored)
    wanted = values.copy()
    outside = ~((values >= -1) & (values <= 2))
    if way == "zero":
        wanted[outside] = 0
    elif way == "saturate":
        wanted[outside] = np.nan_to_num(np.clip(values[outside], -1, 2))
    assert np.array_equal(stored[0].view(np.uint32), wanted.view(np.uint32))
    assert count == (0 if way == "none" else outside.sum())


def test_bounds_hold_zero_and_stretch():
    """Bounds hold the zero that the correction writes, and the margin moves them away from it."""
    code = code_of(Storage("fp32", margin=2.0), "ifm", Range(1, 3), Range(1, 3))
    assert code.bounds == (0.0, 6.0)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_sizes(count):
    """Bytes of a few values: int4 packs two to a byte."""
    sizes = [
        code_of(Storage(p), "ifm", Range(0, 1), Range(0, 1)).row_bytes(count) for p in ("int4", "int8", "int16", "fp32")
    ]
    assert sizes == [(count + 1) // 2, count, 2 * count, 4 * count]
