"""The size of a memory: closed forms of real modules and what is refused."""

from __future__ import annotations

import pytest

from edensim.errors import ConfigError
from edensim.memory import Geometry


def test_ddr4_module(ddr4):
    """Two ranks of eight 8Gb x8 devices: 16 GiB, 64-byte bursts, 8 KiB rows, 32 banks per channel (JEDEC JESD79-4)."""
    g = Geometry.from_config(ddr4(ranks=2))
    assert (g.capacity_bytes, g.burst_bytes, g.row_bytes) == (16 << 30, 64, 8192)
    assert (g.banks_per_rank, g.banks, g.devices_per_rank, g.columns) == (16, 32, 8, 128)
    assert g.lines == g.capacity_bytes // g.burst_bytes
    assert g.subarrays == 65536 // 512


def test_bank_index_counts_level_by_level(ddr4):
    """Two pseudo-channels x 2 ranks x 2 stack IDs x 4 groups x 4 banks; density is that of one rank's device."""
    g = Geometry.from_config(ddr4(ranks=2, pseudo_channels=2, stack_ids=2, density_mbit=16384))
    assert list(g.spans.values()) == [128, 64, 32, 16, 4, 1]
    assert (g.banks, g.ranks_per_channel, g.banks_per_rank, g.groups_per_rank) == (128, 4, 32, 8)
    assert list(g.fan_out.values()) == [1, 2, 2, 2, 4, 4]


def test_any_number_of_channels(ddr4):
    """Three channels hold three times as much as one."""
    one, three = (Geometry.from_config(ddr4(channels=n)) for n in (1, 3))
    assert three.capacity_bytes == 3 * one.capacity_bytes


def test_a_shorter_last_subarray_counts(ddr4):
    """832 rows do not divide 65536: 78 whole subarrays and one of 640 rows."""
    assert Geometry.from_config(ddr4(subarray_rows=832)).subarrays == 79


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"density_mbit": 4096}, ("4096 Mbit", "8192 Mbit")),
        ({"rows": 32768}, ("8192 Mbit", "4096 Mbit")),
        ({"rows": 49152, "density_mbit": 6144}, ("dram.rows = 49152", "power of two")),
        ({"ranks": 3}, ("dram.ranks = 3", "power of two")),
        ({"columns": 1020}, ("1020", "burst_length = 8")),
        ({"columns": 96, "density_mbit": 768}, ("dram.columns / dram.burst_length = 12", "power of two")),
        ({"channel_width_bits": 8, "device_width_bits": 16, "density_mbit": 16384}, ("whole number of devices",)),
    ],
)
def test_impossible_geometry(ddr4, change, words):
    """The message names the keys, what was found and what was expected."""
    with pytest.raises(ConfigError) as caught:
        Geometry.from_config(ddr4(**change))
    assert all(word in str(caught.value) for word in words)


def test_all_problems_in_one_go(ddr4):
    """Two wrong sizes give two problems."""
    with pytest.raises(ConfigError) as caught:
        Geometry.from_config(ddr4(ranks=3, bank_groups=6))
    assert len(caught.value.problems) == 2
