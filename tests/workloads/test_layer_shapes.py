"""Arithmetic of output sizes, and sizes in bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.errors import InputError
from edensim.workloads import Layer, size_bytes
from edensim.workloads.shapes import check_layer, gemm_layer, output_size, same_pad

small = st.integers(1, 12)


@given(st.integers(1, 60), small, small, st.integers(0, 5), st.integers(0, 5), st.integers(1, 3))
def test_output_size_counts_the_windows_that_fit(size, kernel, stride, before, after, dilation):
    """The formula equals counting start positions one by one, also when none fits."""
    reach = dilation * (kernel - 1)
    fits = sum(1 for start in range(0, size + before + after, stride) if start + reach < size + before + after)
    found = output_size(size, kernel, stride, (before, after), dilation)
    assert max(found, 0) == fits


@given(st.integers(1, 60), small, small, st.integers(1, 3), st.booleans())
def test_same_pad_gives_ceil_of_size_over_stride(size, kernel, stride, dilation, low):
    """SAME padding gives ceil(size / stride) outputs, as even as possible, the odd element on the stated side."""
    pad = same_pad(size, kernel, stride, dilation, low)
    reach = dilation * (kernel - 1) + 1
    if reach >= stride:
        assert output_size(size, kernel, stride, pad, dilation) == -(-size // stride)
    assert pad[0] - pad[1] in ((0, 1) if low else (0, -1))


def test_int4_packs_two_elements_to_a_byte():
    """Odd counts round up to a whole byte."""
    assert [size_bytes(3, p) for p in ("int4", "int8", "int16", "fp32")] == [2, 3, 6, 12]


@given(*(st.integers(1, 50),) * 4)
def test_matrix_products_keep_their_counts(rows, columns, depth, products):
    """A batch of products as a grouped 1x1 convolution has the MACs and operand sizes of the products."""
    x = gemm_layer("g", rows, columns, depth, products)
    assert x.macs == products * rows * columns * depth
    assert x.weight_count == products * columns * depth
    assert x.ifm_count == products * rows * depth
    assert x.ofm_count == products * rows * columns


def test_impossible_layers_are_refused():
    """Each impossible size is named with its range."""
    for change, message in (
        ({"C": 0}, "C is 0, expected 1 to"),
        ({"K": 2**31}, "K is 2147483648"),
        ({"groups": 2}, "groups = 2 divides not both C = 3"),
        ({"pad": (0, -1, 0, 0)}, "pad is -1"),
        ({"stride": (1, 0)}, "stride is 0"),
    ):
        sizes = {"C": 3, "H": 8, "W": 8, "K": 4, "R": 1, "S": 1, "P": 8, "Q": 8} | change
        with pytest.raises(InputError, match=message):
            check_layer(Layer("x", "conv", **sizes), "here")
