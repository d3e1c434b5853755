"""XOR hashing and channel interleaving: places by another computation, bijections kept, everything else refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.config import load_config
from edensim.dram.controller import DramSystem
from edensim.errors import ConfigError
from edensim.memory import AddressMap, Geometry

SMALL = Geometry(2, 2, 2, 2, 8, 4, 8, 64, 8)
SIZES = {"Ch": 1, "Ra": 1, "Ba": 1, "Bg": 1, "Ro": 3, "Co": 2}
"""Bits of every field of SMALL."""
DDR4 = {"bank_groups": 4, "banks_per_group": 4, "rows": 65536, "columns": 128}
WIDTHS = {"device_width_bits": 8, "channel_width_bits": 64, "burst_length": 8}


def slow_place(line: int, terms: list[tuple[str, str]]) -> tuple[int, int, int, int]:
    """Place in SMALL under RoBaBgRaCoCh, in strings of binary digits: no shifts, no matrices."""
    digits, plain = f"{line:09b}", {}
    for name in ("Ro", "Ba", "Bg", "Ra", "Co", "Ch"):
        plain[name], digits = digits[: SIZES[name]], digits[SIZES[name] :]
    hashed = dict(plain)
    for left, right in terms:
        source = "".join(plain[name] for name in re.findall("..", right))
        names = re.findall("..", left)
        width = len("".join(plain[name] for name in names))
        padded = source.zfill(-(-len(source) // width) * width)
        for start in range(0, len(padded), width):
            piece, at = padded[start : start + width], 0
            for name in names:
                mixed = [str(int(a != b)) for a, b in zip(hashed[name], piece[at : at + SIZES[name]], strict=True)]
                hashed[name], at = "".join(mixed), at + SIZES[name]
    bank = hashed["Ra"] + hashed["Bg"] + hashed["Ba"]
    return tuple(int(x, 2) for x in (hashed["Ch"], bank, hashed["Ro"], hashed["Co"]))


fields = st.lists(st.sampled_from(list(SIZES)), min_size=1, max_size=3, unique=True).map("".join)
targets = st.lists(st.sampled_from(["Ch", "Ra", "Ba", "Bg"]), min_size=1, max_size=3, unique=True).map("".join)


@given(st.lists(st.tuples(targets, fields), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_any_terms(terms):
    """Terms mean what they say, bit by bit; maps that are no bijection are refused with two addresses of one place."""
    text = " ".join("^".join(term) for term in terms)
    expected = [slow_place(line, terms) for line in range(SMALL.lines)]
    try:
        m = AddressMap(SMALL, "RoBaBgRaCoCh", text)
    except ConfigError as error:
        assert len(set(expected)) < SMALL.lines
        assert all(word in str(error) for word in ("'RoBaBgRaCoCh'", f"{text!r}", "no bijection"))
        first, second = (int(word, 16) // 64 for word in re.findall("0x[0-9a-f]+", str(error)))
        assert first != second
        assert expected[first] == expected[second]
    else:
        assert list(zip(*(x.tolist() for x in m.decode(np.arange(SMALL.lines))), strict=True)) == expected
        assert np.array_equal(m.encode(*np.array(expected).T), np.arange(SMALL.lines))


def test_rows_in_turn_hit_all_banks():
    """`bank`: the same column of 16 rows in a row, one bank without the hash, lies in 16 banks."""
    g = Geometry(1, 1, **DDR4, **WIDTHS)
    line = np.arange(16) * (g.lines // g.rows)
    assert len(set(AddressMap(g, "RoBaRaCoCh").decode(line)[1].tolist())) == 1
    _, bank, row, _ = AddressMap(g, "RoBaRaCoCh", "bank").decode(line)
    assert sorted(bank.tolist()) == list(range(16))
    assert row.tolist() == list(range(16))


@pytest.mark.parametrize("stride", [1 << k for k in range(0, 24)])
def test_strides_hit_all_channels(stride):
    """`channel`: four accesses of any stride of a power of two lie in four channels."""
    g = Geometry(4, 1, **DDR4, **WIDTHS)
    channel, *_ = AddressMap(g, "RoBaRaCoCh", "channel").decode(np.arange(4) * stride)
    assert sorted(channel.tolist()) == [0, 1, 2, 3]


@pytest.mark.parametrize("size", [64, 256, 4096, 1 << 32])
def test_interleaving(size):
    """The channel changes every so many bytes, wherever the order has Ch; within a channel nothing else changes."""
    g = Geometry(2, 1, **DDR4, **WIDTHS)
    m = AddressMap(g, "RoBaRaCoCh", channel_interleave_bytes=size)
    piece = np.arange(8, dtype=np.int64) * size // 64
    assert m.decode(piece)[0].tolist() == [0, 1] * 4
    assert m.decode(piece + size // 64 - 1)[0].tolist() == [0, 1] * 4
    other = AddressMap(g, "ChRoBaRaCo", channel_interleave_bytes=size)
    assert all(np.array_equal(a, b) for a, b in zip(m.decode(piece), other.decode(piece), strict=True))


@pytest.mark.parametrize(
    ("channels", "options", "words"),
    [
        (1, {"address_hash": "bnak"}, ("'bnak' is no term", "did you mean bank?", "BaBg^Ro")),
        (1, {"address_hash": " "}, ("no term",)),
        (1, {"address_hash": "Ba^Rw"}, ("'Rw'", "Ro")),
        (1, {"address_hash": "RoBa^Co"}, ("changes Ro", "a row stays whole")),
        (3, {"address_hash": "bank channel"}, ("3 channels", "no bijection")),
        (3, {"address_hash": "Ba^Ch"}, ("3 channels",)),
        (3, {"channel_interleave_bytes": 256}, ("3 channels", "burst by burst")),
        (2, {"channel_interleave_bytes": 96}, ("96", "a power of two from 64")),
        (2, {"channel_interleave_bytes": 32}, ("32", "a power of two from 64")),
        (2, {"channel_interleave_bytes": 1 << 34}, ("to 8589934592 byte (a channel)",)),
        (2, {"address_hash": "Ba^Bg Bg^Ba"}, ("'RoBaRaCoCh'", "'Ba^Bg Bg^Ba'", "no bijection: addresses 0x0 and 0x")),
    ],
)
def test_refused(channels, options, words):
    """Everything that cannot be is told in words, with both values."""
    with pytest.raises(ConfigError) as caught:
        AddressMap(Geometry(channels, 1, **DDR4, **WIDTHS), "RoBaRaCoCh", **options)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_keys_reach_the_memory():
    """[dram] address_hash and channel_interleave_bytes make the map of a system, and a bad one names its line."""
    table = {"preset": "ddr4-2400r-8gb-x8", "channels": 2, "address_hash": "bank", "channel_interleave_bytes": 256}
    system = DramSystem(load_config({"dram": table}).config.dram)
    line = np.arange(1000) * 7919
    same = AddressMap(system.geometry, "RoBaRaCoBgCh", "bank", 256).decode(line)
    assert all(np.array_equal(a, b) for a, b in zip(system.address_map.decode(line), same, strict=True))
