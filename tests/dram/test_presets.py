"""Shipped memories: sources, derived identities, parity with the standards."""

import numpy as np
import pytest

from edensim.dram.power import impossible_currents
from edensim.dram.timing import resolve_timing
from edensim.memory import AddressMap, Geometry
from tests.dram.preset_dram import OWN, PARITY, dram


@pytest.mark.parametrize("name", OWN + PARITY)
def test_preset_is_sound(name):
    """Every shipped memory is valid, resolves, multiplies to its density, has a bijective map and names its source."""
    memory = dram(name)
    resolve_timing(memory)
    geometry = Geometry.from_config(memory)
    AddressMap(geometry, memory.address_map)
    assert geometry.burst_bytes == 64
    assert len(memory.source) > 20


@pytest.mark.parametrize("name", OWN)
def test_own_presets_have_sourced_power(name):
    """Own memories have sourced currents and interface, one rail that follows VDD and no impossible current."""
    power = dram(name).power
    assert power is not None
    assert power.io is not None
    assert len(power.source) > 20
    assert len(power.io.source) > 20
    assert sum(rail.follows_vdd for rail in power.rails.values()) == 1
    assert impossible_currents(dram(name)) == []
    for rail in power.rails.values():
        assert rail.IDD2P is not None
        assert rail.IDD2P <= rail.IDD2N <= rail.IDD3N <= rail.IDD5B


def test_own_presets_schedule_row_hits_first():
    """The quirks of other simulators stay in their parity presets."""
    assert {dram(name).controller.scheduler for name in OWN} == {"FRFCFS_RowHit"}
    assert not any(dram(name).address_wrap for name in OWN)
    assert all(dram(name).address_wrap and dram(name).line_bytes == 64 for name in PARITY)


def test_capacities():
    """Sizes of the shipped modules, in GiB."""
    sizes = {name: Geometry.from_config(dram(name)).capacity_bytes >> 30 for name in OWN}
    assert sizes == {
        "ddr4-2400r-8gb-x8": 8,
        "ddr4-2133p-8gb-x8": 8,
        "ddr3l-1600-4gb-x8": 4,
        "lpddr3-1600-4gb-x32": 1,
    }


def test_sequential_stream_alternates_bank_groups():
    """The default map of our DDR4 sends successive bursts to different bank groups, so tCCD_S applies, not tCCD_L."""
    memory = dram("ddr4-2400r-8gb-x8")
    _, bank, row, _ = AddressMap(Geometry.from_config(memory), memory.address_map).decode(
        np.arange(512, dtype=np.uint64)
    )
    groups = bank // memory.banks_per_group
    assert (groups[1:] != groups[:-1]).all()
    assert len(set(row.tolist())) == 1
