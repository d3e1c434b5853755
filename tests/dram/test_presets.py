"""Shipped memories: sources, derived identities, parity with the standards."""

import numpy as np
import pytest

from edensim.dram.power import impossible_currents
from edensim.dram.power_device import device_of
from edensim.dram.timing import resolve_timing
from edensim.errors import ConfigError
from edensim.memory import AddressMap, Geometry
from tests.dram.preset_dram import OWN, PARITY, POWERED, dram


@pytest.mark.parametrize("name", OWN + PARITY)
def test_preset_is_sound(name):
    """Every shipped memory is valid, resolves, multiplies to its density, has a bijective map and names its source."""
    memory = dram(name)
    resolve_timing(memory)
    geometry = Geometry.from_config(memory)
    AddressMap(geometry, memory.address_map)
    assert geometry.burst_bytes == (64 if memory.standard.startswith(("DDR", "LPDDR3")) else 32)
    assert len(memory.source) > 20


@pytest.mark.parametrize("name", POWERED)
def test_own_presets_have_sourced_power(name):
    """Own memories have sourced currents and interface, one rail that follows VDD and no impossible current.

    Currents of HBM were measured with the pins, and neither there nor on LPDDR5's pump rail in power-down.
    """
    power = dram(name).power
    assert power is not None
    assert (power.io is None) == name.startswith("hbm")
    assert len(power.source) > 20
    assert power.io is None or len(power.io.source) > 20
    assert sum(rail.follows_vdd for rail in power.rails.values()) == 1
    assert impossible_currents(device_of(dram(name), resolve_timing(dram(name)))) == []
    for rail in power.rails.values():
        assert rail.IDD2P is not None or name.startswith(("hbm", "lpddr5"))
        assert (rail.IDD2P or 0) <= rail.IDD2N <= rail.IDD3N <= rail.IDD5B


def test_memories_without_trustworthy_currents_have_none():
    """Public GDDR6 currents contradict each other (IDD0 below IDD3N), so its energy is an error that says why."""
    assert set(OWN) - set(POWERED) == {"gddr6-14000-8gb-x16"}
    memory = dram("gddr6-14000-8gb-x16")
    with pytest.raises(ConfigError, match="has no currents"):
        device_of(memory, resolve_timing(memory))


def test_own_presets_schedule_row_hits_first():
    """The quirks of other simulators stay in their parity presets."""
    assert {dram(name).controller.scheduler for name in OWN} == {"FRFCFS_RowHit"}
    assert not any(dram(name).address_wrap for name in OWN)
    assert all(dram(name).address_wrap and dram(name).line_bytes == 64 for name in PARITY)


def test_capacities():
    """Sizes of the shipped modules, in MiB."""
    sizes = {name: Geometry.from_config(dram(name)).capacity_bytes >> 20 for name in OWN}
    assert sizes == {
        "ddr3-1600-1gb-x8": 1024,
        "ddr3l-1600-4gb-x8": 4096,
        "ddr4-2133p-8gb-x8": 8192,
        "ddr4-2400r-8gb-x16": 4096,
        "ddr4-2400r-8gb-x4": 16384,
        "ddr4-2400r-8gb-x8": 8192,
        "ddr4-2666v-8gb-x8": 8192,
        "ddr4-2933y-8gb-x8": 8192,
        "ddr4-3200aa-8gb-x8": 8192,
        "ddr5-4800-16gb-x8": 16384,
        "ddr5-5600-16gb-x8": 16384,
        "gddr5-6000-1gb-x32": 128,
        "gddr6-14000-8gb-x16": 1024,
        "hbm2-2000-8gb-x128": 4096,
        "hbm3-6400-16gb-x64": 16384,
        "lpddr3-1600-4gb-x32": 1024,
        "lpddr4-3200-8gb-x16": 2048,
        "lpddr5-6400-16gb-x16": 4096,
    }


@pytest.mark.parametrize("name", [name for name in OWN if dram(name).bank_groups > 1])
def test_sequential_stream_alternates_bank_groups(name):
    """The maps of our memories send successive bursts to different bank groups, so tCCD_S applies, not tCCD_L."""
    memory = dram(name, channels=1)
    geometry = Geometry.from_config(memory)
    _, bank, row, _ = AddressMap(geometry, memory.address_map).decode(np.arange(128, dtype=np.uint64))
    assert len(set(row.tolist())) == 1
    for k in range(memory.pseudo_channels):  # HBM: in every pseudo-channel, of which successive bursts take turns
        mine = bank[k :: memory.pseudo_channels]
        assert set((mine // geometry.banks_per_rank).tolist()) == {k}
        groups = mine // memory.banks_per_group
        assert (groups[1:] != groups[:-1]).all()
