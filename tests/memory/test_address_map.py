"""The address map is a bijection, agrees with its kernels, and is that of ramulator 2 where it has its names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.errors import ConfigError
from edensim.memory import AddressMap, Geometry, decode_line, decode_lines

DDR4 = {"bank_groups": 4, "banks_per_group": 4, "rows": 65536, "columns": 128}
WIDTHS = {"device_width_bits": 8, "channel_width_bits": 64, "burst_length": 8}


def power(high):
    """Powers of two up to 2^high."""
    return st.integers(0, high).map(lambda bits: 1 << bits)


@st.composite
def maps(draw):
    """Maps of small random geometries in random orders, parity names, odd channel counts and hashes included."""
    channels = draw(st.integers(1, 7))
    sizes = [draw(power(2)), draw(power(2)), draw(power(2)), draw(power(3)), draw(power(5))]
    hbm = {"pseudo_channels": draw(power(1)), "stack_ids": draw(power(1))}
    geometry = Geometry(channels, *sizes, **WIDTHS, **hbm)
    odd = channels & (channels - 1)
    hashes = ["none", "bank", "RaBaBg^Ro3", "Ba^BgRaCo Bg^Ro"] + ([] if odd else ["channel", "bank channel", "ChBa^Ro"])
    options = {"address_hash": draw(st.sampled_from(hashes))}
    if not odd and draw(st.booleans()):
        most = geometry.capacity_bytes // channels
        options["channel_interleave_bytes"] = draw(st.sampled_from([64 << k for k in range((most // 64).bit_length())]))
    if draw(st.integers(0, 4)) == 0:
        return AddressMap(geometry, "MOP4CLXOR", **options)
    column = draw(st.sampled_from([["Co"], ["CoH", "CoL1"], ["CoH", "CoL2"], ["CoH", "CoL9"]]))
    optional = [token for token in ("Bg", "Si", "Pc") if draw(st.booleans())]
    tokens = draw(st.permutations(["Ro", "Ba", "Ra", *optional, *column]))
    tokens.insert(len(tokens) if odd else draw(st.integers(0, len(tokens))), "Ch")
    return AddressMap(geometry, "".join(tokens), **options)


@given(maps())
@settings(max_examples=150, deadline=None)
def test_bijection(m):
    """Every line has a place inside the geometry, no two the same, and encode inverts decode."""
    g = m.geometry
    line = np.arange(g.lines)
    place = m.decode(line)
    for part, size in zip(place, (g.channels, g.banks, g.rows, g.columns), strict=True):
        assert part.dtype == np.int64
        assert 0 <= part.min() <= part.max() < size
    assert np.array_equal(m.encode(*place), line)
    packed = np.ravel_multi_index(place, (g.channels, g.banks, g.rows, g.columns))
    assert np.array_equal(np.sort(packed), line)


@given(maps(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_kernels_agree(m, random):
    """Vectorised kernel (lines or byte addresses, int64 or int32 output) == scalar kernel == NumPy."""
    modulus, table = m.kernel_table()
    line = np.array([random.randrange(m.geometry.lines) for _ in range(40)])
    place = np.array(m.decode(line))
    lines_out = np.full((4, 40), -1, np.int64)
    decode_lines(line, 0, modulus, table, *lines_out)
    assert np.array_equal(lines_out, place)
    bytes_out = np.full((4, 40), -1, np.int32)
    burst = m.geometry.burst_bytes
    decode_lines((line * burst + 5).astype(np.uint64), burst.bit_length() - 1, modulus, table, *bytes_out)
    assert np.array_equal(bytes_out, place)
    assert [decode_line(modulus, table, x) for x in line] == [tuple(x) for x in place.T]


def test_kernel_over_several_blocks():
    """Lengths around the block size of the kernel lose nothing."""
    m = AddressMap(Geometry(3, 2, **DDR4, **WIDTHS), "RoBaRaCoCh")
    for n in (0, 1, 1023, 1024, 1025, 2500):
        line = np.arange(n) * 7919
        out = np.full((4, n), -1, np.int64)
        decode_lines(line, 0, *m.kernel_table(), *out)
        assert np.array_equal(out, m.decode(line))


def digits(number, *sizes):
    """Mixed-radix digits, lowest first, in plain integers."""
    out = []
    for size in sizes:
        number, digit = divmod(number, size)
        out.append(digit)
    return out


def slow_decode(name, channels, ranks, line):
    """The three maps of ramulator 2 for a 4 x 4 bank DDR4 device, written down once more without bit tricks."""
    inner, channel = divmod(line, channels)
    if name == "RoBaRaCoCh":
        column, rank, group, bank, row = digits(inner, 128, ranks, 4, 4, 65536)
    elif name == "ChRaBaRoCo":
        column, row, bank, group, rank = digits(inner, 128, 65536, 4, 4, ranks)
    else:
        low, rank, group, bank, high, row = digits(inner, 4, ranks, 4, 4, 32, 65536)
        column = high * 4 + low
        mix = column
        rank, mix = rank ^ (mix % ranks), mix // ranks
        group, mix = group ^ (mix % 4), mix // 4
        bank, mix = bank ^ (mix % 4), mix // 4
        row ^= mix
    return channel, (rank * 4 + group) * 4 + bank, row, column


@pytest.mark.parametrize(
    ("name", "channels", "ranks"),
    [
        ("RoBaRaCoCh", 1, 1),
        ("RoBaRaCoCh", 1, 2),
        ("RoBaRaCoCh", 2, 1),
        ("RoBaRaCoCh", 3, 2),
        ("ChRaBaRoCo", 1, 1),
        ("ChRaBaRoCo", 1, 2),
        ("MOP4CLXOR", 1, 1),
        ("MOP4CLXOR", 2, 2),
    ],
)
def test_parity_maps(name, channels, ranks):
    """The maps of the parity configurations equal an independent mixed-radix computation."""
    m = AddressMap(Geometry(channels, ranks, **DDR4, **WIDTHS), name)
    line = np.random.default_rng(1).integers(0, m.geometry.lines, 500)
    assert list(zip(*(x.tolist() for x in m.decode(line)), strict=True)) == [
        slow_decode(name, channels, ranks, int(x)) for x in line
    ]


# (line, channel, bank, row, column), from a program that reproduces ramulator 2.1 command for command.
RAMULATOR = {
    ("RoBaRaCoCh", 1, 1): [(90031917, 0, 11, 43960, 45), (3040463, 0, 6, 1484, 79), (108439977, 0, 12, 52949, 41)],
    ("RoBaRaCoCh", 1, 2): [(169177159, 0, 0, 41303, 71), (76719223, 0, 1, 18730, 119), (102909800, 0, 13, 25124, 104)],
    ("RoBaRaCoCh", 2, 1): [(75762523, 1, 14, 18496, 45), (70662315, 1, 2, 17251, 85), (240968498, 0, 12, 58830, 25)],
    ("ChRaBaRoCo", 1, 1): [(76663070, 0, 9, 9106, 30), (54824345, 0, 6, 35099, 25), (136277, 0, 0, 1064, 85)],
    ("MOP4CLXOR", 1, 1): [(19973572, 0, 7, 9757, 92), (134107148, 0, 12, 65482, 0), (100698043, 0, 5, 49175, 123)],
}


@pytest.mark.parametrize(("case", "places"), RAMULATOR.items())
def test_places_of_ramulator(case, places):
    """Single places as ramulator 2.1 computes them."""
    name, channels, ranks = case
    m = AddressMap(Geometry(channels, ranks, **DDR4, **WIDTHS), name)
    line, *expected = np.array(places).T
    assert np.array_equal(m.decode(line), expected)


def test_bank_group_stands_below_bank():
    """Ba without Bg means bank above bank group; ramulator's ChRaBaRoCo is the exception."""
    g = Geometry(2, 2, **DDR4, **WIDTHS)
    line = np.random.default_rng(2).integers(0, g.lines, 100)
    for short, full in (("RoBaRaCoCh", "RoBaBgRaCoCh"), ("ChRaBaRoCo", "ChRaBgBaRoCo")):
        assert np.array_equal(AddressMap(g, short).decode(line), AddressMap(g, full).decode(line))


