"""Partitions: which subarrays they hold, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from edensim.config.schema import Partition
from edensim.errors import ConfigError
from edensim.memory import Geometry, resolve_partitions

WIDTHS = {"device_width_bits": 8, "channel_width_bits": 64, "burst_length": 8}
SMALL = Geometry(2, 2, 2, 4, 64, 4, **WIDTHS, subarray_rows=16)


def test_product_of_axes():
    """A partition holds exactly the subarrays whose channel, rank, bank and subarray are all listed."""
    division = resolve_partitions(
        SMALL,
        [
            Partition(name="fast", channel=[1], rank="0:1", banks=[0, 5], subarrays="1:3"),
            Partition(name="b", channel=[0]),
        ],
    )
    assert division.names == ("module", "fast", "b")
    for channel, bank, subarray in np.ndindex(2, 16, 4):
        rank, in_rank = divmod(bank, 8)
        fast = channel == 1 and rank == 0 and in_rank in (0, 5) and subarray in (1, 2)
        expected = "fast" if fast else "b" if channel == 0 else "module"
        assert division.names[division.owner[channel, bank, subarray]] == expected
        assert division.names[division.at(channel, bank, subarray * 16 + 15)] == expected


def test_no_partition_is_the_module():
    """Without partitions everything is "module"."""
    division = resolve_partitions(SMALL, [])
    assert division.names == ("module",)
    assert division.capacity_bytes() == {"module": SMALL.capacity_bytes}


def test_capacity_counts_the_short_subarray():
    """Subarrays of 24 rows in 64-row banks: 24 + 24 + 16; capacities add up and shares sum to one."""
    g = Geometry(1, 1, 1, 2, 64, 4, **WIDTHS, subarray_rows=24)
    division = resolve_partitions(
        g, [Partition(name="last", subarrays=[2]), Partition(name="first", banks=[1], subarrays=[0])]
    )
    assert division.capacity_bytes() == {"module": (128 - 32 - 24) * 256, "last": 32 * 256, "first": 24 * 256}
    assert np.allclose(division.bank_share()[:, 0], [[48 / 64, 24 / 64], [16 / 64, 16 / 64], [0, 24 / 64]])


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({"banks": [8]}, "banks = [8]: index 8 does not exist, the valid range is 0 to 7"),
        ({"banks": [-1]}, "index -1 does not exist, the valid range is 0 to 7"),
        ({"channel": "0:3"}, "channel = '0:3': index 2 does not exist, the valid range is 0 to 1"),
        ({"rank": [2]}, "rank = [2]: index 2 does not exist, the valid range is 0 to 1"),
        ({"subarrays": "4:5"}, "the valid range is 0 to 3"),
        ({"banks": []}, "at least one index"),
        ({"banks": [1, 1]}, "none twice"),
        *(({"banks": text}, '"a:b" with a < b') for text in ("3", "3:", "a:b", "4:4", "5:2", "0:1:2", "0-3", "")),
    ],
)
def test_wrong_indices(axes, words):
    """The message names the partition and the axis, and says what is expected or in range."""
    with pytest.raises(ConfigError) as caught:
        resolve_partitions(SMALL, [Partition(name="p", **axes)])
    assert words in str(caught.value)
    assert f"[[partition]] 'p': {next(iter(axes))}" in str(caught.value)


def test_overlap_names_both_and_the_place():
    """Two partitions that share one bank of one rank."""
    with pytest.raises(ConfigError) as caught:
        resolve_partitions(SMALL, [Partition(name="a", banks="0:4"), Partition(name="b", banks=[3], rank=[1])])
    assert str(caught.value) == "[[partition]] 'b' overlaps 'a': both hold channel 0, rank 1, bank 3, subarray 0"


def test_all_problems_in_one_go():
    """A doubled name, the reserved name and a bad index are reported together."""
    with pytest.raises(ConfigError) as caught:
        resolve_partitions(
            SMALL, [Partition(name=n, banks=b) for n, b in (("a", [0]), ("a", [1]), ("module", [2]), ("c", [99]))]
        )
    assert len(caught.value.problems) == 3


CHIPS = Geometry(2, 2, 1, 4, 64, 4, **WIDTHS, subarray_rows=16)
"""Two channels of two ranks of eight chips."""


def test_chips_are_supply_domains_beside_the_division():
    """Chips divide no addresses: the owner of every subarray stays, and only the listed chips have another supply."""
    low = Partition(name="low", rank=[1], chips="2:5", vdd=1.0)
    division = resolve_partitions(CHIPS, [low, Partition(name="banks", banks=[3])])
    assert division.of_chips == ("low",)
    assert set(np.unique(division.owner)) == {0, 2}
    assert division.capacity_bytes()["low"] == 0
    assert sum(division.capacity_bytes().values()) == CHIPS.capacity_bytes
    expected = np.zeros((2, 2, 8))
    expected[:, 1, 2:5] = 1
    assert np.array_equal(division.chip_owner, expected)


def test_all_chips_of_a_rank_are_an_ordinary_partition():
    """A list of every chip restricts nothing, so timings and banks may stand beside it; one device of 64 bit too."""
    everything = Partition(name="a", chips="0:8", banks=[1], tRCD_ns=9.0)
    plain = Partition(name="a", banks=[1], tRCD_ns=9.0)
    for geometry, chips in ((CHIPS, "0:8"), (Geometry(1, 1, 1, 4, 64, 4, 64, 64, 8), [0])):
        found = resolve_partitions(geometry, [everything.model_copy(update={"chips": chips})])
        assert found.of_chips == ()
        assert np.array_equal(found.owner, resolve_partitions(geometry, [plain]).owner)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"tRCD_ns": 9.0}, "tRCD_ns is given beside chips = [0], but the 8 chips of a rank share every command"),
        ({"banks": [1], "tRAS_ns": 20.0}, "banks, tRAS_ns are given beside chips = [0]"),
        ({"delta_tRCD_ns": -1.0, "subarrays": [0], "tRP_ns": 9.0, "tREFI_scale": 2.0}, "Expected vdd or delta_vdd"),
    ],
)
def test_chips_have_nothing_but_a_supply(keys, words):
    """Timings, banks and subarrays beside some chips of a rank are refused, each by name and with the reason."""
    with pytest.raises(ConfigError) as caught:
        resolve_partitions(CHIPS, [Partition(name="p", chips=[0], **keys)])
    assert words in str(caught.value)
    assert all(key in str(caught.value) for key in keys)


def test_wrong_and_overlapping_chips():
    """A chip that no rank has, and one chip in two partitions."""
    with pytest.raises(ConfigError) as caught:
        resolve_partitions(
            CHIPS,
            [
                Partition(name="a", chips="4:9"),
                Partition(name="b", chips=[1]),
                Partition(name="c", chips=[1], rank=[1]),
            ],
        )
    assert caught.value.problems == [
        "[[partition]] 'a': chips = '4:9': index 8 does not exist, the valid range is 0 to 7",
        "[[partition]] 'c' overlaps 'b': both hold channel 0, rank 1, chip 1",
    ]
