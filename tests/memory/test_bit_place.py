"""The place of a bit and its inverse."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.memory import AddressMap, Geometry, RowBit, address_of, join_row_bit, locate, split_row_bit


@st.composite
def geometries(draw):
    """Small memories of any device and channel width."""
    width = draw(st.sampled_from([4, 8, 16, 32]))
    devices = draw(st.sampled_from([1, 2, 4, 8])) * (2 if width == 4 else 1)
    sizes = (draw(st.integers(1, 3)), 2, 2, 2, 8, draw(st.sampled_from([1, 4])), width, width * devices, 8, 3)
    return Geometry(*sizes, pseudo_channels=draw(st.sampled_from([1, 2])), stack_ids=draw(st.sampled_from([1, 2])))


@given(geometries())
@settings(max_examples=40, deadline=None)
def test_row_bits_are_a_bijection(g):
    """Row bit -> (column, beat, chip, DQ) -> row bit, each part inside its range, no two bits at one place."""
    bits = np.arange(8 * g.row_bytes)
    place = split_row_bit(g, bits)
    sizes = (g.columns, g.burst_length, g.devices_per_rank, g.device_width_bits)
    for part, size in zip(place, sizes, strict=True):
        assert 0 <= part.min() <= part.max() < size
    assert len(np.unique(np.ravel_multi_index(place, sizes))) == len(bits) == np.prod(sizes)
    assert np.array_equal(join_row_bit(g, place), bits)


@given(geometries(), st.data())
@settings(max_examples=60, deadline=None)
def test_every_bit_of_the_memory_has_one_place(g, data):
    """Address and bit -> place -> address and bit, for every level of the hierarchy."""
    m = AddressMap(g, data.draw(st.sampled_from(["RoBaRaCoCh", "RoRaBgBaCoCh", "MOP4CLXOR"])))
    bit_number = np.array(data.draw(st.lists(st.integers(0, 8 * g.capacity_bytes - 1), min_size=1, max_size=30)))
    address, bit = bit_number // 8, bit_number % 8
    place = locate(m, address, bit)
    banks = (g.ranks_per_channel, g.groups_per_rank, g.banks_per_group)
    sizes = (g.channels, *banks, g.subarrays, g.rows, 8 * g.row_bytes)
    for part, size in zip(place, sizes, strict=True):
        assert 0 <= part.min() <= part.max() < size
    assert np.array_equal(place.subarray, place.row // 3)
    back_address, back_bit = address_of(m, place)
    assert np.array_equal(back_address, address)
    assert np.array_equal(back_bit, bit)


def test_bytes_of_a_ddr4_burst():
    """Eight x8 devices: byte 8 b + c of a 64-byte burst crosses the pins of chip c in beat b, bit k on DQ k."""
    g = Geometry(1, 1, 4, 4, 65536, 128, 8, 64, 8)
    for byte in (0, 1, 7, 8, 63):
        for k in range(8):
            assert split_row_bit(g, 8 * (3 * 64 + byte) + k) == RowBit(3, byte // 8, byte % 8, k)


def test_x4_devices_carry_nibbles():
    """Sixteen x4 devices: the low nibble of a byte is on the even chip, the high one on the odd chip."""
    g = Geometry(1, 1, 4, 4, 65536, 128, 4, 64, 8)
    assert split_row_bit(g, 8 * 9 + 2) == RowBit(0, 1, 2, 2)
    assert split_row_bit(g, 8 * 9 + 6) == RowBit(0, 1, 3, 2)
