"""Memories from an organisation and a speed bin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edensim.config import Presets, load_config
from edensim.errors import ConfigError

if TYPE_CHECKING:
    from tests.config.conftest import Desk

PAIR = '[dram]\norganisation = "wide"\nspeed_bin = "fast"\nchannel_width_bits = 64\n'
WIDE = """\
standard = "DDR4"
source = "sheet O"
device_width_bits = 16
density_mbit = 8192
bank_groups = 2
banks_per_group = 4
rows = 65536
columns = 1024
[timing]
tRFC_ns = 350.0
"""
FAST = """\
standard = "DDR4"
source = "sheet S"
data_rate_mt_s = 3200
[timing]
CL = 22
tRCD_ns = 13.75
[page.1024]
tFAW_ns = 21.0
[page.2048]
tFAW_ns = 30.0
minimum_ck = { tFAW = 28 }
"""
POWER = """\
[power]
source = "sheet P"
idd3n_basis = "all_banks"
[power.rails.VDD]
voltage_v = 1.2
IDD0 = 48
IDD2N = 34
IDD3N = 43
IDD4R = 135
IDD4W = 123
IDD5B = 250
"""


@pytest.fixture
def parts(desk: Desk) -> Desk:
    """With the parts above, a slower bin, and a preset of a pair with currents."""
    desk.write("presets/organisation/wide.toml", WIDE)
    desk.write("presets/speed_bin/fast.toml", FAST)
    desk.write("presets/speed_bin/slow.toml", FAST.replace("3200", "2400").replace("13.75", "15.0"))
    desk.write("presets/speed_bin/other.toml", FAST.replace("DDR4", "DDR5"))
    desk.write("presets/dram/pair.toml", PAIR.removeprefix("[dram]\n") + "rows = 32768\ndensity_mbit = 4096\n" + POWER)
    return desk


def test_parts_lie_below_the_file(parts: Desk) -> None:
    """Each key comes from its part, page-dependent times from the page of the organisation; the file wins."""
    resolved = parts.load(PAIR + "[dram.timing]\nCL = 20\n")
    dram = resolved.config.dram
    assert (dram.rows, dram.data_rate_mt_s, dram.timing.tRFC_ns, dram.timing.tRCD_ns) == (65536, 3200, 350.0, 13.75)
    assert (dram.timing.CL, dram.timing.tFAW_ns, dram.timing.minimum_ck) == (20, 30.0, {"tFAW": 28})
    assert dram.source == "sheet O; sheet S"
    assert resolved.origins["dram.rows"] == "organisation wide (line 7)"
    assert resolved.origins["dram.timing.tFAW_ns"] == "speed bin fast (line 10)"
    narrow = parts.load(PAIR + "device_width_bits = 8\nrows = 131072\n").config.dram
    assert (narrow.timing.tFAW_ns, narrow.timing.minimum_ck) == (21.0, {})


def test_preset_of_a_pair(parts: Desk) -> None:
    """Keys of the preset win over its parts; another speed bin drops its currents, since they belong to the pair."""
    own = parts.load('[dram]\npreset = "pair"\n').config.dram
    assert (own.rows, own.timing.tRCD_ns) == (32768, 13.75)
    assert own.power is not None
    assert parts.load('[dram]\npreset = "pair"\nspeed_bin = "fast"\n').config.dram.power == own.power
    slow = parts.load('[dram]\npreset = "pair"\n', set=["dram.speed_bin=slow"]).config.dram
    assert (slow.rows, slow.data_rate_mt_s, slow.timing.tRCD_ns, slow.power) == (32768, 2400, 15.0, None)
    powered = parts.load('[dram]\npreset = "pair"\nspeed_bin = "slow"\n' + POWER.replace("[power", "[dram.power"))
    assert powered.config.dram.power is not None


def test_mistakes(parts: Desk) -> None:
    """Unknown names, parts of two standards, a page that the bin lacks: one message each, at the line."""
    unknown = parts.problem(PAIR.replace('"wide"', '"wid"'))
    assert unknown.startswith('x.toml:2: dram.organisation: there is no organisation "wid"; did you mean wide?')
    assert parts.problem(PAIR.replace('"fast"', '"other"')) == (
        "x.toml:3: dram.speed_bin: a speed bin of DDR5, but the organisation is one of DDR4; expected one of DDR4"
    )
    page = PAIR + "columns = 4096\nrows = 16384\n"
    assert parts.problem(page) == (
        "x.toml:5: dram.columns: the speed bin has no times for a page of 8192 bytes (4096 columns of 16 bits); it has "
        "them for 1024, 2048 bytes"
    )
    assert parts.load(page + "[dram.timing]\ntFAW_ns = 40\nminimum_ck = {}\n").config.dram.timing.tFAW_ns == 40.0
    assert "dram.organisation and dram.speed_bin" in parts.problem('[dram]\norganisation = "wide"\n')
    wrong = parts.problem(PAIR.replace('"wide"', "3"))
    assert wrong.startswith("x.toml:2: dram.organisation: ")


SHIPPED = Presets()
STANDARD = {
    (part, name): SHIPPED.load(part, name).value["standard"].value
    for part in ("organisation", "speed_bin")
    for name in SHIPPED.names(part)
}


@pytest.mark.parametrize("name", [name for name in SHIPPED.names("dram") if ":" not in name])
def test_shipped_memories_are_pairs(name: str) -> None:
    """Every memory of ours is an organisation at a speed bin, with no time of its own; both tell their source."""
    preset = SHIPPED.load("dram", name).value
    assert not {"timing", "rows", "data_rate_mt_s", "density_mbit"} & set(preset)
    for part in ("organisation", "speed_bin"):
        assert SHIPPED.load(part, preset[part].value).value["source"].value


@pytest.mark.parametrize("organisation", SHIPPED.names("organisation"))
def test_every_pair_of_a_standard_fits(organisation: str) -> None:
    """Any organisation goes with any speed bin of its standard, as far as the bin knows the page size."""
    standard = STANDARD["organisation", organisation]
    bins = [name for (part, name), of in STANDARD.items() if part == "speed_bin" and of == standard]
    assert bins
    for speed in bins:
        width = SHIPPED.load("organisation", organisation).value["device_width_bits"].value
        table = {"organisation": organisation, "speed_bin": speed, "channel_width_bits": max(width, 64)}
        dram = load_config({"dram": table}).config.dram
        assert dram.timing.tRFC_ns
        assert dram.timing.tFAW_ns


def test_a_part_is_no_memory() -> None:
    """Names of parts are not names of memories."""
    with pytest.raises(ConfigError, match='no dram preset "ddr4-8gb-x8"'):
        load_config({"dram": {"preset": "ddr4-8gb-x8"}})