# (line, bank, row, column) of HBM2 (two pseudo-channels of 4 x 4 banks, 32 bursts a row) and HBM3 (also two stack IDs),
# worked out by hand: RoBaRaCoCh puts the pseudo-channel right above the column, then stack ID, bank group, bank.
HBM = {
    "hbm2": [(31, 0, 0, 31), (32, 16, 0, 0), (64, 4, 0, 0), (256, 1, 0, 0), (1024, 0, 1, 0), (1023, 31, 0, 31)],
    "hbm3": [(31, 0, 0, 31), (32, 32, 0, 0), (64, 16, 0, 0), (128, 4, 0, 0), (512, 1, 0, 0), (2047, 63, 0, 31)],
}


@pytest.mark.parametrize("name", HBM)
def test_pseudo_channels_and_stack_ids(name):
    """Ra alone stands for stack ID above rank above pseudo-channel; Si and Pc may also stand elsewhere."""
    parts = {"pseudo_channels": 2, "stack_ids": 2 if name == "hbm3" else 1}
    g = Geometry(1, 1, 4, 4, 16384, 32, **WIDTHS, **parts)
    line, *expected = np.array(HBM[name]).T
    _, *found = AddressMap(g, "RoBaRaCoCh").decode(line)
    assert np.array_equal(found, expected)
    assert np.array_equal(AddressMap(g, "RoBaBgSiRaPcCoCh").decode(line)[1:], expected)
    _, bank, _, column = AddressMap(g, "RoBaSiRaCoBgPcCh").decode(np.arange(4))
    assert (bank // g.banks_per_rank).tolist() == [0, 1, 0, 1]
    assert not column.any()


def test_split_column():
    """With the two lowest column bits at the bottom, four neighbouring lines share a row and the fifth changes bank."""
    m = AddressMap(Geometry(1, 1, **DDR4, **WIDTHS), "RoCoHRaBaBgCoL2Ch")
    _, bank, row, column = m.decode(np.arange(5))
    assert bank.tolist() == [0, 0, 0, 0, 4]  # the lowest bit above the column is that of the bank group
    assert column.tolist() == [0, 1, 2, 3, 0]
    assert not row.any()


@given(maps())
@settings(max_examples=20, deadline=None)
def test_addresses_wrap_at_the_capacity(m):
    """Line n + capacity is line n."""
    line = np.arange(min(m.geometry.lines, 50))
    assert np.array_equal(m.decode(line), m.decode(line + 3 * m.geometry.lines))


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("RoBaRaCo", ("missing Ch",)),
        ("RoBaRaCoChRo", ("more than once Ro",)),
        ("BaRaCoHCh", ("missing Ro, CoL",)),
        ("RoBaRaCoCoHCoL2Ch", ("more than once Co",)),
        ("RoBaRaXxCoCh", ("unknown text 'Xx'", "RoBaRaCoCh")),
        ("", ("unknown text", "MOP4CLXOR")),
    ],
)
def test_bad_order(order, words):
    """Missing, doubled and unknown fields are named."""
    with pytest.raises(ConfigError) as caught:
        AddressMap(Geometry(1, 1, **DDR4, **WIDTHS), order)
    assert all(word in str(caught.value) for word in words)


def test_odd_channels_must_be_lowest():
    """Three channels cannot be a run of bits, so Ch must be the last field."""
    g = Geometry(3, 1, **DDR4, **WIDTHS)
    assert AddressMap(g, "RoBaRaCoCh").kernel_table()[0] == 3
    with pytest.raises(ConfigError, match="3 channels are no power of two"):
        AddressMap(g, "ChRoBaRaCo")
